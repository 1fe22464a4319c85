//! Labelled text as the trainer reads it: JSON lines with `text` and `spans` (offsets in characters), as documents with
//! offsets in bytes; and what is put right in them before they are learned from.

use super::super::recognise::decode::Label;

/// A labelled stretch of a document, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// First byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What it is; none where the set labels something that isn't learned: neither right nor wrong.
    pub label: Option<Label>,
}

/// One text with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// Its names, in order, not overlapping.
    pub marks: Vec<Mark>,
    /// Which set it comes from: an index into the trainer's list.
    pub source: usize,
}

#[derive(serde::Deserialize)]
struct WrittenSpan {
    start: usize,
    end: usize,
    label: String,
}

#[derive(serde::Deserialize)]
struct Written {
    text: String,
    #[serde(default)]
    spans: Vec<WrittenSpan>,
}

/// What a label of a set means here.
fn label(name: &str) -> Option<Label> {
    match name {
        "PERSON" => Some(Label::Person),
        "LOCATION" | "ADDRESS" => Some(Label::Location),
        "ORG" | "ORGANIZATION" => Some(Label::Organization),
        "MEDICAL_CONDITION" => Some(Label::Condition),
        _ => None,
    }
}

/// Reads one line.
///
/// # Errors
/// What is wrong with it.
pub fn document(line: &str, source: usize) -> Result<Document, String> {
    let written: Written = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut borders: Vec<usize> = written.text.char_indices().map(|(at, _)| at).collect();
    borders.push(written.text.len());
    let mut marks = Vec::with_capacity(written.spans.len());
    for span in &written.spans {
        let (Some(&start), Some(&end)) = (borders.get(span.start), borders.get(span.end)) else {
            return Err(format!("a span ends at {} of {} characters", span.end, borders.len() - 1));
        };
        if start < end {
            marks.push(Mark { start, end, label: label(&span.label) });
        }
    }
    marks.sort_by_key(|mark| (mark.start, mark.end));
    let mut end = 0;
    marks.retain(|mark| {
        let free = mark.start >= end;
        end = if free { mark.end } else { end };
        free
    });
    Ok(Document { text: written.text, marks, source })
}

/// Words before which a name was cut off in some sets: `United [States]`.
const CUT_OFF: &[&str] = &[
    "United",
    "New",
    "National",
    "Democratic",
    "Republican",
    "Southern",
    "Northern",
    "Western",
    "Eastern",
    "Pacific",
    "Creative",
    "American",
    "International",
    "British",
    "Supreme",
    "Saudi",
    "Federal",
    "Atlantic",
    "Libertarian",
    "Civic",
    "European",
    "Australian",
    "Argentine",
    "African",
    "Central",
    "Royal",
];

/// Words that some sets label as persons, and that name nobody.
const NOBODY: &[&str] = &[
    "Secretary",
    "President",
    "Petitioner",
    "Lords",
    "Lord",
    "Americans",
    "American",
    "Justice",
    "Muslims",
    "Governor",
    "Arabs",
    "Jews",
    "Director",
    "Minister",
    "Sheriff",
    "Professor",
    "Honor",
    "Man",
    "Fan",
    "North",
    "White",
    "Black",
    "Hispanic",
    "Indian",
    "Asian",
    "Islander",
    "Bangladeshis",
    "Rohingya",
    "Daily",
    "Respondents",
    "Plaintiffs",
    "Christians",
    "Judge",
    "Senator",
    "Congressman",
    "Captain",
    "General",
    "Officer",
    "Prime",
    "Chairman",
];

/// Puts right what is wrong in the same way in many places.
pub fn repair(document: &mut Document) {
    let text = &document.text;
    for mark in &mut document.marks {
        let Some(named) = text.get(mark.start..mark.end) else { continue };
        if mark.label == Some(Label::Person) && NOBODY.contains(&named) {
            mark.label = None;
        }
        if !matches!(mark.label, Some(Label::Location | Label::Organization)) {
            continue;
        }
        let before = text.get(..mark.start).unwrap_or_default();
        if let Some(cut) =
            CUT_OFF.iter().find(|cut| before.strip_suffix(' ').is_some_and(|before| before.ends_with(**cut)))
        {
            mark.start -= cut.len() + 1;
        }
    }
    let mut end = 0;
    document.marks.retain(|mark| {
        let keep = mark.start >= end && mark.label.is_some();
        end = end.max(mark.end);
        keep
    });
}

/// The document in small letters, or in capitals; characters whose other case has another length stay as they are.
pub fn recased(document: &Document, upper: bool) -> Document {
    let other = |c: char| {
        let mut cased = c;
        if upper {
            c.to_uppercase().for_each(|c| cased = c)
        } else {
            c.to_lowercase().for_each(|c| cased = c)
        }
        if cased.len_utf8() == c.len_utf8() { cased } else { c }
    };
    Document { text: document.text.chars().map(other).collect(), ..document.clone() }
}
