//! How the recogniser's model is made: pure maths on labelled text that the caller read, the same model from the same text
//! and seed. Files, progress bars and the model card are the command line's.

mod calibrate;
mod corpus;
mod dice;
mod learn;
mod lists;
mod measure;
mod pack;
mod prepare;
mod templates;

use std::collections::BTreeMap;

use super::recognise::Recogniser;
use super::recognise::decode::Label;
use super::recognise::lexicon::Lexicon;
use super::recognise::model::Model;

pub use corpus::{Document, Mark, document, recased, repair};
pub use dice::Dice;
pub use learn::Settings;
pub use lists::Lists;
pub use measure::{Count, Score, score};

/// The source of documents that are made here.
const OWN: usize = usize::MAX;

/// How a model is made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// How to learn.
    pub settings: Settings,
    /// Observations that occur less often are left out.
    pub least: u32,
    /// Buckets of the table of weights.
    pub buckets: usize,
    /// Percent of documents that are also learned in small letters.
    pub lower: u64,
    /// Percent of documents that are also learned in capitals.
    pub upper: u64,
    /// Added to every tag but outside, in units of the model: balanced, recall.
    pub biases: (i16, i16),
    /// Added where a name begins: person, place, organisation. Learned weights miss more names than they find wrong ones.
    pub begins: [i16; 3],
    /// Times that every sentence of our own is filled.
    pub rounds: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        let settings = Settings { passes: 8, rate: 0.03, decay: 5e-3, dropout: 30, seed: 1 };
        Self {
            settings,
            least: 2,
            buckets: 52_000,
            lower: 25,
            upper: 6,
            biases: (0, 40),
            begins: [12, 15, 14],
            rounds: 20,
        }
    }
}

/// Documents in more cases than they were written in.
fn augment(documents: &[&Document], recipe: &Recipe) -> Vec<Document> {
    let mut dice = Dice::new(recipe.settings.seed ^ 0xCA5E);
    let mut more = Vec::new();
    for document in documents {
        if dice.percent(recipe.lower) {
            more.push(recased(document, false));
        }
        if dice.percent(recipe.upper) {
            more.push(recased(document, true));
        }
    }
    more
}

/// The lexicon of the lists, with what the documents say of everyday words.
fn lexicon(documents: &[&Document], lists: &Lists) -> Lexicon {
    let mut entries: BTreeMap<u32, u16> = lists::entries(lists);
    let mut usage = lists::Usage::default();
    for document in documents {
        let tokens = lists::tokens(&document.text, None);
        usage.count(&tokens, &prepare::tags(document, &tokens));
    }
    usage.gate(&mut entries);
    Lexicon::build(&entries)
}

/// Learns a model from documents, its belief not yet measured.
fn learn(
    documents: &[&Document],
    lists: &Lists,
    recipe: &Recipe,
    progress: &mut dyn FnMut(usize, f32) -> bool,
) -> Model {
    let fillings = templates::Fillings::new(lists, documents);
    let own = templates::documents(&fillings, recipe.rounds, OWN, &mut Dice::new(recipe.settings.seed ^ 0x7E47));
    let written: Vec<&Document> = documents.iter().copied().chain(&own).collect();
    let more = augment(&written, recipe);
    let all: Vec<&Document> = written.iter().copied().chain(&more).collect();
    let lexicon = lexicon(&all, lists);
    let mut raw = prepare::Raw::default();
    for document in &all {
        raw.add(document, &lexicon);
    }
    let (examples, keys) = raw.examples(recipe.least);
    let learned = learn::learn(&examples, keys.len(), recipe.settings, progress);
    let mut model = pack::pack(&learned, &keys, lexicon, recipe.buckets);
    (model.bias, model.recall_bias) = recipe.biases;
    for (label, more) in Label::ALL.iter().zip(recipe.begins) {
        let (begin, _) = label.tags();
        model.transitions.iter_mut().filter_map(|row| row.get_mut(usize::from(begin))).for_each(|cost| *cost += more);
    }
    model
}

/// What training has to tell while it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A model is begun: for what.
    Begun(&'static str),
    /// A pass is over: its number, of how many, mean loss of a token.
    Pass(usize, usize, f32),
    /// What a model did on documents it had not seen, by source; the last is all of them.
    HeldOut(Vec<(usize, Score)>),
}

/// One document in so many is held out to measure belief.
const HELD_OUT: usize = 8;

/// Makes a model: one on seven of eight documents, to measure belief and quality on the eighth; then one on all.
pub fn train(documents: &[Document], lists: &Lists, recipe: &Recipe, tell: &mut dyn FnMut(News)) -> Vec<u8> {
    let passes = recipe.settings.passes;
    let mut dice = Dice::new(recipe.settings.seed ^ 0x4E1D);
    let (mut seen, mut held) = (Vec::new(), Vec::new());
    for document in documents {
        if dice.below(HELD_OUT) == 0 { held.push(document) } else { seen.push(document) }
    }
    tell(News::Begun("seven of eight documents"));
    let mut model = learn(&seen, lists, recipe, &mut |pass, loss| {
        tell(News::Pass(pass, passes, loss));
        true
    });
    model.belief = calibrate::ruler();
    let mut recogniser = Recogniser::from_model(model);
    let mut found = calibrate::Seen::new();
    for source in sources(&held) {
        found.count(&recogniser, &of_source(&held, source));
    }
    let curves = found.curves();
    recogniser.model_mut().belief = curves;
    tell(News::HeldOut(by_source(&recogniser, &held)));
    tell(News::Begun("all documents"));
    let all: Vec<&Document> = documents.iter().collect();
    let mut model = learn(&all, lists, recipe, &mut |pass, loss| {
        tell(News::Pass(pass, passes, loss));
        true
    });
    model.belief = curves;
    model.to_bytes()
}

/// The sources of documents, each once.
fn sources(documents: &[&Document]) -> Vec<usize> {
    let mut sources: Vec<usize> = documents.iter().map(|document| document.source).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

fn of_source<'d>(documents: &[&'d Document], source: usize) -> Vec<&'d Document> {
    documents.iter().copied().filter(|document| document.source == source).collect()
}

/// Scores by source, all together last.
fn by_source(recogniser: &Recogniser, documents: &[&Document]) -> Vec<(usize, Score)> {
    let measure = |documents: &[&Document]| score(recogniser, documents, false, LEAST, &mut |_, _| {});
    let mut scores: Vec<(usize, Score)> =
        sources(documents).into_iter().map(|source| (source, measure(&of_source(documents, source)))).collect();
    scores.push((usize::MAX, measure(documents)));
    scores
}

/// Belief below which names don't count when a model is measured.
pub const LEAST: u8 = 30;

/// A model of all sources but one, for each of them, measured on `sets` that none of them saw. `tell` hears which source was left
/// out and the scores, one a set.
pub fn leave_one_out(
    documents: &[Document],
    lists: &Lists,
    recipe: &Recipe,
    sets: &[Vec<&Document>],
    tell: &mut dyn FnMut(usize, Vec<Score>),
) {
    let all: Vec<&Document> = documents.iter().collect();
    for left_out in sources(&all) {
        let rest: Vec<&Document> = all.iter().copied().filter(|document| document.source != left_out).collect();
        let recogniser = Recogniser::from_model(learn(&rest, lists, recipe, &mut |_, _| true));
        // No belief was measured for it: it counts with every name, and so must what it is compared with.
        tell(left_out, sets.iter().map(|set| score(&recogniser, set, false, 0, &mut |_, _| {})).collect());
    }
}
