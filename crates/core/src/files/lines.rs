//! Lines of a part of a file, in blocks that end where a line ends.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use memchr::{memchr2, memrchr2};

use crate::conf::keys::FILES_LINE_BYTES_MAX;

/// How much is read before lines are cut from it.
const BLOCK_BYTES: usize = 256 << 10;

/// How much is read to find the end of the line in which a part begins.
const SCAN_BYTES: usize = 8 << 10;

/// What ends the reading of lines before their end.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    /// A longer line is an error: it would be in memory as a whole.
    pub(super) line_bytes_max: u64,
    /// Asked now and then; an error is what the reading ends with.
    pub(super) go_on: &'a dyn Fn() -> io::Result<()>,
}

impl Limits<'_> {
    fn check(&self, line_bytes: usize) -> io::Result<()> {
        if line_bytes as u64 <= self.line_bytes_max {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "a line is longer than the {} bytes that {} allows",
            self.line_bytes_max,
            FILES_LINE_BYTES_MAX.name()
        )))
    }
}

/// The bytes of the lines that belong to a part of a file. Of a line that is longer than it may
/// be it is enough to show that.
///
/// A line belongs to the part in which it begins; one that begins where a part ends
/// belongs to that part and not to the next, as in Hadoop. Each line thus belongs to one
/// part, and to the same part as in Spark.
pub(super) fn lines_of_part(
    file: &mut (impl Read + Seek),
    part: &Range<u64>,
    file_bytes: u64,
    limits: &Limits<'_>,
) -> io::Result<Range<u64>> {
    let start = match part.start {
        0 => Some(0),
        start => next_line(file, start, part.end, limits)?,
    };
    // Without a line end inside the part no line begins in it.
    let Some(start) = start else {
        return Ok(part.end..part.end);
    };
    let end = match part.end {
        end if end >= file_bytes => file_bytes,
        end => {
            let until = file_bytes.min(end.saturating_add(limits.line_bytes_max).saturating_add(1));
            next_line(file, end, until, limits)?.unwrap_or(until)
        }
    };
    Ok(start..end.max(start))
}

/// Where the first line begins that begins after `from`, if the line before it ends before
/// `until`.
fn next_line(
    file: &mut (impl Read + Seek),
    from: u64,
    until: u64,
    limits: &Limits<'_>,
) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(from))?;
    let mut at = from;
    let mut buffer = [0; SCAN_BYTES];
    while at < until {
        (limits.go_on)()?;
        let read = read_some(file, &mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(end) = memchr2(b'\n', b'\r', bytes) else {
            at += read as u64;
            continue;
        };
        let line_end = at + end as u64;
        if line_end >= until {
            return Ok(None);
        }
        let follows = match bytes.get(end + 1) {
            Some(byte) => Some(*byte),
            None => read_one(file)?,
        };
        let is_pair = bytes.get(end) == Some(&b'\r') && follows == Some(b'\n');
        return Ok(Some(line_end + 1 + u64::from(is_pair)));
    }
    Ok(None)
}

fn read_some(input: &mut impl Read, to: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn read_one(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((read_some(input, &mut byte)? > 0).then_some(byte[0]))
}

/// Reads blocks of whole lines.
pub(super) struct LineBlocks<'a, R> {
    input: R,
    limits: Limits<'a>,
    block_bytes: usize,
    /// The beginning of the line that the last block did not hold whole.
    rest: Vec<u8>,
    ended: bool,
    /// What comes after the lines that were whole before it.
    failed: Option<io::Error>,
}

impl<'a, R: Read> LineBlocks<'a, R> {
    pub(super) fn new(input: R, limits: Limits<'a>) -> Self {
        Self::with_block_bytes(input, limits, BLOCK_BYTES)
    }

    fn with_block_bytes(input: R, limits: Limits<'a>, block_bytes: usize) -> Self {
        LineBlocks {
            input,
            limits,
            block_bytes,
            rest: Vec::new(),
            ended: false,
            failed: None,
        }
    }

    /// The next block; `None` at the end. It ends at the end of a line, or of the input. An error
    /// of reading comes after all lines that were read whole before it.
    pub(super) fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut block = std::mem::take(&mut self.rest);
        while !self.ended {
            (self.limits.go_on)()?;
            let before = block.len();
            // Room for what is read and for the byte with which the end shows.
            block.reserve(self.block_bytes + 1);
            let read = (&mut self.input)
                .take(self.block_bytes as u64)
                .read_to_end(&mut block);
            let read = match read {
                Ok(read) => read,
                Err(error) => return self.fail_after(block, error),
            };
            self.ended = read < self.block_bytes;
            // What was there is the beginning of one line; later lines are no longer than what
            // is read at once, which the limit is never below.
            if block.len() as u64 > self.limits.line_bytes_max {
                let new = block.get(before.saturating_sub(1)..).unwrap_or_default();
                let end = memchr2(b'\n', b'\r', new).map(|at| before.saturating_sub(1) + at);
                self.limits.check(end.unwrap_or(block.len()))?;
            }
            if self.ended {
                break;
            }
            // A line end before the new bytes would have been cut there already, but for a
            // `\r` that was the last byte.
            if let Some(cut) = last_line_end(&block, before.saturating_sub(1)) {
                self.rest = block.split_off(cut);
                return Ok(Some(block));
            }
        }
        Ok((!block.is_empty()).then_some(block))
    }

    /// The lines that are whole in a block that could not be read further, and then the error.
    fn fail_after(&mut self, mut block: Vec<u8>, error: io::Error) -> io::Result<Option<Vec<u8>>> {
        self.ended = true;
        match last_line_end(&block, 0) {
            Some(end) => {
                block.truncate(end);
                self.failed = Some(error);
                Ok(Some(block))
            }
            None => Err(error),
        }
    }
}

