//! Names in free text as findings: which model reads, how eagerly, and what its labels are called here.
//!
//! A name is weak evidence: wherever a rule with any better reason claims the same text, the rule wins, so that a name inside an
//! e-mail address is the e-mail address.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use thiserror::Error;

use super::config::{NamesConfig, NamesMode, RuleProblem};
use super::detector::RuleInfo;
use super::kinds::{ADDRESS, LOCATION, MEDICAL_CONDITION, ORGANIZATION, PERSON};
use super::recognise::{Label, Name, Recogniser};
use super::{Evidence, Finding, Kind};

/// What reads the names in a text: the project's own [`Recogniser`], or a model of another make that a user brought.
pub trait NameReader: Send + Sync {
    /// Appends the names in `text`, in order, not overlapping, on character borders. `recall` finds more and is wrong more often.
    ///
    /// # Errors
    /// The text could not be read: nothing is known about its names, and what was appended is no answer.
    fn read(&self, text: &str, recall: bool, out: &mut Vec<Name>) -> Result<(), Unread>;

    /// The SHA-256 digest of what the model was read from, in hexadecimal: it stands in every audit fact.
    fn digest(&self) -> &str;
}

/// The names in a text could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the model of names failed on a text")]
pub struct Unread;

impl NameReader for Recogniser {
    /// Never fails.
    fn read(&self, text: &str, recall: bool, out: &mut Vec<Name>) -> Result<(), Unread> {
        self.find(text, recall, out);
        Ok(())
    }

    fn digest(&self) -> &str {
        Recogniser::digest(self)
    }
}

/// Models that users brought, by the path that their settings name.
pub type Models = BTreeMap<String, Arc<dyn NameReader>>;

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

/// By rule: its name, its kind, and how much it is believed by itself.
const RULES: [(&str, Kind, u8); 6] = [
    ("model-person", PERSON, 50),
    ("model-location", LOCATION, 50),
    ("model-organization", ORGANIZATION, 50),
    ("model-condition", MEDICAL_CONDITION, 50),
    ("model-address", ADDRESS, 50),
    ("model-unread", PERSON, 100),
];

/// The rule that claims a whole text, because the model failed on it.
const UNREAD: usize = 5;

/// What is known about the model's finds, in the order of `RULES`. `own`: a user's model reads.
pub(super) fn rules(own: bool) -> impl Iterator<Item = RuleInfo> {
    RULES.into_iter().enumerate().map(move |(id, (name, kind, confidence))| RuleInfo {
        name: Cow::Borrowed(name),
        kind,
        evidence: Evidence::Prior,
        confidence,
        source: match (id, own) {
            (UNREAD, _) => {
                "the model of names failed: the whole text counts as found, and its record goes to quarantine"
            }
            (_, true) => "the model that `detect.names.model` names",
            (_, false) => "learned from labelled text: docs/models/names.md",
        },
        ..RuleInfo::BARE
    })
}

// INVARIANT: the built-in model is of this release and whole. A detector that silently lacked it would pass names on.
#[expect(clippy::panic, reason = "the model is a constant: a test that looks for a name fails where it doesn't load")]
static BUILTIN: LazyLock<Arc<dyn NameReader>> =
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
    reader: Arc<dyn NameReader>,
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
        let reader = match (config.mode, &config.model) {
            (NamesMode::Off, _) => return None,
            (_, None) => Arc::clone(&BUILTIN),
            (_, Some(path)) => match models.get(path) {
                Some(reader) => Arc::clone(reader),
                None => {
                    problems.push(RuleProblem {
                        rule: "names.model".into(),
                        what: format!("the model of names `{path}` was not read"),
                        help: "name a model that this user may read: docs/detection.md".into(),
                    });
                    return None;
                }
            },
        };
        let recall = config.mode == NamesMode::Recall;
        Some(Self { reader, recall, first_rule: u16::try_from(first_rule).unwrap_or(u16::MAX) })
    }

    /// The digest of the model.
    pub fn digest(&self) -> &str {
        self.reader.digest()
    }

    /// Whether more is found at the price of more that is wrong.
    pub fn is_recall(&self) -> bool {
        self.recall
    }

    /// Appends the names in `text` as the model gives them.
    ///
    /// # Errors
    /// The model failed.
    pub fn read(&self, text: &str, out: &mut Vec<Name>) -> Result<(), Unread> {
        self.reader.read(text, self.recall, out)
    }

    /// Appends the names in `text`.
    ///
    /// # Errors
    /// The model failed; nothing was appended.
    pub(super) fn candidates(&self, text: &str, out: &mut Vec<Finding>) -> Result<(), Unread> {
        NAMES.with_borrow_mut(|names| {
            names.clear();
            self.read(text, names)?;
            out.extend(names.iter().map(|name| self.finding(text, name)));
            Ok(())
        })
    }

    /// A whole text as a find, because the model failed on it.
    pub(super) fn unread(&self, text: &str) -> Finding {
        let rule = self.first_rule + UNREAD as u16;
        Finding { kind: PERSON, start: 0, end: text.len() as u32, confidence: 100, evidence: Evidence::Prior, rule }
    }

    /// Whether a find is [`Self::unread`].
    pub(super) fn is_unread(&self, finding: &Finding) -> bool {
        finding.rule == self.first_rule + UNREAD as u16
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
        let kind = RULES.get(rule).map_or(PERSON, |(_, kind, _)| *kind);
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
