//! Texts that nobody thought of, for as long as one likes: examples of the rules and the project's own set, cut, joined and bitten
//! at random. `LETHE_FUZZ_SECONDS=60 cargo test --lib detect::fuzz -- --nocapture` goes on for a minute from a new seed;
//! `LETHE_FUZZ_SEED` repeats a run. Without either it is a short run from one seed.

#![expect(clippy::disallowed_methods, reason = "a run by hand names its length and its seed in the environment")]

use std::time::{Duration, Instant};

use super::masks::{BLOCK, portable};
use super::simd::Reader;
use super::tests::{differences, plain};
use super::{Chunks, Detector, Finding, Hint, Placed, evaluate};

/// Rounds of a short run.
const ROUNDS: u64 = 150;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    fn place(&mut self, text: &str) -> usize {
        let at = self.below(text.len() + 1);
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap()
    }
}

/// Signs that mean something to some rule, and some that mean nothing to any.
const SIGNS: &[&str] = &[
    " ", "  ", "\n", "\t", ":", "=", "-", "--", "-----", ".", ",", "@", "/", "//", "://", "+", "(", ")", "'", "\"",
    "_", "#", "|", ";", "0", "7", "99", "é", "ß", "\u{200b}", "４", "😀", "%40", "&#64;", "\\u0040", "eyJ", "A", "z",
    "\u{0}", "\r\n", "Я", "身",
];

fn text(dice: &mut Dice, seeds: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(4) {
        let seed = &seeds[dice.below(seeds.len())];
        let (a, b) = (dice.place(seed), dice.place(seed));
        text.push_str(if dice.below(3) == 0 { &seed[a.min(b)..a.max(b)] } else { seed });
        text.push_str(SIGNS[dice.below(SIGNS.len())]);
    }
    for _ in 0..dice.below(9) {
        let at = dice.place(&text);
        match dice.below(6) {
            0 if at < text.len() => drop(text.remove(at)),
            1 if dice.below(4) == 0 => text.truncate(at),
            2 if text.len() < 2_000 => text = text.repeat(2),
            3 => text.insert_str(at, &dice.below(1_000_000).to_string()),
            _ => text.insert_str(at, SIGNS[dice.below(SIGNS.len())]),
        }
    }
    let mut end = text.len().min(3_000);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn check(detector: &Detector, text: &str, field: Option<&str>) {
    let mut found = Vec::new();
    detector.scan(text, Hint { field }, &mut found);
    let mut end = 0;
    for f in &found {
        assert!(
            f.start >= end && f.end > f.start && text.get(f.start as usize..f.end as usize).is_some(),
            "{text:?} {f:?}"
        );
        end = f.end;
    }
    let wrong = differences(detector, text, field);
    assert!(wrong.is_empty(), "{text:?} {field:?}\n{}", wrong.join("\n"));
    let reader = Reader::new();
    for block in text.as_bytes().chunks_exact(BLOCK).filter_map(|block| block.first_chunk::<BLOCK>()) {
        assert_eq!(reader.masks(block), portable(block), "{text:?}");
    }
    if field.is_none() {
        let (mut chunks, mut out) = (Chunks::new(detector), Vec::new());
        chunks.push(text, &mut out);
        chunks.finish(&mut out);
        let same = |(placed, f): (&Placed, &Finding)| {
            (placed.start, placed.end, placed.kind) == (f.start.into(), f.end.into(), f.kind)
        };
        assert!(out.len() == found.len() && out.iter().zip(&found).all(same), "{text:?}");
    }
}

#[test]
fn a_text_that_nobody_thought_of_would_break_the_engine() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (seconds, asked) = (number("LETHE_FUZZ_SECONDS"), number("LETHE_FUZZ_SEED"));
    let begun = Instant::now();
    let fresh = || std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |age| age.as_nanos() as u64);
    let seed = asked.unwrap_or_else(|| if seconds.is_some() { fresh() } else { 20_261_121 });
    println!("LETHE_FUZZ_SEED={seed}");
    let detector = Detector::builtin();
    let examples = detector.rules().iter().flat_map(|rule| rule.examples.iter().chain(rule.counterexamples));
    let mut seeds: Vec<String> = examples.map(|example| plain(example)).collect();
    seeds.extend(evaluate::own_set().into_iter().map(|row| row.text));
    let fields = ["ssn", "patientDOB", "phone_number", "name", "x-api-key", "note", "", "npi number", "password"];
    let mut dice = Dice(seed | 1);
    let mut rounds = 0;
    while seconds.map_or(rounds < ROUNDS, |seconds| begun.elapsed() < Duration::from_secs(seconds)) {
        let text = text(&mut dice, &seeds);
        let field = (dice.below(4) == 0).then(|| fields[dice.below(fields.len())]);
        check(&detector, &text, field);
        rounds += 1;
    }
    println!("{rounds} texts");
}
