//! A model for token classification that a user brought: an ONNX graph, the tokenizer and the configuration it was trained with.
//!
//! INVARIANT: what stands in a text can't stop reading, only make it fail: [`NameReader::read`] says so then, and the record goes to
//! quarantine. A text without a letter holds no name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256, digest};
use serde::Deserialize;
use tokenizers::Tokenizer;

use super::NamesProblem;
use super::labels::{Labels, Tag};
use super::run::{Failed, Graph};
use super::spans::{Piece, Scores, Stretch, ceil, floor, names, stretches, trimmed, windows};
use crate::detect::{Label, Name, NameReader, Unread};

/// Files may be no larger, MiB.
const MODEL_MIB: u64 = 2047;
const TOKENIZER_MIB: u64 = 64;
const CONFIG_MIB: u64 = 1;
/// A window is no longer: what more it would see doesn't pay for what attention to it costs.
const LONGEST_WINDOW: usize = 512;
/// A window shorter than this shows no context.
const SHORTEST_WINDOW: usize = 16;

/// What of `config.json` is used.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    max_position_embeddings: Option<usize>,
}

/// A model, ready to read texts. Threads can share it.
pub struct OnnxReader {
    tokenizer: Tokenizer,
    graph: Graph,
    labels: Labels,
    /// Tokens that stand before and behind those of the text in each window.
    head: Vec<u32>,
    tail: Vec<u32>,
    /// Tokens of the text in a window.
    room: usize,
    digest: String,
}

impl OnnxReader {
    /// Reads `model.onnx`, `tokenizer.json` and `config.json` of a folder, or an `.onnx` file and the two beside it, and tries them.
    ///
    /// # Errors
    /// A file is missing, too large, or is none of its kind; or they don't fit together.
    pub fn open(path: &Path) -> Result<Self, NamesProblem> {
        let model = if path.is_dir() { path.join("model.onnx") } else { path.to_owned() };
        let (name, graph) = read(&model, MODEL_MIB)?;
        let (_, tokenizer) = read(&model.with_file_name("tokenizer.json"), TOKENIZER_MIB)?;
        let (_, config) = read(&model.with_file_name("config.json"), CONFIG_MIB)?;
        let digest = digest_of(&[&graph, &tokenizer, &config]);
        let (labels, longest) = configuration(&config)?;
        let tokenizer = prepared(&tokenizer)?;
        let (head, tail) = around(&tokenizer)?;
        let graph = Graph::read(&name, &graph, labels.tags().len())?;
        let room = longest.saturating_sub(head.len() + tail.len());
        if room < SHORTEST_WINDOW {
            let what = format!("it says that the model takes {longest} tokens: too few to read a sentence");
            return Err(NamesProblem::Config(what));
        }
        let reader = Self { tokenizer, graph, labels, head, tail, room, digest };
        reader.try_out(&name)?;
        Ok(reader)
    }

    /// What a person should know of it.
    pub fn remark(&self) -> String {
        let finds: Vec<&str> = self.labels.found().map(called).collect();
        let ignored = match self.labels.ignored.as_slice() {
            [] => String::new(),
            ignored => format!("; its labels {} mean nothing here and are ignored", ignored.join(", ")),
        };
        format!("finds {} in windows of {} tokens{ignored}", finds.join(", "), self.room)
    }

    /// Runs one token, and a full window of the highest token id: a vocabulary or a window that is larger than the model's fails here,
    /// not on a record.
    fn try_out(&self, file: &str) -> Result<(), NamesProblem> {
        let highest = self.tokenizer.get_vocab(true).into_values().max().unwrap_or_default();
        for (tokens, what) in [
            (1, "one token".to_owned()),
            (self.room, format!("a window of {} tokens, the last of the tokenizer's", self.room)),
        ] {
            let file = file.to_owned();
            match self.run(&vec![highest; tokens]) {
                Ok(_) => {}
                Err(Failed::Shape(shape)) => {
                    let what = format!(
                        "an output of the shape {shape:?} for {} tokens",
                        tokens + self.head.len() + self.tail.len()
                    );
                    return Err(NamesProblem::Output { file, what, labels: self.labels.tags().len() });
                }
                Err(_) => return Err(NamesProblem::Trial { file, what }),
            }
        }
        Ok(())
    }

