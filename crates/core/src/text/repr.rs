//! How a text lies in memory. All unsafe code of texts is in this file.
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
#![allow(unsafe_code)]

use std::mem::{size_of, transmute};
use std::num::NonZeroU64;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// The longest text that needs no buffer.
pub(super) const INLINE_MAX: usize = 23;

/// The words of an inline text. Two are the same exactly if the texts are.
pub(super) type Words = [u64; 3];

const SHARED: u64 = 1 << 63;
const TAG_AT: u32 = 56;

/// Three words that own a text.
#[repr(C)]
pub(super) struct Repr {
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
    pub(super) const fn empty() -> Repr {
        // SAFETY: there are no bytes.
        unsafe { Repr::from_words([0; 3], 0) }
    }

    /// A copy of a string, without a buffer if that can be.
    #[inline]
    pub(super) fn from_str(text: &str) -> Repr {
        if text.len() <= INLINE_MAX {
            // SAFETY: the length was looked at, and the bytes are a string's.
            unsafe { Repr::from_words(gather(text.as_bytes()), text.len()) }
        } else {
            Repr::from_long(String::from(text))
        }
    }

    /// A string, without copying it if it is long.
    #[inline]
    pub(super) fn from_string(text: String) -> Repr {
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
        unsafe { Repr::from_raw(data, len, Box::leak(buffer)) }
    }

    /// # Safety
    /// `data` and `len` are valid UTF-8 within `buffer`, `len` is more than 23,
    /// and the caller hands over one reference to the buffer.
    #[inline]
    unsafe fn from_raw(data: *const u8, len: usize, buffer: *const Buffer) -> Repr {
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
    pub(super) fn is_shared(&self) -> bool {
        self.last() & SHARED != 0
    }

    /// The words of an inline text.
    #[inline]
    pub(super) fn inline_words(&self) -> Option<&Words> {
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
    pub(super) fn len(&self) -> usize {
        let last = self.last();
        let len = if self.is_shared() {
            last & !SHARED
        } else {
            (last >> TAG_AT) - 1
        };
        len as usize
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
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
    pub(super) fn buffer_len(&self) -> usize {
        self.buffer().map_or(0, |buffer| buffer.text.len())
    }

    /// The text and whatever follows it in the same buffer. What follows makes it
    /// possible to read chunks of a fixed size near the end of the text.
    #[inline]
    pub(super) fn readable(&self) -> &str {
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
    pub(super) fn slice(&self, range: Range<usize>) -> Option<Repr> {
        if range.end > self.len() {
            return None;
        }
        let readable = self.readable();
        short_part(readable, &range).or_else(|| self.any_part(readable.get(range)?))
    }

    /// A text of `part`, which lies in this text.
    #[inline(never)]
    fn any_part(&self, part: &str) -> Option<Repr> {
        match self.buffer() {
            Some(buffer) if part.len() > INLINE_MAX => {
                buffer.acquire(1);
                // SAFETY: the part is longer than 23 bytes of the buffer to which a
                // reference was just taken.
                Some(unsafe { Repr::from_raw(part.as_ptr(), part.len(), buffer) })
            }
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

/// A string and the number of references to it.
struct Buffer {
    references: AtomicUsize,
    text: String,
}

#[cfg(test)]
thread_local! {
    static ALIVE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many more buffers this thread has made than freed.
#[cfg(test)]
pub(super) fn buffers_alive() -> usize {
    ALIVE.get()
}

#[cfg(test)]
impl Drop for Buffer {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get().wrapping_sub(1));
    }
}

impl Buffer {
    /// A buffer of one reference.
    fn new(text: String) -> Box<Buffer> {
        #[cfg(test)]
        ALIVE.set(ALIVE.get().wrapping_add(1));
        Box::new(Buffer {
            references: AtomicUsize::new(1),
            text,
        })
    }

    #[inline]
    fn acquire(&self, count: usize) {
        // Relaxed, because whoever takes a reference already has one.
        if self.references.fetch_add(count, Ordering::Relaxed) > isize::MAX as usize {
            // Only forgotten texts can lead here; going on would free memory in use.
            std::process::abort();
        }
    }

    /// # Safety
    /// The caller owns `count` references and does not use them afterwards.
    #[inline(never)]
    unsafe fn release(buffer: *const Buffer, count: usize) {
        // SAFETY: the references being given up keep the buffer alive until the
        // counter has been changed. If it reaches zero nobody else has one, and the
        // fence orders what the others did with theirs before the freeing.
        unsafe {
            if (*buffer).references.fetch_sub(count, Ordering::Release) == count {
                fence(Ordering::Acquire);
                drop(Box::from_raw(buffer.cast_mut()));
            }
        }
    }
}

/// A reference to a buffer, and references taken in advance for parts of it, so
/// that cutting a block into many texts costs few atomic operations.
pub(super) struct Shared {
    buffer: NonNull<Buffer>,
    advance: usize,
}

// SAFETY: as for `Repr`; `advance` is changed through `&mut` only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// How many references are taken at once.
    const ADVANCE: usize = 256;

    pub(super) fn new(text: String) -> Shared {
        let buffer = Buffer::new(text);
        Shared {
            buffer: NonNull::from(Box::leak(buffer)),
            advance: 0,
        }
    }

    #[inline]
    fn buffer(&self) -> &Buffer {
        // SAFETY: `self` owns a reference to the buffer.
        unsafe { self.buffer.as_ref() }
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        &self.buffer().text
    }

    /// A part of the buffer. `None` if the range is not within it or cuts a
    /// character.
    #[inline]
    pub(super) fn cut(&mut self, range: Range<usize>) -> Option<Repr> {
        if let Some(short) = short_part(self.as_str(), &range) {
            return Some(short);
        }
        let part = self.as_str().get(range)?;
        if part.len() <= INLINE_MAX {
            return Some(Repr::from_str(part));
        }
        let (data, len) = (part.as_ptr(), part.len());
        if self.advance == 0 {
            self.buffer().acquire(Shared::ADVANCE);
            self.advance = Shared::ADVANCE;
        }
        self.advance -= 1;
        // SAFETY: the part is longer than 23 bytes of the buffer, and one of the
        // references taken in advance becomes the text's.
        Some(unsafe { Repr::from_raw(data, len, self.buffer.as_ptr()) })
    }
}

impl Clone for Shared {
    fn clone(&self) -> Shared {
        self.buffer().acquire(1);
        Shared {
            buffer: self.buffer,
            advance: 0,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: these are the reference of `self` and those not handed out.
        unsafe { Buffer::release(self.buffer.as_ptr(), self.advance + 1) }
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
fn short_part(readable: &str, range: &Range<usize>) -> Option<Repr> {
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
