//! The first pass: a text to the places where something may start, in one loop without a branch on what a word is.
//!
//! A word costs some forty instructions here and a place some ten, whatever the rules; everything dearer waits for the second
//! pass, in `engine`, which sees the few places only. It may let a place pass wrongly, never hold one back.

use super::compile::Prefixes;
use super::context::Notes;
use super::fields::Fields;
use super::masks::{BLOCK, Masks};
use super::records::SIGN_BYTES;
use super::words::{HeadNumber, Vocabulary, in_word};

/// What may start at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A phrase that starts a rule: the head's number, and the length of its first word in bytes.
    Phrase(HeadNumber, u8),
    /// A first name of this length.
    Name(u8),
    /// A literal beginning of a key.
    Key,
    /// A number.
    Number,
    /// The first digit behind the letters that a word begins with.
    Inner,
    /// An `@`.
    At,
    /// A `:` with a letter, a digit, a `/` or a `:` behind it.
    Colon,
    /// A `+` or `(` with a digit or another of them behind it.
    Lead,
    /// The first of several `-`, or a `-` between letters and digits of which two or four stand before the next.
    Dash,
    /// Twenty letters and digits in a row.
    Long,
}

/// A place where something may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Byte in the text.
    pub at: u32,
    /// What.
    pub what: What,
}

/// How many blocks are read before the second pass gets its turn.
pub(super) const STRETCH: usize = 64;

/// A block and the first bytes of a word that begins with its last byte.
const WINDOW: usize = BLOCK + 8;

/// A block has at most so many words.
const MOST: usize = BLOCK / 2;

/// Longer lists are given back: a hostile text may have a sign at every byte.
const KEPT: usize = 16 * 1024;

/// The lists that words are looked up in.
#[derive(Clone, Copy)]
pub(super) struct Lists<'t> {
    /// Words and names.
    pub vocabulary: &'t Vocabulary,
    /// Beginnings of keys.
    pub prefixes: &'t Prefixes,
}

/// What was read: emptied for each text, but not given back, so that reading allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// Where something may start, in the order of blocks.
    pub places: Vec<Place>,
    /// Context words, in order.
    pub notes: Notes,
    /// What is worth a second look when the text was read.
    pub noticed: Noticed,
    /// The names of fields that were read last.
    pub fields: Fields,
    /// The masks of a stretch and of the block behind it.
    masks: Vec<Masks>,
}

/// What was seen in passing that is worth a second look.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    /// Tokens so long that they may be Base64: start and end.
    pub tokens: Vec<(usize, usize)>,
    /// Where a disguise of plain text may begin.
    pub odd: Vec<u32>,
    /// Colons behind a quote: the ends of members' names.
    pub colons: Vec<u32>,
    /// Starts of lines that may be the heads of a table.
    pub lines: Vec<u32>,
}

impl Sheet {
    /// Forgets the last text.
    pub fn clear(&mut self) {
        let Self { places, notes, noticed, fields: _, masks: _ } = self;
        let Noticed { tokens, odd, colons, lines } = noticed;
        places.clear();
        notes.clear();
        tokens.clear();
        odd.clear();
        colons.clear();
        lines.clear();
    }

    /// Whether a text made it so large that it is not worth keeping.
    pub fn is_large(&self) -> bool {
        let Noticed { tokens, odd, colons, lines } = &self.noticed;
        odd.capacity().max(colons.capacity()).max(lines.capacity()).max(tokens.capacity()) > KEPT
    }

