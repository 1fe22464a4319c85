//! What is looked at to tell what a token is: forty-odd observations, each a hashed key into the table of weights.
//!
//! The trainer and the recogniser call the same function: what was learned is what is asked for. A change here needs a new
//! [`VERSION`] and a model trained anew.

use super::lexicon::{COMMON, FIRST, PLACE};
use super::tokens::{GLUED, LINE_LOWER, LINE_UPPER, Shape, Token};

/// Of the observations: a model says for which it was trained.
pub(crate) const VERSION: u16 = 1;
/// How many there are of each token.
pub(crate) const COUNT: usize = NAMES.len();
/// How many tokens before and behind are looked at.
pub(crate) const REACH: usize = 8;

/// What the observations are, for people.
pub(crate) const NAMES: [&str; 44] = [
    "word",
    "word as written",
    "word and the one before",
    "word and the next",
    "word before",
    "next word",
    "second word before",
    "second next word",
    "word before and case",
    "next word and case",
    "word before and lists",
    "next word and lists",
    "two words before",
    "two words after",
    "shapes around",
    "shapes before",
    "shapes after",
    "first three letters",
    "first four letters",
    "last two letters",
    "last three letters",
    "last four letters",
    "name lists",
    "place lists",
    "all lists",
    "lists with the word before",
    "lists with the next word",
    "lists around",
    "lists of the neighbours",
    "last word before, signs skipped",
    "next word, signs skipped",
    "word before the name",
    "word after the name",
    "sign it is glued to",
    "sign glued to it",
    "start of a sentence",
    "place in the line",
    "third word before",
    "third next word",
    "words on both sides of the name",
    "ending of the word before",
    "ending of the next word",
    "lists and shapes in the name",
    "first two letters",
];

/// The keys of one token.
pub(crate) type Keys = [u64; COUNT];

#[inline(always)]
fn key(template: u64, a: u32, b: u32) -> u64 {
    let mixed = ((u64::from(a) << 32) | u64::from(b)) ^ (template.wrapping_mul(0xD6E8_FEB8_6659_FD93));
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

#[inline(always)]
fn pair(a: u32, b: u32) -> u32 {
    (a.rotate_left(13) ^ b).wrapping_mul(0x85EB_CA6B) ^ b.rotate_left(7)
}

const fn bits(lex: u16, at: u16) -> u32 {
    (lex >> at & 3) as u32
}

/// The lists' word on a token, without what steers the gate.
#[inline(always)]
fn lists(token: &Token) -> u32 {
    u32::from(token.lex & 0xFF) | u32::from(token.lex >> 12 & 3) << 8
}

/// Tokens around one, blank beyond the text.
struct Around<'t> {
    tokens: &'t [Token],
    at: usize,
}

const BLANK: Token =
    Token { start: 0, end: 0, word: 1, cased: 1, head: 0, tail: 0, lex: 0, shape: Shape::Break, flags: 0 };

impl Around<'_> {
    #[inline(always)]
    fn before(&self, steps: usize) -> &Token {
        self.at.checked_sub(steps).and_then(|at| self.tokens.get(at)).unwrap_or(&BLANK)
    }

    #[inline(always)]
    fn after(&self, steps: usize) -> &Token {
        self.tokens.get(self.at + steps).unwrap_or(&BLANK)
    }
}

/// Whether a token may stand within a name beside a capitalised one.
fn goes_on(token: &Token) -> bool {
    token.shape.is_capital() || (token.shape == Shape::Sign && matches!(token.word, DOT | DASH | AMPERSAND))
}

const DOT: u32 = b'.' as u32 + 16;
const DASH: u32 = b'-' as u32 + 16;
const AMPERSAND: u32 = b'&' as u32 + 16;
const BANG: u32 = b'!' as u32 + 16;
const ASK: u32 = b'?' as u32 + 16;

