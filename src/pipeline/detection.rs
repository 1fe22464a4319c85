//! What a pipeline looks for besides the built-in kinds: `detect` as written → [`Detection`], and the table of all kinds.

use std::collections::HashSet;

use regex::RegexBuilder;

use super::checked::{Detection, NamedKind, OwnDictionary, OwnRule};
use super::problem::choose;
use super::report::{Report, at};
use super::written::Detect;
use crate::detect::{Category, Kind};

const REGEX_BYTES: usize = 1 << 20;
const CONFIDENCE: u8 = 80;

/// Checks `detect`. The table of kinds comes out whole even where something in it is wrong.
pub(super) fn check(written: Detect, builtin: &[NamedKind], report: &mut Report<'_>) -> Detection {
    let mut detection = Detection { kinds: builtin.to_vec(), ..Detection::default() };
    for (index, entry) in written.rules.into_iter().enumerate() {
        let at = at!["detect", "rules", index, "category"];
        let kind = declare(&mut detection.kinds, builtin.len(), &entry.kind, entry.category, &at, report);
        sound(&entry.pattern, index, report);
        if entry.context_required && entry.context.is_empty() {
            let help = "list the words under `context`, or leave `context_required` out";
            report.value(&at!["detect", "rules", index, "context_required"], &[], "this rule could never match", help);
        }
        detection.rules.push(OwnRule {
            kind,
            pattern: entry.pattern,
            context: entry.context,
            context_required: entry.context_required,
            confidence: entry.confidence.unwrap_or(CONFIDENCE),
        });
    }
    for (index, entry) in written.dictionaries.into_iter().enumerate() {
        let at = at!["detect", "dictionaries", index, "category"];
        let kind = declare(&mut detection.kinds, builtin.len(), &entry.kind, entry.category, &at, report);
        let mut seen = HashSet::new();
        for (place, word) in entry.words.iter().enumerate() {
            let same = if entry.case_sensitive { word.clone() } else { word.to_lowercase() };
            if !seen.insert(same) {
                let here = at!["detect", "dictionaries", index, "words", place];
                report.value(&here, &[], format!("`{word}` stands twice"), "keep one of them");
            }
        }
        detection.dictionaries.push(OwnDictionary {
            kind,
            words: entry.words,
            case_sensitive: entry.case_sensitive,
            confidence: entry.confidence.unwrap_or(CONFIDENCE),
        });
    }
    detection.allow = written.allow;
    for (index, name) in written.disable.iter().enumerate() {
        if let Some(kind) = find(&detection.kinds, name, &at!["detect", "disable", index], report) {
            detection.disabled.push(kind);
        }
    }
    for (name, least) in written.thresholds {
        let at = at!["detect", "thresholds", name];
        let Some(kind) = find(&detection.kinds, &name, &at, report) else { continue };
        if detection.disabled.contains(&kind) {
            report.key(
                &at,
                &[],
                format!("`{name}` is disabled: its threshold never applies"),
                "leave one of the two out",
            );
        }
        detection.thresholds.push((kind, least));
    }
    detection
}

/// The kind of this name, or a problem at the key or value that named it.
pub(super) fn find(kinds: &[NamedKind], name: &str, at: &[String], report: &mut Report<'_>) -> Option<Kind> {
    let found = kinds.iter().position(|kind| &*kind.name == name).and_then(|index| u16::try_from(index).ok());
    if found.is_none() {
        let help = choose(name, kinds.iter().map(|kind| &*kind.name), "kinds");
        report.key(at, &["detect"], format!("no such kind: `{name}`"), help);
    }
    found.map(Kind)
}

fn declare(
    kinds: &mut Vec<NamedKind>,
    builtin: usize,
    name: &str,
    category: Option<Category>,
    at: &[String],
    report: &mut Report<'_>,
) -> Kind {
    if let Some((index, kind)) = kinds.iter().enumerate().find(|(_, kind)| &*kind.name == name) {
        if category.is_some_and(|category| category != kind.category) {
            let whose = if index < builtin { "the built-in kind" } else { "an earlier rule's kind" };
            let help = "leave `category` out, or choose another name for the kind";
            report.value(at, &[], format!("`{name}` is {whose} with another category"), help);
        }
        return Kind(u16::try_from(index).unwrap_or(u16::MAX));
    }
    kinds.push(NamedKind { name: name.into(), category: category.unwrap_or(Category::Pii) });
    Kind(u16::try_from(kinds.len() - 1).unwrap_or(u16::MAX))
}

fn sound(pattern: &str, index: usize, report: &mut Report<'_>) {
    let at = at!["detect", "rules", index, "pattern"];
    match RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build() {
        Ok(regex) if regex.is_match("") => {
            report.value(
                &at,
                &[],
                "the pattern matches an empty text",
                "make at least one character required: `+` for `*`",
            );
        }
        Ok(_) => {}
        Err(regex::Error::CompiledTooBig(_)) => {
            report.value(
                &at,
                &[],
                "the pattern is too large",
                "use smaller counts, or a dictionary for lists of words",
            );
        }
        Err(error) => {
            // The last line of the message is the reason; those above draw the pattern.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            report.value(&at, &[], format!("not a regular expression: {reason}"), "see docs.rs/regex for the syntax");
        }
    }
}
