//! Finding separators, sixty-four bytes at a time.
//!
//! Words are so short that searching for each end by itself costs more than the
//! word. So a chunk of text becomes one bit per byte, set where a separator lies,
//! and the ends are read off the bits.

use super::Text;
use super::raw::lanes;

/// The bytes of which one look makes bits.
pub(super) const CHUNK: usize = 64;

/// What separates the parts of a text.
pub(super) trait Separator {
    /// A bit for each byte of the chunk that belongs to a separator. The chunk lies
    /// at `at` of `text`, except that bytes beyond the text may be anything.
    fn bits(&self, chunk: &[u8; CHUNK], text: &str, at: usize) -> u64;
}

/// The positions of separators in a text, in order, and last the text's length.
#[derive(Clone, Default)]
pub(super) struct Marks {
    /// Where the next chunk begins.
    next: usize,
    /// The marks of the chunk before it that were not handed out yet.
    bits: u64,
}

impl Marks {
    /// The next mark.
    #[inline]
    pub(super) fn next(&mut self, text: &Text, separator: &impl Separator) -> Option<usize> {
        while self.bits == 0 {
            self.bits = load(text, self.next, separator)?;
            self.next += CHUNK;
        }
        let mark = self.next - CHUNK + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(mark)
    }
}

/// The bits of the chunk at `at`; `None` after the end. It gets nothing by `&mut`, so
/// that the marks can stay in registers.
#[inline(never)]
fn load(text: &Text, at: usize, separator: &impl Separator) -> Option<u64> {
    let left = text.repr.len().checked_sub(at)?;
    let rest = text.repr.readable().as_bytes().get(at..)?;
    let bits = match rest.first_chunk() {
        Some(chunk) => separator.bits(chunk, text, at),
        None => separator.bits(&padded(rest), text, at),
    };
    // The end is a mark, and what lies beyond is not the text's.
    Some(if left < CHUNK {
        bits & ((1 << left) - 1) | 1 << left
    } else {
        bits
    })
}

/// The bytes, filled up to a chunk.
fn padded(bytes: &[u8]) -> [u8; CHUNK] {
    let mut chunk = [0; CHUNK];
    for (to, from) in chunk.iter_mut().zip(bytes) {
        *to = *from;
    }
    chunk
}

/// A single ASCII character.
#[derive(Clone)]
pub(super) struct Ascii(pub(super) u8);

impl Separator for Ascii {
    #[inline]
    fn bits(&self, chunk: &[u8; CHUNK], _: &str, _: usize) -> u64 {
        lanes::equal(chunk, self.0)
    }
}

/// Every character that Unicode calls white space.
pub(super) struct Whitespace;

impl Separator for Whitespace {
    #[inline]
    fn bits(&self, chunk: &[u8; CHUNK], text: &str, at: usize) -> u64 {
        let bits = lanes::ascii_whitespace(chunk);
        if lanes::not_ascii(chunk) == 0 {
            return bits;
        }
        bits | wide_whitespace(chunk, text, at)
    }
}

/// The bits of white space that takes two or three bytes.
#[inline(never)]
fn wide_whitespace(chunk: &[u8; CHUNK], text: &str, at: usize) -> u64 {
    let mut bits = 0;
    // A character that began in the chunk before can reach into this one.
    for start in at.saturating_sub(2)..at {
        let len = wide_space_len(text.as_bytes().get(start..).unwrap_or_default());
        bits |= ((1 << len) - 1) >> (at - start);
    }
    let three_bytes = lanes::equal(chunk, 0xe1) | lanes::equal(chunk, 0xe2);
    let mut leads = three_bytes | lanes::equal(chunk, 0xe3) | lanes::equal(chunk, 0xc2);
    while leads != 0 {
        let lead = leads.trailing_zeros() as usize;
        let len = wide_space_len(text.as_bytes().get(at + lead..).unwrap_or_default());
        bits |= ((1 << len) - 1) << lead;
        leads &= leads - 1;
    }
    bits
}

/// The length of the white space that is not ASCII at the beginning of these bytes,
/// or 0.
fn wide_space_len(bytes: &[u8]) -> u32 {
    match *bytes {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0x9a, 0x80, ..]
        | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]
        | [0xe2, 0x81, 0x9f, ..]
        | [0xe3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}
