//! Object stores of a network, by way of the crate `object_store`.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use crate::error::Failure;
use crate::network;
use crate::objects::{Existing, Level, Meta, Objects, Upload};
use crate::url::{Scheme, without_secrets};

/// What a store that takes only whole objects keeps of one in memory.
const WHOLE_BYTES_MAX: usize = 64 << 20;

/// The store of a URL; `None` if its kind is not compiled in.
pub(crate) fn connect(scheme: Scheme, url: &str) -> Result<Option<Box<dyn Objects>>, Failure> {
    let Some(client) = client(scheme, url) else {
        return Ok(None);
    };
    Ok(Some(Box::new(Remote {
        client: client.map_err(failure)?,
        has_parts: scheme != Scheme::Http,
    })))
}

type Client = Arc<dyn ObjectStore>;

/// A client with options and credentials from the environment.
fn client(scheme: Scheme, url: &str) -> Option<object_store::Result<Client>> {
    match scheme {
        #[cfg(feature = "aws")]
        Scheme::S3 => {
            let url = url.to_ascii_lowercase();
            let builder = object_store::aws::AmazonS3Builder::from_env().with_url(url);
            Some(builder.build().map(|client| Arc::new(client) as Client))
        }
        #[cfg(feature = "gcp")]
        Scheme::Google => {
            let builder = object_store::gcp::GoogleCloudStorageBuilder::from_env().with_url(url);
            Some(builder.build().map(|client| Arc::new(client) as Client))
        }
        #[cfg(feature = "azure")]
        Scheme::Azure => {
            let builder = object_store::azure::MicrosoftAzureBuilder::from_env().with_url(url);
            Some(builder.build().map(|client| Arc::new(client) as Client))
        }
        #[cfg(feature = "http")]
        Scheme::Http => {
            let builder = object_store::http::HttpBuilder::new().with_url(url);
            // Who writes http:// wants no encryption.
            let plain = url.starts_with("http:");
            let options = object_store::ClientOptions::new().with_allow_http(plain);
            let client = builder.with_client_options(options).build();
            Some(client.map(|client| Arc::new(client) as Client))
        }
        _ => None,
    }
}

struct Remote {
    client: Client,
    /// Whether objects can be sent in parts.
    has_parts: bool,
}

/// Waits for what a client does.
fn wait<T: Send + 'static>(
    future: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> Result<T, Failure> {
    network::wait(async move { future.await.map_err(failure) })
}

fn failure(error: object_store::Error) -> Failure {
    use object_store::Error;
    let message = || {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        without_secrets(&message)
    };
    match &error {
        Error::NotFound { .. } => Failure::NotFound,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => Failure::AlreadyExists,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            Failure::Permission(message())
        }
        _ => Failure::Other(message()),
    }
}

/// Keys are taken as they are; what no store can hold is refused.
fn path(key: &str) -> Result<Path, Failure> {
    Path::parse(key).map_err(|error| Failure::Other(error.to_string()))
}

fn meta(meta: &ObjectMeta) -> Meta {
    Meta {
        bytes: meta.size,
        modified: meta.last_modified.into(),
    }
}

/// Objects of a listing, without the marker that some tools leave in place of a directory.
fn found(objects: Vec<ObjectMeta>, prefix: &Path) -> Vec<(String, Meta)> {
    let objects = objects.iter().filter(|object| object.location != *prefix);
    objects
        .map(|object| (object.location.to_string(), meta(object)))
        .collect()
}

