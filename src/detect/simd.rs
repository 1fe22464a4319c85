//! The first pass and the sums of the model of names with AVX2. The only file with `unsafe` code: the intrinsics of a feature need it, because calling them on a
//! machine without the feature is undefined; [`Reader::new`] asks the machine once and never calls them elsewhere.
//!
//! It decides nothing that `masks::portable` and `weights::sum` don't: tests compare both, byte for byte.

use super::context::Notes;
use super::index::{Index, Lists, Place};
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
                && std::arch::is_x86_feature_detected!("bmi2"),
        }
    }

    /// [`Index::read`] with the machine's instructions for many bytes and single bits.
    pub fn read(self, index: &mut Index, text: &[u8], lists: Lists<'_>, notes: &mut Notes, places: &mut Vec<Place>) {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[expect(unsafe_code, reason = "`avx2` is true only where `new` found the features")]
            // SAFETY: the machine has AVX2, BMI1 and BMI2.
            unsafe {
                read_avx2(index, text, lists, notes, places);
            }
            return;
        }
        index.read(portable, text, lists, notes, places);
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
            return unsafe { avx2(block) };
        }
        portable(block)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2")]
fn read_avx2(index: &mut Index, text: &[u8], lists: Lists<'_>, notes: &mut Notes, places: &mut Vec<Place>) {
    index.read(|block| avx2(block), text, lists, notes, places);
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

/// Sixty-four bytes as two vectors; each mask is two comparisons and two moves of sign bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn avx2(block: &[u8; BLOCK]) -> Masks {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256,
        _mm256_max_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    };

    let (low, high) = block.split_at(BLOCK / 2);
    let load = |half: &[u8]| {
        #[expect(unsafe_code, reason = "an unaligned load reads through a pointer")]
        // SAFETY: `half` is one of the two halves of 32 bytes, and the load needs no alignment.
        unsafe {
            _mm256_loadu_si256(half.as_ptr().cast::<__m256i>())
        }
    };
    let (low, high) = (load(low), load(high));
    let join = |low: __m256i, high: __m256i| {
        u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
    };
    let same = |byte: u8| {
        let wanted = _mm256_set1_epi8(byte as i8);
        join(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted))
    };
    // `first..=last` moved to the top of the signed range: one comparison then tells.
    let range = |vector: __m256i, first: u8, last: u8| {
        let moved = _mm256_add_epi8(vector, _mm256_set1_epi8(127u8.wrapping_sub(last) as i8));
        _mm256_cmpgt_epi8(moved, _mm256_set1_epi8((126 - (last - first)) as i8))
    };
    let digit = join(range(low, b'0', b'9'), range(high, b'0', b'9'));
    let fold = _mm256_set1_epi8(0x20);
    let letters = |vector: __m256i| range(_mm256_or_si256(vector, fold), b'a', b'z');
    let (low_letters, high_letters) = (letters(low), letters(high));
    let beyond_ascii = join(low, high);
    let ascii_letter = join(low_letters, high_letters);
    let foreign = |vector: __m256i| {
        let high = _mm256_cmpeq_epi8(_mm256_max_epu8(vector, _mm256_set1_epi8(0xC6u8 as i8)), vector);
        _mm256_or_si256(high, _mm256_cmpeq_epi8(vector, _mm256_set1_epi8(0xC2u8 as i8)))
    };
    let small = |vector: __m256i| _mm256_cmpeq_epi8(_mm256_and_si256(vector, fold), fold);
    let upper = ascii_letter & !join(small(low), small(high));
    Masks {
        digit,
        letter: ascii_letter | beyond_ascii,
        ascii: !beyond_ascii,
        upper,
        at: same(b'@'),
        colon: same(b':'),
        dash: same(b'-'),
        slash: same(b'/'),
        joint: same(b'-') | same(b'_') | same(b'.'),
        foreign: join(foreign(low), foreign(high)),
        escape: same(b'%') | same(b'&') | same(b'\\'),
        lead: same(b'+') | same(b'('),
    }
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
