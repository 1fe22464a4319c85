//! The first pass and the sums of the model of names with AVX2. The only file with `unsafe` code: the intrinsics of a feature need
//! it, because calling them on a machine without the feature is undefined; [`Reader::new`] asks the machine once and never calls them
//! elsewhere.
//!
//! It decides nothing that `masks::portable` and `weights::sum` don't: tests compare both, byte for byte.

use super::index::{Lists, Sheet};
use super::masks::{BLOCK, Masks, portable};
use super::recognise::{Desk, Name, Recogniser, weights};

/// How this machine reads a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    #[cfg(target_arch = "x86_64")]
    avx2: bool,
}

impl Reader {
    /// Asks the machine what it can do.
    pub fn new() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            avx2: std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("bmi1")
                && std::arch::is_x86_feature_detected!("bmi2")
                && std::arch::is_x86_feature_detected!("popcnt"),
        }
    }

    /// [`Sheet::read`] with the machine's instructions for many bytes and single bits.
    pub fn read(self, sheet: &mut Sheet, at: usize, text: &[u8], lists: Lists<'_>) -> usize {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[expect(unsafe_code, reason = "`avx2` is true only where `new` found the features")]
            // SAFETY: the machine has AVX2, BMI1, BMI2 and POPCNT.
            return unsafe { read_avx2(sheet, at, text, lists) };
        }
        sheet.read(at, |block, masks| *masks = portable(block), text, lists)
    }

    /// [`Recogniser::find`] with the machine's instructions for many numbers.
    pub fn find(self, recogniser: &Recogniser, desk: &mut Desk, text: &str, recall: bool, out: &mut Vec<Name>) {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[expect(unsafe_code, reason = "`avx2` is true only where `new` found the features")]
            // SAFETY: the machine has AVX2, BMI1 and BMI2.
            unsafe {
                find_avx2(recogniser, desk, text, recall, out);
            }
            return;
        }
        recogniser.find_at(desk, text, recall, out, weights::sum);
    }

    /// The sums of rows, as [`Reader::find`] makes them.
    #[cfg(test)]
    pub fn sum(self, buckets: &[weights::Bucket], places: &[weights::Place]) -> weights::Sums {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[expect(unsafe_code, reason = "`avx2` is true only where `new` found the features")]
            // SAFETY: the machine has AVX2 and BMI1.
            return unsafe { sum_avx2(buckets, places) };
        }
        weights::sum(buckets, places)
    }

    /// The masks of one block, as [`Reader::read`] sees them.
    #[cfg(test)]
    pub fn masks(self, block: &[u8; BLOCK]) -> Masks {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[expect(unsafe_code, reason = "`avx2` is true only where `new` found the feature")]
            // SAFETY: the machine has AVX2.
            unsafe {
                let mut masks = Masks::default();
                avx2(block, &mut masks);
                return masks;
            }
        }
        portable(block)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn read_avx2(sheet: &mut Sheet, at: usize, text: &[u8], lists: Lists<'_>) -> usize {
    sheet.read(at, |block, masks| avx2(block, masks), text, lists)
}

/// Has the memory of `slice[at]` fetched while other work goes on. Anywhere else it does nothing.
#[inline(always)]
pub(super) fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        #[expect(unsafe_code, reason = "the address is a pointer")]
        // SAFETY: every machine of this architecture has the instruction; it reads nothing that could be seen and never faults.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(slice.as_ptr().wrapping_add(at).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn find_avx2(recogniser: &Recogniser, desk: &mut Desk, text: &str, recall: bool, out: &mut Vec<Name>) {
    recogniser.find_at(desk, text, recall, out, |buckets, places| sum_avx2(buckets, places));
}

/// The sums of rows: the fingerprints of a bucket are compared at once, and no branch depends on what is found. On its own, so that
/// the sums stay in registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
#[inline(never)]
fn sum_avx2(buckets: &[weights::Bucket], places: &[weights::Place]) -> weights::Sums {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi16, _mm_andnot_si128, _mm_cmpeq_epi16, _mm_cmpeq_epi64, _mm_cvtepi8_epi16,
        _mm_cvtsi64_si128, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16, _mm_setzero_si128,
        _mm_storeu_si128,
    };

    let mut sums = _mm_setzero_si128();
    for place in places {
        let Some(bucket) = buckets.get(place.bucket as usize) else { continue };
        #[expect(unsafe_code, reason = "a load reads through a pointer")]
        // SAFETY: eight fingerprints of two bytes each.
        let prints = unsafe { _mm_loadu_si128(bucket.prints.as_ptr().cast::<__m128i>()) };
        let equal = _mm_cmpeq_epi16(prints, _mm_set1_epi16(place.print as i16));
        // Two bits a lane; what isn't found is taken for the last row, and then for nothing.
        let slot = (_mm_movemask_epi8(equal) | 1 << 10).trailing_zeros() as usize / 2;
        let row = _mm_cvtsi64_si128(bucket.rows.get(slot).copied().unwrap_or(0) as i64);
        // Whether no lane is equal, as a vector: of a number the compiler makes a branch, and one guess in five is wrong.
        let missing = _mm_cmpeq_epi64(_mm_packs_epi16(equal, equal), _mm_setzero_si128());
        sums = _mm_add_epi16(sums, _mm_cvtepi8_epi16(_mm_andnot_si128(missing, row)));
    }
    let mut all = weights::Sums::default();
    #[expect(unsafe_code, reason = "a store writes through a pointer")]
    // SAFETY: eight numbers of two bytes each.
    unsafe {
        _mm_storeu_si128(all.as_mut_ptr().cast::<__m128i>(), sums);
    }
    all
}

