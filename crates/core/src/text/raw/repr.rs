//! How a text lies in memory.
//!
//! A text is three words. The last byte is a tag. With its highest bit set the text
//! is shared: the words are the address of the bytes, the address of the buffer that
//! holds them, and the length in the low 56 bits. Otherwise the tag is the number of
//! bytes plus one, and the bytes lie at the beginning, followed by zeros. So the last
//! word is never zero, which makes `Option<Text>` as small as `Text`. It is a whole
//! word, rather than bytes of which one is the tag, because the compiler moves the
//! latter in pieces, and loading a word that was stored in pieces takes a processor
//! longer than everything else that is done with a short text.
//!
//! Invariants that the rest of the module builds on:
//! * the bytes are valid UTF-8;
//! * unused inline bytes are zero, so that inline texts compare as words;
//! * a shared text is longer than 23 bytes, so that the form follows from the
//!   length, and an inline text never equals a shared one.

use std::mem::{size_of, transmute};
use std::num::NonZeroU64;
use std::ops::Range;

use super::buffer::Buffer;

/// The longest text that needs no buffer.
pub(in crate::text) const INLINE_MAX: usize = 23;

/// The words of an inline text. Two are the same exactly if the texts are.
pub(in crate::text) type Words = [u64; 3];

const SHARED: u64 = 1 << 63;
const TAG_AT: u32 = 56;

/// Three words that own a text.
#[repr(C)]
pub(in crate::text) struct Repr {
    head: Head,
    /// In little-endian order, so that the tag is the last byte in memory.
    last: NonZeroU64,
}

/// The first two words. They are integers for the compiler, which then stores those
/// of an inline text as one vector; stored one by one, they could not be loaded
/// together again without waiting for both.
#[derive(Clone, Copy)]
#[repr(C)]
union Head {
    words: [u64; 2],
    shared: Pointers,
}

/// Where the bytes of a shared text are, and the buffer that they are in.
#[derive(Clone, Copy)]
#[repr(C)]
struct Pointers {
    data: *const u8,
    buffer: *const Buffer,
}

const _: () = assert!(size_of::<Repr>() == 24 && size_of::<Option<Repr>>() == 24);
const _: () = assert!(size_of::<usize>() == 8, "addresses of 64 bits are needed");

// SAFETY: a text is immutable, and its buffer is freed by whoever drops the last
// reference, which an atomic counter decides.
unsafe impl Send for Repr {}
// SAFETY: as above; nothing can be changed through a shared reference except the
// counter, which is atomic.
unsafe impl Sync for Repr {}

impl Repr {
    /// The text of at most 23 bytes that these words hold: bytes, zeros, length.
    ///
    /// # Safety
    /// The first `len` bytes are valid UTF-8, `len` is at most 23, the bytes from
    /// there on are zero, and the last byte is zero.
    #[inline]
    const unsafe fn from_words(words: Words, len: usize) -> Repr {
        let last = u64::from_le(words[2]) | (len as u64 + 1) << TAG_AT;
        // SAFETY: the tag is not zero, so the word is not.
        let last = unsafe { NonZeroU64::new_unchecked(last.to_le()) };
        Repr {
            head: Head {
                words: [words[0], words[1]],
            },
            last,
        }
    }

    /// The empty text.
    #[inline]
    pub(in crate::text) const fn empty() -> Repr {
        // SAFETY: there are no bytes.
        unsafe { Repr::from_words([0; 3], 0) }
    }

    /// A copy of a string, without a buffer if that can be.
    #[inline]
    pub(in crate::text) fn from_str(text: &str) -> Repr {
        if text.len() <= INLINE_MAX {
            // SAFETY: the length was looked at, and the bytes are a string's.
            unsafe { Repr::from_words(gather(text.as_bytes()), text.len()) }
        } else {
            Repr::from_long(String::from(text))
        }
    }

    /// A string, without copying it if it is long.
    #[inline]
    pub(in crate::text) fn from_string(text: String) -> Repr {
        if text.len() <= INLINE_MAX {
            Repr::from_str(&text)
        } else {
            Repr::from_long(text)
        }
    }

