//! Borders: what may stand on both sides of a match, for one rule and for sets of them.

use super::gate::Patterns;
use super::rule::Border;
use super::words::in_word;

/// What may stand behind a match, as far as borders tell it apart.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Behind {
    /// A letter or digit.
    Word,
    /// `T`: a time may follow a date.
    Time,
    /// `_`.
    Underscore,
    /// `-`.
    Dash,
    /// `.`, `,`, `/` or `:`: part of a number where a digit follows.
    Divider,
    /// All else.
    Free,
}

const BEHIND: [Behind; 256] = behind();

const fn behind() -> [Behind; 256] {
    let mut table = [Behind::Free; 256];
    let mut byte = 0usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
        {
            table[byte] = match byte as u8 {
                b'T' => Behind::Time,
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..=0xFF => Behind::Word,
                b'_' => Behind::Underscore,
                b'-' => Behind::Dash,
                b'.' | b',' | b'/' | b':' => Behind::Divider,
                _ => Behind::Free,
            };
        }
        byte += 1;
    }
    table
}

/// Whether a match of this border can't end before this byte, whatever follows: the most common case, and cheap to ask.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop of every walk")]
#[expect(clippy::indexing_slicing, reason = "hot: a u8 in a table of 256")]
pub(super) fn within_word(next: u8) -> bool {
    matches!(BEHIND[usize::from(next)], Behind::Word)
}

/// Sets of patterns by their border.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Borders {
    word: Patterns,
    number: Patterns,
    token: Patterns,
    open: Patterns,
    /// By what stands behind, and whether a digit follows that: what may end there.
    ends: [[Patterns; 2]; 6],
}

impl Borders {
    /// The borders of patterns, in their order.
    pub fn of(borders: impl Iterator<Item = Border>) -> Self {
        let mut sets = Self::default();
        for (index, border) in borders.enumerate() {
            let one = 1 << index;
            let set = match border {
                Border::Word => &mut sets.word,
                Border::Number | Border::Date => &mut sets.number,
                Border::Token => &mut sets.token,
                Border::Open => &mut sets.open,
            };
            *set |= one;
            for (sample, ends) in b"aT_-. ".iter().zip(&mut sets.ends) {
                for (follows, ends) in [b' ', b'0'].into_iter().zip(ends) {
                    *ends |= if end_holds(&[*sample, follows], 0, border) { one } else { 0 };
                }
            }
        }
        sets
    }

    /// The patterns that may begin within a longer number: `.5`, `-5`.
    pub fn within_numbers(&self) -> Patterns {
        self.word | self.token | self.open
    }

    /// Whether some pattern may end anywhere.
    pub fn any_open(&self) -> bool {
        self.open != 0
    }

    /// Which patterns may start at `at`, given what stands before it.
    pub fn at_start(&self, text: &[u8], at: usize) -> Patterns {
        let set = |border, patterns| if patterns != 0 && start_holds(text, at, border) { patterns } else { 0 };
        self.open | set(Border::Word, self.word) | set(Border::Number, self.number) | set(Border::Token, self.token)
    }

    /// Which patterns may end before the byte `next` and the one that follows it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop of every gate")]
    #[expect(clippy::indexing_slicing, reason = "hot: a u8 in a table of 256, six kinds of it in one of six")]
    pub fn at_end(&self, next: u8, follows: u8) -> Patterns {
        self.ends[BEHIND[usize::from(next)] as usize][usize::from(follows.is_ascii_digit())]
    }
}

fn solid(byte: u8) -> bool {
    in_word(byte) || byte == b'_'
}

/// Whether what stands before `start` allows a match.
#[inline]
pub(super) fn start_holds(text: &[u8], start: usize, border: Border) -> bool {
    let back = |n: usize| start.checked_sub(n).and_then(|at| text.get(at)).copied().unwrap_or(0);
    match border {
        Border::Open => true,
        Border::Date => start_holds(text, start, Border::Number),
        Border::Word => !in_word(back(1)),
        Border::Token => !solid(back(1)) && back(1) != b'-',
        Border::Number => !(solid(back(1)) || b".,-/:".contains(&back(1)) && back(2).is_ascii_digit()),
    }
}

/// Whether what stands at `end` allows a match.
#[inline]
pub(super) fn end_holds(text: &[u8], end: usize, border: Border) -> bool {
    let ahead = |n: usize| text.get(end + n).copied().unwrap_or(0);
    match border {
        Border::Open => true,
        Border::Date => end_holds(text, end, Border::Number) || ahead(0) == b'T' && ahead(1).is_ascii_digit(),
        Border::Word => !in_word(ahead(0)),
        Border::Token => !solid(ahead(0)) && ahead(0) != b'-',
        Border::Number => !(solid(ahead(0)) || b".,-/:".contains(&ahead(0)) && ahead(1).is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_end_is_what_the_border_says_whatever_stands_behind() {
        let all = [Border::Word, Border::Number, Border::Date, Border::Token, Border::Open];
        let borders = Borders::of(all.into_iter());
        for next in 0..=255u8 {
            for follows in [b'0', b'9', b' ', b'a', b'.'] {
                let ends = borders.at_end(next, follows);
                for (index, border) in all.into_iter().enumerate() {
                    let holds = end_holds(&[next, follows], 0, border);
                    assert_eq!(ends >> index & 1 == 1, holds, "{border:?} before {next} {follows}");
                    assert!(!holds || border == Border::Open || !within_word(next), "{border:?} before {next}");
                }
            }
        }
    }
}