/// Sixty-four bytes as two vectors. A set of signs that differ in their low halves is one shuffle and one comparison: the shuffle puts
/// in each byte's place the member of the set that has its low half. Out of line: within the loop over all blocks the compiler takes some
/// masks apart into single bits, at six times the cost.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline(never)]
fn avx2(block: &[u8; BLOCK], masks: &mut Masks) {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_max_epu8,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_slli_epi16,
    };

    let load = |half: &[u8; BLOCK / 2]| {
        #[expect(unsafe_code, reason = "an unaligned load reads through a pointer")]
        // SAFETY: `half` has 32 bytes, and the load needs no alignment.
        unsafe {
            _mm256_loadu_si256(half.as_ptr().cast::<__m256i>())
        }
    };
    let ([low, high], _) = block.as_chunks::<{ BLOCK / 2 }>() else { return };
    let (low, high) = (load(low), load(high));
    macro_rules! join {
        ($each:expr) => {{
            let each = $each;
            let bits = |half: __m256i| u64::from(_mm256_movemask_epi8(half) as u32);
            bits(each(low)) | bits(each(high)) << 32
        }};
    }
    let same = |half: __m256i, byte: u8| _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte as i8));
    let one = |byte: u8| join!(|half: __m256i| same(half, byte));
    // INVARIANT: the sets are of ASCII signs: the shuffle gives 0 for all other bytes, and no set has 0.
    let set = |signs: &[u8; 32]| {
        let members = load(signs);
        move |half: __m256i| _mm256_cmpeq_epi8(_mm256_shuffle_epi8(members, half), half)
    };
    // `first..=last` moved to the top of the signed range: one comparison then tells.
    let range = |half: __m256i, first: u8, last: u8| {
        let moved = _mm256_add_epi8(half, _mm256_set1_epi8(127u8.wrapping_sub(last) as i8));
        _mm256_cmpgt_epi8(moved, _mm256_set1_epi8((126 - (last - first)) as i8))
    };
    let ascii_letter = join!(|half: __m256i| range(_mm256_or_si256(half, _mm256_set1_epi8(0x20)), b'a', b'z'));
    let beyond_ascii = join!(|half: __m256i| half);
    // Bit 5 moved to where signs are taken from.
    let small = join!(|half: __m256i| _mm256_slli_epi16(half, 2));
    let foreign = |half: __m256i| _mm256_cmpeq_epi8(_mm256_max_epu8(half, _mm256_set1_epi8(0xC6u8 as i8)), half);
    *masks = Masks {
        digit: join!(|half: __m256i| range(half, b'0', b'9')),
        letter: ascii_letter | beyond_ascii,
        capital: ascii_letter & !small | beyond_ascii,
        at: one(b'@'),
        colon: one(b':'),
        dash: one(b'-'),
        lead: join!(set(&const { by_low_half(b"+(") })),
        slash: one(b'/'),
        joint: join!(set(&const { by_low_half(b"-_.") })),
        odd: join!(foreign) | one(0xC2) | join!(set(&const { by_low_half(b"%&\\") })),
        newline: one(b'\n'),
        space: one(b' '),
        bar: join!(set(&const { by_low_half(b"|\t") })),
        comma: join!(set(&const { by_low_half(b",;") })),
    };
}

/// A set of signs as a table by the low half of a byte, twice; a place without a sign holds one that never stands there.
#[cfg(target_arch = "x86_64")]
#[expect(clippy::indexing_slicing, reason = "computed when compiled: an index below 16, a counter below the length")]
const fn by_low_half(signs: &[u8]) -> [u8; 32] {
    let mut table = [1u8; 32];
    table[1] = 2;
    table[17] = 2;
    let mut at = 0;
    while at < signs.len() {
        let low = (signs[at] & 15) as usize;
        table[low] = signs[at];
        table[low + 16] = signs[at];
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // INVARIANT: every machine sees the same masks.
    proptest! {
        #[test]
        fn this_machine_reads_a_block_as_any_machine_does(bytes in proptest::collection::vec(any::<u8>(), BLOCK)) {
            let block: [u8; BLOCK] = bytes.try_into().unwrap();
            prop_assert_eq!(Reader::new().masks(&block), portable(&block));
        }
    }

    #[test]
    fn every_byte_at_every_place_reads_as_on_any_machine() {
        for byte in 0..=255u8 {
            for at in 0..BLOCK {
                let mut block = [b'.'; BLOCK];
                block[at] = byte;
                assert_eq!(Reader::new().masks(&block), portable(&block), "{byte} at {at}");
            }
        }
    }
}
