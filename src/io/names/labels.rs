//! What a model's labels mean here: `B-PER` and `I-PERSON` are a person, `GPE` is a place, and what no entry knows is nothing.

use std::collections::BTreeMap;

use crate::detect::Label;

/// Names of labels without their `B-` or `I-`, in capitals, without `_`, `-` and spaces.
const KNOWN: &[(Label, &[&str])] = &[
    (
        Label::Person,
        &[
            "PER",
            "PERS",
            "PERSON",
            "PEOPLE",
            "NAME",
            "PERSONNAME",
            "FULLNAME",
            "FIRSTNAME",
            "GIVENNAME",
            "MIDDLENAME",
            "LASTNAME",
            "SURNAME",
            "FAMILYNAME",
            "PATIENT",
            "DOCTOR",
            "STAFF",
            "HCW",
        ],
    ),
    (
        Label::Location,
        &[
            "LOC",
            "LOCATION",
            "GPE",
            "FAC",
            "FACILITY",
            "PLACE",
            "CITY",
            "TOWN",
            "COUNTY",
            "STATE",
            "REGION",
            "COUNTRY",
            "STREET",
            "ADDRESS",
            "STREETADDRESS",
        ],
    ),
    (
        Label::Organization,
        &[
            "ORG",
            "ORGANIZATION",
            "ORGANISATION",
            "CORP",
            "CORPORATION",
            "COMPANY",
            "COMPANYNAME",
            "INSTITUTION",
            "HOSPITAL",
            "HOSP",
            "GROUP",
        ],
    ),
    (Label::Condition, &["CONDITION", "MEDICALCONDITION", "DISEASE", "DISORDER", "DIAGNOSIS", "PROBLEM"]),
];

/// What one output of the model stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub label: Label,
    /// Whether a name begins with it.
    pub begins: bool,
}

/// The tags of a model in the order of its outputs.
pub(super) struct Labels {
    tags: Vec<Option<Tag>>,
    /// Those that mean nothing here, without their `B-` or `I-`.
    pub ignored: Vec<String>,
}

impl Labels {
    /// From `id2label`; `None`: its numbers are not 0 to n - 1.
    pub(super) fn new(names: &BTreeMap<usize, String>) -> Option<Self> {
        if !names.keys().copied().eq(0..names.len()) {
            return None;
        }
        let mut ignored: Vec<String> = Vec::new();
        let tags = names.values().map(|name| {
            let (begins, bare) = split(name);
            let label = known(bare);
            if label.is_none() && !matches!(bare, "" | "O" | "o") && !ignored.iter().any(|other| other == bare) {
                ignored.push(bare.to_owned());
            }
            label.map(|label| Tag { label, begins })
        });
        let tags = tags.collect();
        Some(Self { tags, ignored })
    }

    pub(super) fn tags(&self) -> &[Option<Tag>] {
        &self.tags
    }

    /// The labels that the model can give.
    pub(super) fn found(&self) -> impl Iterator<Item = Label> + '_ {
        Label::ALL.into_iter().filter(|label| self.tags.iter().flatten().any(|tag| tag.label == *label))
    }
}

/// Whether a name begins with this label, and what it is called without saying so. `B`, `S` and `U` begin; `I`, `E`, `L` and a label
/// without a letter before it go on.
fn split(name: &str) -> (bool, &str) {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some('B' | 'S' | 'U'), Some('-')) | (Some('B'), Some('_')) => (true, letters.as_str()),
        (Some('I' | 'E' | 'L'), Some('-')) | (Some('I'), Some('_')) => (false, letters.as_str()),
        _ => (false, name),
    }
}

fn known(bare: &str) -> Option<Label> {
    let plain: String = bare
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '))
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    KNOWN.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(label, _)| *label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Labels {
        Labels::new(&names.iter().map(|name| (*name).to_owned()).enumerate().collect()).unwrap()
    }

    #[test]
    fn a_common_label_would_mean_nothing() {
        for (name, label, begins) in [
            ("B-PER", Label::Person, true),
            ("I-PER", Label::Person, false),
            ("PERSON", Label::Person, false),
            ("S-person", Label::Person, true),
            ("E-ORG", Label::Organization, false),
            ("B-GPE", Label::Location, true),
            ("L-LOC", Label::Location, false),
            ("B_FIRST_NAME", Label::Person, true),
            ("I-Medical Condition", Label::Condition, false),
        ] {
            assert_eq!(labels(&[name]).tags(), [Some(Tag { label, begins })], "{name}");
        }
        let some = labels(&["O", "B-MISC", "I-MISC", "B-PER", "O-"]);
        assert_eq!(some.ignored, ["MISC", "O-"]);
        assert_eq!(some.found().collect::<Vec<_>>(), [Label::Person]);
        assert_eq!(some.tags().iter().flatten().count(), 1);
    }

    #[test]
    fn a_gap_in_the_numbers_would_shift_all_labels() {
        assert!(Labels::new(&BTreeMap::from([(0, "O".to_owned()), (2, "B-PER".to_owned())])).is_none());
    }
}
