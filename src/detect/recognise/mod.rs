//! Names of people, places and organisations in free text: a linear-chain CRF over hashed observations, learned by
//! `train`, shipped as one file of integers.
//!
//! [`Recogniser::find`] reads a text once: tokens, what the lists say of them, a gate that skips what is never a name, sums of
//! weights for the rest, the best tags by Viterbi, belief by how far the next best is behind. All sums are integers, so that
//! the same text and model give the same names on every machine. Long texts are read in windows, and where a window ends
//! says nothing about what is found. Other scripts than Latin are left to rules.

mod again;
pub(crate) mod decode;
pub(crate) mod features;
pub(crate) mod gate;
mod letters;
pub(crate) mod lexicon;
mod memo;
pub(crate) mod model;
mod score;
pub(crate) mod tokens;
pub(crate) mod weights;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use again::Again;
use decode::{Costs, Lattice, Span};
use memo::Memo;
use score::Queue;
use tokens::{Reader, Shape, Token};
use weights::{Bucket, Place, Sums};

pub use decode::Label;
pub use model::ModelProblem;

/// Tokens held at a time.
const WINDOW: usize = 4096;
/// Tokens at the end of a window that later ones may still change, or that are looked at from before.
const UNSURE: usize = 64;

/// A name that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// What it names.
    pub label: Label,
    /// First byte.
    pub start: u32,
    /// One past the last; both on character borders.
    pub end: u32,
    /// Belief in percent: of a hundred names believed so, as many were right on text held out from training.
    pub confidence: u8,
    /// Whether a number belongs to it: a place with one is an address.
    pub numbered: bool,
}

/// One observation that spoke for or against a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What was looked at.
    pub observation: &'static str,
    /// The word of the name at which it was.
    pub at: u32,
    /// By how much it speaks for the label, in the model's unit; below 0 against.
    pub weight: i32,
}

/// A model, ready to read texts. Can be shared between threads.
pub struct Recogniser {
    model: model::Model,
    costs: Costs,
    digest: String,
    /// Tells this model from all others in this process.
    number: u64,
    reader: super::simd::Reader,
}

/// The number of the next model.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What reading needs besides the model; kept by each thread, so that reading allocates nothing.
#[derive(Default)]
pub(super) struct Desk {
    tokens: Vec<Token>,
    lattice: Lattice,
    queue: Queue,
    memo: Memo,
    again: Again,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

impl Recogniser {
    /// Reads a model file.
    ///
    /// # Errors
    /// It isn't a model file of this release, or isn't whole.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ModelProblem> {
        let model = model::Model::from_bytes(file)?;
        Ok(Self { digest: model::digest(file), ..Self::from_model(model) })
    }

