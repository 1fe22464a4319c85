//! From margins to belief: of names held out from training with about the same margin, what part was right. The curve never
//! falls (isotonic regression by pooling neighbours), and where little was seen it leans on what lies around.

use super::super::recognise::decode::LABELS;
use super::super::recognise::model::KNOTS;
use super::super::recognise::{Name, Recogniser};
use super::corpus::Document;
use super::measure::score;

/// Right and all names near each knot, by label.
#[derive(Clone)]
pub(super) struct Seen([[(f32, f32); KNOTS]; LABELS]);

/// What all names of one source weigh together.
const WEIGHT: f32 = 1000.0;

/// A curve on which belief tells the margin: 1 at the lowest knot, three more at each.
pub(super) fn ruler() -> [[u8; KNOTS]; LABELS] {
    [std::array::from_fn(|knot| 1 + 3 * knot as u8); LABELS]
}

impl Seen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self([[(0.0, 0.0); KNOTS]; LABELS])
    }

    /// Counts what `recogniser`, whose curves are the ruler, finds in documents of one source that it didn't learn from. Every
    /// source weighs the same, however many names it has: templates are many and easy.
    pub fn count(&mut self, recogniser: &Recogniser, documents: &[&Document]) {
        let mut found = Vec::new();
        score(recogniser, documents, true, 0, &mut |name: &Name, right| found.push((*name, right)));
        let weight = WEIGHT / found.len().max(1) as f32;
        for (name, right) in found {
            let knot = usize::from(name.confidence.saturating_sub(1)).div_ceil(3).min(KNOTS - 1);
            if let Some((rights, all)) = self.0.get_mut(name.label as usize).and_then(|curve| curve.get_mut(knot)) {
                *rights += if right { weight } else { 0.0 };
                *all += weight;
            }
        }
    }

    /// The curves in percent.
    pub fn curves(&self) -> [[u8; KNOTS]; LABELS] {
        self.0.map(|curve| {
            // A little of the straight line from 1 to 99 stands in for what was not seen.
            let pulled = curve.iter().enumerate().map(|(knot, (rights, all))| {
                let line = 0.01 + 0.98 * knot as f32 / (KNOTS - 1) as f32;
                (rights + line, all + 1.0)
            });
            let mut pools: Vec<(f32, f32, usize)> = Vec::new();
            for (rights, all) in pulled {
                pools.push((rights, all, 1));
                while let [.., before, last] = pools.as_slice()
                    && before.0 * last.1 >= last.0 * before.1
                {
                    let joined = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
                    pools.truncate(pools.len() - 2);
                    pools.push(joined);
                }
            }
            let percent = |(rights, all, _): &(f32, f32, usize)| (100.0 * rights / all).round().clamp(1.0, 99.0) as u8;
            let mut levels = pools.iter().flat_map(|pool| std::iter::repeat_n(percent(pool), pool.2));
            std::array::from_fn(|_| levels.next().unwrap_or(99))
        })
    }
}
