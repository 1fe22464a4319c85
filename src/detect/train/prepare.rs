//! Documents to examples: tokens, tags from the marks, the gate's runs, the ids of observations that occur often enough.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::recognise::decode::{Label, may_follow};
use super::super::recognise::features;
use super::super::recognise::gate;
use super::super::recognise::lexicon::Lexicon;
use super::super::recognise::tokens::Token;
use super::corpus::Document;
use super::learn::{Examples, NONE};
use super::lists::tokens;

/// Keys are hashes already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// From keys of observations.
pub(super) type ByKey<V> = HashMap<u64, V, BuildHasherDefault<AsItIs>>;

/// The tag of each token.
pub(super) fn tags(document: &Document, tokens: &[Token]) -> Vec<u8> {
    let mut marks = document.marks.iter().peekable();
    let mut begun = None;
    let mut tags = Vec::with_capacity(tokens.len());
    for token in tokens {
        let (start, end) = (token.start as usize, token.end as usize);
        while marks.next_if(|mark| mark.end <= start).is_some() {}
        let mark = marks.peek().filter(|mark| mark.start < end && start < mark.end);
        tags.push(match mark.and_then(|mark| Some((mark.start, mark.label?.tags()))) {
            Some((at, (_, inside))) if begun == Some(at) => inside,
            Some((at, (begin, _))) => {
                begun = Some(at);
                begin
            }
            None => 0,
        });
    }
    tags
}

/// Examples as keys, before it is known which of them are kept.
#[derive(Default)]
pub(super) struct Raw {
    keys: Vec<u64>,
    tags: Vec<u8>,
    starts: Vec<usize>,
}

impl Raw {
    /// Adds the runs of one document.
    pub fn add(&mut self, document: &Document, lexicon: &Lexicon) {
        let tokens = tokens(&document.text, Some(lexicon));
        let tags = tags(document, &tokens);
        let mut from = 0;
        while let Some(run) = gate::next(&tokens, from, tokens.len()) {
            from = run.end;
            self.starts.push(self.tags.len());
            for at in run {
                self.keys.extend(features::keys(&tokens, at));
                // What the gate cut off its beginning begins here.
                let tag = tags.get(at).copied().unwrap_or(0);
                let before =
                    self.tags.last().copied().filter(|_| self.starts.last() != Some(&self.tags.len())).unwrap_or(0);
                let begin = Label::of(tag).map_or(tag, |label| label.tags().0);
                self.tags.push(if may_follow(before, tag) { tag } else { begin });
            }
        }
    }

    /// The examples, and the key and number of times of each id: those that occur at least `least` times.
    pub fn examples(mut self, least: u32) -> (Examples, Vec<(u64, u32)>) {
        let mut counts: ByKey<u32> = ByKey::default();
        for key in &self.keys {
            *counts.entry(*key).or_default() += 1;
        }
        // In the order of the text: the same on every run.
        let mut known: ByKey<u32> = ByKey::default();
        let mut kept = Vec::new();
        let ids = self.keys.iter().map(|key| {
            let count = counts.get(key).copied().unwrap_or(0);
            if count < least {
                return NONE;
            }
            *known.entry(*key).or_insert_with(|| {
                kept.push((*key, count));
                kept.len() as u32 - 1
            })
        });
        let ids = ids.collect();
        self.starts.push(self.tags.len());
        (Examples { ids, width: features::COUNT, tags: self.tags, starts: self.starts }, kept)
    }
}