    /// From a model that was never a file.
    pub(crate) fn from_model(model: model::Model) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            costs: Costs::new(&model.transitions),
            model,
            digest: String::new(),
            number,
            reader: super::simd::Reader::new(),
        }
    }

    /// The model, to be changed.
    pub(crate) fn model_mut(&mut self) -> &mut model::Model {
        // What was worked out with it may not hold any more.
        self.number = NUMBER.fetch_add(1, Ordering::Relaxed);
        &mut self.model
    }

    /// The SHA-256 digest that closes the model file, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes that the model takes.
    pub fn memory_bytes(&self) -> usize {
        self.model.weights.buckets().len() * weights::BUCKET_BYTES + self.model.lexicon.len() * lexicon::GROUP * 4
    }

    /// Appends the names in `text`, in order, not overlapping. `recall` finds more and is wrong more often.
    pub fn find(&self, text: &str, recall: bool, out: &mut Vec<Name>) {
        // A reader within a reader can't happen: nothing below calls back.
        DESK.with_borrow_mut(|desk| self.reader.find(self, desk, text, recall, out));
    }

    /// [`find`](Recogniser::find) at a desk, with what this machine has to sum up rows.
    #[inline(always)]
    pub(super) fn find_at(
        &self,
        desk: &mut Desk,
        text: &str,
        recall: bool,
        out: &mut Vec<Name>,
        sum: impl Fn(&[Bucket], &[Place]) -> Sums + Copy,
    ) {
        let from = out.len();
        desk.again.clear();
        desk.memo.begin(self.number);
        let Desk { tokens, lattice, queue, memo, again } = desk;
        let weights = &self.model.weights;
        let bias = i32::from(if recall { self.model.recall_bias } else { self.model.bias });
        let whole = self.read(text, tokens, memo, |tokens, memo, mut from, sure| {
            let (mut run, mut done, mut come) = (0..0, false, sure);
            loop {
                if !done && !queue.is_full() {
                    if run.is_empty() {
                        match gate::next(tokens, from, tokens.len()) {
                            Some(next) if next.end <= sure => {
                                (from, come) = (next.end, next.end.max(sure));
                                run = next;
                            }
                            Some(next) => (done, come) = (true, next.start.min(sure)),
                            None => done = true,
                        }
                    }
                    if let Some(at) = run.next() {
                        queue.ask(weights, memo, tokens, at, run.is_empty());
                    }
                    continue;
                }
                let Some(scored) = queue.take(weights, memo, sum) else { return come };
                lattice.emissions.push(scored.sums);
                if scored.last {
                    if lattice.decode(&self.costs, bias) {
                        let start = scored.at + 1 - lattice.emissions.len();
                        lattice.spans(&self.costs, |span| {
                            let span = Span { start: span.start + start, end: span.end + start, ..span };
                            let confidence = self.model.belief(span.label as usize, span.margin);
                            out.extend(name(tokens, &span, confidence));
                            again.learn(tokens, &span, confidence);
                        });
                    }
                    lattice.emissions.clear();
                }
            }
        });
        if again.is_empty() {
            return;
        }
        let found = out.len();
        let mut cursor = from;
        let mut seek = |tokens: &[Token], mut at: usize, sure: usize| {
            while at < sure {
                let Some((span, confidence)) = again.find(tokens, at) else {
                    at += 1;
                    continue;
                };
                let Some(new) = name(tokens, &span, confidence) else { break };
                let held = out.get(cursor..found).unwrap_or_default();
                cursor += held.iter().take_while(|name| name.end <= new.start).count();
                let taken = out.get(cursor).is_some_and(|name| cursor < found && name.start < new.end);
                at = if taken { at + 1 } else { span.end };
                if !taken {
                    out.push(new);
                }
            }
            at
        };
        if whole {
            seek(tokens, 0, tokens.len());
        } else {
            self.read(text, tokens, memo, |tokens, _, at, sure| seek(tokens, at, sure));
        }
        if out.len() > found
            && let Some(names) = out.get_mut(from..)
        {
            names.sort_unstable_by_key(|name| name.start);
        }
    }

    /// Reads all tokens, window by window. `each` gets the window, where in it to go on, and up to where it is sure to stay as
    /// it is; it says how far it came. Whether the text fitted into one window.
    #[inline(always)]
    fn read(
        &self,
        text: &str,
        tokens: &mut Vec<Token>,
        memo: &mut Memo,
        mut each: impl FnMut(&[Token], &mut Memo, usize, usize) -> usize,
    ) -> bool {
        tokens.clear();
        let lexicon = &self.model.lexicon;
        let mut reader = Reader::new(text);
        let mut from = 0;
        let mut whole = true;
        loop {
            let mut ended = false;
            while tokens.len() < WINDOW {
                let mut looked_up = false;
                let known = |short| {
                    looked_up = true;
                    memo.word(short, lexicon)
                };
                let Some(mut token) = reader.next_with(tokens, known) else {
                    ended = true;
                    break;
                };
                let is_word = lexicon::is_looked_up(&token);
                if is_word && !looked_up {
                    token.lex = memo.class(token.word, lexicon);
                }
                tokens.push(token);
                if is_word {
                    lexicon.look_up_phrase(tokens);
                }
            }
            let sure = if ended { tokens.len() } else { tokens.len() - UNSURE };
            from = each(tokens, memo, from, sure);
            if ended {
                return whole;
            }
            whole = false;
            let dropped = from.saturating_sub(features::REACH).min(sure);
            tokens.drain(..dropped);
            from -= dropped;
        }
    }

    /// What spoke for the label of the name at these bytes of the text, strongest first.
    pub fn explain(&self, text: &str, name: &Name) -> Vec<Reason> {
        let mut tokens = Vec::new();
        let (mut memo, mut reasons) = (Memo::default(), Vec::new());
        let (begin, inside) = name.label.tags();
        self.read(text, &mut tokens, &mut memo, |tokens, _, from, sure| {
            for at in from..sure {
                let Some(token) = tokens.get(at).filter(|token| token.start >= name.start && token.end <= name.end)
                else {
                    continue;
                };
                let tag = usize::from(if token.start == name.start { begin } else { inside });
                for (key, observation) in features::keys(tokens, at).iter().zip(features::NAMES) {
                    let row = self.model.weights.row(*key);
                    let outside = row.first().copied().unwrap_or(0);
                    let weight = i32::from(row.get(tag).copied().unwrap_or(0)) - i32::from(outside);
                    if weight != 0 {
                        reasons.push(Reason { observation, at: token.start, weight });
                    }
                }
            }
            sure
        });
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight.abs()));
        reasons
    }
}

/// A span of tokens as a name in the text.
fn name(tokens: &[Token], span: &Span, confidence: u8) -> Option<Name> {
    let words = tokens.get(span.start..span.end)?;
    let (first, last) = (words.first()?, words.last()?);
    let numbered = words.iter().any(|token| token.shape == Shape::Digits);
    Some(Name { label: span.label, start: first.start, end: last.end, confidence, numbered })
}

#[cfg(test)]
mod tests;
