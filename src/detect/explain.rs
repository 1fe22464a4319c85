//! Why something is a find, or none: every claim that a rule made on a text and what became of it, and forms that were seen but
//! refused.
//!
//! It goes the way of [`Detector::scan`] again and keeps what that drops; it is for people, not for records. What it says holds
//! words of rules and places in the text, never the text itself.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::rule::{Rule, Start};
use super::words::{fold, in_word};
use super::{Detector, Evidence, Finding, Hint, arbitrate, records};

/// How far before a match its context words may stand, bytes.
const NEAR_BYTES: usize = 64;

/// More refused forms than this are not told.
const REFUSALS: usize = 64;

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is a find.
    Reported,
    /// Its kind asks for more belief: this much.
    BelievedTooLittle {
        /// The least belief, percent; above 100 where the kind is disabled.
        least: u8,
    },
    /// The text is on the list of what is never a find.
    Allowed,
    /// It keeps weaker rules off its place, and is not reported itself.
    HoldsItsPlace,
    /// A stronger claim has its place: by evidence, then belief, then length.
    Lost {
        /// The stronger one.
        to: Finding,
    },
}

/// What a rule said of a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where, what, and how much it is believed.
    pub finding: Finding,
    /// The word that raised belief, and whether the field's name holds it.
    pub raised_by: Option<&'static str>,
    /// What became of it.
    pub fate: Fate,
}

/// Why a form that was seen is no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rule's validator says no.
    Validator,
    /// This word stands nearby.
    Forbidden(&'static str),
    /// None of the rule's context words stands nearby.
    NoContext,
}

/// A form that was seen and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the rule.
    pub rule: u16,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Why.
    pub why: Why,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Claims, by place.
    pub claims: Vec<Claim>,
    /// Forms refused, by place.
    pub refusals: Vec<Refusal>,
}

impl Detector {
    /// Tells what every rule makes of a text.
    pub fn explain(&self, text: &str, hint: Hint<'_>) -> Explanation {
        let mut all = Vec::new();
        if let Err(whole) = self.claims(text, hint, &mut all) {
            let claim = Claim { finding: whole, raised_by: None, fate: Fate::Reported };
            return Explanation { claims: vec![claim], refusals: Vec::new() };
        }
        all.sort_unstable_by_key(|f| (f.start, f.end, std::cmp::Reverse(arbitrate::rank(f)), f.rule));
        all.dedup();
        let mut winners: Vec<Finding> =
            all.iter().copied().filter(|f| self.is_decoy(f) || self.is_believed(f)).collect();
        arbitrate::settle(&mut winners, 0);
        let mut last = winners.clone();
        records::read(text, self.kinds(), self.builtin_rules(), &mut last, 0);
        let fate = |finding: &Finding| {
            let strongest = || winners.iter().filter(|w| w.start < finding.end && finding.start < w.end);
            match strongest().max_by_key(|w| arbitrate::rank(w)) {
                _ if !self.is_decoy(finding) && !self.is_believed(finding) => {
                    Fate::BelievedTooLittle { least: self.least(finding.kind) }
                }
                Some(winner) if winner != finding => Fate::Lost { to: *winner },
                _ if !self.is_believed(finding) => Fate::HoldsItsPlace,
                _ if !self.is_reported(text, finding) => Fate::Allowed,
                _ => Fate::Reported,
            }
        };
        let claim = |finding: &Finding| Claim {
            finding: *finding,
            raised_by: self.raised_by(text, finding, hint),
            fate: match last.iter().find(|other| (other.start, other.end) == (finding.start, finding.end)) {
                Some(other) if winners.contains(finding) && other != finding => Fate::Lost { to: *other },
                _ => fate(finding),
            },
        };
        let read = last.iter().filter(|finding| !winners.contains(finding));
        let mut claims: Vec<Claim> = all.iter().chain(read).map(claim).collect();
        claims.sort_by_key(|claim| (claim.finding.start, claim.finding.end, claim.fate != Fate::Reported));
        let refusals = self.refusals(text, hint, &claims);
        Explanation { claims, refusals }
    }

