//! Users' own rules, checked and made ready. Expressions run on the linear-time engine of the `regex` crate; dictionaries of
//! any length cost one hash a word.

use regex::{Regex, RegexBuilder};

use super::config::{DictionaryRule, RegexRule, RuleProblem};
use super::rule::Check;
use super::words::{fold, hash_word, in_word, same, word_len};
use super::{Evidence, Finding, Hint, Kind, validators};

/// An expression's compiled form takes no more: what is larger is refused, not run slowly.
const REGEX_BYTES: usize = 1 << 20;

/// How far before a match its context words may stand, bytes.
const NEAR_BYTES: usize = 64;

/// One expression.
pub(super) struct OwnRegex {
    regex: Regex,
    kind: Kind,
    check: Check,
    near: Vec<Box<[u8]>>,
    need: bool,
    confidence: u8,
    rule: u16,
}

impl OwnRegex {
    /// Compiles an expression and runs its examples.
    pub fn new(written: &RegexRule, at: &str, kind: Kind, rule: u16, problems: &mut Vec<RuleProblem>) -> Option<Self> {
        let mut problem = |what: String, help: &str| {
            problems.push(RuleProblem { rule: at.to_owned(), what, help: help.to_owned() });
        };
        let check = match &written.validator {
            None => validators::ANY,
            Some(name) => match validators::named(name) {
                Some(check) => check,
                None => {
                    let names: Vec<&str> = validators::all().map(|check| check.name).collect();
                    problem(format!("no validator is named `{name}`"), &format!("use one of: {}", names.join(", ")));
                    return None;
                }
            },
        };
        let built = RegexBuilder::new(&written.pattern).size_limit(REGEX_BYTES).dfa_size_limit(2 * REGEX_BYTES).build();
        let regex = match built {
            Ok(regex) if regex.is_match("") => {
                problem("the pattern matches the empty text".into(), "make it require at least one character");
                return None;
            }
            Ok(regex) => regex,
            Err(regex::Error::CompiledTooBig(limit)) => {
                problem(
                    format!("the pattern compiles to more than {limit} bytes"),
                    "shorten its counted repetitions or its classes, or write a dictionary",
                );
                return None;
            }
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                problem(
                    format!("the pattern is not valid: {last}"),
                    "see the syntax of the crate `regex`; look-around and back-references do not exist there",
                );
                return None;
            }
        };
        if written.need && written.near.is_empty() {
            problem(
                "`need` asks for context, and `near` is empty".into(),
                "list context words in `near`, or leave `need` out",
            );
        }
        let near = written.near.iter().map(|word| fold(word.as_bytes())).collect();
        let own =
            Self { regex, kind, check, near, need: written.need, confidence: written.confidence.unwrap_or(80), rule };
        let fires = |text: &String| {
            let mut out = Vec::new();
            own.scan(text, Hint::default(), &mut out);
            !out.is_empty()
        };
        // An example may hold what the rule is there to hide: it is named by its place, not shown.
        for (i, _) in written.examples.iter().enumerate().filter(|(_, text)| !fires(text)) {
            problem(
                format!("`examples[{i}]` is not found"),
                "correct the pattern, its validator or its context, or the example",
            );
        }
        for (i, _) in written.counterexamples.iter().enumerate().filter(|(_, text)| fires(text)) {
            problem(format!("`counterexamples[{i}]` is found"), "make the pattern stricter, or correct the example");
        }
        Some(own)
    }

    /// Appends every match.
    pub fn scan(&self, text: &str, hint: Hint<'_>, out: &mut Vec<Finding>) {
        for found in self.regex.find_iter(text).filter(|found| (self.check.passes)(found.as_str().as_bytes())) {
            let near = self.is_near(text.as_bytes(), found.start(), hint);
            if found.is_empty() || self.need && !near {
                continue;
            }
            let checked = self.check.name != validators::ANY.name;
            out.push(Finding {
                kind: self.kind,
                start: found.start() as u32,
                end: found.end() as u32,
                confidence: if near {
                    self.confidence.max(60) + (100 - self.confidence.max(60)) / 2
                } else {
                    self.confidence
                },
                evidence: if checked { Evidence::Checksum } else { Evidence::Format },
                rule: self.rule,
            });
        }
    }

    fn is_near(&self, text: &[u8], at: usize, hint: Hint<'_>) -> bool {
        let window = text.get(at.saturating_sub(NEAR_BYTES)..at).unwrap_or_default();
        let holds =
            |place: &[u8], word: &[u8]| !word.is_empty() && place.windows(word.len()).any(|part| same(part, word));
        self.near
            .iter()
            .any(|word| holds(window, word) || hint.field.is_some_and(|field| holds(field.as_bytes(), word)))
    }
}