impl<'a, R: Read + Seek> LineBlocks<'a, io::Take<R>> {
    /// The blocks of the lines of a part.
    pub(super) fn of_part(
        mut file: R,
        part: &Range<u64>,
        file_bytes: u64,
        limits: Limits<'a>,
    ) -> io::Result<Self> {
        let lines = lines_of_part(&mut file, part, file_bytes, &limits)?;
        file.seek(SeekFrom::Start(lines.start))?;
        Ok(Self::new(file.take(lines.end - lines.start), limits))
    }
}

/// Behind the last line end that lies at or after `from` and is sure to be whole: a `\r`
/// at the very end may be half of one.
fn last_line_end(block: &[u8], from: usize) -> Option<usize> {
    if block.last() == Some(&b'\n') {
        return Some(block.len());
    }
    let sure = block.get(from..block.len().saturating_sub(1))?;
    memrchr2(b'\n', b'\r', sure).map(|at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::SystemTime;

    use headwater_store::{Entry, Location};
    use proptest::prelude::*;

    use super::*;
    use crate::files::inputs::split;
    use crate::text::TextBlock;

    /// Lines by looking at one byte after the other.
    fn naive(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                end @ (b'\n' | b'\r') => {
                    at += usize::from(end == b'\r' && bytes.get(at + 1) == Some(&b'\n'));
                    lines.push(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned());
                }
                byte => line.push(byte),
            }
            at += 1;
            if at >= bytes.len() && !line.is_empty() {
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
        }
        lines
    }

    const NO_LIMIT: Limits<'_> = Limits {
        line_bytes_max: u64::MAX,
        go_on: &|| Ok(()),
    };

    fn read_part(bytes: &[u8], part: &Range<u64>, block_bytes: usize) -> Vec<String> {
        let len = bytes.len() as u64;
        let lines = lines_of_part(&mut Cursor::new(bytes), part, len, &NO_LIMIT).unwrap();
        let input = &bytes[lines.start as usize..lines.end as usize];
        let mut blocks = LineBlocks::with_block_bytes(input, NO_LIMIT, block_bytes);
        let mut lines = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            TextBlock::from_utf8_lossy(block).lines_into(&mut lines);
        }
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_that_begins_at_the_border_belongs_to_the_part_before() {
        let bytes = b"ab\ncd\nef";
        assert_eq!(read_part(bytes, &(0..3), 64), ["ab", "cd"]);
        assert_eq!(read_part(bytes, &(3..6), 64), ["ef"]);
        assert_eq!(read_part(bytes, &(6..8), 64), [""; 0]);
    }

    #[test]
    fn a_line_end_of_two_bytes_may_lie_across_a_border() {
        let bytes = b"ab\r\ncd\r\nef";
        assert_eq!(read_part(bytes, &(0..3), 64), ["ab"]);
        assert_eq!(read_part(bytes, &(3..10), 64), ["cd", "ef"]);
    }

    #[test]
    fn scanning_goes_on_beyond_its_buffer() {
        let mut bytes = vec![b'x'; SCAN_BYTES * 2];
        bytes[SCAN_BYTES] = b'\r';
        bytes[SCAN_BYTES + 1] = b'\n';
        let len = bytes.len() as u64;
        // The pair begins with the last byte that is scanned.
        let lines = lines_of_part(&mut Cursor::new(&bytes), &(1..len), len, &NO_LIMIT).unwrap();
        assert_eq!(lines, SCAN_BYTES as u64 + 2..len);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_says() {
        let read = |bytes: &[u8], part: Range<u64>| {
            let limits = Limits {
                line_bytes_max: 8,
                ..NO_LIMIT
            };
            let mut file = Cursor::new(bytes);
            let lines = lines_of_part(&mut file, &part, bytes.len() as u64, &limits)?;
            let input = &bytes[lines.start as usize..lines.end as usize];
            let mut blocks = LineBlocks::with_block_bytes(input, limits, 4);
            while blocks.next_block()?.is_some() {}
            Ok::<(), io::Error>(())
        };
        let whole = |bytes: &[u8]| read(bytes, 0..bytes.len() as u64);
        for fits in ["12345678\n12345678", "12345678\r\n1\n", "1\n12345678\n"] {
            assert!(whole(fits.as_bytes()).is_ok(), "{fits}");
        }
        for long in [
            "123456789\n1",
            "1\n123456789",
            "123456789",
            "1\n2\n1234567890123456789",
        ] {
            let error = whole(long.as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains("8 bytes that files.line_bytes_max"),
                "{error}"
            );
        }
        // The part in which it begins does not look for its end.
        let long = b"1\n2345678901234567890123456789012345678901234567890";
        assert!(read(long, 0..5).is_err() && read(long, 5..20).is_ok());
    }

    proptest! {
        #[test]
        fn any_parts_and_blocks_give_the_lines_of_the_whole(
            bytes in prop::collection::vec(
                prop::sample::select(vec![b'a', b'b', b'\n', b'\r', 0xc3, 0xa9]), 0..60),
            partitions_min in 1_usize..70,
            block_bytes in 1_usize..20,
        ) {
            let file = Entry {
                location: Location::at("x").unwrap(),
                bytes: bytes.len() as u64,
                modified: SystemTime::UNIX_EPOCH,
            };
            let parts = split(vec![file], partitions_min).unwrap();
            let read = parts.iter().flat_map(|part| read_part(&bytes, &part.range, block_bytes));
            prop_assert_eq!(read.collect::<Vec<_>>(), naive(&bytes));
        }
    }
}
