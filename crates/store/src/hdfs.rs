//! The files of a Hadoop cluster as objects, by way of the crate `hdfs-native`.
//!
//! Files are written under temporary names beside their places, synced on their nodes, and renamed,
//! which HDFS does atomically.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use hdfs_native::client::FileStatus;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};

use crate::error::Failure;
use crate::local::{is_temporary, temporary_name};
use crate::network::{runtime, wait};
use crate::objects::{Existing, Level, Meta, Objects, Upload};

/// How much of a file is on its way while it is copied.
const COPIED_BYTES: u64 = 8 << 20;

/// A client with the configuration in `HADOOP_CONF_DIR`, if there is one.
pub(crate) fn connect(url: &str) -> Result<Box<dyn Objects>, Failure> {
    let handle = runtime()?.handle().clone();
    let builder = ClientBuilder::new().with_url(url).with_io_runtime(handle);
    let client = builder.build().map_err(failure)?;
    Ok(Box::new(Hdfs { client }))
}

struct Hdfs {
    client: Client,
}

/// The path of a key. What HDFS cannot hold, or would take for something else, is refused.
fn path(key: &str) -> Result<String, Failure> {
    let mut parts = key.split('/').filter(|_| !key.is_empty());
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        let message = format!("{key:?} has an empty part, or one that means another place");
        return Err(Failure::Other(message));
    }
    Ok(format!("/{key}"))
}

fn failure(error: HdfsError) -> Failure {
    // Java's messages go on with where they come from.
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().to_owned();
    match error {
        HdfsError::FileNotFound(_) => Failure::NotFound,
        HdfsError::AlreadyExists(_) => Failure::AlreadyExists,
        HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _) => {
            let class = class.rsplit(['.', '$']).next().unwrap_or_default();
            match class {
                "FileNotFoundException" => Failure::NotFound,
                "AccessControlException" => Failure::Permission(message),
                "DSQuotaExceededException" | "NSQuotaExceededException" => {
                    Failure::NoSpace(message)
                }
                _ => Failure::Other(message),
            }
        }
        _ => Failure::Other(message),
    }
}

fn meta(status: &FileStatus) -> Meta {
    let since = Duration::from_millis(status.modification_time);
    Meta {
        bytes: status.length as u64,
        modified: SystemTime::UNIX_EPOCH + since,
    }
}

fn name(status: &FileStatus) -> &[u8] {
    status
        .path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .as_bytes()
}

fn key(status: &FileStatus) -> String {
    status.path.trim_start_matches('/').to_owned()
}

/// A file that is being written.
struct Unfinished {
    writer: FileWriter,
    path: String,
}

impl Unfinished {
    /// Begins a file in the directory in which it will be.
    async fn beside(client: &Client, target: &str) -> Result<Self, Failure> {
        let directory = target.rsplit_once('/').map_or("", |(above, _)| above);
        let path = format!("{directory}/{}", temporary_name());
        let writer = client.create(&path, WriteOptions::default()).await;
        let writer = writer.map_err(failure)?;
        Ok(Unfinished { writer, path })
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let written = self.writer.write_bytes(bytes.into()).await;
        written.map(|_| ()).map_err(failure)
    }

    /// Puts the file in its place, once its nodes have it on their disks.
    async fn finish(
        mut self,
        client: &Client,
        target: &str,
        existing: Existing,
    ) -> Result<(), Failure> {
        match self.writer.hsync().await {
            // So it is with erasure coding; the file is on all its nodes when it is closed.
            Ok(()) | Err(HdfsError::UnsupportedFeature(_)) => {}
            Err(error) => return Err(failure(error)),
        }
        self.writer.close().await.map_err(failure)?;
        let replace = existing == Existing::Replace;
        let renamed = client.rename(&self.path, target, replace).await;
        if renamed.is_err() {
            self.remove(client).await;
        }
        renamed.map_err(failure)
    }

    /// What failed before is what is told.
    async fn remove(&self, client: &Client) {
        if let Err(error) = client.delete(&self.path, false).await {
            tracing::warn!(path = self.path, %error, "an unfinished file stays behind");
        }
    }
}

