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

/// One cache line of the table.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Bucket {
    /// The last two are never set.
    pub prints: [u16; 8],
    /// Eight weights each, the first in the lowest byte.
    pub rows: [u64; ROWS],
}

impl Bucket {
    /// As a model file holds it.
    pub fn from_bytes(bytes: &[u8; BUCKET_BYTES]) -> Self {
        let mut bucket = Self::default();
        let (prints, rows) = bytes.split_at(PRINTS_BYTES);
        for (print, bytes) in bucket.prints.iter_mut().zip(prints.as_chunks().0).take(ROWS) {
            *print = u16::from_le_bytes(*bytes);
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
        for (bytes, print) in prints.as_chunks_mut().0.iter_mut().zip(self.prints) {
            *bytes = print.to_le_bytes();
        }
        for (bytes, row) in rows.as_chunks_mut().0.iter_mut().zip(self.rows) {
            *bytes = row.to_le_bytes();
        }
        bytes
    }

    /// Puts a row into a free place; whether there was one.
    pub fn put(&mut self, print: u16, row: [i8; TAGS]) -> bool {
        let free = self.prints.iter_mut().zip(&mut self.rows).find(|(held, _)| **held == 0);
        let Some((held, place)) = free else { return false };
        (*held, *place) = (print, u64::from_le_bytes(row.map(|weight| weight as u8)));
        true
    }

    /// The row of a fingerprint; zeros where it isn't here. No branch depends on the answer.
    #[inline(always)]
    fn row(&self, print: u16) -> u64 {
        let wanted = u64::from(print).wrapping_mul(EACH);
        let [a, b, c, d, e, f, ..] = self.prints.map(u64::from);
        let low = equal_lanes((a | b << 16 | c << 32 | d << 48) ^ wanted);
        let high = equal_lanes((e | f << 16) ^ wanted);
        let slot = if low != 0 { low.trailing_zeros() / 16 } else { 4 + (high.trailing_zeros() / 16) % 2 };
        // All ones where any lane is equal: the sign of a number or of its negative.
        let any = low | high;
        let found = (any | any.wrapping_neg()) as i64 >> 63;
        self.rows.get(slot as usize).copied().unwrap_or(0) & found as u64
    }
}

/// One in each lane of 16 bits.
const EACH: u64 = 0x0001_0001_0001_0001;

/// The top bit of each 16-bit lane that is zero; lanes above the first hit may be marked wrongly, the lowest never is.
#[inline(always)]
const fn equal_lanes(x: u64) -> u64 {
    x.wrapping_sub(EACH) & !x & EACH << 15
}

/// Sums of weights, one a tag.
pub(crate) type Sums = [i16; TAGS];

/// Where a key's row stands if it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub bucket: u32,
    pub print: u16,
}

/// The sums of the rows at these places, on any machine: `simd` has the same for one that can compare eight numbers at once.
#[inline(always)]
pub(crate) fn sum(buckets: &[Bucket], places: &[Place]) -> Sums {
    let mut sums = [0; TAGS];
    for place in places {
        let row = buckets.get(place.bucket as usize).map_or(0, |bucket| bucket.row(place.print));
        for (sum, weight) in sums.iter_mut().zip(row.to_le_bytes()) {
            *sum += i16::from(weight as i8);
        }
    }
    sums
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

    /// Where the rows of these keys stand, if they are known. The memory they stand in is fetched meanwhile.
    #[inline(always)]
    pub fn seek<const N: usize>(&self, keys: &[u64; N], places: &mut [Place; N]) {
        for (place, key) in places.iter_mut().zip(keys) {
            let bucket = self.bucket(*key);
            prefetch(&self.buckets, bucket);
            *place = Place { bucket: bucket as u32, print: print(*key) };
        }
    }
}
