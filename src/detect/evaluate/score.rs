//! Agreement of predicted spans with labelled ones, by spans and by characters.
//!
//! The rules, in order, for each text:
//! - labels are merged as asked, then predictions below the least score and labels out of scope are left out;
//! - predictions are made not to overlap: the higher score wins, then the longer, then the earlier;
//! - a labelled span out of scope (such as `OTHER`) is ignored ground: a prediction that touches no labelled span in scope, and
//!   of which half lies on that ground (or the other way round), does not count;
//! - **overlap**: same label, and the common part is at least half of the longer of both, one to one;
//! - **exact**: same start, end and label;
//! - **characters**: those that carry the label in both. `ANY` is any label in scope against any.
//! - A text with labelled spans **leaks** where one character of them is not covered by a prediction of any label in scope; a text
//!   with none, on clean ground, raises a **false alarm** where anything is predicted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Labelled, NAMES, Prediction, Span};

/// What counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Labels that count.
    pub scope: BTreeSet<String>,
    /// Predictions with a lower score don't.
    pub least_score: f64,
    /// Labels to be read as others.
    pub merge: BTreeMap<String, String>,
}

impl Rules {
    /// All labels of a set but `OTHER` count.
    pub fn of_labels(set: &[Labelled]) -> Self {
        let labels = set.iter().flat_map(|row| &row.spans).map(|span| span.label.clone());
        Self { scope: labels.filter(|label| label != "OTHER").collect(), ..Self::default() }
    }

    fn merged<'s>(&'s self, label: &'s str) -> &'s str {
        self.merge.get(label).map_or(label, String::as_str)
    }
}

/// How often: right, predicted, labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Labelled and predicted alike.
    pub right: usize,
    /// Predicted.
    pub predicted: usize,
    /// Labelled.
    pub labelled: usize,
}

/// Shares of a tally; `None` where there is nothing to have a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Of what is predicted, what is right.
    pub precision: Option<f64>,
    /// Of what is labelled, what is found.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// The same with recall counted twice.
    pub f2: Option<f64>,
}

impl Tally {
    /// Its shares.
    pub fn rates(self) -> Rates {
        let share = |of: usize| (of > 0).then(|| self.right as f64 / of as f64);
        let (precision, recall) = (share(self.predicted), share(self.labelled));
        let mean = |weight: f64| match (precision, recall) {
            (Some(p), Some(r)) if p > 0.0 && r > 0.0 => Some((1.0 + weight) * p * r / (weight * p + r)),
            (Some(_), Some(_)) => Some(0.0),
            _ => None,
        };
        Rates { precision, recall, f1: mean(1.0), f2: mean(4.0) }
    }
}

/// What is known about one label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Spans that agree by half.
    pub overlap: Tally,
    /// Spans that agree.
    pub exact: Tally,
    /// Characters.
    pub characters: Tally,
}

/// Texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// With labelled spans in scope.
    pub with_labels: usize,
    /// Of these: not all covered.
    pub leaking: usize,
    /// Without any labelled span.
    pub clean: usize,
    /// Of these: with a prediction.
    pub false_alarm: usize,
    /// Of these: with a prediction that is not a name.
    pub false_alarm_but_names: usize,
}

/// The whole result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// By label.
    pub labels: BTreeMap<String, Row>,
    /// All labels together.
    pub micro: Row,
    /// All but names (`PERSON`, `LOCATION`, `ORG`) together.
    pub but_names: Row,
    /// Characters that carry any label.
    pub any: Tally,
    /// Texts.
    pub documents: Documents,
}

impl Scores {
    /// Scores predictions against a labelled set; texts without a prediction count as texts in which nothing was found.
    pub fn of(set: &[Labelled], predictions: &[Prediction], rules: &Rules) -> Self {
        // Ids are compared as JSON: the number 1 is not the text "1". The last line of an id counts.
        let by_id: HashMap<String, &Prediction> = predictions.iter().map(|row| (row.id.to_string(), row)).collect();
        let scope: BTreeSet<&str> = rules.scope.iter().map(|label| rules.merged(label)).collect();
        let mut scores = Self::default();
        for row in set {
            let predicted = by_id.get(&row.id.to_string()).map(|row| row.spans.as_slice()).unwrap_or_default();
            scores.add(&Case::new(&row.spans, predicted, rules, &scope));
        }
        scores
    }

    /// Of all texts without a labelled span, the share in which something other than a name was predicted.
    pub fn false_alarms_but_names(&self) -> Option<f64> {
        let Documents { clean, false_alarm_but_names, .. } = self.documents;
        (clean > 0).then(|| false_alarm_but_names as f64 / clean as f64)
    }

    fn count(&mut self, label: &str, add: impl Fn(&mut Row)) {
        match self.labels.get_mut(label) {
            Some(row) => add(row),
            None => add(self.labels.entry(label.to_owned()).or_default()),
        }
        add(&mut self.micro);
        if !NAMES.contains(&label) {
            add(&mut self.but_names);
        }
    }

