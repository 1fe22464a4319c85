//! The maths of learning: a linear-chain CRF fitted by stochastic gradients (AdaGrad) on the log-likelihood, weights averaged
//! over the last passes. Examples are runs of tokens with the ids of their observations and their tags.
//!
//! Forward and backward sums are scaled token by token, so nothing overflows; no number depends on anything but the
//! examples, their order and the seed.

use super::super::recognise::decode::{TAGS, may_follow};
use super::dice::Dice;

/// Runs of tokens, laid out one behind another.
#[derive(Default)]
pub struct Examples {
    /// Ids of observations, `width` a token.
    pub ids: Vec<u32>,
    /// How many ids a token has.
    pub width: usize,
    /// The tag of each token.
    pub tags: Vec<u8>,
    /// Where runs begin in `tags`; the last number is their end.
    pub starts: Vec<usize>,
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Times all examples are seen.
    pub passes: usize,
    /// The size of steps.
    pub rate: f32,
    /// What large weights cost.
    pub decay: f32,
    /// Percent of observations left out at random.
    pub dropout: u64,
    /// Where dice start.
    pub seed: u64,
}

/// What was learned.
pub struct Learned {
    /// One row an observation.
    pub rows: Vec<[f32; TAGS]>,
    /// Before, after.
    pub transitions: [[f32; TAGS]; TAGS],
}

type Row = [f32; TAGS];

struct Learner {
    rows: Vec<Row>,
    squares: Vec<Row>,
    transitions: [Row; TAGS],
    transition_squares: [Row; TAGS],
    settings: Settings,
    // Working space of one run.
    emissions: Vec<Row>,
    alphas: Vec<Row>,
    betas: Vec<Row>,
    kept: Vec<u32>,
}

/// Id of an observation that isn't learned.
pub const NONE: u32 = u32::MAX;

/// Fits weights for `count` observations. `progress` hears of each pass: its number and the mean loss of a token; where it says
/// no, learning stops there.
pub fn learn(
    examples: &Examples,
    count: usize,
    settings: Settings,
    progress: &mut dyn FnMut(usize, f32) -> bool,
) -> Learned {
    let mut learner = Learner {
        rows: vec![[0.0; TAGS]; count],
        squares: vec![[0.0; TAGS]; count],
        transitions: [[0.0; TAGS]; TAGS],
        transition_squares: [[0.0; TAGS]; TAGS],
        settings,
        emissions: Vec::new(),
        alphas: Vec::new(),
        betas: Vec::new(),
        kept: Vec::new(),
    };
    let mut order: Vec<usize> = (0..examples.starts.len().saturating_sub(1)).collect();
    let mut dice = Dice::new(settings.seed);
    let mut sums: Vec<Row> = Vec::new();
    let mut transition_sums = [[0.0; TAGS]; TAGS];
    let mut summed = 0;
    for pass in 0..settings.passes {
        dice.shuffle(&mut order);
        let rate = settings.rate * (1.0 - 0.8 * pass as f32 / settings.passes as f32);
        let mut loss = 0.0;
        let halves = order.len() / 2;
        for (seen, example) in order.iter().enumerate() {
            loss += learner.step(examples, *example, rate, &mut dice);
            // The mean over moments late in training stands for the mean over all steps.
            let late = pass * 2 >= settings.passes;
            if late && (seen == halves || seen + 1 == order.len()) {
                sums.resize(count, [0.0; TAGS]);
                add(&mut sums, &learner.rows);
                add(&mut transition_sums, &learner.transitions);
                summed += 1;
            }
        }
        if !progress(pass + 1, loss / examples.tags.len().max(1) as f32) {
            break;
        }
    }
    if summed == 0 {
        return Learned { rows: learner.rows, transitions: learner.transitions };
    }
    let part = 1.0 / summed as f32;
    let scale = |rows: &mut [Row]| rows.iter_mut().flatten().for_each(|weight| *weight *= part);
    scale(&mut sums);
    scale(&mut transition_sums);
    Learned { rows: sums, transitions: transition_sums }
}

fn add(sums: &mut [Row], rows: &[Row]) {
    for (sum, row) in sums.iter_mut().flatten().zip(rows.iter().flatten()) {
        *sum += row;
    }
}

#[expect(clippy::indexing_slicing, reason = "hot loops: tags are below TAGS, ids below the number of rows")]
impl Learner {
    /// One step on one run; gives its loss.
    fn step(&mut self, examples: &Examples, example: usize, rate: f32, dice: &mut Dice) -> f32 {
        let (from, to) = (examples.starts[example], examples.starts[example + 1]);
        let tags = &examples.tags[from..to];
        let ids = &examples.ids[from * examples.width..to * examples.width];
        self.score(ids, examples.width, dice);
        let (gates, loss) = self.sums(tags);
        let settings = self.settings;
        let mut flow = [[0.0f32; TAGS]; TAGS];
        for at in 0..tags.len() {
            let (alpha, beta) = (self.alphas[at], self.betas[at]);
            let mut gradient: Row = std::array::from_fn(|tag| -alpha[tag] * beta[tag]);
            gradient[usize::from(tags[at])] += 1.0;
            self.pairs(at, &gates, tags, &mut flow);
            if gradient.iter().all(|g| g.abs() < 0.002) {
                continue;
            }
            for id in &self.kept[at * examples.width..(at + 1) * examples.width] {
                if *id == NONE {
                    continue;
                }
                let (row, squares) = (&mut self.rows[*id as usize], &mut self.squares[*id as usize]);
                for tag in 0..TAGS {
                    let g = gradient[tag] - settings.decay * row[tag];
                    squares[tag] += g * g;
                    row[tag] += rate * g / (squares[tag] + 1e-4).sqrt();
                }
            }
        }
        self.end_pair(tags, &gates, &mut flow);
        for before in 0..TAGS {
            for tag in 0..TAGS {
                let g = flow[before][tag];
                if g != 0.0 {
                    self.transition_squares[before][tag] += g * g;
                    self.transitions[before][tag] += rate * g / (self.transition_squares[before][tag] + 1e-2).sqrt();
                }
            }
        }
        loss
    }

