//! Large objects: written bit by bit, there whole or not at all.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::error::{Failure, StoreError};
use crate::local::{Finished, Unfinished};
use crate::objects::{Bucket, Existing, Upload};

/// How much is gathered before it is sent to an object store.
const PART_BYTES: usize = 8 << 20;

/// How many uploads are completed at the same time.
const AT_ONCE: usize = 8;

/// An object that is being written; readers see nothing of it before [`Writer::finish`].
///
/// Nothing is buffered for local files, so write in large pieces or through a
/// [`std::io::BufWriter`]. For object stores up to 8 MiB are kept in memory and sent as one
/// part; stores take 10,000 parts. Dropping a writer gives the object up and removes what was
/// written or sent.
///
/// ```
/// use headwater_store::{Durability, Location};
/// use std::io::Write;
/// let report = Location::at("memory://writer/report")?;
/// let mut writer = report.create(Durability::Cached)?;
/// writer.write_all(b"line 1\n")?;
/// assert!(!report.exists()?);
/// writer.finish()?;
/// assert_eq!(report.get()?, b"line 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    to: Target,
}

enum Target {
    Local {
        file: Unfinished,
        target: PathBuf,
    },
    Keyed {
        at: KeyedTarget,
        upload: Option<OpenUpload>,
        buffer: Vec<u8>,
    },
}

struct KeyedTarget {
    bucket: Arc<Bucket>,
    key: String,
}

impl KeyedTarget {
    fn told(&self, failure: Failure) -> StoreError {
        failure.while_doing("write", format_args!("{}/{}", self.bucket.url, self.key))
    }
}

/// An upload that is given up when it is dropped.
struct OpenUpload {
    upload: Box<dyn Upload>,
    url: String,
    completed: bool,
}

impl OpenUpload {
    fn complete(mut self) -> Result<(), Failure> {
        self.upload.complete()?;
        self.completed = true;
        Ok(())
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        if !self.completed
            && let Err(error) = self.upload.abort()
        {
            tracing::warn!(url = self.url, ?error, "an upload could not be given up");
        }
    }
}

impl Writer {
    pub(crate) fn local(target: PathBuf, file: Unfinished) -> Self {
        Writer {
            to: Target::Local { file, target },
        }
    }

    pub(crate) fn keyed(bucket: Arc<Bucket>, key: String) -> Self {
        Writer {
            to: Target::Keyed {
                at: KeyedTarget { bucket, key },
                upload: None,
                buffer: Vec::new(),
            },
        }
    }

    /// Has what was written so far reach the disk, for local files that are written with
    /// [`Durability::Synced`](crate::Durability::Synced); elsewhere it does nothing. Whoever
    /// writes much beside others that sync calls this now and then: a disk serves one sync
    /// after the other, and a large one lets all others wait.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// use std::io::Write;
    /// # let dir = tempfile::tempdir().unwrap();
    /// let mut writer = Location::at(dir.path())?.join("large").create(Durability::Synced)?;
    /// for piece in [b"one", b"two"] {
    ///     writer.write_all(piece)?;
    ///     writer.sync()?;
    /// }
    /// writer.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What syncing says; the object is not to be finished then.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        match &mut self.to {
            Target::Local { file, target } => file
                .sync()
                .map_err(|failure| failure.while_doing("write", target.display())),
            Target::Keyed { .. } => Ok(()),
        }
    }

    /// Ends the object and lets it be seen, in place of what was there.
    ///
    /// # Errors
    /// What writing the rest, syncing or renaming says; nothing is visible then.
    pub fn finish(self) -> Result<(), StoreError> {
        match self.to {
            // One request instead of three.
            Target::Keyed {
                at,
                upload: None,
                buffer,
            } => {
                let put = at.bucket.objects.put(&at.key, buffer, Existing::Replace);
                put.map_err(|failure| at.told(failure))
            }
            to => Writer { to }.stage()?.publish(),
        }
    }

    /// Ends the object without letting it be seen: everything is written or sent, and
    /// [`Staged::publish`] has next to nothing left that could fail.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at("memory://staged/object")?;
    /// let staged = place.create(Durability::Cached)?.stage()?;
    /// assert!(!place.exists()?);
    /// staged.publish()?;
    /// assert!(place.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What writing the rest or syncing says.
    pub fn stage(self) -> Result<Staged, StoreError> {
        match self.to {
            Target::Local { file, target } => {
                let finished = file.finish();
                let file =
                    finished.map_err(|failure| failure.while_doing("write", target.display()))?;
                Ok(Staged {
                    what: StagedAs::Local { file, target },
                })
            }
            Target::Keyed {
                at,
                mut upload,
                buffer,
            } => {
                // An object without bytes has one empty part.
                if upload.is_none() || !buffer.is_empty() {
                    send(&at, &mut upload, buffer).map_err(|failure| at.told(failure))?;
                }
                Ok(Staged {
                    what: StagedAs::Keyed { at, upload },
                })
            }
        }
    }
}

