//! How results are saved.

use std::fmt;
use std::str::FromStr;

use headwater_store::Durability;

/// How the files of a result are compressed: the codec of Spark's `saveAsTextFile`.
///
/// ```
/// use headwater_core::Compression;
/// assert_eq!("gzip".parse(), Ok(Compression::Gzip));
/// assert_eq!("org.apache.hadoop.io.compress.GzipCodec".parse(), Ok(Compression::Gzip));
/// let error = "rar".parse::<Compression>().unwrap_err();
/// assert!(error.to_string().contains("none or gzip"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Files hold what is written.
    #[default]
    None,
    /// Files are named `part-00000.gz` and so on. Each is read by one partition.
    Gzip,
}

impl Compression {
    /// What file names end in.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
        }
    }
}

/// A compression that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCompression(String);

impl fmt::Display for UnknownCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the compression {:?} is not known; use none or gzip",
            self.0
        )
    }
}

impl std::error::Error for UnknownCompression {}

/// Takes the names `none` and `gzip`, and the names of Hadoop's classes for it.
impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, UnknownCompression> {
        let short = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        match short.strip_suffix("codec").unwrap_or(&short) {
            "none" | "uncompressed" => Ok(Compression::None),
            "gzip" | "gz" => Ok(Compression::Gzip),
            _ => Err(UnknownCompression(name.to_owned())),
        }
    }
}

/// What `save_as_text_file_with` and `save_as_object_file_with` may do other than usual.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("out");
/// use headwater_core::{Compression, Context, SaveOptions};
/// let ctx = Context::local(2).unwrap();
/// let replace = SaveOptions::new().replace();
/// ctx.range(0..9, 1, 3).save_as_text_file_with(&path, replace).unwrap();
/// let options = replace.compress(Compression::Gzip);
/// ctx.range(0..4, 1, 1).save_as_text_file_with(&path, options).unwrap();
/// assert_eq!(ctx.text_file(path.to_str().unwrap()).count().unwrap(), 4);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    pub(super) replace: bool,
    pub(super) durable: bool,
    pub(super) compression: Compression,
}

impl SaveOptions {
    /// What is usual: a directory that exists is refused, files are not compressed, and the
    /// system writes them to the disk when it comes to it.
    #[must_use]
    pub fn new() -> Self {
        SaveOptions::default()
    }

    /// Puts the result in the place of a directory that exists, with all that is in it.
    ///
    /// What is there stays until the new result is complete. Readers of a local directory
    /// see the old files, for a moment none, and then the new ones, never some of each. In
    /// an object store `_SUCCESS` is gone while parts are replaced one after the other.
    ///
    /// Of several such saves to one local path at the same time the one that ends last stays,
    /// whole. A process that is killed leaves a directory `.NAME.new-` and digits beside the
    /// result, or `.NAME.old-` with what was replaced. Such saves to the path remove them, but
    /// never what a living process has: it holds a lock on it. Where directories cannot be locked,
    /// as on some network file systems, they wait until nothing was written there for a week.
    #[must_use]
    pub fn replace(self) -> Self {
        SaveOptions {
            replace: true,
            ..self
        }
    }

    /// Lets the save return only when its result survives a failure of power, as long as the disk
    /// keeps what it acknowledged: parts are synced by the tasks that write them, then the
    /// directory, `_SUCCESS` and the directory above, once each.
    ///
    /// Without it the result survives the end of the process, and a failure of power soon
    /// after may leave parts empty or take the directory away. That is right where the program
    /// would be run again anyhow, and faster with many small parts. What object stores
    /// acknowledge they keep, with or without it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("out");
    /// use headwater_core::{Context, SaveOptions};
    /// let ctx = Context::local(2).unwrap();
    /// let options = SaveOptions::new().replace().durable();
    /// ctx.range(0..9, 1, 3).save_as_text_file_with(&path, options).unwrap();
    /// ```
    #[must_use]
    pub fn durable(self) -> Self {
        SaveOptions {
            durable: true,
            ..self
        }
    }

    /// How the files of the result are written.
    pub(super) fn durability(self) -> Durability {
        match self.durable {
            true => Durability::Synced,
            false => Durability::Cached,
        }
    }

    /// Compresses the files.
    #[must_use]
    pub fn compress(self, compression: Compression) -> Self {
        SaveOptions {
            compression,
            ..self
        }
    }
}

impl From<Compression> for SaveOptions {
    fn from(compression: Compression) -> Self {
        SaveOptions::new().compress(compression)
    }
}
