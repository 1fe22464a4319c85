//! How good a recogniser is on labelled text, by the rules of the field: a name counts as found where label and at least half
//! of the longer of both spans agree, one to one.

use super::super::recognise::decode::{LABELS, Label};
use super::super::recognise::{Name, Recogniser};
use super::corpus::{Document, Mark};

/// Counts of names: found and right, found, there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Found and right.
    pub right: usize,
    /// Found.
    pub found: usize,
    /// In the text.
    pub there: usize,
}

impl Count {
    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        if self.found + self.there == 0 { 0.0 } else { 2.0 * self.right as f64 / (self.found + self.there) as f64 }
    }

    /// How much of what was found is right.
    pub fn precision(&self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    /// How much of what is there was found.
    pub fn recall(&self) -> f64 {
        self.right as f64 / self.there.max(1) as f64
    }

    fn add(&mut self, other: &Count) {
        self.right += other.right;
        self.found += other.found;
        self.there += other.there;
    }
}

/// What was measured on a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// By label.
    pub labels: [Count; LABELS],
    /// Characters in names, and those of them that some name covers.
    pub characters: (usize, usize),
}

impl Score {
    /// Persons, places and organisations together.
    pub fn all(&self) -> Count {
        let mut all = Count::default();
        self.labels.iter().take(3).for_each(|count| all.add(count));
        all
    }

    /// Part of the labelled characters that was covered, whatever the label.
    pub fn covered(&self) -> f64 {
        self.characters.1 as f64 / self.characters.0.max(1) as f64
    }
}

/// Scores what `recogniser` finds. `least` is the belief below which names are left out. `each` hears of every name and whether it was right.
pub fn score(
    recogniser: &Recogniser,
    documents: &[&Document],
    recall: bool,
    least: u8,
    each: &mut dyn FnMut(&Name, bool),
) -> Score {
    let mut score = Score::default();
    let mut names = Vec::new();
    for document in documents {
        names.clear();
        recogniser.find(&document.text, recall, &mut names);
        names.retain(|name| name.confidence >= least && !is_ignored(name, &document.marks));
        for mark in &document.marks {
            let Some(label) = mark.label.filter(|label| *label != Label::Condition) else { continue };
            count(&mut score, label).there += 1;
            score.characters.0 += mark.end - mark.start;
            score.characters.1 += names.iter().map(|name| overlap(name, mark)).sum::<usize>();
        }
        let mut taken = vec![false; names.len()];
        for mark in document.marks.iter().filter(|mark| mark.label.is_some()) {
            let best = names.iter().enumerate().filter(|(i, name)| {
                let longer = (mark.end - mark.start).max((name.end - name.start) as usize);
                Some(name.label) == mark.label
                    && !taken.get(*i).copied().unwrap_or(true)
                    && overlap(name, mark) * 2 >= longer
            });
            if let Some((i, name)) = best.max_by_key(|(_, name)| overlap(name, mark)) {
                count(&mut score, name.label).right += 1;
                if let Some(slot) = taken.get_mut(i) {
                    *slot = true;
                }
            }
        }
        for (name, right) in names.iter().zip(taken) {
            count(&mut score, name.label).found += 1;
            each(name, right);
        }
    }
    score
}

#[expect(clippy::indexing_slicing, reason = "a label's number is below LABELS")]
fn count(score: &mut Score, label: Label) -> &mut Count {
    &mut score.labels[label as usize]
}

fn overlap(name: &Name, mark: &Mark) -> usize {
    mark.end.min(name.end as usize).saturating_sub(mark.start.max(name.start as usize))
}

/// Whether a find lies on what the set labels as something else, and touches no name.
fn is_ignored(name: &Name, marks: &[Mark]) -> bool {
    let touches = |mark: &&Mark| overlap(name, mark) > 0;
    if marks.iter().filter(touches).any(|mark| mark.label.is_some()) {
        return false;
    }
    marks.iter().any(|mark| overlap(name, mark) * 2 >= (mark.end - mark.start).min((name.end - name.start) as usize))
}
