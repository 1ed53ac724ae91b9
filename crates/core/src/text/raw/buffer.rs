//! Buffers that texts share, and cutting them into texts.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::repr::{INLINE_MAX, Repr, short_part};

/// A string and the number of references to it.
pub(super) struct Buffer {
    references: AtomicUsize,
    pub(super) text: String,
}

#[cfg(test)]
thread_local! {
    static ALIVE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many more buffers this thread has made than freed.
#[cfg(test)]
pub(in crate::text) fn buffers_alive() -> usize {
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
    pub(super) fn new(text: String) -> Box<Buffer> {
        #[cfg(test)]
        ALIVE.set(ALIVE.get().wrapping_add(1));
        Box::new(Buffer {
            references: AtomicUsize::new(1),
            text,
        })
    }

    #[inline]
    pub(super) fn acquire(&self, count: usize) {
        // Relaxed, because whoever takes a reference already has one.
        if self.references.fetch_add(count, Ordering::Relaxed) > isize::MAX as usize {
            // Only forgotten texts can lead here; going on would free memory in use.
            std::process::abort();
        }
    }

    /// # Safety
    /// The caller owns `count` references and does not use them afterwards.
    #[inline(never)]
    pub(super) unsafe fn release(buffer: *const Buffer, count: usize) {
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
pub(in crate::text) struct Shared {
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

    pub(in crate::text) fn new(text: String) -> Shared {
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
    pub(in crate::text) fn as_str(&self) -> &str {
        &self.buffer().text
    }

    /// A part of the buffer. `None` if the range is not within it or cuts a
    /// character.
    #[inline]
    pub(in crate::text) fn cut(&mut self, range: Range<usize>) -> Option<Repr> {
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
