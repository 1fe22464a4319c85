//! Letters: what a byte or a character is to the reader of words, what it is folded to, and hashes of them.

use super::memo::Question;
use super::tokens::Shape;

/// Classes of bytes.
pub(super) const SPACE: u8 = 0;
pub(super) const NEWLINE: u8 = 1;
pub(super) const LOWER: u8 = 2;
pub(super) const UPPER: u8 = 3;
pub(super) const DIGIT: u8 = 4;
pub(super) const SIGN: u8 = 5;
pub(super) const BEYOND: u8 = 6;

static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
const fn classes() -> [u8; 256] {
    let mut table = [SIGN; 256];
    let mut byte = 0usize;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'\n' | b'\r' => NEWLINE,
            0..=b' ' | 127 => SPACE,
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            128..=255 => BEYOND,
            _ => SIGN,
        };
        byte += 1;
    }
    table
}

/// Base letters of U+00C0 to U+017F.
const FOLDS: &[u8; 192] = b"aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo/ouuuuyty\
aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/// The folded byte of a letter beyond ASCII.
fn fold(letter: char) -> u8 {
    let code = letter as u32;
    match code {
        0xC0..=0x17F => FOLDS.get((code - 0xC0) as usize).copied().unwrap_or(b'?'),
        0x1A0 | 0x1A1 | 0x1EA2 => b'o',
        0x1AF | 0x1B0 => b'u',
        0x218 | 0x219 => b's',
        0x21A | 0x21B => b't',
        0x1EA0..=0x1EB7 => b'a',
        0x1EB8..=0x1EC7 => b'e',
        0x1EC8..=0x1ECB => b'i',
        0x1ECC..=0x1EE3 => b'o',
        0x1EE4..=0x1EF1 => b'u',
        0x1EF2..=0x1EF9 => b'y',
        _ => 0x80 | (code & 0x7F) as u8,
    }
}

/// What a character beyond ASCII is to the reader of words.
pub(super) enum Beyond {
    Letter {
        folded: u8,
        upper: bool,
        latin: bool,
    },
    /// Belongs to the word and adds nothing: a combining mark, a soft hyphen.
    Mark,
    Apostrophe,
    Space,
    Newline,
    Sign,
}

pub(super) fn beyond(c: char) -> Beyond {
    match c {
        '\u{2019}' | '\u{2BC}' | '\u{FF07}' => Beyond::Apostrophe,
        '\u{300}'..='\u{36F}' | '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{FE0E}' | '\u{FE0F}' => Beyond::Mark,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Beyond::Newline,
        'ª' | 'º' => Beyond::Sign,
        _ if c.is_alphabetic() => {
            let latin = matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}');
            Beyond::Letter { folded: fold(c), upper: c.is_uppercase(), latin }
        }
        _ if c.is_whitespace() => Beyond::Space,
        _ => Beyond::Sign,
    }
}

/// A running hash of bytes: FNV-1a with its high half folded in at the end.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    /// Of nothing.
    pub const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    /// With one more byte.
    #[inline(always)]
    pub fn add(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
    }

    /// Of all.
    #[inline(always)]
    pub fn end(self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> u32 {
        bytes.iter().fold(Self::new(), |hash, byte| hash.add(*byte)).end()
    }
}

/// What letters of a word in capitals are hashed with, as they stand.
pub(super) const CAPITAL: u8 = 0x55;

/// A word of one to eight small letters, the first in the lowest byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Short(pub u64);

/// What is known of a word: hashes of its letters, folded and as they stand, and what the lists say, if that is known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub word: u32,
    /// In small letters.
    pub lower: u32,
    /// With a capital in front.
    pub capital: u32,
    pub lex: Option<u16>,
}

impl Question for Short {
    #[inline(always)]
    fn hash(&self) -> u64 {
        (self.0 ^ self.0 >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl Short {
    /// Reads it letter by letter.
    pub fn read(self) -> Word {
        let (first, mut rest) = (self.0 as u8, self.0 >> 8);
        let (mut lower, mut capital) = (Hash::new().add(first), Hash::new().add(first ^ CAPITAL));
        let shape = if rest == 0 { Shape::Initial } else { Shape::Capital };
        while rest != 0 {
            (lower, capital) = (lower.add(rest as u8), capital.add(rest as u8));
            rest >>= 8;
        }
        let (word, capital) = (lower.end(), capital.add(shape as u8).end());
        Word { word, lower: lower.add(Shape::Lower as u8).end(), capital, lex: None }
    }

    /// The last four letters, the last one lowest.
    #[inline(always)]
    pub fn tail(self) -> u32 {
        (self.0 << (self.0.leading_zeros() & 56)).swap_bytes() as u32
    }
}

/// How many of eight bytes, from the lowest, are small letters.
#[inline(always)]
pub(super) const fn small_letters(bytes: u64) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = EACH * 0x80;
    // Seven bits and a number that carries into the eighth from `a` on, and from behind `z` on.
    let seven = bytes & !TOP;
    let (from_a, behind_z) = (seven + EACH * (0x80 - b'a' as u64), seven + EACH * (0x7F - b'z' as u64));
    let others = !(from_a & !behind_z & !bytes) & TOP;
    others.trailing_zeros() as usize / 8
}

#[expect(clippy::indexing_slicing, reason = "hot loop: a u8 indexes a table of 256")]
#[inline(always)]
pub(super) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}
