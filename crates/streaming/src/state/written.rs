//! State as bytes, written so that it can be given up in the middle.

use postcard::ser_flavors::Flavor;

/// How much is written before anybody is asked whether to go on.
const SLICE_BYTES: usize = 32 * 1024;

/// Takes what is written, unless somebody wants the state meanwhile.
pub(crate) struct Written<'a> {
    bytes: Vec<u8>,
    /// When `is_wanted` is asked next.
    ask_at: usize,
    is_wanted: &'a dyn Fn() -> bool,
}

impl<'a> Written<'a> {
    /// `is_wanted` says when to give up.
    pub(super) fn new(is_wanted: &'a dyn Fn() -> bool) -> Self {
        Written {
            bytes: Vec::new(),
            ask_at: SLICE_BYTES,
            is_wanted,
        }
    }

    fn ask(&mut self) -> postcard::Result<()> {
        if (self.is_wanted)() {
            // What postcard says when there is no more room.
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.ask_at = self.bytes.len() + SLICE_BYTES;
        Ok(())
    }
}

impl Flavor for Written<'_> {
    type Output = Vec<u8>;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.bytes.len() >= self.ask_at {
            self.ask()?;
        }
        self.bytes.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.bytes.len() >= self.ask_at {
            self.ask()?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.bytes)
    }
}

/// What was written, unless it was given up.
pub(super) fn finished(
    written: Result<Vec<u8>, postcard::Error>,
) -> Result<Option<Vec<u8>>, String> {
    match written {
        Ok(bytes) => Ok(Some(bytes)),
        Err(postcard::Error::SerializeBufferFull) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn write(list: &[u64], is_wanted: &dyn Fn() -> bool) -> Result<Option<Vec<u8>>, String> {
        finished(postcard::serialize_with_flavor(
            list,
            Written::new(is_wanted),
        ))
    }

    #[test]
    fn nothing_else_is_written_than_always() {
        let list: Vec<u64> = (0..20_000).collect();
        let asked = Cell::new(0);
        let bytes = write(&list, &|| {
            asked.set(asked.get() + 1);
            false
        });
        let expected = postcard::to_stdvec(&list).unwrap();
        assert!(asked.get() > 0 && asked.get() <= expected.len() / SLICE_BYTES);
        assert_eq!(bytes, Ok(Some(expected)));
    }

    #[test]
    fn who_is_wanted_gives_up_and_what_is_short_is_written_all_the_same() {
        let list: Vec<u64> = (0..20_000).collect();
        assert_eq!(write(&list, &|| true), Ok(None));
        assert!(write(&list[..100], &|| true).unwrap().is_some());
    }
}