    /// The context word nearest before a find whose belief was raised.
    fn raised_by(&self, text: &str, finding: &Finding, hint: Hint<'_>) -> Option<&'static str> {
        let rule = self.builtin_rules().get(usize::from(finding.rule))?;
        let raised = finding.confidence > rule.confidence;
        let near = rule.near.iter().chain(rule.column).chain(rule.fields);
        raised.then(|| nearest(text, finding.start as usize, hint, near)).flatten()
    }

    /// Forms of rules that start by themselves, seen as whole words, which are no claims.
    fn refusals(&self, text: &str, hint: Hint<'_>, claims: &[Claim]) -> Vec<Refusal> {
        let bytes = text.as_bytes();
        let mut refusals = Vec::new();
        let alone = |rule: &(usize, &Rule)| {
            matches!(
                rule.1.start,
                Start::Digit
                    | Start::Mixed
                    | Start::Plus
                    | Start::Paren
                    | Start::Group
                    | Start::Uuid
                    | Start::Prefix(_)
            )
        };
        let forms = FORMS.get_or_init(|| self.builtin_rules().iter().map(|rule| form(rule.pattern).ok()).collect());
        for (id, rule) in self.builtin_rules().iter().enumerate().filter(alone) {
            let Some(form) = forms.get(id).and_then(Option::as_ref) else { continue };
            for found in form.find_iter(bytes) {
                let (start, end) = (found.start(), found.end());
                let outside = [start.checked_sub(1).and_then(|at| bytes.get(at)), bytes.get(end)];
                let whole = outside.into_iter().flatten().all(|byte| !in_word(*byte));
                let claimed = |claim: &Claim| {
                    usize::from(claim.finding.rule) == id
                        && (claim.finding.start as usize) < end
                        && start < claim.finding.end as usize
                };
                if whole && !found.is_empty() && !claims.iter().any(claimed) {
                    let why = why(rule, text, start, found.as_bytes(), hint);
                    refusals.extend(why.map(|why| Refusal { rule: id as u16, start, end, why }));
                }
            }
        }
        refusals.sort_by_key(|refusal| (refusal.start, refusal.end, refusal.rule));
        refusals.truncate(REFUSALS);
        refusals
    }
}

/// The forms of the built-in rules, made when something is first explained.
static FORMS: OnceLock<Vec<Option<Regex>>> = OnceLock::new();

fn form(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
}

/// What a rule has against a form; `None`: it stands where the rule does not look.
fn why(rule: &Rule, text: &str, start: usize, found: &[u8], hint: Hint<'_>) -> Option<Why> {
    let near = nearest(text, start, hint, rule.near.iter());
    if !(rule.check.passes)(found) {
        return Some(Why::Validator);
    }
    match nearest(text, start, hint, rule.against.iter()) {
        Some(word) if near.is_none_or(|near| nearest(text, start, hint, [near, word].iter()) == Some(word)) => {
            Some(Why::Forbidden(word))
        }
        _ if rule.need && near.is_none() => Some(Why::NoContext),
        _ => None,
    }
}

/// Which of some phrases stands nearest before a place; else which is in the field's name.
fn nearest<'w>(
    text: &str,
    at: usize,
    hint: Hint<'_>,
    phrases: impl Iterator<Item = &'w &'static str>,
) -> Option<&'static str> {
    let window = text.as_bytes().get(at.saturating_sub(NEAR_BYTES)..at).unwrap_or_default();
    let before = spaced(window);
    let field = spaced(hint.field.unwrap_or_default().as_bytes());
    let place = |words: &[u8], phrase: &str| {
        let phrase = spaced(phrase.as_bytes());
        words.windows(phrase.len()).rposition(|part| part == phrase)
    };
    let (mut best, mut named) = (None, None);
    for phrase in phrases {
        let found = place(&before, phrase).map(|at| (at, phrase.len(), *phrase));
        best = best.max(found);
        named = named.or_else(|| place(&field, phrase).map(|_| *phrase));
    }
    best.map(|(_, _, phrase)| phrase).or(named)
}

/// Words in one case with single spaces between and around them.
fn spaced(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b' '];
    for (i, byte) in text.iter().enumerate() {
        let hump = byte.is_ascii_uppercase()
            && i.checked_sub(1).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_lowercase);
        if (hump || !in_word(*byte)) && out.last() != Some(&b' ') {
            out.push(b' ');
        }
        if in_word(*byte) {
            out.extend(fold(&[*byte]));
        }
    }
    if out.last() != Some(&b' ') {
        out.push(b' ');
    }
    out
}

/// An explanation as lines for people. They quote the text.
pub fn text(detector: &Detector, text: &str, explanation: &Explanation) -> String {
    let quoted = |start: usize, end: usize| format!("{:?}", text.get(start..end).unwrap_or_default());
    let mut out = String::new();
    let mut line = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    for claim in &explanation.claims {
        let found = &claim.finding;
        let rule = detector.rule(found.rule);
        let (start, end) = (found.start as usize, found.end as usize);
        let verdict = if claim.fate == Fate::Reported { "FOUND" } else { "-" };
        let (kind, quoted) = (&detector.info(found.kind).name, quoted(start, end));
        line(format!("{verdict:5} {start}..{end} {kind} {quoted}"));
        line(format!(
            "      rule {}: {} % by {}{}",
            rule.name,
            found.confidence,
            evidence(found.evidence),
            raised(claim, rule.confidence)
        ));
        if rule.validator != "any" {
            line(format!("      validator `{}` passes", rule.validator));
        }
        match claim.fate {
            Fate::Reported => {}
            Fate::BelievedTooLittle { least: 101.. } => line("      not reported: the kind is disabled".to_owned()),
            Fate::BelievedTooLittle { least } => line(format!("      not reported: below the threshold of {least} %")),
            Fate::Allowed => line("      not reported: on the list of what is never a find".to_owned()),
            Fate::HoldsItsPlace => line("      not reported: it only keeps weaker rules off its place".to_owned()),
            Fate::Lost { to } => line(format!(
                "      lost to {} ({}, {} % by {})",
                detector.info(to.kind).name,
                detector.rule(to.rule).name,
                to.confidence,
                evidence(to.evidence)
            )),
        }
    }
    for refusal in &explanation.refusals {
        let rule = detector.rule(refusal.rule);
        let why = match refusal.why {
            Why::Validator => format!("validator `{}` says no", rule.validator),
            Why::Forbidden(word) => format!("`{word}` forbids it"),
            Why::NoContext => format!("needs one of: {}", rule.near.join(", ")),
        };
        line(format!("no    {}..{} {}: {why}", refusal.start, refusal.end, rule.name));
    }
    if explanation.claims.is_empty() && explanation.refusals.is_empty() {
        line("no rule sees anything".to_owned());
    }
    out
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Prior => "a list or a loose shape",
        Evidence::Context => "context",
        Evidence::Format => "format",
        Evidence::Checksum => "checksum",
    }
}

