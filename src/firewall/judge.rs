//! One pass over the bytes finds triggers and hidden characters; only around those is more read.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use serde::Serialize;

use super::hidden::{self, Hidden};
use super::rules::{BYTES_PER_CONFIRMATION, CONFIRMATIONS, FLOOD_WEIGHT, RULES, Reason, Rule, TOLD, WINDOW_BYTES};

/// How hostile texts are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// 0 (nothing seen) to 100, all reasons combined as independent evidence.
    pub score: u8,
    /// What was seen, each reason once, in the order of [`Reason::ALL`].
    pub reasons: Vec<Reason>,
}

/// The automaton and the confirmations; build one, share it.
#[derive(Debug)]
pub struct Judge {
    automaton: AhoCorasick,
    /// For each pattern of the automaton the rules that it calls up; none for hidden characters.
    callers: Vec<Vec<usize>>,
    /// For each rule its confirmation.
    confirmations: Vec<Option<Regex>>,
}

/// The highest weight seen for each reason.
type Weights = [u8; Reason::ALL.len()];

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// Compiles the rules; some milliseconds.
    pub fn new() -> Self {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut callers: Vec<Vec<usize>> = Vec::new();
        for (index, rule) in RULES.iter().enumerate() {
            for trigger in rule.triggers {
                match patterns.iter().position(|known| known == trigger.as_bytes()) {
                    Some(known) => callers.get_mut(known).into_iter().for_each(|rules| rules.push(index)),
                    None => {
                        patterns.push(trigger.as_bytes().to_vec());
                        callers.push(vec![index]);
                    }
                }
            }
        }
        patterns.extend(hidden::prefixes());
        callers.resize(patterns.len(), Vec::new());
        #[expect(clippy::expect_used, reason = "the rules are constants, and a test compiles them")]
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(&patterns)
            .expect("some hundred short patterns");
        Self { automaton, callers, confirmations: RULES.iter().map(|rule| compile(rule.confirm)).collect() }
    }

    /// Judges the free texts of one event together.
    pub fn judge<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Verdict {
        let mut weights = Weights::default();
        let mut budget = CONFIRMATIONS;
        for text in texts {
            budget += text.len() / BYTES_PER_CONFIRMATION;
            if self.read(text, &mut weights, &mut budget) {
                let hidden = Hidden::of(text);
                hidden.reasons().for_each(|(reason, weight)| raise(&mut weights, reason, weight));
                // What hides words from a filter doesn't hide them from a model: read once more without it.
                if let Some(plain) = hidden.into_plain() {
                    self.read(&plain, &mut weights, &mut budget);
                }
            }
        }
        verdict(&weights)
    }

    /// Whether hidden characters were met.
    fn read(&self, text: &str, weights: &mut Weights, budget: &mut usize) -> bool {
        let (bytes, mut hidden) = (text.as_bytes(), false);
        for found in self.automaton.find_overlapping_iter(bytes) {
            let rules = self.callers.get(found.pattern().as_usize()).map(Vec::as_slice).unwrap_or_default();
            hidden |= rules.is_empty();
            for index in rules {
                let (Some(rule), Some(confirmation)) = (RULES.get(*index), self.confirmations.get(*index)) else {
                    continue;
                };
                // A reason that is as heavy already needs no second look.
                if weights.get(rule.reason as usize).is_some_and(|weight| *weight >= rule.weight) {
                    continue;
                }
                if *budget == 0 {
                    raise(weights, Reason::TriggerFlood, FLOOD_WEIGHT);
                    return hidden;
                }
                *budget -= 1;
                if confirmed(rule, confirmation.as_ref(), bytes, found.start()) {
                    raise(weights, rule.reason, rule.weight);
                }
            }
        }
        hidden
    }
}

fn confirmed(rule: &Rule, confirmation: Option<&Regex>, bytes: &[u8], trigger: usize) -> bool {
    begins_a_word(bytes, trigger)
        && confirmation.is_none_or(|confirmation| {
            let start = trigger.saturating_sub(rule.before_bytes);
            let end = bytes.len().min(trigger + WINDOW_BYTES);
            confirmation.is_match(bytes.get(start..end).unwrap_or_default())
        })
}

/// A trigger that begins with a letter must not stand inside a word.
fn begins_a_word(bytes: &[u8], start: usize) -> bool {
    let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    !(letter(Some(start)) && letter(start.checked_sub(1)))
}

fn raise(weights: &mut Weights, reason: Reason, weight: u8) {
    if let Some(known) = weights.get_mut(reason as usize) {
        *known = weight.max(*known);
    }
}

/// Noisy-or: the chance that not every reason is a false alarm.
fn verdict(weights: &Weights) -> Verdict {
    let doubt = weights.iter().fold(1.0, |doubt, weight| doubt * (1.0 - f64::from(*weight) / 100.0));
    let reasons = Reason::ALL.into_iter().zip(weights).filter(|(_, weight)| **weight > 0).map(|(reason, _)| reason);
    Verdict { score: ((1.0 - doubt) * 100.0).round() as u8, reasons: reasons.collect() }
}

fn compile(confirm: &str) -> Option<Regex> {
    if confirm.is_empty() {
        return None;
    }
    #[expect(clippy::expect_used, reason = "the rules are constants, and a test compiles them")]
    let regex = RegexBuilder::new(&confirm.replace("{told}", TOLD))
        .case_insensitive(true)
        .build()
        .expect("each confirmation is a valid expression");
    Some(regex)
}