/// The keys of `tokens[at]`.
pub(crate) fn keys(tokens: &[Token], at: usize) -> Keys {
    let around = Around { tokens, at };
    let (token, p1, p2, p3) = (around.before(0), around.before(1), around.before(2), around.before(3));
    let (n1, n2, n3) = (around.after(1), around.after(2), around.after(3));
    let shape = token.shape as u32;
    let (p1s, n1s) = (p1.shape as u32, n1.shape as u32);
    let line = u32::from(token.flags & (LINE_LOWER | LINE_UPPER));
    let case = shape | line << 4;
    let (sig, p1g, n1g) = (lists(token), lists(p1), lists(n1));
    let is_word = |token: &&Token| token.shape > Shape::Sign && token.shape != Shape::Suffix;
    let said = (1..=4).map(|n| around.before(n)).find(is_word).unwrap_or(&BLANK);
    let says = (1..=4).map(|n| around.after(n)).find(is_word).unwrap_or(&BLANK);
    let left = (1..=5).find(|n| !goes_on(around.before(*n))).unwrap_or(6);
    let right = (1..=5).find(|n| !goes_on(around.after(*n))).unwrap_or(6);
    let (left_word, right_word) = (around.before(left).word, around.after(right).word);
    let glued_before = if token.flags & GLUED != 0 { p1.word } else { 0 };
    let glued_after = if n1.flags & GLUED != 0 { n1.word } else { 0 };
    let opens = p1.shape == Shape::Break || (p1.shape == Shape::Sign && matches!(p1.word, DOT | BANG | ASK));
    let edge = u32::from(p1.shape == Shape::Break) | u32::from(n1.shape == Shape::Break) << 1;
    let name = bits(token.lex, FIRST) | bits(token.lex, super::lexicon::LAST) << 2 | bits(token.lex, COMMON) << 4;
    let place = bits(token.lex, PLACE) | u32::from(token.lex >> 12 & 3) << 2 | bits(token.lex, COMMON) << 4;
    [
        key(0, token.word, 0),
        key(1, token.cased, 0),
        key(2, token.word, p1.word),
        key(3, token.word, n1.word),
        key(4, p1.word, 0),
        key(5, n1.word, 0),
        key(6, p2.word, 0),
        key(7, n2.word, 0),
        key(8, p1.word, case),
        key(9, n1.word, case),
        key(10, p1.word, sig),
        key(11, n1.word, sig),
        key(12, pair(p2.word, p1.word), shape),
        key(13, pair(n1.word, n2.word), shape),
        key(14, case, p1s | n1s << 8),
        key(15, case, p1s | (p2.shape as u32) << 8 | (p3.shape as u32) << 16),
        key(16, case, n1s | (n2.shape as u32) << 8 | (n3.shape as u32) << 16),
        key(17, token.head & 0xFF_FFFF, 0),
        key(18, token.head, 0),
        key(19, token.tail & 0xFFFF, 0),
        key(20, token.tail & 0xFF_FFFF, 0),
        key(21, token.tail, shape),
        key(22, name, case),
        key(23, place, case),
        key(24, sig, case),
        key(25, sig | p1g << 16, shape | p1s << 8),
        key(26, sig | n1g << 16, shape | n1s << 8),
        key(27, sig | p1g << 16, n1g),
        key(28, p1g | n1g << 16, shape | p1s << 8 | n1s << 16),
        key(29, said.word, shape),
        key(30, says.word, shape),
        key(31, left_word, shape | (left as u32) << 8),
        key(32, right_word, shape | (right as u32) << 8),
        key(33, glued_before, shape),
        key(34, glued_after, shape),
        key(35, sig, shape | u32::from(opens) << 8 | line << 9),
        key(36, sig, shape | edge << 8),
        key(37, p3.word, shape),
        key(38, n3.word, shape),
        key(39, pair(left_word, right_word), shape | (left as u32) << 8),
        key(40, p1.tail & 0xFF_FFFF, shape),
        key(41, n1.tail & 0xFF_FFFF, shape),
        key(42, sig, (left as u32) | (right as u32) << 8 | shape << 16),
        key(43, token.head & 0xFFFF, shape),
    ]
}
