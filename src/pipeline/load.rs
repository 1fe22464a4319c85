//! Files in, checked pipelines or all their problems out; and the JSON Schema of a pipeline file.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::across::{self, Loaded};
use super::checked::PipelineConfig;
use super::meaning::Around;
use super::problem::{Problem, choose};
use super::report::{Report, at};
use super::written::{EraseFile, RestoreFile, SanitizeFile};
use super::yaml::{self, Content, Node};
use super::{form, meaning};
use crate::detect::Models;
use crate::policy::Provider;

const KINDS: [&str; 3] = ["sanitize", "restore", "erase"];

/// Reads pipeline files (name and text) that will run together. Either all are sound, or every problem of all of them.
///
/// `providers` are those of the settings; `None` where no settings were read: a file that names one is refused then.
pub fn load(files: &[(&str, &str)], providers: Option<&[Provider]>) -> Result<Vec<PipelineConfig>, Vec<Problem>> {
    load_with_models(files, providers, &Models::new())
}

/// The paths of the models of names that pipeline files ask for; files that can't be read as such ask for none.
pub fn models_wanted(files: &[(&str, &str)]) -> BTreeSet<String> {
    let path = |(file, text): &(&str, &str)| {
        let root = yaml::parse(file, text).ok()?.to_json();
        root.pointer("/detect/names/model").and_then(Value::as_str).map(str::to_owned)
    };
    files.iter().filter_map(path).collect()
}

/// [`load`], with the models of names that were read for the files, by path.
pub fn load_with_models(
    files: &[(&str, &str)],
    providers: Option<&[Provider]>,
    models: &Models,
) -> Result<Vec<PipelineConfig>, Vec<Problem>> {
    let around = Around { providers, models };
    let mut problems = Vec::new();
    let mut loaded = Vec::new();
    for (file, text) in files {
        match yaml::parse(file, text) {
            Err(problem) => problems.push(problem),
            Ok(root) => {
                let (config, found) = one(file, &root, around);
                problems.extend(found);
                loaded.extend(config.map(|config| Loaded { file, root, config }));
            }
        }
    }
    // Questions between files only make sense between sound files.
    if problems.is_empty() {
        problems = across::check(&loaded);
    }
    if problems.is_empty() { Ok(loaded.into_iter().map(|one| one.config).collect()) } else { Err(problems) }
}

fn one(file: &str, root: &Node, around: Around<'_>) -> (Option<PipelineConfig>, Vec<Problem>) {
    let mut report = Report::new(file, root);
    let kind = kind(root, &mut report);
    let config = match kind.as_deref() {
        Some("sanitize") => typed::<SanitizeFile>(root, &mut report).map(|(written, value)| {
            meaning::sanitize(written, file, meaning::fingerprint(&value), around, &mut report)
        }),
        Some("restore") => typed::<RestoreFile>(root, &mut report).map(|(written, value)| {
            meaning::restore(written, file, meaning::fingerprint(&value), around.providers, &mut report)
        }),
        Some("erase") => typed::<EraseFile>(root, &mut report)
            .map(|(written, value)| meaning::erase(written, file, meaning::fingerprint(&value), &mut report)),
        _ => None,
    };
    let clean = report.clean();
    (config.filter(|_| clean), report.finish())
}

/// The `kind` of a file decides by which schema it is read; without it nothing else can be said.
fn kind(root: &Node, report: &mut Report<'_>) -> Option<String> {
    let Content::Map(members) = &root.content else {
        let at = root.mark.clone();
        report.malformed(
            &[],
            &at,
            "a pipeline is a mapping".into(),
            "begin with `version: 1`, `name: …`, `kind: sanitize`".into(),
        );
        return None;
    };
    let Some(member) = members.iter().find(|member| member.key == "kind") else {
        let help = format!("add `kind: …`, one of `{}`", KINDS.join("`, `"));
        report.key(&[], &[], "`kind` is missing", help);
        return None;
    };
    match member.value.to_json().as_str() {
        Some(kind) if KINDS.contains(&kind) => Some(kind.to_owned()),
        other => {
            let word = other.unwrap_or_default();
            report.value(
                &at!["kind"],
                &[],
                format!("`{word}` is no kind of pipeline"),
                choose(word, KINDS, "kinds of pipeline"),
            );
            None
        }
    }
}

/// Checks the form, then reads what is well formed of it. `None`: too little is left.
pub(super) fn typed<T: DeserializeOwned + JsonSchema>(root: &Node, report: &mut Report<'_>) -> Option<(T, Value)> {
    let value = form::check(root, &schema::<T>(), report);
    match serde_json::from_value(value.clone()) {
        Ok(written) => Some((written, value)),
        Err(error) => {
            if report.clean() {
                let at = root.mark.clone();
                report.malformed(&[], &at, format!("can't be read: {error}"), "see the schema in `schemas/`".into());
            }
            None
        }
    }
}

pub(super) fn schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// The JSON Schema (draft 2020-12) of a pipeline file, for editors: which kind of file it is decides by which part it is judged.
pub fn pipeline_schema() -> Value {
    let mut definitions = Map::new();
    let mut rules = Vec::new();
    let parts = [
        ("sanitize", schema::<SanitizeFile>()),
        ("restore", schema::<RestoreFile>()),
        ("erase", schema::<EraseFile>()),
    ];
    for (kind, mut part) in parts {
        let Some(members) = part.as_object_mut() else { continue };
        members.shift_remove("$schema");
        if let Some(Value::Object(shared)) = members.shift_remove("$defs") {
            definitions.extend(shared);
        }
        definitions.insert(format!("{kind}-file"), part);
        rules.push(json!({
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": format!("#/$defs/{kind}-file")},
        }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lethe pipeline",
        "description": "A pipeline file of Lethe: what to do with the events of some topics.",
        "type": "object",
        "required": ["version", "name", "kind"],
        "properties": {"kind": {"enum": KINDS}},
        "allOf": rules,
        "$defs": definitions,
    })
}