/// All users' words, by the hash of their first word.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Sorted by hash; the index of the first entry of each of 2^16 slots is in `slots`.
    entries: Vec<Entry>,
    slots: Vec<u32>,
}

struct Entry {
    hash: u32,
    /// The whole phrase, folded, from its first letter or digit on.
    phrase: Box<[u8]>,
    kind: Kind,
    confidence: u8,
    rule: u16,
}

impl Dictionary {
    /// Adds a list.
    pub fn add(&mut self, written: &DictionaryRule, at: &str, kind: Kind, rule: u16, problems: &mut Vec<RuleProblem>) {
        let confidence = written.confidence.unwrap_or(80);
        for (i, word) in written.words.iter().enumerate() {
            let phrase = word.trim_matches(|c: char| !c.is_alphanumeric());
            if phrase.is_empty() {
                problems.push(RuleProblem {
                    rule: at.to_owned(),
                    what: format!("`words[{i}]` has no letter or digit"),
                    help: "remove it, or write a regular expression".into(),
                });
                continue;
            }
            let hash = hash_word(phrase.as_bytes(), 0, word_len(phrase.as_bytes(), 0));
            self.entries.push(Entry { hash, phrase: fold(phrase.as_bytes()), kind, confidence, rule });
        }
    }

    /// Makes it ready.
    pub fn freeze(&mut self) {
        self.entries
            .sort_by(|a, b| (slot(a.hash), a.hash, b.phrase.len()).cmp(&(slot(b.hash), b.hash, a.phrase.len())));
        self.slots = vec![0; (1 << 16) + 1];
        for entry in &self.entries {
            if let Some(count) = self.slots.get_mut(slot(entry.hash) + 1) {
                *count += 1;
            }
        }
        self.slots.iter_mut().fold(0, |sum, count| {
            *count += sum;
            *count
        });
    }

    /// Appends every entry found in the text, the longest at each place.
    pub fn scan(&self, text: &str, out: &mut Vec<Finding>) {
        if self.entries.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let len = word_len(bytes, at);
            if len == 0 {
                at += 1;
                continue;
            }
            let hash = hash_word(bytes, at, len);
            let range = self.slots.get(slot(hash)).zip(self.slots.get(slot(hash) + 1));
            let entries =
                range.and_then(|(from, to)| self.entries.get(*from as usize..*to as usize)).unwrap_or_default();
            for entry in entries.iter().filter(|entry| entry.hash == hash) {
                let end = at + entry.phrase.len();
                let found = bytes.get(at..end).is_some_and(|part| same(part, &entry.phrase));
                if found && bytes.get(end).is_none_or(|byte| !in_word(*byte)) {
                    let (start, end) = (at as u32, end as u32);
                    out.push(Finding {
                        kind: entry.kind,
                        start,
                        end,
                        confidence: entry.confidence,
                        evidence: Evidence::Format,
                        rule: entry.rule,
                    });
                    break;
                }
            }
            at += len;
        }
    }
}

fn slot(hash: u32) -> usize {
    (hash & 0xFFFF) as usize
}