    #[cold]
    fn from_long(text: String) -> Repr {
        let len = text.len();
        let buffer = Buffer::new(text);
        let data = buffer.text.as_ptr();
        // SAFETY: the text is long (the callers looked), and owns the only reference.
        unsafe { Repr::from_raw(data, len, Box::into_raw(buffer)) }
    }

    /// # Safety
    /// `data` and `len` are valid UTF-8 within `buffer`, `len` is more than 23,
    /// and the caller hands over one reference to the buffer. `buffer` is the pointer
    /// that the box gave, not one through a shared reference: it is freed through it.
    #[inline]
    pub(super) unsafe fn from_raw(data: *const u8, len: usize, buffer: *const Buffer) -> Repr {
        // SAFETY: the highest bit is set.
        let last = unsafe { NonZeroU64::new_unchecked((len as u64 | SHARED).to_le()) };
        Repr {
            head: Head {
                shared: Pointers { data, buffer },
            },
            last,
        }
    }

    #[inline]
    fn last(&self) -> u64 {
        u64::from_le(self.last.get())
    }

    /// Whether this is a slice of a buffer.
    #[inline]
    pub(in crate::text) fn is_shared(&self) -> bool {
        self.last() & SHARED != 0
    }

    /// The words of an inline text.
    #[inline]
    pub(in crate::text) fn inline_words(&self) -> Option<&Words> {
        if self.is_shared() {
            return None;
        }
        // SAFETY: size and alignment are the same, and all 24 bytes are initialised;
        // the addresses of an inline text are integers.
        Some(unsafe { &*std::ptr::from_ref(self).cast::<Words>() })
    }

    /// The addresses of a shared text.
    #[inline]
    fn pointers(&self) -> Option<Pointers> {
        // SAFETY: the tag says that the head holds addresses.
        if self.is_shared() {
            Some(unsafe { self.head.shared })
        } else {
            None
        }
    }

    #[inline]
    pub(in crate::text) fn len(&self) -> usize {
        let last = self.last();
        let len = if self.is_shared() {
            last & !SHARED
        } else {
            (last >> TAG_AT) - 1
        };
        len as usize
    }

    #[inline]
    pub(in crate::text) fn as_str(&self) -> &str {
        let here = std::ptr::from_ref(self).cast::<u8>();
        let data = self.pointers().map_or(here, |pointers| pointers.data);
        // SAFETY: both forms hold `len` bytes of valid UTF-8 at `data`; those of a
        // shared text live as long as `self` keeps its reference to the buffer.
        unsafe { str_at(data, self.len()) }
    }

    /// The buffer, if this is a slice of one.
    #[inline]
    fn buffer(&self) -> Option<&Buffer> {
        // SAFETY: a shared text owns a reference to its buffer.
        self.pointers().map(|pointers| unsafe { &*pointers.buffer })
    }

    /// The bytes of the buffer that this text keeps alive.
    pub(in crate::text) fn buffer_len(&self) -> usize {
        self.buffer().map_or(0, |buffer| buffer.text.len())
    }

    /// The text and whatever follows it in the same buffer. What follows makes it
    /// possible to read chunks of a fixed size near the end of the text.
    #[inline]
    pub(in crate::text) fn readable(&self) -> &str {
        let Some(Pointers { data, buffer }) = self.pointers() else {
            return self.as_str();
        };
        // SAFETY: the text lies in the valid UTF-8 of the buffer and begins on a
        // character border; the buffer lives as long as `self`.
        unsafe {
            let end = (*buffer).text.as_bytes().as_ptr_range().end;
            str_at(data, end.offset_from_unsigned(data))
        }
    }

    /// A part of the text. `None` if the range is not within the text or cuts a
    /// character.
    #[inline]
    pub(in crate::text) fn slice(&self, range: Range<usize>) -> Option<Repr> {
        if range.end > self.len() {
            return None;
        }
        let readable = self.readable();
        short_part(readable, &range).or_else(|| self.any_part(readable.get(range)?))
    }

