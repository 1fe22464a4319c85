//! The best row of tags for a run of tokens (Viterbi on integers), and how far the next best is behind: for each token the
//! best row through its tag against the best through any other label (max-marginals).
//!
//! All sums are integers: the same on every machine.

/// How many tags there are.
pub(crate) const TAGS: usize = 8;
/// Outside of names. Then begin and inside of a person, a place, an organisation; then any part of a condition.
pub(crate) const OUTSIDE: u8 = 0;

/// Labels in the order of their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// A person's name.
    Person,
    /// A place.
    Location,
    /// An organisation.
    Organization,
    /// A medical condition.
    Condition,
}

/// How many labels there are.
pub(crate) const LABELS: usize = 4;

impl Label {
    /// All, in the order of their numbers.
    pub const ALL: [Label; LABELS] = [Label::Person, Label::Location, Label::Organization, Label::Condition];

    /// The label of a tag.
    pub(crate) fn of(tag: u8) -> Option<Label> {
        match tag {
            1 | 2 => Some(Label::Person),
            3 | 4 => Some(Label::Location),
            5 | 6 => Some(Label::Organization),
            7 => Some(Label::Condition),
            _ => None,
        }
    }

    /// The tags at the beginning and inside.
    pub(crate) fn tags(self) -> (u8, u8) {
        match self {
            Label::Person => (1, 2),
            Label::Location => (3, 4),
            Label::Organization => (5, 6),
            Label::Condition => (7, 7),
        }
    }
}

/// Whether `tag` may follow `before`: an inside tag follows its own label's tags alone.
pub(crate) fn may_follow(before: u8, tag: u8) -> bool {
    match tag {
        2 | 4 | 6 => before == tag || before == tag - 1,
        _ => true,
    }
}

/// Less than any sum that can occur, and far from the type's end.
const NEVER: i32 = -1_000_000;

/// The cost of one tag after another.
pub(crate) type Transitions = [[i16; TAGS]; TAGS];

/// Working space for one run, kept between runs.
#[derive(Default)]
pub(crate) struct Lattice {
    /// Sums of weights, one row a token.
    pub emissions: Vec<[i16; TAGS]>,
    forward: Vec<[i32; TAGS]>,
    backward: Vec<[i32; TAGS]>,
    back: Vec<[u8; TAGS]>,
    /// The best tags, filled by [`Lattice::decode`].
    pub tags: Vec<u8>,
}

/// What is found in a run: tokens counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub label: Label,
    pub start: usize,
    pub end: usize,
    /// How far the best row without it is behind; below 0 where a bias chose it.
    pub margin: i32,
}

/// The transitions as they are added up: what may not be costs more than anything gains.
pub(crate) struct Costs {
    costs: [[i32; TAGS]; TAGS],
    /// The most that a token may gain from the transitions into its tag, and out of it where the name ends there, against
    /// being outside like its neighbours.
    most: [i32; TAGS],
}

impl Costs {
    /// Of a model's transitions.
    pub fn new(transitions: &Transitions) -> Self {
        let mut costs = [[NEVER; TAGS]; TAGS];
        for (before, (row, learned)) in costs.iter_mut().zip(transitions).enumerate() {
            for (tag, (cell, cost)) in row.iter_mut().zip(learned).enumerate() {
                if may_follow(before as u8, tag as u8) {
                    *cell = i32::from(*cost);
                }
            }
        }
        let [[stay, ..], ..] = costs;
        let into = |tag: usize| costs.iter().filter_map(|row| row.get(tag)).fold(NEVER, |most, cost| most.max(*cost));
        let out = |tag: usize| costs.get(tag).and_then(|row| row.first()).map_or(0, |cost| (cost - stay).max(0));
        Self { costs, most: std::array::from_fn(|tag| into(tag) - stay + out(tag)) }
    }
}

impl Lattice {
    /// Whether every row but the one that is all outside is worse: told without looking at rows. So it is where no token gains by
    /// any tag: a name, wherever it begins and ends, is worth no more than what its tokens gain at most.
    #[expect(clippy::indexing_slicing, clippy::needless_range_loop, reason = "hot loop: tags are below TAGS")]
    #[inline(always)]
    fn is_plain(&self, costs: &Costs, bias: i32) -> bool {
        self.emissions.iter().all(|emission| {
            let outside = i32::from(emission[0]);
            // Tags innermost, no early end: eight lanes at once.
            let mut gains = false;
            for tag in 1..TAGS {
                gains |= i32::from(emission[tag]) + costs.most[tag] + bias >= outside;
            }
            !gains
        })
    }

    /// By how much the best row is better than the one that is all outside; 0 where that one is the best.
    #[expect(clippy::indexing_slicing, reason = "hot loop: tags are below TAGS")]
    #[inline(always)]
    fn lead(&self, costs: &Costs, bias: i32) -> i32 {
        let costs = &costs.costs;
        let mut scores = [NEVER; TAGS];
        scores[0] = 0;
        let mut outside = 0;
        for emission in &self.emissions {
            let mut best = [i32::MIN; TAGS];
            for before in 0..TAGS {
                // Tags innermost: eight lanes at once.
                for tag in 0..TAGS {
                    best[tag] = best[tag].max(scores[before] + costs[before][tag]);
                }
            }
            for tag in 0..TAGS {
                scores[tag] = best[tag] + i32::from(emission[tag]) + if tag == 0 { 0 } else { bias };
            }
            outside += costs[0][0] + i32::from(emission[0]);
        }
        let ends = scores.iter().zip(costs).map(|(score, row)| score + row[0]);
        ends.fold(i32::MIN, i32::max) - outside - costs[0][0]
    }

