//! Borders: what may stand on both sides of a match, for one rule and for sets of them.

use super::gate::Patterns;
use super::rule::Border;
use super::words::in_word;

/// Sets of patterns by their border.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Borders {
    word: Patterns,
    number: Patterns,
    date: Patterns,
    token: Patterns,
    open: Patterns,
}

impl Borders {
    /// The borders of patterns, in their order.
    pub fn of(borders: impl Iterator<Item = Border>) -> Self {
        let mut sets = Self::default();
        for (index, border) in borders.enumerate() {
            let set = match border {
                Border::Word => &mut sets.word,
                Border::Number => &mut sets.number,
                Border::Date => &mut sets.date,
                Border::Token => &mut sets.token,
                Border::Open => &mut sets.open,
            };
            *set |= 1 << index;
        }
        sets
    }

    /// The patterns that may begin within a longer number: `.5`, `-5`.
    pub fn within_numbers(&self) -> Patterns {
        self.word | self.token | self.open
    }

    /// Which patterns may start at `at`, given what stands before it.
    pub fn at_start(&self, text: &[u8], at: usize) -> Patterns {
        let set = |border, patterns| if patterns != 0 && start_holds(text, at, border) { patterns } else { 0 };
        self.open
            | set(Border::Word, self.word)
            | set(Border::Number, self.number | self.date)
            | set(Border::Token, self.token)
    }

    /// Which patterns may end at `end`, given what stands there.
    #[inline]
    pub fn at_end(&self, text: &[u8], end: usize) -> Patterns {
        let next = text.get(end).copied().unwrap_or(0);
        if in_word(next) {
            let time = next == b'T' && text.get(end + 1).is_some_and(u8::is_ascii_digit);
            return self.open | if time { self.date } else { 0 };
        }
        let set = |border, patterns| if end_holds(text, end, border) { patterns } else { 0 };
        self.open | self.word | set(Border::Number, self.number | self.date) | set(Border::Token, self.token)
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
