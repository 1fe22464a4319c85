//! Sums of weights, token by token: asked for some tokens ahead of being added up, so that the rows, which lie all over the table,
//! are fetched meanwhile. The sums of what comes again and again are remembered.

use super::features::{Beside, OF_BESIDE, OF_OTHERS, OF_OWN, Own, View};
use super::memo::{Memo, Question, Table};
use super::tokens::Token;
use super::weights::{Bucket, Place, Sums, Weights};

/// Tokens that are asked for ahead.
const AHEAD: usize = 4;

/// A sum that is known, or where its rows stand.
#[derive(Clone, Copy)]
struct Part<Q, const N: usize> {
    asked: Q,
    known: Option<Sums>,
    places: [Place; N],
}

impl<Q: Default, const N: usize> Default for Part<Q, N> {
    fn default() -> Self {
        Self { asked: Q::default(), known: None, places: [Place::default(); N] }
    }
}

impl<Q: Question, const N: usize> Part<Q, N> {
    /// Asks. Says whether the sum is known; else its rows are to be sought.
    #[inline(always)]
    fn is_known<const M: usize>(&mut self, question: &Q, table: &mut Table<Q, Sums, M>) -> bool {
        self.asked = *question;
        self.known = table.get(question);
        self.known.is_some()
    }

    /// The sum; kept where it was not known.
    #[inline(always)]
    fn sums<const M: usize>(&self, table: &mut Table<Q, Sums, M>, sum: impl Fn(&[Place]) -> Sums) -> Sums {
        self.known.unwrap_or_else(|| {
            let sums = sum(&self.places);
            table.keep(&self.asked, sums);
            sums
        })
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
    pub sums: Sums,
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
    #[inline(always)]
    pub fn ask(&mut self, weights: &Weights, memo: &mut Memo, tokens: &[Token], at: usize, last: bool) {
        let view = View::new(tokens, at);
        let asked = &mut self.asked[self.ins % AHEAD];
        self.ins += 1;
        (asked.at, asked.last) = (at, last);
        if !asked.own.is_known(view.own(), &mut memo.own) {
            weights.seek(&view.own().keys(), &mut asked.own.places);
        }
        if !asked.beside.is_known(view.beside(), &mut memo.beside) {
            weights.seek(&view.beside().keys(), &mut asked.beside.places);
        }
        weights.seek(&view.others(), &mut asked.others.places);
    }

    /// The sums of the token that was asked for first.
    #[expect(clippy::indexing_slicing, reason = "hot path: a remainder by the length")]
    #[inline(always)]
    pub fn take(
        &mut self,
        weights: &Weights,
        memo: &mut Memo,
        sum: impl Fn(&[Bucket], &[Place]) -> Sums,
    ) -> Option<Scored> {
        let sum = |places: &[Place]| sum(weights.buckets(), places);
        if self.ins == self.outs {
            return None;
        }
        let asked = &self.asked[self.outs % AHEAD];
        self.outs += 1;
        let own = asked.own.sums(&mut memo.own, sum);
        let beside = asked.beside.sums(&mut memo.beside, sum);
        let others = sum(&asked.others.places);
        let sums = std::array::from_fn(|tag| own[tag] + beside[tag] + others[tag]);
        Some(Scored { sums, at: asked.at, last: asked.last })
    }
}