/// Sends a part, beginning the upload with the first one.
fn send(at: &KeyedTarget, upload: &mut Option<OpenUpload>, part: Vec<u8>) -> Result<(), Failure> {
    let open = match upload {
        Some(open) => open,
        none => none.insert(OpenUpload {
            upload: at.bucket.objects.upload(&at.key)?,
            url: format!("{}/{}", at.bucket.url, at.key),
            completed: false,
        }),
    };
    open.upload.part(part)
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            Target::Local { file, target } => file.write(bytes).map_err(|error| {
                let failure = Failure::from(error);
                failure.while_doing("write", target.display()).into()
            }),
            Target::Keyed { at, upload, buffer } => {
                let taken = bytes.len().min(PART_BYTES - buffer.len());
                buffer.extend_from_slice(bytes.get(..taken).unwrap_or_default());
                if buffer.len() == PART_BYTES {
                    let part = std::mem::take(buffer);
                    send(at, upload, part).map_err(|failure| at.told(failure))?;
                }
                Ok(taken)
            }
        }
    }

    /// Does nothing: parts have a size, and [`Writer::finish`] sends the rest.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An object that is complete, but that nobody sees yet. Dropping it gives it up.
///
/// For local files its bytes lie under a temporary name; for object stores all its parts were
/// sent. Neither survives the process: what a crash leaves behind is invisible, and stores
/// remove it as their rules for incomplete uploads say.
pub struct Staged {
    what: StagedAs,
}

enum StagedAs {
    Local {
        file: Finished,
        target: PathBuf,
    },
    Keyed {
        at: KeyedTarget,
        upload: Option<OpenUpload>,
    },
}

impl Staged {
    /// Lets the object be seen, in place of what was there.
    ///
    /// # Errors
    /// What renaming or completing says; what was there stays.
    pub fn publish(self) -> Result<(), StoreError> {
        match self.what {
            StagedAs::Local { file, target } => file
                .publish(&target, Existing::Replace)
                .map_err(|failure| failure.while_doing("write", target.display())),
            StagedAs::Keyed { at, upload } => {
                let completed = upload.map_or(Ok(()), OpenUpload::complete);
                completed.map_err(|failure| at.told(failure))
            }
        }
    }

    /// Publishes many objects, several at a time where a network lies in between. Of local files
    /// that are to be [synced](crate::Durability::Synced) each directory is synced once, after
    /// the last of them.
    ///
    /// ```
    /// use headwater_store::{Durability, Location, Staged};
    /// let parts = Location::at("memory://many/parts")?;
    /// let stage = |n: i32| parts.join(&format!("part-{n}")).create(Durability::Cached)?.stage();
    /// Staged::publish_all((0..20).map(stage).collect::<Result<_, _>>()?)?;
    /// assert_eq!(parts.list()?.len(), 20);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// The first failure. Objects before it are visible; those behind it may be.
    pub fn publish_all(mut staged: Vec<Staged>) -> Result<(), StoreError> {
        let local = staged.extract_if(.., |staged| matches!(staged.what, StagedAs::Local { .. }));
        let local = local.filter_map(|staged| match staged.what {
            StagedAs::Local { file, target } => Some((file, target)),
            StagedAs::Keyed { .. } => None,
        });
        Finished::publish_all(local)
            .map_err(|(failure, target)| failure.while_doing("write", target.display()))?;
        while !staged.is_empty() {
            let round = staged.drain(..staged.len().min(AT_ONCE));
            thread::scope(|scope| {
                let publish = |staged: Staged| scope.spawn(|| staged.publish());
                let threads: Vec<_> = round.map(publish).collect();
                threads.into_iter().try_for_each(|thread| {
                    thread.join().unwrap_or_else(|_| {
                        let failure = Failure::Other("completing an upload panicked".to_owned());
                        Err(failure.while_doing("write", "objects"))
                    })
                })
            })?;
        }
        Ok(())
    }
}
