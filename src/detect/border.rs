//! Borders: what may stand on both sides of a match, for one rule and for sets of them.
//!
//! Two bytes on a side decide: the match's neighbour and the one beyond it. [`beside`] makes one small number of them, and tables
//! say by that number what each border allows.

use super::gate::Patterns;
use super::rule::Border;

/// A neighbour of a match, as far as borders tell it apart.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Beside {
    /// A letter or digit.
    Word,
    /// `T`: a time may follow a date.
    Time,
    /// `_`.
    Underscore,
    /// `-`: part of a number where a digit stands beyond it.
    Dash,
    /// `.`: the same.
    Point,
    /// `,`, `/` or `:`: the same.
    Divider,
    /// All else.
    Free,
}

/// All neighbours, in the order of their numbers.
const NEIGHBOURS: [Beside; 7] =
    [Beside::Word, Beside::Time, Beside::Underscore, Beside::Dash, Beside::Point, Beside::Divider, Beside::Free];

/// How many numbers [`beside`] gives.
pub(super) const SIDES: usize = 2 * NEIGHBOURS.len();

static BESIDE: [Beside; 256] = neighbours();

const fn neighbours() -> [Beside; 256] {
    let mut table = [Beside::Free; 256];
    let mut byte = 0usize;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
        {
            table[byte] = match byte as u8 {
                b'T' => Beside::Time,
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80..=0xFF => Beside::Word,
                b'_' => Beside::Underscore,
                b'-' => Beside::Dash,
                b'.' => Beside::Point,
                b',' | b'/' | b':' => Beside::Divider,
                _ => Beside::Free,
            };
        }
        byte += 1;
    }
    table
}

/// The number of what stands beside a match: its neighbour, and the byte beyond that one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop of every gate and walk")]
#[expect(clippy::indexing_slicing, reason = "hot: a u8 in a table of 256")]
pub(super) fn beside(neighbour: u8, beyond: u8) -> usize {
    2 * BESIDE[usize::from(neighbour)] as usize + usize::from(beyond.is_ascii_digit())
}

/// Whether a match of any border but [`Border::Open`] can't end before this byte, whatever follows: the most common case, and
/// cheap to ask.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop of every gate and walk")]
#[expect(clippy::indexing_slicing, reason = "hot: a u8 in a table of 256")]
pub(super) fn within_word(next: u8) -> bool {
    matches!(BESIDE[usize::from(next)], Beside::Word)
}

/// What a border allows on one side: a bit for each number of [`beside`].
type Allowed = u16;

/// Whether a border allows a neighbour before a match.
const fn allows_before(border: Border, neighbour: Beside, digit: bool) -> bool {
    match border {
        Border::Open => true,
        Border::Word => !matches!(neighbour, Beside::Word | Beside::Time),
        Border::Dotted => match neighbour {
            Beside::Word | Beside::Time => false,
            Beside::Point => !digit,
            _ => true,
        },
        Border::Token => matches!(neighbour, Beside::Point | Beside::Divider | Beside::Free),
        Border::Number | Border::Date => match neighbour {
            Beside::Free => true,
            Beside::Dash | Beside::Point | Beside::Divider => !digit,
            _ => false,
        },
    }
}

/// Whether a border allows a neighbour behind a match.
const fn allows_behind(border: Border, neighbour: Beside, digit: bool) -> bool {
    match (border, neighbour) {
        (Border::Date, Beside::Time) => digit,
        (Border::Dotted, _) => allows_before(Border::Word, neighbour, digit),
        _ => allows_before(border, neighbour, digit),
    }
}

/// What each border allows before a match and behind it.
static ALLOWED: [[Allowed; 2]; Border::ALL.len()] = allowed();

const fn allowed() -> [[Allowed; 2]; Border::ALL.len()] {
    let mut table = [[0; 2]; Border::ALL.len()];
    let mut i = 0;
    while i < Border::ALL.len() * SIDES {
        #[expect(
            clippy::indexing_slicing,
            reason = "computed when compiled: each index is a remainder by its table's length"
        )]
        {
            let (border, side) = (Border::ALL[i / SIDES], i % SIDES);
            let (neighbour, digit) = (NEIGHBOURS[side / 2], side % 2 == 1);
            let cells = &mut table[border as usize];
            cells[0] |= (allows_before(border, neighbour, digit) as Allowed) << side;
            cells[1] |= (allows_behind(border, neighbour, digit) as Allowed) << side;
        }
        i += 1;
    }
    table
}

