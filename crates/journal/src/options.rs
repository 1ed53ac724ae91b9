//! How a journal is kept.

/// How a journal is kept: sizes and bounds.
///
/// ```
/// use headwater_journal::Options;
/// let options = Options::default().segment_bytes(8 << 20).buffer_bytes_max(16 << 20);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    pub(crate) segment_bytes: u64,
    pub(crate) record_bytes_max: usize,
    pub(crate) buffer_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            segment_bytes: 64 << 20,
            record_bytes_max: 1 << 30,
            buffer_bytes_max: 64 << 20,
        }
    }
}

impl Options {
    /// How long a segment file becomes before the next one begins; 64 MiB unless told
    /// otherwise. What is forgotten is removed in whole segments, and opening a journal takes
    /// one segment at a time into memory. A group of records is never divided, so a segment
    /// is longer when its only group is. In an object store each commit is a segment.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The longest record that is taken; 1 GiB unless told otherwise, and never more than
    /// 4 GiB.
    pub fn record_bytes_max(mut self, bytes: usize) -> Self {
        self.record_bytes_max = bytes.min(u32::MAX as usize);
        self
    }

    /// How much may wait in memory for its commit; 64 MiB unless told otherwise. Who appends
    /// more commits first. One record is always taken, however long it is.
    pub fn buffer_bytes_max(mut self, bytes: usize) -> Self {
        self.buffer_bytes_max = bytes;
        self
    }
}
