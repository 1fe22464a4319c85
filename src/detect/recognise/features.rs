//! What is looked at to tell what a token is: forty-odd observations, each a hashed key into the table of weights.
//!
//! The trainer and the recogniser call the same function: what was learned is what is asked for. A change here needs a new
//! [`VERSION`] and a model trained anew.

use super::lexicon::{COMMON, FIRST, LAST, PLACE};
use super::memo::Question;
use super::tokens::{GLUED, LINE_LOWER, LINE_UPPER, PHRASE_KIND, Shape, Token};

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
    let mixed = ((u64::from(a) << 32) | u64::from(b)) ^ (template + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    // One wide multiplication, both halves folded: every bit of the key depends on every bit of what went in.
    let wide = u128::from(mixed) * 0x9E37_79B9_7F4A_7C15;
    (wide as u64) ^ ((wide >> 64) as u64)
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
    u32::from(token.lex & 0xFF) | u32::from(token.lex >> 13 & 3) << 8 | u32::from(token.flags >> PHRASE_KIND & 7) << 10
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

pub(crate) const DOT: u32 = b'.' as u32 + 16;
const DASH: u32 = b'-' as u32 + 16;
const AMPERSAND: u32 = b'&' as u32 + 16;
pub(crate) const BANG: u32 = b'!' as u32 + 16;
pub(crate) const ASK: u32 = b'?' as u32 + 16;

/// What is seen at a token, from which all its keys are made.
pub(crate) struct View {
    own: Own,
    beside: Beside,
    p1: u32,
    n1: u32,
    p2: u32,
    n2: u32,
    p3: u32,
    n3: u32,
    p1_tail: u32,
    n1_tail: u32,
    p_shapes: u32,
    n_shapes: u32,
    said: u32,
    says: u32,
    left_word: u32,
    right_word: u32,
    glued_before: u32,
    glued_after: u32,
}

/// What is seen of a token alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    word: u32,
    cased: u32,
    head: u32,
    tail: u32,
    /// What lists say.
    sig: u32,
    /// Its shape, and the case of its line.
    case: u32,
}

/// What lists and shapes say of a token and those beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Of the token before, and above it of the next.
    lists: u32,
    sig: u32,
    case: u32,
    /// Shapes before and behind, whether a sentence begins, how far capitals reach to both sides: four bits each.
    form: u32,
}

/// Where among all keys those stand that come from [`Own`].
pub(crate) const OF_OWN: [usize; 11] = [0, 1, 17, 18, 19, 20, 21, 22, 23, 24, 43];
/// Where those stand that come from [`Beside`].
pub(crate) const OF_BESIDE: [usize; 8] = [14, 25, 26, 27, 28, 35, 36, 42];
/// Where the others stand.
pub(crate) const OF_OTHERS: [usize; COUNT - 19] =
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 29, 30, 31, 32, 33, 34, 37, 38, 39, 40, 41];

impl Question for Own {
    #[inline(always)]
    fn hash(&self) -> u64 {
        mix([self.cased, self.word], self.sig, self.case)
    }
}

impl Question for Beside {
    #[inline(always)]
    fn hash(&self) -> u64 {
        mix([self.lists, self.sig], self.form, self.case)
    }
}