    /// Reads the next stretch from `at`, a multiple of [`BLOCK`]: appends its places, block by block, and notes its context words. Gives
    /// the byte up to which the text was read.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for any machine and once for its newer instructions")]
    pub fn read(
        &mut self,
        at: usize,
        masks: impl Fn(&[u8; BLOCK], &mut Masks),
        text: &[u8],
        lists: Lists<'_>,
    ) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        let count = rest.len().div_ceil(BLOCK).min(STRETCH);
        if self.masks.len() <= count {
            self.masks.resize(count + 1, Masks::default());
        }
        for (i, slot) in self.masks.iter_mut().take(count + 1).enumerate() {
            let rest = rest.get(i * BLOCK..).unwrap_or_default();
            match rest.first_chunk() {
                Some(block) => masks(block, slot),
                None if rest.is_empty() => *slot = Masks::default(),
                None => masks(&padded(rest), slot),
            }
        }
        let mut carry = Carry::before(text, at);
        let mut short;
        let all = std::mem::take(&mut self.masks);
        for (i, (block, next)) in all.iter().zip(all.iter().skip(1)).take(count).enumerate() {
            let at = at + i * BLOCK;
            let rest = text.get(at..).unwrap_or_default();
            let window = match rest.first_chunk() {
                Some(window) => window,
                None => {
                    short = padded(rest);
                    &short
                }
            };
            let here = Here { text, at, carry, block, next };
            self.words(here, window, lists);
            self.signs(here);
            carry = Carry::of(block, carry);
        }
        self.masks = all;
        at + count * BLOCK
    }

    /// The words that begin in a block.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: an index below MOST")]
    fn words(&mut self, here: Here<'_>, window: &[u8; WINDOW], Lists { vocabulary, prefixes }: Lists<'_>) {
        let Here { text, at, carry, block, next } = here;
        let (word, beyond) = (block.word(), next.word());
        let starts = word & !(word << 1 | carry.word);
        // The length of a word that begins at a bit, as far as it stands in this block.
        let len_at = |bit: u32| (!(word >> bit)).trailing_zeros();
        // INVARIANT: no phrase begins with a digit.
        let begins = starts & block.letter;
        // The last word may go on into the next block.
        let open = last(starts) & 0u64.wrapping_sub(word >> 63);
        let spill = if open != 0 { beyond.trailing_ones() } else { 0 };
        let mut heads = [0u16; MOST];
        let mut count = 0;
        let mut look = |bit: u32, len: u32| {
            heads[count & (MOST - 1)] = (bit | len << 8) as u16;
            count += usize::from(vocabulary.may_begin(head_in(window, bit), len as usize));
        };
        let mut bits = begins & !open;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            look(bit, len_at(bit));
        }
        if begins & open != 0 {
            let bit = open.trailing_zeros();
            look(bit, BLOCK as u32 - bit + spill);
        }
        for found in heads.iter().take(count) {
            let (bit, len) = (u32::from(found & 63), found >> 8);
            if let Some(number) = vocabulary.find(head_in(window, bit), usize::from(len)) {
                let head = vocabulary.head(number);
                if head.context {
                    self.notes.add(at as u32 + bit, number, len as u8);
                }
                if head.starts && head.may_go_on(text, at + (bit + u32::from(len)) as usize) {
                    self.places.push(Place { at: at as u32 + bit, what: What::Phrase(number, len as u8) });
                }
            }
        }
        let mut capitals = starts & block.capital;
        while capitals != 0 {
            let bit = capitals.trailing_zeros();
            capitals &= capitals - 1;
            let len = len_at(bit) + if 1 << bit == open { spill } else { 0 };
            if vocabulary.may_be_name(head_in(window, bit), len as usize) {
                self.places.push(Place { at: at as u32 + bit, what: What::Name(len as u8) });
            }
        }
        let twelve = runs_of_12(word, beyond);
        let mut keys = begins & (twelve as u64 | joined(starts, block, next));
        while keys != 0 {
            let bit = keys.trailing_zeros();
            keys &= keys - 1;
            if prefixes.may_start(head_in(window, bit)) {
                self.places.push(Place { at: at as u32 + bit, what: What::Key });
            }
        }
        // Twelve from here and twelve from eight on are twenty.
        let twenty = (twelve & twelve >> 8) as u64;
        // A run that goes on from the block before was seen there.
        let mut runs = twenty & !(twenty << 1);
        while runs != 0 {
            self.places.push(Place { at: at as u32 + runs.trailing_zeros(), what: What::Long });
            runs &= runs - 1;
        }
    }

    /// The signs and digits of a block at which something may start.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
    fn signs(&mut self, here: Here<'_>) {
        let Here { text, at, carry, block, next } = here;
        let (word, behind) = (block.word(), next.word());
        let ahead = |mask: u64, over: u64| mask >> 1 | over << 63;
        let starts = word & !(word << 1 | carry.word);
        let number = starts & block.digit;
        // The first digit behind the letters that a word begins with: added to their first bit, they carry it to their end.
        let inner = initials(block, carry).0 & block.digit;
        let colon = block.colon & ahead(word | block.colon | block.slash, behind | next.colon | next.slash);
        let lead = block.lead & ahead(block.digit | block.lead, next.digit | next.lead);
        let dashes = block.dash & !(block.dash << 1 | carry.dash);
        // Several dashes; or two characters between two of them, as addresses of hardware have it, or four, as UUIDs do.
        let pairs = block.dash >> 3 | next.dash << 61;
        let fours = block.dash >> 5 | next.dash << 59;
        let groups = (pairs | fours) & ahead(word, behind) & (word << 1 | carry.word);
        let dash = dashes & (ahead(block.dash, next.dash) | groups);
        let mut bits = number | inner | block.at | colon | lead | dash;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            let one = bits & bits.wrapping_neg();
            bits &= bits - 1;
            let what = if one & number != 0 {
                What::Number
            } else if one & inner != 0 {
                What::Inner
            } else if one & block.at != 0 {
                What::At
            } else if one & colon != 0 {
                What::Colon
            } else if one & lead != 0 {
                What::Lead
            } else {
                What::Dash
            };
            self.places.push(Place { at: at as u32 + bit, what });
        }
        self.noticed.odd.extend(Bits(block.odd).map(|bit| at as u32 + bit));
        for bit in Bits(block.colon) {
            let colon = at + bit as usize;
            if colon.checked_sub(1).and_then(|at| text.get(at)).is_some_and(|byte| b"\"'".contains(byte)) {
                self.noticed.colons.push(colon as u32);
            }
        }
        // A sign that divides cells near the start of a line: not a comma or semicolon of prose.
        let tight = |block: &Masks, next: &Masks| {
            let prose = ahead(block.space | block.newline, next.space | next.newline);
            u128::from(block.bar | block.comma & !prose)
        };
        let first = u64::from(at == 0);
        if block.newline | first != 0 {
            let signs = tight(block, next) | tight(next, &Masks::default()) << 64;
            let near = |from: u32| signs.checked_shr(from).unwrap_or(0) & ((1 << SIGN_BYTES) - 1) != 0;
            if first != 0 && near(0) {
                self.noticed.lines.push(0);
            }
            let lines = Bits(block.newline).map(|bit| bit + 1).filter(|from| near(*from));
            self.noticed.lines.extend(lines.map(|from| at as u32 + from));
        }
    }
}

