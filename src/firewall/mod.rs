//! How hostile a text is: [`Judge::judge`] gives a [`Verdict`] with reasons. It blocks nothing: the action is policy's.
//!
//! A score is evidence, not proof: known phrasings and hidden channels are seen, a paraphrase is not. Encoded payloads are
//! pointed at, never decoded; text drawn in images, homoglyphs and other languages beyond a few phrases go unseen.

mod hidden;
mod judge;
mod rules;

pub use judge::{Judge, Verdict};
pub use rules::Reason;

#[cfg(test)]
mod tests;
