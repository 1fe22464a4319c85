//! The table of learned weights: from the key of an observation to eight numbers, one a tag.
//!
//! ```text
//! bucket, 64 bytes: 6 fingerprints u16 · 4 bytes of zeros · 6 rows of 8 weights i8
//! ```
//! The high half of a key chooses the bucket, its low 16 bits are the fingerprint (never 0): one stranger in 11,000 passes.

use super::super::simd::prefetch;
use super::decode::TAGS;

/// Rows in a bucket.
pub(crate) const ROWS: usize = 6;
/// Bytes of a bucket.
pub(crate) const BUCKET_BYTES: usize = 64;
/// Bytes before its rows.
const PRINTS_BYTES: usize = 16;

/// One cache line of the table, as it is asked: eight fingerprints side by side in two words, their low bytes and their high bytes.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Bucket {
    /// Low bytes, first lowest; the last two are never set.
    low: u64,
    /// High bytes.
    high: u64,
    rows: [u64; ROWS],
}

impl Bucket {
    /// As a model file holds it.
    pub fn from_bytes(bytes: &[u8; BUCKET_BYTES]) -> Self {
        let mut bucket = Self::default();
        let (prints, rows) = bytes.split_at(PRINTS_BYTES);
        for (slot, print) in prints.as_chunks().0.iter().enumerate().take(ROWS) {
            bucket.set_print(slot, u16::from_le_bytes(*print));
        }
        for (row, bytes) in bucket.rows.iter_mut().zip(rows.as_chunks().0) {
            *row = u64::from_le_bytes(*bytes);
        }
        bucket
    }

    /// As a model file holds it.
    pub fn to_bytes(self) -> [u8; BUCKET_BYTES] {
        let mut bytes = [0; BUCKET_BYTES];
        let (prints, rows) = bytes.split_at_mut(PRINTS_BYTES);
        for (slot, print) in prints.as_chunks_mut().0.iter_mut().enumerate().take(ROWS) {
            *print = self.print(slot).to_le_bytes();
        }
        for (bytes, row) in rows.as_chunks_mut().0.iter_mut().zip(self.rows) {
            *bytes = row.to_le_bytes();
        }
        bytes
    }

    /// Puts a row into a free place; whether there was one.
    pub fn put(&mut self, print: u16, row: [i8; TAGS]) -> bool {
        let free = (0..ROWS).find(|slot| self.print(*slot) == 0);
        if let Some(slot) = free
            && let Some(place) = self.rows.get_mut(slot)
        {
            *place = u64::from_le_bytes(row.map(|weight| weight as u8));
            self.set_print(slot, print);
        }
        free.is_some()
    }

    fn print(&self, slot: usize) -> u16 {
        u16::from_le_bytes([(self.low >> (slot * 8)) as u8, (self.high >> (slot * 8)) as u8])
    }

    fn set_print(&mut self, slot: usize, print: u16) {
        let [low, high] = print.to_le_bytes();
        self.low |= u64::from(low) << (slot * 8);
        self.high |= u64::from(high) << (slot * 8);
    }

    /// The row of a fingerprint; zeros where it isn't here. No branch depends on the answer.
    #[inline(always)]
    fn row(&self, print: u16) -> u64 {
        let everywhere = |byte: u16| u64::from(byte).wrapping_mul(ONES);
        let differ = (self.low ^ everywhere(print & 0xFF)) | (self.high ^ everywhere(print >> 8));
        // The top bit of each byte that is zero; above the first one it may be set wrongly, the lowest never is.
        let equal = differ.wrapping_sub(ONES) & !differ & (ONES << 7);
        let slot = (equal | 1 << (8 * ROWS - 1)).trailing_zeros() as usize / 8;
        let found = 0u64.wrapping_sub(u64::from(equal != 0));
        self.rows.get(slot).copied().unwrap_or(0) & found
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Sums of rows while they are added up, four tags a word: those with even numbers, those with odd ones. Each weight is
/// counted from -128, so that nothing is carried from one lane to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    even: u64,
    odd: u64,
}

impl Packed {
    const LANES: u64 = 0x00FF_00FF_00FF_00FF;

    #[inline(always)]
    fn add_row(&mut self, row: u64) {
        let row = row ^ (ONES << 7);
        self.even += row & Self::LANES;
        self.odd += row >> 8 & Self::LANES;
    }

    /// With more rows.
    #[inline(always)]
    pub fn and(self, more: Self) -> Self {
        Self { even: self.even + more.even, odd: self.odd + more.odd }
    }

    /// The sums of `count` rows.
    #[inline(always)]
    pub fn sums(self, count: usize) -> [i16; TAGS] {
        let lane = |tag: usize| (if tag % 2 == 0 { self.even } else { self.odd } >> (tag / 2 * 16)) as i16;
        std::array::from_fn(|tag| lane(tag) - 128 * count as i16)
    }
}

/// The table.
pub(crate) struct Weights {
    buckets: Vec<Bucket>,
}

/// The fingerprint of a key.
#[inline(always)]
pub(crate) fn print(key: u64) -> u16 {
    (key as u16).max(1)
}

impl Weights {
    /// From its buckets.
    pub fn from_buckets(buckets: Vec<Bucket>) -> Self {
        Self { buckets }
    }

    /// The buckets, for a model file.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Room for this many buckets, all empty.
    pub fn empty(buckets: usize) -> Self {
        Self { buckets: vec![Bucket::default(); buckets] }
    }

    #[inline(always)]
    fn bucket(&self, key: u64) -> usize {
        (((key >> 32) * self.buckets.len() as u64) >> 32) as usize
    }

    /// Puts a row in; whether there was room.
    pub fn put(&mut self, key: u64, row: [i8; TAGS]) -> bool {
        let at = self.bucket(key);
        self.buckets.get_mut(at).is_some_and(|bucket| bucket.put(print(key), row))
    }

    /// The weights of one key; zeros where it isn't known.
    #[inline(always)]
    pub fn row(&self, key: u64) -> [i8; TAGS] {
        let row = self.buckets.get(self.bucket(key)).map_or(0, |bucket| bucket.row(print(key)));
        row.to_le_bytes().map(|byte| byte as i8)
    }

    /// Where a key's row stands if it is known. The memory it stands in is fetched meanwhile.
    #[inline(always)]
    pub fn seek(&self, key: u64) -> Place {
        let bucket = self.bucket(key);
        prefetch(&self.buckets, bucket);
        Place { bucket: bucket as u32, print: print(key) }
    }

    /// The sums of these rows.
    #[inline(always)]
    pub fn sum<const N: usize>(&self, places: &[Place; N]) -> Packed {
        let mut sums = Packed::default();
        for place in places {
            sums.add_row(self.buckets.get(place.bucket as usize).map_or(0, |bucket| bucket.row(place.print)));
        }
        sums
    }
}

/// Where a key's row stands if it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    bucket: u32,
    print: u16,
}
