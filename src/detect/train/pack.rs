//! What was learned, as a model of integers: the observations that matter most, in as many bytes as the table has.

use super::super::recognise::decode::{LABELS, TAGS, may_follow};
use super::super::recognise::lexicon::Lexicon;
use super::super::recognise::model::{KNOTS, Model};
use super::super::recognise::weights::{ROWS, Weights};
use super::learn::Learned;

/// Units of a weight of 1.
pub const UNITS: f32 = 20.0;
/// Margin between two points of the curve of belief, in units: the curve spans margins of plus and minus 16 of them.
pub const STEP: i16 = 10;

/// Puts the `buckets · 6` most telling rows into a table.
pub fn pack(learned: &Learned, keys: &[(u64, u32)], lexicon: Lexicon, buckets: usize) -> Model {
    let mut order: Vec<(f32, usize)> = Vec::with_capacity(keys.len());
    for (id, (row, (_, count))) in learned.rows.iter().zip(keys).enumerate() {
        let (low, high) =
            row.iter().fold((f32::MAX, f32::MIN), |(low, high), weight| (low.min(*weight), high.max(*weight)));
        order.push(((high - low) * (1.0 + *count as f32).ln(), id));
    }
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut weights = Weights::empty(buckets);
    let mut placed = 0;
    for (worth, id) in order {
        if worth <= 0.0 || placed == buckets * ROWS {
            break;
        }
        let (Some(row), Some((key, _))) = (learned.rows.get(id), keys.get(id)) else { continue };
        // What all tags have in common decides nothing: the middle goes to 0.
        let (low, high) =
            row.iter().fold((f32::MAX, f32::MIN), |(low, high), weight| (low.min(*weight), high.max(*weight)));
        let middle = (low + high) / 2.0;
        let row: [i8; TAGS] = row.map(|weight| ((weight - middle) * UNITS).round().clamp(-127.0, 127.0) as i8);
        placed += usize::from(row.iter().any(|weight| *weight != 0) && weights.put(*key, row));
    }
    let mut transitions = [[0; TAGS]; TAGS];
    for (before, (row, learned)) in transitions.iter_mut().zip(&learned.transitions).enumerate() {
        for (tag, (cost, weight)) in row.iter_mut().zip(learned).enumerate() {
            *cost = if may_follow(before as u8, tag as u8) { (weight * UNITS).round() as i16 } else { 0 };
        }
    }
    Model { lexicon, weights, transitions, bias: 0, recall_bias: 0, step: STEP, belief: [[50; KNOTS]; LABELS] }
}
