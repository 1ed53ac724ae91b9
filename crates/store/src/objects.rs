//! What a store of keys can do: the interface behind which the stores differ.

use std::ops::Range;
use std::time::SystemTime;

use crate::error::Failure;

/// A store with the URL that leads to it.
pub(crate) struct Bucket {
    /// The URL without a key, such as `s3://bucket`.
    pub(crate) url: String,
    pub(crate) objects: Box<dyn Objects>,
}

/// Size and age of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
}

/// What to do with an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    Refuse,
}

/// Objects directly below a prefix, and the prefixes that go on from there.
pub(crate) struct Level {
    pub(crate) objects: Vec<(String, Meta)>,
    pub(crate) prefixes: Vec<String>,
}

/// A store of objects by key.
///
/// # Contract
/// - A put is atomic: readers see the whole object or none; so is the end of an upload.
/// - What is acknowledged is durable.
/// - Prefixes are whole names: what is below `a/b` begins with `a/b/`. The empty prefix is
///   above everything.
pub(crate) trait Objects: Send + Sync {
    fn put(&self, key: &str, bytes: Vec<u8>, existing: Existing) -> Result<(), Failure>;

    /// Begins an object that comes in parts.
    fn upload(&self, key: &str) -> Result<Box<dyn Upload>, Failure>;

    /// The object, or a range of it that is not empty, cut at its end.
    fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure>;

    fn head(&self, key: &str) -> Result<Meta, Failure>;

    /// Everything below a prefix, in no special order, but no more than `at_most`.
    fn list(&self, prefix: &str, at_most: usize) -> Result<Vec<(String, Meta)>, Failure>;

    fn level(&self, prefix: &str) -> Result<Level, Failure>;

    /// Removes objects; those that are not there are left out.
    fn delete(&self, keys: Vec<String>) -> Result<(), Failure>;

    /// Removes what has this key and everything below it.
    fn delete_below(&self, key: &str) -> Result<(), Failure> {
        let below = self.list(key, usize::MAX)?;
        let mut keys: Vec<String> = below.into_iter().map(|(key, _)| key).collect();
        keys.extend(Some(key.to_owned()).filter(|key| !key.is_empty()));
        self.delete(keys)
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure>;
}

/// An object on its way, which nobody sees before it is complete.
pub(crate) trait Upload: Send {
    fn part(&mut self, bytes: Vec<u8>) -> Result<(), Failure>;

    fn complete(&mut self) -> Result<(), Failure>;

    fn abort(&mut self) -> Result<(), Failure>;
}