impl Objects for Remote {
    fn put(&self, key: &str, bytes: Vec<u8>, existing: Existing) -> Result<(), Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        let options = PutOptions::from(match existing {
            Existing::Replace => PutMode::Overwrite,
            Existing::Refuse => PutMode::Create,
        });
        let payload = PutPayload::from(bytes);
        wait(async move { client.put_opts(&path, payload, options).await }).map(|_| ())
    }

    fn upload(&self, key: &str) -> Result<Box<dyn Upload>, Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        if !self.has_parts {
            return Ok(Box::new(Whole {
                client,
                path,
                bytes: Vec::new(),
            }));
        }
        let upload = wait(async move { client.put_multipart(&path).await })?;
        let upload = Some(upload);
        Ok(Box::new(Parts { upload }))
    }

    fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        let Some(range) = range else {
            let got = wait(async move { client.get(&path).await?.bytes().await });
            return got.map(Vec::from);
        };
        let start = range.start;
        let got = wait(async move { client.get_range(&path, range).await });
        got.map(Vec::from).map_err(|failure| {
            // Stores have their own words for a range that is not there; the length tells.
            match (failure, self.head(key)) {
                (Failure::Other(_), Ok(Meta { bytes, .. })) if start >= bytes => {
                    Failure::OutOfRange { start, bytes }
                }
                (failure, _) => failure,
            }
        })
    }

    fn head(&self, key: &str) -> Result<Meta, Failure> {
        let (client, path) = (self.client.clone(), path(key)?);
        wait(async move { client.head(&path).await }).map(|object| meta(&object))
    }

    fn list(&self, prefix: &str, at_most: usize) -> Result<Vec<(String, Meta)>, Failure> {
        let (client, prefix) = (self.client.clone(), path(prefix)?);
        // One more, as the directory's own marker may be among them.
        let at_most_found = at_most.saturating_add(1);
        let from = prefix.clone();
        let objects = wait(async move {
            let listed = client.list(Some(&from)).take(at_most_found);
            listed.try_collect::<Vec<_>>().await
        })?;
        let mut objects = found(objects, &prefix);
        objects.truncate(at_most);
        Ok(objects)
    }

    fn level(&self, prefix: &str) -> Result<Level, Failure> {
        let (client, prefix) = (self.client.clone(), path(prefix)?);
        let from = prefix.clone();
        let listed = wait(async move { client.list_with_delimiter(Some(&from)).await })?;
        let prefixes = listed.common_prefixes.iter().map(Path::to_string).collect();
        Ok(Level {
            objects: found(listed.objects, &prefix),
            prefixes,
        })
    }

    fn delete(&self, keys: Vec<String>) -> Result<(), Failure> {
        let client = self.client.clone();
        let paths = keys.iter().map(|key| path(key));
        let paths = paths.collect::<Result<Vec<_>, _>>()?;
        wait(async move {
            let paths = stream::iter(paths).map(Ok).boxed();
            let mut deleted = client.delete_stream(paths);
            while let Some(result) = deleted.next().await {
                match result {
                    Err(object_store::Error::NotFound { .. }) => {}
                    result => drop(result?),
                }
            }
            Ok(())
        })
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let (client, from, to) = (self.client.clone(), path(from)?, path(to)?);
        wait(async move { client.copy(&from, &to).await })
    }
}

/// An upload in parts. It is out of reach while a request is on its way, and lost with it.
struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Parts {
    fn upload(&mut self) -> Result<Box<dyn MultipartUpload>, Failure> {
        let gone = || Failure::Other("the upload failed before".to_owned());
        self.upload.take().ok_or_else(gone)
    }
}

impl Upload for Parts {
    fn part(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut upload = self.upload()?;
        let sent = upload.put_part(PutPayload::from(bytes));
        self.upload = Some(upload);
        wait(sent)
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let mut upload = self.upload()?;
        let (upload, completed) = wait(async move {
            let completed = upload.complete().await;
            Ok((upload, completed))
        })?;
        self.upload = Some(upload);
        completed.map(|_| ()).map_err(failure)
    }

    fn abort(&mut self) -> Result<(), Failure> {
        let mut upload = self.upload()?;
        wait(async move { upload.abort().await })
    }
}

/// An object for a store that takes no parts.
struct Whole {
    client: Client,
    path: Path,
    bytes: Vec<u8>,
}

impl Upload for Whole {
    fn part(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        if self.bytes.len() + bytes.len() > WHOLE_BYTES_MAX {
            return Err(Failure::Other(format!(
                "a web server takes only whole objects, and none above {} MiB is kept in memory \
                 for it; use more partitions or an object store",
                WHOLE_BYTES_MAX >> 20,
            )));
        }
        self.bytes.extend(bytes);
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let (client, path) = (self.client.clone(), self.path.clone());
        let payload = PutPayload::from(std::mem::take(&mut self.bytes));
        wait(async move { client.put(&path, payload).await }).map(|_| ())
    }

    fn abort(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
