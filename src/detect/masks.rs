//! Sixty-four bytes of text to bit masks, one bit a byte: which are digits, letters, signs that start something.
//!
//! The lowest bit is the first byte. Bytes of 0x80 and above count as letters: they are parts of letters in other scripts
//! far more often than not, and rules that care look again.

/// How many bytes a block has.
pub(super) const BLOCK: usize = 64;

/// The masks of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// `0` to `9`.
    pub digit: u64,
    /// ASCII letters and all bytes from 0x80.
    pub letter: u64,
    /// ASCII capitals and all bytes from 0x80.
    pub capital: u64,
    /// `@`.
    pub at: u64,
    /// `:`.
    pub colon: u64,
    /// `-`.
    pub dash: u64,
    /// `+` and `(`.
    pub lead: u64,
    /// `/`.
    pub slash: u64,
    /// `-`, `_` and `.`.
    pub joint: u64,
    /// What a disguise of ASCII may begin with: the escapes' `%`, `&` and `\\`; 0xC2 and all from 0xC6, beyond Latin letters.
    pub odd: u64,
    /// The end of a line.
    pub newline: u64,
    /// A space.
    pub space: u64,
    /// `|` and tabs: they divide cells.
    pub bar: u64,
    /// `,` and `;`: they divide cells where no space follows.
    pub comma: u64,
}

impl Masks {
    /// Letters and digits.
    #[inline]
    pub fn word(&self) -> u64 {
        self.digit | self.letter
    }
}

static CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let bits = match byte as u8 {
            b'0'..=b'9' => 1,
            b'A'..=b'Z' => 2 | 4,
            b'a'..=b'z' => 2,
            0xC2 | 0xC6..=0xFF => 2 | 4 | 512,
            0x80..=0xFF => 2 | 4,
            b'@' => 8,
            b':' => 16,
            b'-' => 32 | 256,
            b'+' | b'(' => 64,
            b'/' => 128,
            b'_' | b'.' => 256,
            b'%' | b'&' | b'\\' => 512,
            b'\n' => 1024,
            b' ' => 2048,
            b'|' | b'\t' => 4096,
            b',' | b';' => 8192,
            _ => 0,
        };
        #[expect(clippy::indexing_slicing, reason = "byte < 256 is the table's length")]
        {
            table[byte] = bits;
        }
        byte += 1;
    }
    table
}

/// The masks of a block, on any machine.
#[expect(clippy::indexing_slicing, reason = "hot loop: a u8 indexes a table of 256")]
pub(super) fn portable(block: &[u8; BLOCK]) -> Masks {
    let mut bits = [0u64; 14];
    for (i, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        let classes = eight.map(|byte| CLASSES[usize::from(byte)]);
        let low = u64::from_le_bytes(classes.map(|class| class as u8));
        let high = u64::from_le_bytes(classes.map(|class| (class >> 8) as u8));
        for (k, mask) in bits.iter_mut().enumerate() {
            let half = if k < 8 { low >> k } else { high >> (k - 8) };
            // Gathers one bit of eight bytes into one byte: each product bit lands in the top byte without a carry.
            let gathered = (half & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            *mask |= gathered << (i * 8);
        }
    }
    let [digit, letter, capital, at, colon, dash, lead, slash, joint, odd, newline, space, bar, comma] = bits;
    Masks { digit, letter, capital, at, colon, dash, lead, slash, joint, odd, newline, space, bar, comma }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_bit_in_the_mask_of_its_class() {
        for byte in 0..=255u8 {
            for at in [0, 7, 8, 31, 63] {
                let mut block = [0; BLOCK];
                block[at] = byte;
                let masks = portable(&block);
                let is = |set: &[u8]| u64::from(set.contains(&byte)) << at;
                assert_eq!(masks.digit, u64::from(byte.is_ascii_digit()) << at, "{byte} at {at}");
                assert_eq!(masks.letter, u64::from(byte.is_ascii_alphabetic() || byte >= 0x80) << at, "{byte} at {at}");
                assert_eq!(masks.capital, u64::from(byte.is_ascii_uppercase() || byte >= 0x80) << at, "{byte} at {at}");
                assert_eq!(masks.odd, is(b"%&\\") | u64::from(byte == 0xC2 || byte >= 0xC6) << at, "{byte} at {at}");
                for (mask, set) in [
                    (masks.at, b"@".as_slice()),
                    (masks.colon, b":"),
                    (masks.dash, b"-"),
                    (masks.lead, b"+("),
                    (masks.slash, b"/"),
                    (masks.joint, b"-_."),
                    (masks.newline, b"\n"),
                    (masks.space, b" "),
                    (masks.bar, b"|\t"),
                    (masks.comma, b",;"),
                ] {
                    assert_eq!(mask, is(set), "{byte} at {at}, {set:?}");
                }
            }
        }
    }
}