    fn add(&mut self, case: &Case<'_>) {
        for span in &case.labelled {
            self.count(span.label, |row| {
                row.overlap.labelled += 1;
                row.exact.labelled += 1;
            });
        }
        for span in &case.predicted {
            self.count(span.label, |row| {
                row.overlap.predicted += 1;
                row.exact.predicted += 1;
            });
        }
        for span in case.agreeing() {
            self.count(span.label, |row| row.overlap.right += 1);
        }
        for span in case.labelled.iter().filter(|span| case.predicted.contains(span)) {
            self.count(span.label, |row| row.exact.right += 1);
        }
        self.add_characters(case);
        if !case.labelled.is_empty() {
            let covered = |at: usize| case.predicted.iter().any(|span| span.holds(at));
            let whole = |span: &Part<'_>| (span.start..span.end).all(covered);
            self.documents.with_labels += 1;
            self.documents.leaking += usize::from(!case.labelled.iter().all(whole));
        } else if case.ignored.is_empty() {
            self.documents.clean += 1;
            self.documents.false_alarm += usize::from(!case.predicted.is_empty());
            let other = case.predicted.iter().any(|span| !NAMES.contains(&span.label));
            self.documents.false_alarm_but_names += usize::from(other);
        }
    }

    fn add_characters(&mut self, case: &Case<'_>) {
        let end = case.labelled.iter().chain(&case.predicted).map(|span| span.end).max().unwrap_or(0);
        let mut labelled = vec![None; end];
        let mut predicted = vec![None; end];
        for span in &case.labelled {
            labelled.get_mut(span.start..span.end).unwrap_or_default().fill(Some(span.label));
        }
        for span in &case.predicted {
            predicted.get_mut(span.start..span.end).unwrap_or_default().fill(Some(span.label));
        }
        for (at, (gold, found)) in labelled.iter().zip(&predicted).enumerate() {
            let found = found.filter(|_| gold.is_some() || !case.is_ignored(at));
            if let Some(label) = gold {
                self.count(label, |row| row.characters.labelled += 1);
                self.any.labelled += 1;
            }
            if let Some(label) = found {
                self.count(label, |row| row.characters.predicted += 1);
                self.any.predicted += 1;
            }
            if let (Some(gold), Some(found)) = (gold, found) {
                self.any.right += 1;
                if *gold == found {
                    self.count(gold, |row| row.characters.right += 1);
                }
            }
        }
    }
}

/// A span with its label as merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part<'r> {
    start: usize,
    end: usize,
    label: &'r str,
}

impl Part<'_> {
    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn holds(&self, at: usize) -> bool {
        (self.start..self.end).contains(&at)
    }

    fn common(&self, other: &Self) -> usize {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }
}

/// One text: what counts of it.
struct Case<'r> {
    labelled: Vec<Part<'r>>,
    ignored: Vec<Part<'r>>,
    /// In the order of belief, not overlapping.
    predicted: Vec<Part<'r>>,
}

impl<'r> Case<'r> {
    fn new(labelled: &'r [Span], predicted: &'r [Span], rules: &'r Rules, scope: &BTreeSet<&str>) -> Self {
        let part = |span: &'r Span| Part { start: span.start, end: span.end, label: rules.merged(&span.label) };
        let (labelled, ignored): (Vec<_>, Vec<_>) =
            labelled.iter().map(part).partition(|span| scope.contains(span.label));
        let mut claims: Vec<(f64, Part<'r>)> = predicted
            .iter()
            .filter(|span| span.score >= rules.least_score)
            .map(|span| (span.score, part(span)))
            .filter(|(_, span)| scope.contains(span.label))
            .collect();
        claims.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(y.len().cmp(&x.len())).then(x.start.cmp(&y.start)));
        let mut kept: Vec<Part<'r>> = Vec::new();
        for (_, claim) in claims {
            if kept.iter().all(|other| claim.end <= other.start || other.end <= claim.start) {
                kept.push(claim);
            }
        }
        kept.retain(|span| {
            let on_ignored = |ground: &Part<'_>| span.common(ground) * 2 >= ground.len().min(span.len());
            labelled.iter().any(|gold| span.common(gold) > 0) || !ignored.iter().any(on_ignored)
        });
        Self { labelled, ignored, predicted: kept }
    }

    /// The labelled spans that have a prediction of their own, by half of the longer of both.
    fn agreeing(&self) -> Vec<Part<'r>> {
        let mut used = vec![false; self.predicted.len()];
        let mut in_order = self.labelled.clone();
        in_order.sort_by_key(|span| span.start);
        in_order.retain(|gold| {
            let mut best: Option<(usize, &mut bool)> = None;
            for (span, taken) in self.predicted.iter().zip(&mut used).filter(|(_, taken)| !**taken) {
                let common = gold.common(span);
                let enough = span.label == gold.label && common * 2 >= gold.len().max(span.len());
                if enough && best.as_ref().is_none_or(|(most, _)| common > *most) {
                    best = Some((common, taken));
                }
            }
            best.map(|(_, taken)| *taken = true).is_some()
        });
        in_order
    }

    /// Whether a character lies on ignored ground and carries no label that counts.
    fn is_ignored(&self, at: usize) -> bool {
        self.ignored.iter().any(|span| span.holds(at)) && !self.labelled.iter().any(|span| span.holds(at))
    }
}
