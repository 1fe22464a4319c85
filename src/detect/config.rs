//! What users add to the engine: their own expressions and dictionaries, lists of what is always or never a find, thresholds.
//!
//! As written; [`super::Detector::new`] checks all of it and tells every mistake at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Category;
use super::words::fold;

/// A detector's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// Regular expressions.
    pub regexes: Vec<RegexRule>,
    /// Lists of words.
    pub dictionaries: Vec<DictionaryRule>,
    /// Texts that are never a find, whatever their case.
    pub allow: Vec<String>,
    /// Texts that are always a find of the kind they stand under.
    pub deny: BTreeMap<String, Vec<String>>,
    /// Belief in percent below which finds are dropped, where `thresholds` says nothing. Default 40.
    #[schemars(range(min = 0, max = 100))]
    pub threshold: Option<u8>,
    /// The same for single kinds.
    pub thresholds: BTreeMap<String, u8>,
    /// Kinds that are not reported.
    pub disabled: BTreeSet<String>,
    /// Names of people, places and organisations in free text.
    pub names: NamesConfig,
}

/// How names in free text are found: by a learned model, beside the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NamesConfig {
    /// How eagerly. Default `balanced`.
    pub mode: NamesMode,
    /// In place of the built-in model, a file that `lethe train names` wrote; or, with a Lethe built with the feature `onnx`, a
    /// folder with a larger model and its tokenizer: docs/own-model.md. Default: the built-in one.
    pub model: Option<String>,
}

/// How eagerly names are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamesMode {
    /// Rules alone.
    Off,
    /// As many wrong finds as missed names, about.
    #[default]
    Balanced,
    /// More finds, more of them wrong: where a missed name costs more than a word that went without need. Names need less
    /// belief then: 3 percent, where no threshold says otherwise.
    Recall,
}

/// A regular expression of the user's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegexRule {
    /// What it finds, in upper snake case: a kind of the user's or a built-in one.
    pub kind: String,
    /// The category of a kind of the user's; a built-in kind keeps its own.
    #[serde(default)]
    pub category: Option<Category>,
    /// The expression, in the syntax of the `regex` crate: linear time, no look-around, no back-references.
    pub pattern: String,
    /// Words that raise belief when they stand up to 64 bytes before the match or in the field's name.
    #[serde(default)]
    pub near: Vec<String>,
    /// Whether one of `near` must be there.
    #[serde(default)]
    pub need: bool,
    /// A check on the match, by name.
    #[serde(default)]
    pub validator: Option<String>,
    /// Belief in a match without context, percent. Default 80.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub confidence: Option<u8>,
    /// Texts in which it must find something.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Texts in which it must find nothing.
    #[serde(default)]
    pub counterexamples: Vec<String>,
}

/// A list of words of the user's, found whatever their case, whole words only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DictionaryRule {
    /// What it finds, in upper snake case.
    pub kind: String,
    /// The category of a kind of the user's.
    #[serde(default)]
    pub category: Option<Category>,
    /// The words or phrases.
    pub words: Vec<String>,
    /// Belief in a match, percent. Default 80.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub confidence: Option<u8>,
}

impl DetectorConfig {
    /// What contradicts itself or stands twice: an expression, a word under two kinds, a text that is both allowed and denied.
    /// Texts are named by their place, not shown.
    pub(super) fn contradictions(&self) -> Vec<RuleProblem> {
        let mut problems = Vec::new();
        let mut problem = |rule: String, what: String, help: &str| {
            problems.push(RuleProblem { rule, what, help: help.to_owned() });
        };
        for (i, rule) in self.regexes.iter().enumerate() {
            let first = self.regexes.iter().take(i).position(|other| other.pattern == rule.pattern);
            if let Some(first) = first {
                let what = format!("the pattern is that of `regexes[{first}]` too: only one of them would be reported");
                problem(format!("regexes[{i}]"), what, "remove one, or tell them apart by their patterns");
            }
        }
        let mut words: HashMap<Box<[u8]>, (String, &str)> = HashMap::new();
        let listed = self.dictionaries.iter().enumerate().flat_map(|(i, list)| {
            list.words
                .iter()
                .enumerate()
                .map(move |(j, word)| (format!("dictionaries[{i}]"), j, list.kind.as_str(), word))
        });
        let denied = self.deny.iter().flat_map(|(kind, list)| {
            list.iter().enumerate().map(move |(j, word)| (format!("deny.{kind}"), j, kind.as_str(), word))
        });
        for (at, j, kind, word) in listed.chain(denied) {
            match words.get(&fold(word.trim().as_bytes())) {
                Some((other, first)) if *first != kind => {
                    let what = format!("entry {j} stands in `{other}` too, as another kind");
                    problem(at, what, "leave it in one of the two");
                }
                Some(_) => {}
                None => drop(words.insert(fold(word.trim().as_bytes()), (at, kind))),
            }
        }
        for (i, text) in self.allow.iter().enumerate() {
            if let Some((at, _)) = words.get(&fold(text.trim().as_bytes())) {
                let what = format!("it stands in `{at}` too: what is always a find can't be none");
                problem(format!("allow[{i}]"), what, "leave it in one of the two");
            }
        }
        problems
    }
}

/// One mistake in a [`DetectorConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// Where: `regexes[0]`, `dictionaries[2]`, `thresholds.EMIAL`.
    pub rule: String,
    /// What is wrong, lower case.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}\nhelp: {}", self.rule, self.what, self.help)
    }
}

impl std::error::Error for RuleProblem {}