/// Whether what stands before `start` allows a match.
#[inline]
#[expect(clippy::indexing_slicing, reason = "hot: the table has a cell for each border")]
pub(super) fn start_holds(text: &[u8], start: usize, border: Border) -> bool {
    let back = |n: usize| start.checked_sub(n).and_then(|at| text.get(at)).copied().unwrap_or(0);
    ALLOWED[border as usize][0] >> beside(back(1), back(2)) & 1 == 1
}

/// Whether what stands at `end` allows a match.
#[inline]
#[expect(clippy::indexing_slicing, reason = "hot: the table has a cell for each border")]
pub(super) fn end_holds(text: &[u8], end: usize, border: Border) -> bool {
    let ahead = |n: usize| text.get(end + n).copied().unwrap_or(0);
    ALLOWED[border as usize][1] >> beside(ahead(0), ahead(1)) & 1 == 1
}

/// Sets of patterns by their border.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Borders {
    /// By what stands before: what may start there.
    starts: [Patterns; SIDES],
    /// By what stands behind: what may end there.
    ends: [Patterns; SIDES],
}

impl Borders {
    /// The borders of patterns, in their order.
    pub fn of(borders: impl Iterator<Item = Border>) -> Self {
        let mut sets = Self::default();
        for (index, border) in borders.enumerate() {
            let [before, behind] = ALLOWED.get(border as usize).copied().unwrap_or_default();
            for (side, (starts, ends)) in sets.starts.iter_mut().zip(&mut sets.ends).enumerate() {
                *starts |= Patterns::from(before >> side & 1) << index;
                *ends |= Patterns::from(behind >> side & 1) << index;
            }
        }
        sets
    }

    /// Which patterns may end within a word.
    pub fn within_words(&self) -> Patterns {
        self.at_end(b'a', b'a') | self.at_end(b'a', b'0')
    }

    /// Which patterns may start, by what stands before: see [`beside`].
    pub fn starts(&self) -> [Patterns; SIDES] {
        self.starts
    }

    /// Which patterns may end before the byte `next` and the one that follows it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop of every gate")]
    #[expect(clippy::indexing_slicing, reason = "hot: `beside` is below SIDES")]
    pub fn at_end(&self, next: u8, follows: u8) -> Patterns {
        self.ends[beside(next, follows)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::in_word;
    use super::*;

    /// The same in words, as the borders' own texts have it.
    fn said(border: Border, neighbour: u8, beyond: u8, behind: bool) -> bool {
        let word = in_word(neighbour);
        let more = b".,-/:".contains(&neighbour) && beyond.is_ascii_digit();
        match border {
            Border::Open => true,
            Border::Word => !word,
            Border::Dotted => !word && (behind || neighbour != b'.' || !beyond.is_ascii_digit()),
            Border::Number => !word && neighbour != b'_' && !more,
            Border::Date if behind && neighbour == b'T' => beyond.is_ascii_digit(),
            Border::Date => !word && neighbour != b'_' && !more,
            Border::Token => !word && neighbour != b'_' && neighbour != b'-',
        }
    }

    #[test]
    fn both_sides_are_what_the_border_says_whatever_stands_there() {
        let borders = Borders::of(Border::ALL.into_iter());
        for neighbour in 0..=255u8 {
            for beyond in [b'0', b'9', b' ', b'a', b'.'] {
                let starts = borders.starts()[beside(neighbour, beyond)];
                let ends = borders.at_end(neighbour, beyond);
                for (index, border) in Border::ALL.into_iter().enumerate() {
                    let seen = [
                        (false, starts, start_holds(&[beyond, neighbour], 2, border)),
                        (true, ends, end_holds(&[neighbour, beyond], 0, border)),
                    ];
                    for (behind, set, holds) in seen {
                        assert_eq!(holds, said(border, neighbour, beyond, behind), "{border:?} {neighbour} {beyond}");
                        assert_eq!(set >> index & 1 == 1, holds, "{border:?} {neighbour} {beyond}");
                        assert!(!holds || border == Border::Open || !within_word(neighbour), "{border:?} {neighbour}");
                    }
                }
            }
        }
    }
}