/// Writes a file in pieces, of which each is made when the one before is written.
async fn write_whole<F: Future<Output = Result<Option<Vec<u8>>, Failure>>>(
    client: &Client,
    target: &str,
    existing: Existing,
    mut next: impl FnMut() -> F,
) -> Result<(), Failure> {
    let mut file = Unfinished::beside(client, target).await?;
    loop {
        let written = match next().await {
            Ok(None) => break,
            Ok(Some(bytes)) => file.write(bytes).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = written {
            file.remove(client).await;
            return Err(failure);
        }
    }
    file.finish(client, target, existing).await
}

/// What is below a path, no more than `at_most`. Nothing if that is no directory.
async fn below(
    client: &Client,
    top: &str,
    recursive: bool,
    at_most: usize,
) -> Result<Vec<FileStatus>, Failure> {
    let listed = client.list_status_iter(top, recursive);
    let mut found = Vec::new();
    while found.len() < at_most
        && let Some(next) = listed.next().await
    {
        match next {
            // A file is listed as itself.
            Ok(status) if status.path == top => {}
            Ok(status) if is_temporary(name(&status)) => {}
            Ok(status) if recursive && status.isdir => {}
            Ok(status) => found.push(status),
            // It was not there, or is not there any more.
            Err(HdfsError::FileNotFound(_)) => {}
            Err(error) => return Err(failure(error)),
        }
    }
    Ok(found)
}

impl Objects for Hdfs {
    fn put(&self, key: &str, bytes: Vec<u8>, existing: Existing) -> Result<(), Failure> {
        let (client, target) = (self.client.clone(), path(key)?);
        wait(async move {
            // So that what is refused need not be written first; the rename makes sure of it.
            if existing == Existing::Refuse && client.get_file_info(&target).await.is_ok() {
                return Err(Failure::AlreadyExists);
            }
            let mut bytes = Some(bytes);
            write_whole(&client, &target, existing, || {
                std::future::ready(Ok(bytes.take()))
            })
            .await
        })
    }

    fn upload(&self, key: &str) -> Result<Box<dyn Upload>, Failure> {
        let (client, target) = (self.client.clone(), path(key)?);
        let upload = wait(async move {
            let file = Unfinished::beside(&client, &target).await?;
            Ok(HdfsUpload {
                client,
                target,
                temporary: file.path.clone(),
                file: Some(file),
            })
        })?;
        Ok(Box::new(upload))
    }

    fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        wait(async move { read(&client, &path, range).await })
    }

    fn head(&self, key: &str) -> Result<Meta, Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        let found = wait(async move { client.get_file_info(&path).await.map_err(failure) })?;
        if found.isdir {
            return Err(Failure::NotFound);
        }
        Ok(meta(&found))
    }

    fn list(&self, prefix: &str, at_most: usize) -> Result<Vec<(String, Meta)>, Failure> {
        let (client, top) = (self.client.clone(), path(prefix)?);
        let files = wait(async move { below(&client, &top, true, at_most).await })?;
        Ok(files.iter().map(|file| (key(file), meta(file))).collect())
    }

    fn level(&self, prefix: &str) -> Result<Level, Failure> {
        let (client, top) = (self.client.clone(), path(prefix)?);
        let found = wait(async move { below(&client, &top, false, usize::MAX).await })?;
        let (directories, files): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|status| status.isdir);
        Ok(Level {
            objects: files.iter().map(|file| (key(file), meta(file))).collect(),
            prefixes: directories.iter().map(key).collect(),
        })
    }

    fn delete(&self, keys: Vec<String>) -> Result<(), Failure> {
        let client = self.client.clone();
        let paths = keys.iter().map(|key| path(key));
        let paths = paths.collect::<Result<Vec<_>, _>>()?;
        wait(async move {
            for path in paths {
                client.delete(&path, false).await.map_err(failure)?;
            }
            Ok(())
        })
    }

    fn delete_below(&self, key: &str) -> Result<(), Failure> {
        let (client, top) = (self.client.clone(), path(key)?);
        wait(async move {
            if top != "/" {
                client.delete(&top, true).await.map_err(failure)?;
                return Ok(());
            }
            // The root itself stays.
            for found in below(&client, &top, false, usize::MAX).await? {
                client.delete(&found.path, true).await.map_err(failure)?;
            }
            Ok(())
        })
    }

    /// HDFS has no copies of its own: the bytes travel.
    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let (client, from, to) = (self.client.clone(), path(from)?, path(to)?);
        wait(async move {
            let bytes = client.get_file_info(&from).await.map_err(failure)?.length as u64;
            let mut at = 0;
            let (reads, from) = (&client, &from);
            write_whole(&client, &to, Existing::Replace, || {
                let piece = at..bytes.min(at + COPIED_BYTES);
                at = piece.end;
                async move {
                    match piece.is_empty() {
                        true => Ok(None),
                        false => read(reads, from, Some(piece)).await.map(Some),
                    }
                }
            })
            .await
        })
    }
}

async fn read(client: &Client, path: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure> {
    let file = client.read(path).await.map_err(failure)?;
    let bytes = file.file_length();
    let range = match range {
        None => 0..bytes,
        Some(Range { start, end }) => {
            let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes);
            if cut(start) == bytes {
                let bytes = bytes as u64;
                return Err(Failure::OutOfRange { start, bytes });
            }
            cut(start)..cut(end)
        }
    };
    let read = file.read_range(range.start, range.len()).await;
    read.map(Vec::from).map_err(failure)
}

/// A file on its way. It is out of reach while a part is written, and given up if that fails.
struct HdfsUpload {
    client: Client,
    target: String,
    temporary: String,
    file: Option<Unfinished>,
}

impl HdfsUpload {
    fn take(&mut self) -> Result<Unfinished, Failure> {
        let gone = || Failure::Other("the upload failed before".to_owned());
        self.file.take().ok_or_else(gone)
    }
}

impl Upload for HdfsUpload {
    fn part(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut file = self.take()?;
        let file = wait(async move { file.write(bytes).await.map(|()| file) })?;
        self.file = Some(file);
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let (client, target, file) = (self.client.clone(), self.target.clone(), self.take()?);
        wait(async move { file.finish(&client, &target, Existing::Replace).await })
    }

    fn abort(&mut self) -> Result<(), Failure> {
        let (client, temporary) = (self.client.clone(), self.temporary.clone());
        drop(self.file.take());
        wait(async move {
            client.delete(&temporary, false).await.map_err(failure)?;
            Ok(())
        })
    }
}