    /// Sums weights; leaves out some observations by dice.
    fn score(&mut self, ids: &[u32], width: usize, dice: &mut Dice) {
        self.kept.clear();
        self.emissions.clear();
        let threshold = (self.settings.dropout << 32) / 100;
        for token in ids.chunks_exact(width) {
            let mut sums = [0.0; TAGS];
            let mut bits = 0u64;
            for (i, id) in token.iter().enumerate() {
                if i % 2 == 0 {
                    bits = dice.roll();
                }
                let out = (bits & 0xFFFF_FFFF) < threshold;
                bits >>= 32;
                let id = if out { NONE } else { *id };
                self.kept.push(id);
                if id != NONE {
                    for (sum, weight) in sums.iter_mut().zip(&self.rows[id as usize]) {
                        *sum += weight;
                    }
                }
            }
            self.emissions.push(sums);
        }
        // What is left out in training weighs in later: sums keep their size.
        let grown = 1.0 / (1.0 - self.settings.dropout as f32 / 100.0);
        self.emissions.iter_mut().flatten().for_each(|sum| *sum *= grown);
    }

    /// Forward and backward sums, so that alpha times beta is the chance of a tag. Gives the transitions' factors, and the loss.
    fn sums(&mut self, tags: &[u8]) -> ([Row; TAGS], f32) {
        let mut gates = [[0.0f32; TAGS]; TAGS];
        for before in 0..TAGS {
            for tag in 0..TAGS {
                if may_follow(before as u8, tag as u8) {
                    gates[before][tag] = self.transitions[before][tag].exp();
                }
            }
        }
        let count = tags.len();
        self.alphas.clear();
        self.betas.clear();
        self.betas.resize(count, [0.0; TAGS]);
        let mut loss = 0.0;
        let mut alpha = [0.0; TAGS];
        alpha[0] = 1.0;
        let mut gold_before = 0usize;
        for at in 0..count {
            let top = self.emissions[at].iter().copied().fold(f32::MIN, f32::max);
            let factors: Row = std::array::from_fn(|tag| (self.emissions[at][tag] - top).exp());
            let mut next = [0.0; TAGS];
            for before in 0..TAGS {
                for tag in 0..TAGS {
                    next[tag] += alpha[before] * gates[before][tag];
                }
            }
            let mut total = 0.0;
            for tag in 0..TAGS {
                next[tag] *= factors[tag];
                total += next[tag];
            }
            let total = total.max(1e-30);
            alpha = next.map(|a| a / total);
            let gold = usize::from(tags[at]);
            loss += total.ln() + top - self.emissions[at][gold] - self.transitions[gold_before][gold];
            gold_before = gold;
            self.alphas.push(alpha);
            // Kept for the way back: the factors over this token's total.
            self.emissions[at] = factors.map(|f| f / total);
        }
        let end: f32 = (0..TAGS).map(|tag| alpha[tag] * gates[tag][0]).sum::<f32>().max(1e-30);
        loss += end.ln() - self.transitions[gold_before][0];
        let mut beta: Row = std::array::from_fn(|tag| gates[tag][0] / end);
        for at in (0..count).rev() {
            self.betas[at] = beta;
            let with: Row = std::array::from_fn(|tag| beta[tag] * self.emissions[at][tag]);
            beta = std::array::from_fn(|before| (0..TAGS).map(|tag| gates[before][tag] * with[tag]).sum());
        }
        (gates, loss)
    }

    /// Adds what the run says of transitions into the token `at`.
    fn pairs(&self, at: usize, gates: &[Row; TAGS], tags: &[u8], flow: &mut [Row; TAGS]) {
        let mut first = [0.0; TAGS];
        first[0] = 1.0;
        let (alpha, gold) = if at == 0 { (first, 0) } else { (self.alphas[at - 1], usize::from(tags[at - 1])) };
        for before in 0..TAGS {
            for tag in 0..TAGS {
                flow[before][tag] -= alpha[before] * gates[before][tag] * self.emissions[at][tag] * self.betas[at][tag];
            }
        }
        flow[gold][usize::from(tags[at])] += 1.0;
    }

    fn end_pair(&self, tags: &[u8], gates: &[Row; TAGS], flow: &mut [Row; TAGS]) {
        let (Some(alpha), Some(last)) = (self.alphas.last(), tags.last()) else { return };
        let end: f32 = (0..TAGS).map(|tag| alpha[tag] * gates[tag][0]).sum::<f32>().max(1e-30);
        for before in 0..TAGS {
            flow[before][0] -= alpha[before] * gates[before][0] / end;
        }
        flow[usize::from(*last)][0] += 1.0;
    }
}