    /// A text of `part`, which lies in this text.
    #[inline(never)]
    fn any_part(&self, part: &str) -> Option<Repr> {
        match self.pointers() {
            // SAFETY: the part is longer than 23 bytes of the buffer, which `self` keeps
            // alive and to which a reference is taken.
            Some(Pointers { buffer, .. }) if part.len() > INLINE_MAX => Some(unsafe {
                (*buffer).acquire(1);
                Repr::from_raw(part.as_ptr(), part.len(), buffer)
            }),
            _ => Some(Repr::from_str(part)),
        }
    }
}

impl Clone for Repr {
    #[inline]
    fn clone(&self) -> Repr {
        if let Some(buffer) = self.buffer() {
            buffer.acquire(1);
        }
        // SAFETY: an inline text owns nothing, and for a shared one the reference
        // of the copy was just taken.
        unsafe { std::ptr::read(self) }
    }
}

impl Drop for Repr {
    #[inline]
    fn drop(&mut self) {
        if let Some(Pointers { buffer, .. }) = self.pointers() {
            // SAFETY: the text owns one reference and gives it up here.
            unsafe { Buffer::release(buffer, 1) }
        }
    }
}

/// # Safety
/// There are `len` bytes of valid UTF-8 at `data`, for as long as the caller says.
#[inline]
unsafe fn str_at<'a>(data: *const u8, len: usize) -> &'a str {
    // SAFETY: the caller sees to it.
    unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(data, len)) }
}

/// Whether a byte of valid UTF-8 begins a character.
#[inline]
fn is_border(byte: u8) -> bool {
    byte as i8 >= -0x40
}

/// The text of a short part that is followed by enough bytes to be read in one go;
/// `None` if it is not short, not followed by enough, or cuts a character.
#[inline]
pub(super) fn short_part(readable: &str, range: &Range<usize>) -> Option<Repr> {
    let len = range.end.wrapping_sub(range.start);
    let chunk: &[u8; 24] = readable.as_bytes().get(range.start..)?.first_chunk()?;
    if len > INLINE_MAX || !is_border(chunk[0]) || !is_border(chunk[len]) {
        return None;
    }
    let (words, mask) = (as_words(chunk), &MASKS[len]);
    let words = [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2]];
    // SAFETY: the mask clears the bytes from `len` on, which is at most 23; what
    // lies between two borders of valid UTF-8 is valid UTF-8.
    Some(unsafe { Repr::from_words(words, len) })
}

/// For every length the bytes that belong to the text.
static MASKS: [Words; INLINE_MAX + 1] = masks();

const fn masks() -> [Words; INLINE_MAX + 1] {
    let mut masks = [[0; 3]; INLINE_MAX + 1];
    let mut len = 0;
    while len <= INLINE_MAX {
        let mut bytes = [0; 24];
        let mut at = 0;
        while at < len {
            bytes[at] = 0xff;
            at += 1;
        }
        masks[len] = as_words(&bytes);
        len += 1;
    }
    masks
}

#[inline]
const fn as_words(bytes: &[u8; 24]) -> Words {
    // SAFETY: the sizes are the same and every value of a word is valid.
    unsafe { transmute(*bytes) }
}

/// At most 23 bytes as words, filled up with zeros. A copy of a length that is not
/// known in advance would be a call; loads that overlap are a few instructions.
#[inline]
fn gather(bytes: &[u8]) -> Words {
    let len = bytes.len();
    let mut out = [0_u8; 24];
    if len >= 16 {
        copy::<16>(bytes, &mut out, 0);
        copy::<8>(bytes, &mut out, len - 8);
    } else if len >= 8 {
        copy::<8>(bytes, &mut out, 0);
        copy::<8>(bytes, &mut out, len - 8);
    } else if len >= 4 {
        copy::<4>(bytes, &mut out, 0);
        copy::<4>(bytes, &mut out, len - 4);
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        out[0] = *first;
        out[len / 2] = bytes[len / 2];
        out[len - 1] = *last;
    }
    as_words(&out)
}

/// Copies `N` bytes from `at` to `at`.
#[inline]
fn copy<const N: usize>(from: &[u8], to: &mut [u8; 24], at: usize) {
    if let (Some(from), Some(to)) = (from.get(at..at + N), to.get_mut(at..at + N)) {
        to.copy_from_slice(from);
    }
}
