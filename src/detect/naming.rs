//! Names in free text as findings: which model reads, how eagerly, and what its labels are called here.
//!
//! A name is weak evidence: wherever a rule with any better reason claims the same text, the rule wins, so that a name inside an
//! e-mail address is the e-mail address.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::config::{NamesConfig, NamesMode, RuleProblem};
use super::detector::RuleInfo;
use super::kinds::{ADDRESS, LOCATION, MEDICAL_CONDITION, ORGANIZATION, PERSON};
use super::recognise::{Label, Name, Recogniser};
use super::{Evidence, Finding, Kind};

/// Models that users brought, by the path that their settings name.
pub type Models = BTreeMap<String, Arc<Recogniser>>;

/// The least belief that names need where settings say nothing, if other than what all kinds need. Chosen on labelled text:
/// docs/models/names.md.
pub(super) fn thresholds(mode: NamesMode) -> impl Iterator<Item = (Kind, u8)> {
    let (kinds, least): (&[Kind], u8) = match mode {
        NamesMode::Off => (&[], 0),
        NamesMode::Balanced => (&[PERSON, LOCATION, ORGANIZATION], 30),
        NamesMode::Recall => (&[PERSON, LOCATION, ORGANIZATION], 3),
    };
    kinds.iter().map(move |kind| (*kind, least))
}

const RULES: [(&str, Kind); 5] = [
    ("model-person", PERSON),
    ("model-location", LOCATION),
    ("model-organization", ORGANIZATION),
    ("model-condition", MEDICAL_CONDITION),
    ("model-address", ADDRESS),
];

/// What is known about the model's finds, in the order of `RULES`.
pub(super) fn rules() -> impl Iterator<Item = RuleInfo> {
    RULES.into_iter().map(|(name, kind)| RuleInfo {
        name: Cow::Borrowed(name),
        kind,
        evidence: Evidence::Prior,
        confidence: 50,
        validator: "any",
        source: "learned from labelled text: docs/models/names.md",
        near: &[],
        need: false,
        against: &[],
        fields: &[],
        examples: &[],
        counterexamples: &[],
    })
}

// INVARIANT: the built-in model is of this release and whole. A detector that silently lacked it would pass names on.
#[expect(clippy::panic, reason = "the model is a constant: a test that looks for a name fails where it doesn't load")]
static BUILTIN: LazyLock<Arc<Recogniser>> =
    LazyLock::new(|| match Recogniser::from_bytes(include_bytes!("../../models/names.bin")) {
        Ok(recogniser) => Arc::new(recogniser),
        Err(problem) => panic!("the built-in model of names doesn't load: {problem}"),
    });

thread_local! {
    /// Names of the text being read; kept, so that reading allocates nothing.
    static NAMES: RefCell<Vec<Name>> = const { RefCell::new(Vec::new()) };
}

/// How a detector looks for names.
#[derive(Clone)]
pub struct Naming {
    recogniser: Arc<Recogniser>,
    recall: bool,
    /// Where `RULES` begin in the detector's table.
    first_rule: u16,
}

impl Naming {
    /// As settings say; `None` where names are off, or where the model is missing, which is a problem then.
    pub(super) fn new(
        config: &NamesConfig,
        models: &Models,
        first_rule: usize,
        problems: &mut Vec<RuleProblem>,
    ) -> Option<Self> {
        let recogniser = match (config.mode, &config.model) {
            (NamesMode::Off, _) => return None,
            (_, None) => Arc::clone(&BUILTIN),
            (_, Some(path)) => match models.get(path) {
                Some(recogniser) => Arc::clone(recogniser),
                None => {
                    problems.push(RuleProblem {
                        rule: "names.model".into(),
                        what: format!("the model of names `{path}` was not read"),
                        help: "name a file that `lethe train names` wrote and that this user may read".into(),
                    });
                    return None;
                }
            },
        };
        let recall = config.mode == NamesMode::Recall;
        Some(Self { recogniser, recall, first_rule: u16::try_from(first_rule).unwrap_or(u16::MAX) })
    }

    /// The model.
    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// Whether more is found at the price of more that is wrong.
    pub fn is_recall(&self) -> bool {
        self.recall
    }

    /// Appends the names in `text`.
    pub(super) fn candidates(&self, text: &str, out: &mut Vec<Finding>) {
        NAMES.with_borrow_mut(|names| {
            names.clear();
            self.recogniser.find(text, self.recall, names);
            out.extend(names.iter().map(|name| self.finding(text, name)));
        });
    }

    fn finding(&self, text: &str, name: &Name) -> Finding {
        let words = || text.get(name.start as usize..name.end as usize).unwrap_or_default().split_whitespace().count();
        let rule = match name.label {
            Label::Person => 0,
            // A place with a number and two words is somebody's door.
            Label::Location if name.numbered && words() > 2 => 4,
            Label::Location => 1,
            Label::Organization => 2,
            Label::Condition => 3,
        };
        let kind = RULES.get(rule).map_or(PERSON, |(_, kind)| *kind);
        Finding {
            kind,
            start: name.start,
            end: name.end,
            confidence: name.confidence,
            evidence: Evidence::Prior,
            rule: self.first_rule + rule as u16,
        }
    }
}
