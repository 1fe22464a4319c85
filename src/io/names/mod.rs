//! Models of names that users bring, by the path that their settings name: a file that `lethe train names` wrote, or, built with the
//! feature `onnx`, a larger one for token classification.

#[cfg(feature = "onnx")]
mod labels;
#[cfg(feature = "onnx")]
mod onnx;
mod problem;
#[cfg(feature = "onnx")]
mod run;
#[cfg(feature = "onnx")]
mod spans;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::detect::{Models, NameReader, Recogniser};

#[cfg(feature = "onnx")]
pub use onnx::OnnxReader;
pub use problem::NamesProblem;

/// A model that was read.
pub struct Opened {
    /// It.
    pub reader: Arc<dyn NameReader>,
    /// What a person should know of it; `None` where there is nothing to say.
    pub remark: Option<String>,
}

/// Reads a model.
///
/// # Errors
/// It can't be read, or is none that Lethe can use.
pub fn open(path: &Path) -> Result<Opened, NamesProblem> {
    if path.is_dir() || path.extension().is_some_and(|ending| ending == "onnx") {
        return open_onnx(path);
    }
    let bytes = std::fs::read(path).map_err(|error| NamesProblem::Unreadable { file: String::new(), error })?;
    Ok(Opened { reader: Arc::new(Recogniser::from_bytes(&bytes)?), remark: None })
}

#[cfg(feature = "onnx")]
fn open_onnx(path: &Path) -> Result<Opened, NamesProblem> {
    let reader = OnnxReader::open(path)?;
    let remark = Some(reader.remark());
    Ok(Opened { reader: Arc::new(reader), remark })
}

#[cfg(not(feature = "onnx"))]
fn open_onnx(_: &Path) -> Result<Opened, NamesProblem> {
    Err(NamesProblem::NotBuilt)
}

/// The models at some paths, each read once; and the remarks on them, by path.
///
/// # Errors
/// What is wrong with each that is.
pub fn open_all(paths: &BTreeSet<String>) -> Result<(Models, Vec<String>), Vec<String>> {
    let (mut models, mut remarks, mut wrong) = (Models::new(), Vec::new(), Vec::new());
    for path in paths {
        match open(Path::new(path)) {
            Ok(opened) => {
                models.insert(path.clone(), opened.reader);
                remarks.extend(opened.remark.map(|remark| format!("`{path}`: {remark}")));
            }
            Err(problem) => {
                wrong.push(format!("`detect.names.model`: {path}: {problem}").replace("\nhelp", "\n  help"));
            }
        }
    }
    if wrong.is_empty() { Ok((models, remarks)) } else { Err(wrong) }
}