    /// Scores of tokens of a text, with what stands around them.
    fn run(&self, ids: &[u32]) -> Result<Vec<Scores>, Failed> {
        let window = [&self.head, ids, &self.tail].concat();
        let rows = self.graph.run(&window)?;
        let of = |at| rows.row(self.head.len() + at).map(|row| scores(row, self.labels.tags())).ok_or(Failed::Model);
        (0..ids.len()).map(of).collect()
    }

    fn read_all(&self, text: &str, recall: bool, out: &mut Vec<Name>) -> Result<(), Failed> {
        let mut pieces = Vec::new();
        let mut done = 0;
        for Stretch { seen, own } in stretches(text) {
            let Some(part) = text.get(seen.clone()) else { continue };
            pieces.clear();
            self.pieces(part, &mut pieces)?;
            names(part, &pieces, recall, |name| {
                let (start, end) = (seen.start + name.start as usize, seen.start + name.end as usize);
                if start >= own.end || end <= own.start.max(done) {
                    return;
                }
                // What the stretch before has found of it already is found.
                let Some((start, end)) = trimmed(text, start.max(done), end) else { return };
                out.push(Name { start: start as u32, end: end as u32, ..name });
                done = end;
            });
        }
        Ok(())
    }

    /// The tokens of a stretch with what the model says of them.
    fn pieces(&self, part: &str, out: &mut Vec<Piece>) -> Result<(), Failed> {
        let encoding = self.tokenizer.encode(part, false).map_err(|_| Failed::Tokenizer)?;
        let (ids, offsets, words) = (encoding.get_ids(), encoding.get_offsets(), encoding.get_word_ids());
        for Stretch { seen, own } in windows(ids.len(), self.room) {
            let scores = self.run(ids.get(seen.clone()).unwrap_or_default())?;
            for at in own {
                let (Some(scores), Some((start, end))) = (scores.get(at - seen.start), offsets.get(at)) else {
                    continue;
                };
                let (start, end) = (floor(part, *start), ceil(part, *end));
                out.push(Piece { start, end, word: words.get(at).copied().flatten(), scores: *scores });
            }
        }
        Ok(())
    }
}

impl NameReader for OnnxReader {
    fn read(&self, text: &str, recall: bool, out: &mut Vec<Name>) -> Result<(), Unread> {
        if !text.chars().any(char::is_alphabetic) {
            return Ok(());
        }
        let from = out.len();
        let read = catch_unwind(AssertUnwindSafe(|| self.read_all(text, recall, out)));
        read.unwrap_or(Err(Failed::Model)).map_err(|failed| {
            out.truncate(from);
            tracing::error!(model = %self.digest, bytes = text.len(), ?failed, "the model of names failed on a text");
            Unread
        })
    }

    fn digest(&self) -> &str {
        &self.digest
    }
}

fn called(label: Label) -> &'static str {
    match label {
        Label::Person => "persons",
        Label::Location => "places",
        Label::Organization => "organisations",
        Label::Condition => "conditions",
    }
}

/// Softmax, summed over the tags of each label: `B-PER` and `I-PER` both say that it is a person.
fn scores(row: &[f32], tags: &[Option<Tag>]) -> Scores {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let all: f32 = row.iter().map(|score| (score - most).exp()).sum();
    let mut labels = [0.0; Label::ALL.len()];
    let (mut begins, mut inside) = (labels, labels);
    for (score, tag) in row.iter().zip(tags) {
        let Some(tag) = tag else { continue };
        let probability = (score - most).exp() / all;
        let part = if tag.begins { &mut begins } else { &mut inside };
        for slots in [&mut labels, part] {
            if let Some(slot) = slots.get_mut(tag.label as usize) {
                *slot += probability;
            }
        }
    }
    let best =
        (0..labels.len()).max_by(|a, b| labels.get(*a).unwrap_or(&0.0).total_cmp(labels.get(*b).unwrap_or(&0.0)));
    let begins = best.is_some_and(|best| begins.get(best) > inside.get(best));
    Scores { labels, begins }
}