/// A block of a text, and what stands around it.
#[derive(Clone, Copy)]
struct Here<'b> {
    text: &'b [u8],
    /// Its first byte.
    at: usize,
    carry: Carry,
    block: &'b Masks,
    next: &'b Masks,
}

/// The bits of a mask, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit)
    }
}

/// What stood before a block: the lowest bit of each.
#[derive(Clone, Copy, Default)]
struct Carry {
    /// A letter or digit.
    word: u64,
    /// One of the letters that a word begins with.
    initial: u64,
    dash: u64,
}

impl Carry {
    /// By the block itself and what stood before it.
    fn of(block: &Masks, before: Self) -> Self {
        Self { word: block.word() >> 63, initial: initials(block, before).1, dash: block.dash >> 63 }
    }

    /// By the text: none before its start.
    fn before(text: &[u8], at: usize) -> Self {
        let head = text.get(..at).unwrap_or_default();
        let Some(byte) = head.last() else { return Self::default() };
        let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
        // More letters than any rule asks for are as good as all.
        let letters = head.iter().rev().take(32).take_while(|byte| letter(byte)).count();
        let initial = letters > 0 && !head.iter().rev().nth(letters).is_some_and(u8::is_ascii_digit);
        Self { word: u64::from(in_word(*byte)), initial: u64::from(initial), dash: u64::from(*byte == b'-') }
    }
}

/// The byte behind the letters that each word begins with; and, in the lowest bit, whether they go on in the next block.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn initials(block: &Masks, carry: Carry) -> (u64, u64) {
    let word = block.word();
    let first = word & !(word << 1 | carry.word) & block.letter;
    let (sum, over) = block.letter.overflowing_add(first | carry.initial);
    (sum & !block.letter, u64::from(over))
}

/// The first bytes of a text that ends early, and zeros.
fn padded<const N: usize>(rest: &[u8]) -> [u8; N] {
    let mut bytes = [0u8; N];
    if let (Some(to), Some(from)) = (bytes.get_mut(..rest.len().min(N)), rest.get(..rest.len().min(N))) {
        to.copy_from_slice(from);
    }
    bytes
}

/// Where twelve letters and digits in a row begin, in a block and the next.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn runs_of_12(word: u64, next: u64) -> u128 {
    let both = u128::from(word) | u128::from(next) << 64;
    let two = both & both >> 1;
    let four = two & two >> 2;
    four & four >> 4 & four >> 8
}

