//! Why a model of names that a user brought is not taken, and what to do.

use std::io;

use thiserror::Error;

use crate::detect::ModelProblem;

/// What is wrong with a model.
#[derive(Debug, Error)]
pub enum NamesProblem {
    /// A file can't be read.
    #[error(
        "{}{error}\nhelp: name a file that `lethe train names` wrote, or a folder with a larger model, that this user may read",
        prefix(file)
    )]
    Unreadable {
        /// Which file of the folder; empty where the path is the file.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// It is no file of `lethe train names`.
    #[error(transparent)]
    Own(#[from] ModelProblem),
    /// This build reads no larger models.
    #[error(
        "this lethe was built without larger models of names (ONNX)\nhelp: build it with `--features onnx`, or name a file that `lethe train names` wrote"
    )]
    NotBuilt,
    /// A file is larger than it may be.
    #[error("`{file}` is larger than {limit_mib} MiB\nhelp: {}", TOO_LARGE)]
    TooLarge {
        /// Which.
        file: String,
        /// What it may have.
        limit_mib: u64,
    },
    /// `config.json` can't be used.
    #[error(
        "`config.json`: {0}\nhelp: export the model with its own configuration, for token classification: docs/own-model.md"
    )]
    Config(String),
    /// No label says anything here.
    #[error(
        "none of its labels names a person, place, organisation or condition: {0}\nhelp: set `id2label` in `config.json` to labels such as `B-PER`, `I-LOC`, `ORG`: docs/own-model.md"
    )]
    NoLabels(String),
    /// `tokenizer.json` can't be used.
    #[error(
        "`tokenizer.json`: {0}\nhelp: give the file of the model's fast tokenizer, as it came with the model: docs/own-model.md"
    )]
    Tokenizer(String),
    /// The ONNX file is none, or holds what isn't understood.
    #[error(
        "`{file}`: {what}\nhelp: export the model anew, in one file, with operator set 14 and nothing quantised: docs/own-model.md"
    )]
    Model {
        /// Its name.
        file: String,
        /// What is wrong, without the text of any record.
        what: String,
    },
    /// It wants an input that nobody gives.
    #[error(
        "`{file}` has an input `{input}`, which Lethe doesn't give\nhelp: export it for token classification: its inputs are `input_ids`, `attention_mask` and `token_type_ids`, whole numbers, the first at least"
    )]
    Input {
        /// The model's file.
        file: String,
        /// The input.
        input: String,
    },
    /// Its output has another form.
    #[error(
        "`{file}` gives {what}, not a score for each token and each of the {labels} labels in `config.json`\nhelp: export it for token classification, with the `config.json` that belongs to it"
    )]
    Output {
        /// The model's file.
        file: String,
        /// What it gives.
        what: String,
        /// How many labels there are.
        labels: usize,
    },
    /// It failed when it was tried.
    #[error(
        "`{file}` fails on {what}\nhelp: check that `tokenizer.json` belongs to this model, and that it takes as many tokens as `max_position_embeddings` in `config.json` says"
    )]
    Trial {
        /// The model's file.
        file: String,
        /// On what.
        what: String,
    },
}

const TOO_LARGE: &str = "use a smaller model: one of this size would read a few hundred bytes a second";

fn prefix(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!("`{file}`: ") }
}
