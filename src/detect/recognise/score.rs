//! Sums of weights, token by token: asked for some tokens ahead of being added up, so that the rows, which lie all over the table,
//! are fetched meanwhile. The sums of what comes again and again are remembered.

use super::decode::TAGS;
use super::features::{Beside, COUNT, OF_BESIDE, OF_OTHERS, OF_OWN, Own, View};
use super::memo::Memo;
use super::tokens::Token;
use super::weights::{Packed, Place, Weights};

/// Tokens that are asked for ahead.
const AHEAD: usize = 4;

/// A sum that is known, or where its rows stand.
#[derive(Clone, Copy)]
struct Part<Q, const N: usize> {
    asked: Q,
    known: Option<Packed>,
    places: [Place; N],
}

impl<Q: Default, const N: usize> Default for Part<Q, N> {
    fn default() -> Self {
        Self { asked: Q::default(), known: None, places: [Place::default(); N] }
    }
}

/// A token that was asked for.
#[derive(Clone, Copy, Default)]
struct Asked {
    at: usize,
    last: bool,
    own: Part<Own, { OF_OWN.len() }>,
    beside: Part<Beside, { OF_BESIDE.len() }>,
    others: Part<(), { OF_OTHERS.len() }>,
}

/// Tokens that were asked for, first come first served.
#[derive(Default)]
pub(crate) struct Queue {
    asked: [Asked; AHEAD],
    /// Tokens put in, and tokens taken out.
    ins: usize,
    outs: usize,
}

/// The sums of a token.
pub(crate) struct Scored {
    pub sums: [i16; TAGS],
    pub at: usize,
    /// Whether it is the last of its run.
    pub last: bool,
}

impl Queue {
    /// Whether no more can be asked before one is taken out.
    pub fn is_full(&self) -> bool {
        self.ins - self.outs == AHEAD
    }

    /// Asks for the sums of `tokens[at]`.
    #[expect(clippy::indexing_slicing, reason = "hot path: a remainder by the length")]
    #[inline]
    pub fn ask(&mut self, weights: &Weights, memo: &mut Memo, tokens: &[Token], at: usize, last: bool) {
        let view = View::new(tokens, at);
        let asked = &mut self.asked[self.ins % AHEAD];
        self.ins += 1;
        (asked.at, asked.last) = (at, last);
        asked.own.asked = *view.own();
        asked.own.known = memo.own(view.own());
        if asked.own.known.is_none() {
            asked.own.places = view.own().keys().map(|key| weights.seek(key));
        }
        asked.beside.asked = *view.beside();
        asked.beside.known = memo.beside(view.beside());
        if asked.beside.known.is_none() {
            asked.beside.places = view.beside().keys().map(|key| weights.seek(key));
        }
        asked.others.places = view.others().map(|key| weights.seek(key));
    }

    /// The sums of the token that was asked for first.
    #[expect(clippy::indexing_slicing, reason = "hot path: a remainder by the length")]
    #[inline]
    pub fn take(&mut self, weights: &Weights, memo: &mut Memo) -> Option<Scored> {
        if self.ins == self.outs {
            return None;
        }
        let asked = &self.asked[self.outs % AHEAD];
        self.outs += 1;
        let own = asked.own.known.unwrap_or_else(|| {
            let sums = weights.sum(&asked.own.places);
            memo.keep_own(&asked.own.asked, sums);
            sums
        });
        let beside = asked.beside.known.unwrap_or_else(|| {
            let sums = weights.sum(&asked.beside.places);
            memo.keep_beside(&asked.beside.asked, sums);
            sums
        });
        let sums = own.and(beside).and(weights.sum(&asked.others.places)).sums(COUNT);
        Some(Scored { sums, at: asked.at, last: asked.last })
    }
}