/// A file of the model with its name.
fn read(path: &Path, limit_mib: u64) -> Result<(String, Vec<u8>), NamesProblem> {
    let file = path.file_name().map_or_else(PathBuf::new, PathBuf::from).display().to_string();
    let limit_bytes = limit_mib << 20;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|open| {
        // Asked first, so that nothing is read of what is too large; then held to, whatever it says.
        if open.metadata()?.len() > limit_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        open.take(limit_bytes).read_to_end(&mut bytes)
    });
    match read {
        Ok(_) => Ok((file, bytes)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(NamesProblem::TooLarge { file, limit_mib }),
        Err(error) => Err(NamesProblem::Unreadable { file, error }),
    }
}

/// SHA-256 over the SHA-256 of each file.
fn digest_of(files: &[&[u8]]) -> String {
    let mut all = Context::new(&SHA256);
    for file in files {
        all.update(digest(&SHA256, file).as_ref());
    }
    all.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The labels, and how many tokens a window may have.
fn configuration(bytes: &[u8]) -> Result<(Labels, usize), NamesProblem> {
    let config: Config = serde_json::from_slice(bytes).map_err(|error| NamesProblem::Config(error.to_string()))?;
    let number = |(id, name): (String, String)| Some((id.parse().ok()?, name));
    let named: Option<BTreeMap<usize, String>> = config.id2label.into_iter().map(number).collect();
    let labels = named.filter(|named| !named.is_empty()).as_ref().and_then(Labels::new);
    let labels =
        labels.ok_or_else(|| NamesProblem::Config("its `id2label` doesn't name the labels 0, 1, 2, …".to_owned()))?;
    if labels.found().next().is_none() {
        return Err(NamesProblem::NoLabels(labels.ignored.join(", ")));
    }
    Ok((labels, config.max_position_embeddings.unwrap_or(LONGEST_WINDOW).min(LONGEST_WINDOW)))
}

/// The tokenizer, set to cut nothing off and to take nothing in a text for a sign of its own.
fn prepared(bytes: &[u8]) -> Result<Tokenizer, NamesProblem> {
    let wrong = |error: tokenizers::Error| NamesProblem::Tokenizer(error.to_string());
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(wrong)?;
    tokenizer.with_truncation(None).map_err(wrong)?;
    tokenizer.with_padding(None);
    tokenizer.set_encode_special_tokens(true);
    // Letters, digits and signs that no vocabulary has.
    tokenizer.encode("Ada qxzzvqx 7\u{10ffff} ☃ שָׁלוֹם", false).map_err(wrong)?;
    Ok(tokenizer)
}

/// The tokens that the model is used to before and behind a text: `[CLS]` and `[SEP]`.
fn around(tokenizer: &Tokenizer) -> Result<(Vec<u32>, Vec<u32>), NamesProblem> {
    let wrong = |error: tokenizers::Error| NamesProblem::Tokenizer(error.to_string());
    let dressed = tokenizer.encode("a", true).map_err(wrong)?;
    let special = dressed.get_special_tokens_mask();
    let head = special.iter().take_while(|mark| **mark == 1).count();
    let tail = special.iter().skip(head).rev().take_while(|mark| **mark == 1).count();
    let ids = dressed.get_ids();
    Ok((ids.get(..head).unwrap_or_default().to_vec(), ids.get(ids.len() - tail..).unwrap_or_default().to_vec()))
}