/// A hash of a question in four parts.
#[inline(always)]
fn mix([high, low]: [u32; 2], wide: u32, narrow: u32) -> u64 {
    let (a, b) = (u64::from(high) << 32 | u64::from(low), u64::from(wide) << 8 | u64::from(narrow));
    (a ^ b.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Own {
    fn of(token: &Token) -> Self {
        let line = u32::from(token.flags & (LINE_LOWER | LINE_UPPER));
        let case = token.shape as u32 | line << 4;
        let Token { word, cased, head, tail, .. } = *token;
        Self { word, cased, head, tail, sig: lists(token), case }
    }

    /// The keys, in the order of [`OF_OWN`].
    #[inline(always)]
    pub fn keys(&self) -> [u64; OF_OWN.len()] {
        let Self { word, cased, head, tail, sig, case } = *self;
        let shape = case & 15;
        // As `lists` puts them.
        let lex = (sig & 0xFF) as u16;
        let (known, phrase) = (sig >> 8 & 3, sig >> 10);
        let name = bits(lex, FIRST) | bits(lex, LAST) << 2 | bits(lex, COMMON) << 4 | (known >> 1) << 6;
        let place = bits(lex, PLACE) | bits(lex, COMMON) << 2 | (known | phrase << 2) << 4;
        [
            key(0, word, 0),
            key(1, cased, 0),
            key(17, head & 0xFF_FFFF, 0),
            key(18, head, 0),
            key(19, tail & 0xFFFF, 0),
            key(20, tail & 0xFF_FFFF, 0),
            key(21, tail, shape),
            key(22, name, case),
            key(23, place, case),
            key(24, sig, case),
            key(43, head & 0xFFFF, shape),
        ]
    }
}

impl Beside {
    /// The keys, in the order of [`OF_BESIDE`].
    #[inline(always)]
    pub fn keys(&self) -> [u64; OF_BESIDE.len()] {
        let Self { lists, sig, case, form } = *self;
        let (shape, line) = (case & 15, case >> 4);
        let (p1g, n1g) = (lists & 0xFFFF, lists >> 16);
        let (p1s, n1s, opens, left, right) =
            (form & 15, form >> 4 & 15, form >> 8 & 15, form >> 12 & 15, form >> 16 & 15);
        let broken = |shape: u32| u32::from(shape == Shape::Break as u32);
        let edge = broken(p1s) | broken(n1s) << 1;
        [
            key(14, case, p1s | n1s << 8),
            key(25, sig | p1g << 16, shape | p1s << 8),
            key(26, sig | n1g << 16, shape | n1s << 8),
            key(27, sig | p1g << 16, n1g),
            key(28, p1g | n1g << 16, shape | p1s << 8 | n1s << 16),
            key(35, sig, shape | opens << 8 | line << 9),
            key(36, sig, shape | edge << 8),
            key(42, sig, left | right << 8 | shape << 16),
        ]
    }
}

impl View {
    /// At `tokens[at]`.
    #[inline(always)]
    pub fn new(tokens: &[Token], at: usize) -> Self {
        let around = Around { tokens, at };
        let (token, p1, p2, p3) = (around.before(0), around.before(1), around.before(2), around.before(3));
        let (n1, n2, n3) = (around.after(1), around.after(2), around.after(3));
        let (p1s, n1s) = (p1.shape as u32, n1.shape as u32);
        let is_word = |token: &&Token| token.shape > Shape::Sign && token.shape != Shape::Suffix;
        let said = (1..=4).map(|n| around.before(n)).find(is_word).unwrap_or(&BLANK);
        let says = (1..=4).map(|n| around.after(n)).find(is_word).unwrap_or(&BLANK);
        let left = (1..=5).find(|n| !goes_on(around.before(*n))).unwrap_or(6);
        let right = (1..=5).find(|n| !goes_on(around.after(*n))).unwrap_or(6);
        let opens = p1.shape == Shape::Break || (p1.shape == Shape::Sign && matches!(p1.word, DOT | BANG | ASK));
        let own = Own::of(token);
        let beside = Beside {
            lists: lists(p1) | lists(n1) << 16,
            sig: own.sig,
            case: own.case,
            form: p1s | n1s << 4 | u32::from(opens) << 8 | (left as u32) << 12 | (right as u32) << 16,
        };
        Self {
            own,
            beside,
            p1: p1.word,
            n1: n1.word,
            p2: p2.word,
            n2: n2.word,
            p3: p3.word,
            n3: n3.word,
            p1_tail: p1.tail & 0xFF_FFFF,
            n1_tail: n1.tail & 0xFF_FFFF,
            p_shapes: p1s | (p2.shape as u32) << 8 | (p3.shape as u32) << 16,
            n_shapes: n1s | (n2.shape as u32) << 8 | (n3.shape as u32) << 16,
            said: said.word,
            says: says.word,
            left_word: around.before(left).word,
            right_word: around.after(right).word,
            glued_before: if token.flags & GLUED != 0 { p1.word } else { 0 },
            glued_after: if n1.flags & GLUED != 0 { n1.word } else { 0 },
        }
    }

    /// What is seen of the token alone.
    pub fn own(&self) -> &Own {
        &self.own
    }

    /// What lists and shapes say around it.
    pub fn beside(&self) -> &Beside {
        &self.beside
    }

    /// The keys that are neither of [`Own`] nor of [`Beside`], in the order of [`OF_OTHERS`].
    #[inline(always)]
    pub fn others(&self) -> [u64; OF_OTHERS.len()] {
        let Own { word, sig, case, .. } = self.own;
        let shape = case & 15;
        let Self { p1, n1, p2, n2, p3, n3, left_word, right_word, .. } = *self;
        let (left, right) = (self.beside.form >> 12 & 15, self.beside.form >> 16 & 15);
        [
            key(2, word, p1),
            key(3, word, n1),
            key(4, p1, 0),
            key(5, n1, 0),
            key(6, p2, 0),
            key(7, n2, 0),
            key(8, p1, case),
            key(9, n1, case),
            key(10, p1, sig),
            key(11, n1, sig),
            key(12, pair(p2, p1), shape),
            key(13, pair(n1, n2), shape),
            key(15, case, self.p_shapes),
            key(16, case, self.n_shapes),
            key(29, self.said, shape),
            key(30, self.says, shape),
            key(31, left_word, shape | left << 8),
            key(32, right_word, shape | right << 8),
            key(33, self.glued_before, shape),
            key(34, self.glued_after, shape),
            key(37, p3, shape),
            key(38, n3, shape),
            key(39, pair(left_word, right_word), shape | left << 8),
            key(40, self.p1_tail, shape),
            key(41, self.n1_tail, shape),
        ]
    }
}

/// The keys of `tokens[at]`.
pub(crate) fn keys(tokens: &[Token], at: usize) -> Keys {
    let view = View::new(tokens, at);
    let mut keys = [0; COUNT];
    let places = OF_OWN.iter().chain(&OF_BESIDE).chain(&OF_OTHERS);
    let made = view.own.keys().into_iter().chain(view.beside.keys()).chain(view.others());
    for (place, key) in places.zip(made) {
        if let Some(slot) = keys.get_mut(*place) {
            *slot = key;
        }
    }
    keys
}