fn raised(claim: &Claim, base: u8) -> String {
    match claim.raised_by {
        Some(word) => format!(" ({base} % alone, raised by `{word}`)"),
        None if claim.finding.confidence > base => format!(" ({base} % alone, raised by its field)"),
        None => String::new(),
    }
}

/// The same as JSON, without the text.
pub fn json(detector: &Detector, explanation: &Explanation) -> Value {
    let claim = |claim: &Claim| {
        let found = &claim.finding;
        let rule = detector.rule(found.rule);
        let (fate, detail) = match claim.fate {
            Fate::Reported => ("reported", Value::Null),
            Fate::BelievedTooLittle { least } => ("below-threshold", json!(least)),
            Fate::Allowed => ("allowed", Value::Null),
            Fate::HoldsItsPlace => ("decoy", Value::Null),
            Fate::Lost { to } => ("lost", json!(detector.rule(to.rule).name)),
        };
        json!({
            "start": found.start, "end": found.end, "kind": detector.info(found.kind).name, "rule": rule.name,
            "confidence": found.confidence, "base": rule.confidence, "evidence": found.evidence,
            "validator": rule.validator, "raised_by": claim.raised_by, "fate": fate, "by": detail,
        })
    };
    let refusal = |refusal: &Refusal| {
        let rule = detector.rule(refusal.rule);
        let (why, word) = match refusal.why {
            Why::Validator => ("validator", Some(rule.validator)),
            Why::Forbidden(word) => ("forbidden", Some(word)),
            Why::NoContext => ("no-context", None),
        };
        json!({"start": refusal.start, "end": refusal.end, "rule": rule.name, "why": why, "by": word})
    };
    json!({
        "claims": explanation.claims.iter().map(claim).collect::<Vec<_>>(),
        "refused": explanation.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::DetectorConfig;
    use super::*;

    fn told(text_: &str) -> String {
        let detector = Detector::builtin();
        text(&detector, text_, &detector.explain(text_, Hint::default()))
    }

    #[test]
    fn what_is_explained_would_not_be_what_is_found() {
        let detector = Detector::builtin();
        for rule in detector.rules() {
            for example in rule.examples.iter().chain(rule.counterexamples) {
                let text = example.replace("[[", "").replace("]]", "");
                let mut found = Vec::new();
                detector.scan(&text, Hint::default(), &mut found);
                let explained = detector.explain(&text, Hint::default());
                let reported = explained.claims.iter().filter(|claim| claim.fate == Fate::Reported);
                let reported: Vec<_> = reported.map(|claim| (claim.finding.start, claim.finding.kind)).collect();
                let found: Vec<_> = found.iter().map(|f| (f.start, f.kind)).collect();
                assert_eq!(reported, found, "{text}");
            }
        }
    }

    #[test]
    fn an_operator_would_not_learn_why() {
        let card = told("card 4539-4216-4353-7491, then call");
        assert!(card.contains("FOUND 5..24 CREDIT_CARD") && card.contains("raised by `card`"), "{card}");
        assert!(card.contains("validator `card` passes") && card.contains("lost to CREDIT_CARD"), "{card}");
        assert!(told("build 4539421643537491").contains("card: `build` forbids it"));
        assert!(told("4539-4216-4353-7492").contains("card: validator `card` says no"));
        assert!(told("nine 536228741").contains("us-ssn-bare: needs one of: ssn, social"));
        assert!(told("plain words").contains("no rule sees anything"));
    }

    #[test]
    fn settings_that_hide_a_find_would_stay_unnamed() {
        let config = DetectorConfig {
            allow: vec!["a@example.org".into()],
            disabled: ["IBAN".to_owned()].into(),
            ..DetectorConfig::default()
        };
        let detector = Detector::new(&config).unwrap();
        let sample = "a@example.org DE89370400440532013000";
        let told = text(&detector, sample, &detector.explain(sample, Hint::default()));
        assert!(told.contains("on the list of what is never a find"), "{told}");
        assert!(told.contains("not reported"), "{told}");
        let value = json(&detector, &detector.explain(sample, Hint::default()));
        assert!(!value.to_string().contains("example.org") && value["claims"][0]["fate"] == "allowed", "{value}");
    }
}
