//! The hash that decides in which partition a key lives.
//!
//! It is fixed: the same key goes to the same partition in every process, on
//! every machine and in every release, because journals, checkpoints and other
//! processes rely on it. Tables in memory use a randomly seeded hash instead,
//! so that hostile keys cannot slow a table down; they can at most fill one
//! partition.
//!
//! # Definition
//!
//! The state starts at `0x243f6a8885a308d3`. A value's `Hash` implementation
//! feeds words of 64 bits: integers are widened to 64 bits (`usize` and `isize`
//! too, 128-bit integers give the low and then the high word), bytes are cut in
//! little-endian words of eight, the last one filled with zeros, followed by the
//! number of bytes. Each word `w` changes the state to
//! `fold((state ^ w) * 0x9e3779b97f4a7c15)` where the product has 128 bits and
//! `fold` is the exclusive or of its halves, then the state is turned left by 23
//! bits. The hash is `fold(state * 0xd6e8feb86659fd93)`, and partition of `n` is
//! the high half of `hash * n`.

use std::hash::{Hash, Hasher};

const START: u64 = 0x243f_6a88_85a3_08d3;
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const LAST: u64 = 0xd6e8_feb8_6659_fd93;

/// The stable hash of a key.
///
/// ```
/// use headwater_core::hash::partition_hash;
/// assert_eq!(partition_hash(&"word"), partition_hash(&String::from("word")));
/// assert_eq!(partition_hash(&7_i64), 0x00b7_9b32_b1c5_86e3);
/// ```
#[inline]
#[must_use]
pub fn partition_hash<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = PartitionHasher(START);
    key.hash(&mut hasher);
    hasher.finish()
}

/// The partition, of `partitions`, in which a key lives.
///
/// ```
/// use headwater_core::hash::partition_of;
/// assert!(partition_of(&"word", 4) < 4);
/// assert_eq!(partition_of(&"word", 1), 0);
/// ```
///
/// With zero partitions the answer is 0.
#[inline]
#[must_use]
pub fn partition_of<K: Hash + ?Sized>(key: &K, partitions: usize) -> usize {
    let wide = u128::from(partition_hash(key)) * partitions as u128;
    (wide >> 64) as usize
}

struct PartitionHasher(u64);

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

impl PartitionHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, STEP).rotate_left(23);
    }
}

impl Hasher for PartitionHasher {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.0, LAST)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            for (to, from) in last.iter_mut().zip(rest) {
                *to = *from;
            }
            self.word(u64::from_le_bytes(last));
        }
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.word(value as u64);
        self.word((value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i16(&mut self, value: i16) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i32(&mut self, value: i32) {
        self.word(value as u64);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.word(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // These numbers are the contract: journals and checkpoints of every release rely on them.
    #[test]
    fn hashes_never_change() {
        let seen = [
            partition_hash(&0_u64),
            partition_hash(&7_i64),
            partition_hash(&-1_i32),
            partition_hash(&true),
            partition_hash(&'é'),
            partition_hash(""),
            partition_hash("a"),
            partition_hash("a word of more than eight bytes"),
            partition_hash(&(1_i64, "x")),
            partition_hash(&Some(5_u8)),
            partition_hash(&vec![1_u16, 2]),
        ];
        for (at, hash) in seen.iter().enumerate() {
            assert_eq!(*hash, GOLDEN[at], "case {at}: {seen:#x?}");
        }
    }

    const GOLDEN: [u64; 11] = [
        0x4539_a2d9_9270_1749,
        0x00b7_9b32_b1c5_86e3,
        0x6db0_394d_e2be_f542,
        0x76db_91bf_4ff8_cc68,
        0xc59c_2658_d3e6_0184,
        0xfc0d_720f_e6b2_26f3,
        0x9602_9fec_1708_eaa6,
        0x5739_a773_3472_a8b8,
        0x50fa_a794_29b0_5386,
        0x0bbd_8b28_10b4_391e,
        0x1b52_db2f_f5fa_9eee,
    ];

    #[test]
    fn small_and_large_integers_of_one_value_agree() {
        assert_eq!(partition_hash(&7_u8), partition_hash(&7_u64));
        assert_eq!(partition_hash(&-7_i8), partition_hash(&-7_i64));
    }

    #[test]
    fn keys_spread_over_partitions() {
        for partitions in [2, 3, 7, 64] {
            let mut counts = vec![0_u32; partitions];
            for key in 0..10_000_u64 {
                counts[partition_of(&key, partitions)] += 1;
            }
            let fair = 10_000 / partitions as u32;
            for (at, count) in counts.iter().enumerate() {
                assert!(
                    (fair / 2..=fair * 2).contains(count),
                    "partition {at} of {partitions} has {count} keys"
                );
            }
        }
    }
}