    /// The best tags of the run in `emissions`, with `bias` added to every tag but [`OUTSIDE`]. Both ends border on the outside.
    /// Whether any of them names something; where none does, tags are left as they are.
    #[inline(always)]
    pub fn decode(&mut self, costs: &Costs, bias: i32) -> bool {
        // Of rows that are worth the same the one that is outside for longer is taken.
        !self.is_plain(costs, bias) && self.lead(costs, bias) > 0 && self.best(costs, bias)
    }

    /// The best tags, by looking back from the end; whether any of them names something.
    #[expect(clippy::indexing_slicing, reason = "hot loop: tags are below TAGS, rows were just pushed")]
    fn best(&mut self, costs: &Costs, bias: i32) -> bool {
        let costs = &costs.costs;
        self.back.clear();
        self.tags.clear();
        let mut scores = [NEVER; TAGS];
        scores[0] = 0;
        for emission in &self.emissions {
            // Tags innermost: eight lanes at once.
            let mut best: [i32; TAGS] = std::array::from_fn(|tag| scores[0] + costs[0][tag]);
            let mut back = [0i32; TAGS];
            for before in 1..TAGS {
                for tag in 0..TAGS {
                    let score = scores[before] + costs[before][tag];
                    let better = score > best[tag];
                    best[tag] = if better { score } else { best[tag] };
                    back[tag] = if better { before as i32 } else { back[tag] };
                }
            }
            for tag in 0..TAGS {
                scores[tag] = best[tag] + i32::from(emission[tag]) + if tag == 0 { 0 } else { bias };
            }
            self.back.push(back.map(|before| before as u8));
        }
        let mut tag = 0u8;
        let mut best = i32::MIN;
        for (last, row) in costs.iter().enumerate() {
            let score = scores[last] + row[0];
            if score > best {
                (best, tag) = (score, last as u8);
            }
        }
        let mut any = false;
        for back in self.back.iter().rev() {
            any |= tag != OUTSIDE;
            self.tags.push(tag);
            tag = back[usize::from(tag)];
        }
        self.tags.reverse();
        any
    }

    /// Fills the sums from both ends, without bias, from which margins are read.
    #[expect(clippy::indexing_slicing, reason = "hot loop: tags are below TAGS")]
    fn marginals(&mut self, costs: &Costs) {
        let costs = &costs.costs;
        self.forward.clear();
        self.backward.clear();
        let mut scores = [NEVER; TAGS];
        scores[0] = 0;
        for emission in &self.emissions {
            let mut best = [i32::MIN; TAGS];
            for before in 0..TAGS {
                for tag in 0..TAGS {
                    best[tag] = best[tag].max(scores[before] + costs[before][tag]);
                }
            }
            scores = std::array::from_fn(|tag| best[tag] + i32::from(emission[tag]));
            self.forward.push(scores);
        }
        let mut scores: [i32; TAGS] = std::array::from_fn(|tag| costs[tag][0]);
        for emission in self.emissions.iter().rev() {
            self.backward.push(scores);
            let with: [i32; TAGS] = std::array::from_fn(|tag| scores[tag] + i32::from(emission[tag]));
            scores = std::array::from_fn(|before| {
                (0..TAGS).map(|tag| costs[before][tag] + with[tag]).max().unwrap_or(NEVER)
            });
        }
        self.backward.reverse();
    }

    /// The spans that the tags say, with their margins. Call after a [`Lattice::decode`] that found something.
    pub fn spans(&mut self, costs: &Costs, mut each: impl FnMut(Span)) {
        self.marginals(costs);
        let mut at = 0;
        while let Some(label) = self.tags.get(at).map(|tag| Label::of(*tag)) {
            let Some(label) = label else {
                at += 1;
                continue;
            };
            let (_, inside) = label.tags();
            let rest = self.tags.get(at + 1..).unwrap_or_default();
            let end = at + 1 + rest.iter().take_while(|tag| **tag == inside).count();
            let margin = (at..end).map(|token| self.margin(token, label)).min().unwrap_or(0);
            each(Span { label, start: at, end, margin });
            at = end;
        }
    }

    fn margin(&self, token: usize, label: Label) -> i32 {
        let (Some(forward), Some(backward)) = (self.forward.get(token), self.backward.get(token)) else { return 0 };
        let (mut with, mut without) = (i32::MIN, i32::MIN);
        for (tag, (f, b)) in forward.iter().zip(backward).enumerate() {
            let side = if Label::of(tag as u8) == Some(label) { &mut with } else { &mut without };
            *side = (*side).max(f + b);
        }
        with - without
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // INVARIANT: a run is told to hold no name without looking at rows only where the best row says so.
        #[test]
        fn a_run_is_left_early_only_where_its_best_row_is_outside(
            transitions in proptest::array::uniform8(proptest::array::uniform8(-50i16..20)),
            emissions in proptest::collection::vec(proptest::array::uniform8(-40i16..40), 1..6),
            outside in -20i16..80,
            bias in -10i32..40,
        ) {
            let costs = Costs::new(&transitions);
            let emissions = emissions.into_iter().map(|mut row| {
                row[0] += outside;
                row
            });
            let mut quick = Lattice { emissions: emissions.collect(), ..Lattice::default() };
            let mut slow = Lattice { emissions: quick.emissions.clone(), ..Lattice::default() };
            let any = slow.best(&costs, bias);
            prop_assert_eq!(quick.decode(&costs, bias), any);
            if any {
                prop_assert_eq!(quick.tags, slow.tags);
            }
        }
    }
}
