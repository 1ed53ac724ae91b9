//! Files and objects by URL: one blocking interface over local directories and object stores.
//!
//! [`Location`] is a place and has every operation; [`Writer`] and [`Staged`] are how large
//! things come to be there whole or not at all; [`Reader`] reads and seeks. [`StoreError`]
//! says what failed in words that a program can match on; an [`Outage`] makes things fail, for
//! tests.
//!
//! | written as | is | needs the feature |
//! | --- | --- | --- |
//! | a path, `file:///path` | the local file system | |
//! | `memory://name/key` | a store of this process, for tests | |
//! | `s3://bucket/key`, `s3a://` | Amazon S3 and what speaks its protocol | `aws` |
//! | `gs://bucket/key` | Google Cloud Storage | `gcp` |
//! | `az://container/key`, `abfs://`, `abfss://` | Azure Blob Storage | `azure` |
//! | `hdfs://namenode:port/path`, `hdfs://service/path` | the file system of a Hadoop cluster | `hdfs` |
//! | `http://host/path`, `https://` | a web server; WebDAV for what writes | `http` |
//!
//! Names are taken as they are written: nothing in them is percent-decoded. Credentials and
//! options of object stores come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`,
//! `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, `HADOOP_CONF_DIR`,
//! `HADOOP_USER_NAME`, ...), never from the URL, so that URLs can be logged.
//!
//! It knows nothing of records, streams or jobs. Local paths go straight to the file system;
//! threads for the network start with the first use of an object store.
//!
//! ```
//! use headwater_store::{Durability, Location};
//! let reports = Location::at("memory://example/reports")?;
//! reports.join("monday").put(b"all well", Durability::Synced)?;
//! assert_eq!(reports.join("monday").get()?, b"all well");
//! assert_eq!(reports.list()?[0].location.to_string(), "memory://example/reports/monday");
//! # Ok::<(), headwater_store::StoreError>(())
//! ```

mod error;
#[cfg(feature = "hdfs")]
mod hdfs;
mod local;
mod location;
mod memory;
#[cfg(any(feature = "remote", feature = "hdfs"))]
mod network;
mod objects;
mod outage;
mod reader;
#[cfg(feature = "remote")]
mod remote;
mod url;
mod writer;

pub use error::StoreError;
pub use location::{Child, Durability, Entry, Location};
pub use outage::{Outage, Request};
pub use reader::Reader;
pub use writer::{Staged, Writer};
