//! Records as bytes, for layers that keep records of their own.

use std::io;
use std::sync::Arc;

use crate::context::Context;
use crate::record::Wire;

use super::disk::DiskFile;
use super::frames::{self, FrameReader};

/// Records as bytes with checksums, in memory or in a file of the context's local directory
/// (`local.dir`). Clones share them; the file goes with the last of them.
///
/// ```
/// use headwater_core::{Context, PackedRecords};
/// let ctx = Context::local(1)?;
/// let packed = PackedRecords::pack(&["to be".to_owned(), "or not to be".to_owned()])?;
/// let on_disk = packed.write_to_disk(&ctx, "hamlet")?;
/// assert_eq!(on_disk.bytes(), packed.bytes());
/// assert_eq!(on_disk.unpack()?, ["to be", "or not to be"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PackedRecords<T> {
    bytes: Bytes,
    unpack: fn(&[u8]) -> Result<Vec<T>, String>,
}

#[derive(Clone)]
enum Bytes {
    Memory(Arc<Vec<u8>>),
    Disk(Arc<DiskFile>),
}

impl<T> Clone for PackedRecords<T> {
    fn clone(&self) -> Self {
        PackedRecords {
            bytes: self.bytes.clone(),
            unpack: self.unpack,
        }
    }
}

impl<T: Wire> PackedRecords<T> {
    /// Packs records in memory.
    ///
    /// ```
    /// let packed = headwater_core::PackedRecords::pack(&[1_u32, 2, 3])?;
    /// assert_eq!(packed.unpack()?, [1, 2, 3]);
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A record's own refusal to be serialised.
    pub fn pack(records: &[T]) -> Result<Self, String> {
        Ok(PackedRecords {
            bytes: Bytes::Memory(Arc::new(frames::encode(records)?)),
            unpack,
        })
    }
}

impl<T> PackedRecords<T> {
    /// The same records in a file, whose name begins with `name`.
    ///
    /// ```
    /// # let ctx = headwater_core::Context::local(1)?;
    /// let packed = headwater_core::PackedRecords::pack(&[1_u8])?;
    /// assert!(packed.write_to_disk(&ctx, "one")?.is_on_disk());
    /// ctx.stop();
    /// assert!(packed.write_to_disk(&ctx, "one").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the file system said, with the path; also when the context was stopped.
    pub fn write_to_disk(&self, ctx: &Context, name: &str) -> Result<Self, String> {
        let write = |bytes: &[u8]| -> io::Result<Self> {
            Ok(PackedRecords {
                bytes: Bytes::Disk(ctx.inner.cache.write_file(name, bytes)?),
                unpack: self.unpack,
            })
        };
        match &self.bytes {
            Bytes::Memory(bytes) => write(bytes).map_err(|error| error.to_string()),
            Bytes::Disk(_) => Ok(self.clone()),
        }
    }

    /// Whether the records are in a file.
    ///
    /// ```
    /// assert!(!headwater_core::PackedRecords::pack(&[1_u8])?.is_on_disk());
    /// # Ok::<(), String>(())
    /// ```
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        matches!(self.bytes, Bytes::Disk(_))
    }

    /// How many bytes the records take.
    ///
    /// ```
    /// let packed = headwater_core::PackedRecords::pack(&[1_u8; 1000])?;
    /// assert!(packed.bytes() > 1000);
    /// # Ok::<(), String>(())
    /// ```
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match &self.bytes {
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::Disk(file) => file.bytes,
        }
    }

    /// The records.
    ///
    /// ```
    /// let packed = headwater_core::PackedRecords::pack(&["a".to_owned()])?;
    /// assert_eq!(packed.unpack()?, ["a"]);
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// The file with what is wrong with it, or a record's refusal to be read as it was written.
    pub fn unpack(&self) -> Result<Vec<T>, String> {
        match &self.bytes {
            Bytes::Memory(bytes) => (self.unpack)(bytes),
            Bytes::Disk(file) => (self.unpack)(&file.read()?),
        }
    }
}

fn unpack<T: Wire>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let read = || {
        let mut records = Vec::new();
        let mut frames = FrameReader::begin(bytes)?;
        while frames.next_into(&mut records)? {}
        Ok(records)
    };
    read().map_err(|damage: frames::Damage| damage.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Conf;

    #[test]
    fn files_go_with_the_last_clone_and_damage_is_told_with_its_place() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().to_str().unwrap();
        let ctx = Context::new(Conf::new().master("local[1]").set("local.dir", dir)).unwrap();
        let packed = PackedRecords::pack(&[1_u64, 2, 3]).unwrap();
        let on_disk = packed.write_to_disk(&ctx, "numbers").unwrap();
        let files = || {
            let dirs = std::fs::read_dir(base.path()).unwrap();
            let files = dirs.flat_map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap());
            files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
        };
        let [file] = &files()[..] else {
            panic!("one file");
        };
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("numbers-"), "{name}");
        let other = on_disk.clone();
        drop(on_disk);
        std::fs::write(file, b"no frames").unwrap();
        let error = other.unpack().unwrap_err();
        assert!(error.contains(&name), "{error}");
        drop(other);
        assert!(files().is_empty());
    }

    #[test]
    fn what_the_file_system_refuses_is_told_with_its_place() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("no directory");
        std::fs::write(&file, b"").unwrap();
        let dir = file.to_str().unwrap();
        let ctx = Context::new(Conf::new().master("local[1]").set("local.dir", dir)).unwrap();
        let packed = PackedRecords::pack(&[1_u8]).unwrap();
        let error = packed.write_to_disk(&ctx, "one").map(drop).unwrap_err();
        assert!(error.contains("no directory"), "{error}");
    }
}
