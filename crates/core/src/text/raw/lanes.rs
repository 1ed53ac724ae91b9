//! Sixty-four comparisons of bytes at once: a bit per byte.

use crate::text::marks::CHUNK;

#[cfg(not(target_arch = "x86_64"))]
pub(in crate::text) use portable::{ascii_whitespace, equal, not_ascii};
#[cfg(target_arch = "x86_64")]
pub(in crate::text) use sse2::{ascii_whitespace, equal, not_ascii};

/// With the vector instructions that every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8, _mm_sub_epi8,
    };

    use super::CHUNK;

    #[inline]
    pub(in crate::text) fn equal(chunk: &[u8; CHUNK], byte: u8) -> u64 {
        // SAFETY: SSE2 is part of x86-64; the functions touch no memory of their own.
        collect(chunk, |lane| unsafe { equal_lane(lane, byte) })
    }

    #[inline]
    pub(in crate::text) fn ascii_whitespace(chunk: &[u8; CHUNK]) -> u64 {
        // SAFETY: as above.
        collect(chunk, |lane| unsafe { whitespace_lane(lane) })
    }

    #[inline]
    pub(in crate::text) fn not_ascii(chunk: &[u8; CHUNK]) -> u64 {
        collect(chunk, |lane| lane)
    }

    /// The highest bit of every byte that `test` makes.
    #[inline]
    fn collect(chunk: &[u8; CHUNK], test: impl Fn(__m128i) -> __m128i) -> u64 {
        let (words, _) = chunk.as_chunks::<8>();
        let lane = |i: usize| {
            let low = i64::from_le_bytes(words[2 * i]);
            let high = i64::from_le_bytes(words[2 * i + 1]);
            // SAFETY: as above.
            let bits = unsafe { _mm_movemask_epi8(test(_mm_set_epi64x(high, low))) };
            u64::from(bits as u32)
        };
        lane(0) | lane(1) << 16 | lane(2) << 32 | lane(3) << 48
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn equal_lane(lane: __m128i, byte: u8) -> __m128i {
        _mm_cmpeq_epi8(lane, _mm_set1_epi8(byte as i8))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn whitespace_lane(lane: __m128i) -> __m128i {
        // 9 to 13 become 0 to 4, everything else becomes more.
        let moved = _mm_sub_epi8(lane, _mm_set1_epi8(9));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(moved, _mm_set1_epi8(4)), moved);
        _mm_or_si128(_mm_cmpeq_epi8(lane, _mm_set1_epi8(0x20)), control)
    }
}

/// For every processor, in words of eight bytes.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::CHUNK;

    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;

    #[inline]
    pub(in crate::text) fn equal(chunk: &[u8; CHUNK], byte: u8) -> u64 {
        collect(chunk, |word| zeros(word ^ (u64::from(byte) * ONES)))
    }

    #[inline]
    pub(in crate::text) fn ascii_whitespace(chunk: &[u8; CHUNK]) -> u64 {
        collect(chunk, |word| {
            let low = word & !HIGH;
            // Adding sets the high bit of what is at least 9, or more than 13.
            let control = (low + (0x80 - 9) * ONES) & !(low + (0x80 - 14) * ONES);
            (zeros(word ^ (0x20 * ONES)) | control) & !word
        })
    }

    #[inline]
    pub(in crate::text) fn not_ascii(chunk: &[u8; CHUNK]) -> u64 {
        collect(chunk, |word| word)
    }

    /// The high bit of every byte that is zero.
    #[inline]
    fn zeros(word: u64) -> u64 {
        !(((word & !HIGH) + !HIGH) | word)
    }

    /// The highest bit of every byte that `test` makes.
    #[inline]
    fn collect(chunk: &[u8; CHUNK], test: impl Fn(u64) -> u64) -> u64 {
        let (words, _) = chunk.as_chunks::<8>();
        let mut bits = 0;
        for (at, word) in words.iter().enumerate() {
            let high = (test(u64::from_le_bytes(*word)) & HIGH) >> 7;
            // The product moves the bit of byte `i` to bit `56 + i`.
            bits |= (high.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_say_the_same(chunk: [u8; 64], byte: u8) {
            use super::portable;
            let at = |test: fn(u8, u8) -> bool| {
                let bits = chunk.iter().enumerate();
                bits.fold(0, |all, (i, b)| all | u64::from(test(*b, byte)) << i)
            };
            let chunk = &chunk;
            prop_assert_eq!(super::equal(chunk, byte), at(|b, byte| b == byte));
            prop_assert_eq!(portable::equal(chunk, byte), at(|b, byte| b == byte));
            let space = at(|b, _| b == b' ' || (9..=13).contains(&b));
            prop_assert_eq!(super::ascii_whitespace(chunk), space);
            prop_assert_eq!(portable::ascii_whitespace(chunk), space);
            prop_assert_eq!(super::not_ascii(chunk), at(|b, _| b >= 0x80));
            prop_assert_eq!(portable::not_ascii(chunk), at(|b, _| b >= 0x80));
        }
    }
}
