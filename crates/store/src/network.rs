//! What the stores of a network share: one client for each, and the thread that drives them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Failure, StoreError};
use crate::objects::{Bucket, Objects};
use crate::url::Scheme;

/// The store of a URL; `None` if its kind is not compiled in. One client serves the whole
/// process, so that connections and credentials are shared.
pub(crate) fn bucket(scheme: Scheme, url: &str) -> Result<Option<Arc<Bucket>>, StoreError> {
    static BUCKETS: OnceLock<Mutex<HashMap<String, Arc<Bucket>>>> = OnceLock::new();
    let mut buckets = BUCKETS.get_or_init(Mutex::default).lock();
    if let Some(bucket) = buckets.get(url) {
        return Ok(Some(bucket.clone()));
    }
    let connected = connect(scheme, url);
    let Some(objects) = connected.map_err(|failure| failure.while_doing("open", url))? else {
        return Ok(None);
    };
    let bucket = Arc::new(Bucket {
        url: url.to_owned(),
        objects,
    });
    buckets.insert(url.to_owned(), bucket.clone());
    Ok(Some(bucket))
}

fn connect(scheme: Scheme, url: &str) -> Result<Option<Box<dyn Objects>>, Failure> {
    match scheme {
        #[cfg(feature = "hdfs")]
        Scheme::Hdfs => crate::hdfs::connect(url).map(Some),
        #[cfg(feature = "remote")]
        _ => crate::remote::connect(scheme, url),
        #[cfg(not(feature = "remote"))]
        _ => Ok(None),
    }
}

/// Waits for a future that runs on the network's own thread.
///
/// It is spawned rather than blocked on, so that callers may be on any thread, also on one
/// that drives a runtime of the user.
pub(crate) fn wait<T: Send + 'static>(
    future: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let (done, result) = sync_channel(1);
    runtime()?.spawn(async move {
        // Nobody is left to tell only if the waiting thread died.
        let _ = done.send(future.await);
    });
    let panicked = |_| Failure::Other("the client of the store panicked".to_owned());
    result.recv().map_err(panicked)?
}

/// One thread for all stores, started by the first request.
pub(crate) fn runtime() -> Result<&'static Runtime, Failure> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let start = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("hw-store");
        builder.enable_all();
        builder.build().map_err(|error| error.to_string())
    };
    let started = RUNTIME.get_or_init(start).as_ref();
    started.map_err(|error| Failure::Other(format!("its thread cannot be started: {error}")))
}
