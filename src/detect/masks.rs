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
    /// ASCII.
    pub ascii: u64,
    /// ASCII capitals.
    pub upper: u64,
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
    /// `%`, `&` and `\\`: what escapes begin with.
    pub escape: u64,
    /// What characters beyond Latin letters begin with, and so the disguises of ASCII: 0xC2 and all from 0xC6.
    pub foreign: u64,
}

impl Masks {
    /// Letters and digits.
    pub fn word(&self) -> u64 {
        self.digit | self.letter
    }
}

const CLASSES: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let bits = match byte as u8 {
            b'0'..=b'9' => 1,
            b'A'..=b'Z' => 2 | 4,
            b'a'..=b'z' => 2,
            0xC2 | 0xC6..=0xFF => 2 | 128 | 1024,
            0x80..=0xFF => 2 | 128,
            b'@' => 8,
            b':' => 16,
            b'-' => 32 | 256,
            b'_' | b'.' => 256,
            b'/' => 2048,
            b'%' | b'&' | b'\\' => 512,
            b'+' | b'(' => 64,
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
    let mut bits = [0u64; 12];
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
    let [digit, letter, upper, at, colon, dash, lead, beyond, joint, escape, foreign, slash] = bits;
    Masks { digit, letter, ascii: !beyond, upper, at, colon, dash, lead, slash, joint, escape, foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_bit_in_the_mask_of_its_class() {
        for byte in 0..=255u8 {
            for at in [0, 7, 8, 31, 63] {
                let mut block = [b' '; BLOCK];
                block[at] = byte;
                let masks = portable(&block);
                assert_eq!(masks.digit, u64::from(byte.is_ascii_digit()) << at, "{byte} at {at}");
                assert_eq!(masks.letter, u64::from(byte.is_ascii_alphabetic() || byte >= 0x80) << at, "{byte} at {at}");
                assert_eq!(masks.upper, u64::from(byte.is_ascii_uppercase()) << at, "{byte} at {at}");
                assert_eq!(
                    masks.at | masks.colon | masks.dash,
                    u64::from(b"@:-".contains(&byte)) << at,
                    "{byte} at {at}"
                );
                assert_eq!(masks.joint, u64::from(b"-_.".contains(&byte)) << at, "{byte} at {at}");
                assert_eq!(masks.escape, u64::from(b"%&\\".contains(&byte)) << at, "{byte} at {at}");
                assert_eq!(masks.foreign, u64::from(byte == 0xC2 || byte >= 0xC6) << at, "{byte} at {at}");
                assert_eq!(masks.slash, u64::from(byte == b'/') << at, "{byte} at {at}");
                assert_eq!(masks.lead, u64::from(b"+(".contains(&byte)) << at, "{byte} at {at}");
                assert_eq!(!masks.ascii, u64::from(byte >= 0x80) << at, "{byte} at {at}");
            }
        }
    }
}
