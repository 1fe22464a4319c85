//! The table of learned weights: from the key of an observation to eight numbers, one a tag.
//!
//! ```text
//! bucket, 64 bytes: 6 fingerprints u16 · 4 bytes of zeros · 6 rows of 8 weights i8
//! ```
//! The high half of a key chooses the bucket, its low 16 bits are the fingerprint (never 0): one stranger in 11,000 passes.

use super::decode::TAGS;

/// Rows in a bucket.
pub(crate) const ROWS: usize = 6;
/// Bytes of a bucket.
pub(crate) const BUCKET_BYTES: usize = 64;

/// One cache line of the table.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct Bucket {
    /// Four fingerprints a word; the last two are never set.
    prints: [u64; 2],
    rows: [u64; ROWS],
}

impl Bucket {
    /// As a model file holds it.
    pub fn from_bytes(bytes: &[u8; BUCKET_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let mut bucket = Self::default();
        let slots = bucket.prints.iter_mut().chain(bucket.rows.iter_mut());
        for (slot, word) in slots.zip(words) {
            *slot = u64::from_le_bytes(*word);
        }
        bucket
    }

    /// As a model file holds it.
    pub fn to_bytes(self) -> [u8; BUCKET_BYTES] {
        let mut bytes = [0; BUCKET_BYTES];
        for (slot, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.prints.iter().chain(&self.rows)) {
            *slot = word.to_le_bytes();
        }
        bytes
    }

    /// Puts a row into a free place; whether there was one.
    pub fn put(&mut self, print: u16, row: [i8; TAGS]) -> bool {
        let free = (0..ROWS).find(|slot| self.print(*slot) == 0);
        if let Some(slot) = free
            && let (Some(prints), Some(place)) = (self.prints.get_mut(slot / 4), self.rows.get_mut(slot))
        {
            *prints |= u64::from(print) << (slot % 4 * 16);
            *place = u64::from_le_bytes(row.map(|weight| weight as u8));
            return true;
        }
        false
    }

    fn print(&self, slot: usize) -> u16 {
        self.prints.get(slot / 4).map_or(0, |prints| (prints >> (slot % 4 * 16)) as u16)
    }

    /// The row of a fingerprint; zeros where it isn't here. No branch depends on the answer.
    #[inline(always)]
    fn row(&self, print: u16) -> u64 {
        let wanted = u64::from(print).wrapping_mul(0x0001_0001_0001_0001);
        let [low, high] = self.prints;
        let (low, high) = (equal_lanes(low ^ wanted), equal_lanes(high ^ wanted));
        let mask = |hit: u64| (hit != 0) as u64;
        let slot = if low != 0 { low.trailing_zeros() / 16 } else { 4 + (high.trailing_zeros() / 16) % 2 };
        let found = 0u64.wrapping_sub(mask(low | high));
        self.rows.get(slot as usize).copied().unwrap_or(0) & found
    }
}

/// The top bit of each 16-bit lane that is zero; lanes above the first hit may be marked wrongly, the lowest never is.
#[inline(always)]
const fn equal_lanes(x: u64) -> u64 {
    x.wrapping_sub(0x0001_0001_0001_0001) & !x & 0x8000_8000_8000_8000
}

/// The table.
pub(crate) struct Weights {
    buckets: Vec<Bucket>,
}

/// The fingerprint of a key.
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

    /// The sums of all keys' weights.
    #[inline]
    pub fn sum(&self, keys: &[u64]) -> [i16; TAGS] {
        let mut sums = [0i16; TAGS];
        for key in keys {
            for (sum, weight) in sums.iter_mut().zip(self.row(*key)) {
                *sum += i16::from(weight);
            }
        }
        sums
    }
}