/// The words that `_`, `-` or `.` follows.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn joined(starts: u64, block: &Masks, next: &Masks) -> u64 {
    let word = block.word();
    let mut words = 0;
    let mut joints = block.joint & word << 1;
    while joints != 0 {
        let before = (joints & joints.wrapping_neg()) - 1;
        joints &= joints - 1;
        words |= last(starts & before);
    }
    if word >> 63 == 1 && next.joint >> (next.word().trailing_ones() & 63) & 1 == 1 {
        words |= last(starts);
    }
    words
}

/// The highest bit.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all blocks")]
fn last(bits: u64) -> u64 {
    bits & 1u64.checked_shl(63u32.wrapping_sub(bits.leading_zeros())).unwrap_or(0)
}

/// The first eight bytes of the word at a bit of the window.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of the loop over all words")]
#[expect(clippy::indexing_slicing, reason = "hot loop: a bit is below 64, and the window longer by eight")]
fn head_in(window: &[u8; WINDOW], bit: u32) -> u64 {
    window[(bit & 63) as usize..].first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::super::compile::compile;
    use super::super::masks::portable;
    use super::super::rule::{Rule, Start};
    use super::*;

    fn places(text: &str) -> Vec<(usize, What)> {
        let rules = [
            Rule { start: Start::Prefix(&["key_"]), pattern: "x", ..Rule::BASE },
            Rule { start: Start::Word(&["phone", "a"]), ..Rule::BASE },
        ];
        let tables = compile(&rules, &["ada"]).unwrap();
        let lists = Lists { vocabulary: &tables.vocabulary, prefixes: &tables.prefixes };
        let (mut sheet, mut read_to) = (Sheet::default(), 0);
        while read_to < text.len() {
            read_to = sheet.read(read_to, |block, masks| *masks = portable(block), text.as_bytes(), lists);
        }
        sheet.places.iter().map(|place| (place.at as usize, place.what)).collect()
    }

    #[test]
    fn words_pass_wherever_in_a_block_they_begin_and_however_far_they_go_on() {
        for gap in [0, 1, 40, 59, 60, 62, 63, 64, 4_094, 8_190] {
            let space = " ".repeat(gap);
            let found = places(&format!("{space}PHONE x"));
            assert!(matches!(found.as_slice(), [(at, What::Phrase(_, 5))] if *at == gap), "{gap}: {found:?}");
            assert_eq!(places(&format!("{space}Ada.")), [(gap, What::Name(3))], "{gap}");
            assert_eq!(places(&format!("{space}key_x")), [(gap, What::Key)], "{gap}");
            assert_eq!(places(&format!("{space}keyx xphone phonex")), [], "{gap}");
        }
        assert_eq!(places(&"a ".repeat(32)).len(), 32);
    }

    #[test]
    fn signs_pass_where_something_follows_them() {
        for gap in [0, 61, 62, 63, 64] {
            let space = " ".repeat(gap);
            for (text, what) in
                [("12", What::Number), ("@", What::At), ("://", What::Colon), ("+1", What::Lead), ("--x", What::Dash)]
            {
                assert_eq!(places(&format!("{space}{text}")).first(), Some(&(gap, what)), "{gap} {text}");
            }
            assert_eq!(places(&format!("{space}: + ( - é . x")), [], "{gap}");
            assert_eq!(places(&format!("{space}zz9zz9")), [(gap + 2, What::Inner)], "{gap}");
            assert_eq!(places(&format!("{space}9zz9")), [(gap, What::Number)], "{gap}");
            assert_eq!(places(&format!("{space}zz-zz-")), [(gap + 2, What::Dash)], "{gap}");
            assert_eq!(places(&format!("{space}zz-zzzz-")), [(gap + 2, What::Dash)], "{gap}");
            assert_eq!(places(&format!("{space}zz-zzz-")), [], "{gap}");
        }
    }

    #[test]
    fn long_runs_are_seen_once_in_each_block_they_begin_in() {
        let run = "x".repeat(20);
        assert_eq!(places(&format!("zz {run} zz")), [(3, What::Long)]);
        assert_eq!(places(&format!("{}{run}", " ".repeat(50))), [(50, What::Long)]);
        assert_eq!(places(&"x".repeat(19)), []);
    }
}
