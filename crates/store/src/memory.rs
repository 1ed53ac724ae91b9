//! Stores of this process, for tests.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::error::Failure;
use crate::objects::{Bucket, Existing, Level, Meta, Objects, Upload};
use crate::outage::{Request, Switch};

/// The objects of a store, shared with the uploads to it.
#[derive(Clone, Default)]
struct Memory {
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
    outage: Switch,
}

#[derive(Clone)]
struct Object {
    bytes: Arc<Vec<u8>>,
    modified: SystemTime,
}

/// The store of a name: the same one for everybody in the process, for as long as it lives.
pub(crate) fn bucket(url: &str) -> Arc<Bucket> {
    store(url).0
}

/// What makes requests to the store of a name fail.
pub(crate) fn switch(url: &str) -> Switch {
    store(url).1
}

fn store(url: &str) -> (Arc<Bucket>, Switch) {
    static STORES: OnceLock<Mutex<HashMap<String, (Arc<Bucket>, Switch)>>> = OnceLock::new();
    let mut stores = STORES.get_or_init(Mutex::default).lock();
    let make = || {
        let memory = Memory::default();
        let outage = memory.outage.clone();
        let bucket = Bucket {
            url: url.to_owned(),
            objects: Box::new(memory),
        };
        (Arc::new(bucket), outage)
    };
    stores.entry(url.to_owned()).or_insert_with(make).clone()
}

impl Object {
    fn new(bytes: Vec<u8>) -> Self {
        Object {
            bytes: Arc::new(bytes),
            modified: SystemTime::now(),
        }
    }

    fn meta(&self) -> Meta {
        Meta {
            bytes: self.bytes.len() as u64,
            modified: self.modified,
        }
    }
}

impl Memory {
    fn object(&self, key: &str) -> Result<Object, Failure> {
        self.outage.check(Request::Get, key)?;
        let objects = self.objects.lock();
        objects.get(key).cloned().ok_or(Failure::NotFound)
    }
}

impl Objects for Memory {
    fn put(&self, key: &str, bytes: Vec<u8>, existing: Existing) -> Result<(), Failure> {
        self.outage.check(Request::Put, key)?;
        let mut objects = self.objects.lock();
        if existing == Existing::Refuse && objects.contains_key(key) {
            return Err(Failure::AlreadyExists);
        }
        objects.insert(key.to_owned(), Object::new(bytes));
        Ok(())
    }

    fn upload(&self, key: &str) -> Result<Box<dyn Upload>, Failure> {
        Ok(Box::new(MemoryUpload {
            to: self.clone(),
            key: key.to_owned(),
            bytes: Vec::new(),
        }))
    }

    fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure> {
        let object = self.object(key)?;
        let bytes = object.bytes.len() as u64;
        let range = range.unwrap_or(0..bytes);
        if range.start >= bytes && !(range.start == 0 && range.end == 0) {
            let start = range.start;
            return Err(Failure::OutOfRange { start, bytes });
        }
        let range = range.start as usize..range.end.min(bytes) as usize;
        Ok(object.bytes.get(range).unwrap_or_default().to_vec())
    }

    fn head(&self, key: &str) -> Result<Meta, Failure> {
        Ok(self.object(key)?.meta())
    }

    fn list(&self, prefix: &str, at_most: usize) -> Result<Vec<(String, Meta)>, Failure> {
        self.outage.check(Request::List, prefix)?;
        let below = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let from = (Bound::Included(below.clone()), Bound::Unbounded);
        let objects = self.objects.lock();
        let found = objects
            .range(from)
            .take_while(|(key, _)| key.starts_with(&below));
        let found = found.map(|(key, object)| (key.clone(), object.meta()));
        Ok(found.take(at_most).collect())
    }

    fn level(&self, prefix: &str) -> Result<Level, Failure> {
        let mut level = Level {
            objects: Vec::new(),
            prefixes: Vec::new(),
        };
        let skipped = match prefix.len() {
            0 => 0,
            bytes => bytes + 1,
        };
        for (key, meta) in self.list(prefix, usize::MAX)? {
            let name = key.get(skipped..).unwrap_or_default();
            let Some((directory, _)) = name.split_once('/') else {
                level.objects.push((key, meta));
                continue;
            };
            let directory = key[..skipped + directory.len()].to_owned();
            if level.prefixes.last() != Some(&directory) {
                level.prefixes.push(directory);
            }
        }
        Ok(level)
    }

    fn delete(&self, keys: Vec<String>) -> Result<(), Failure> {
        for key in keys {
            self.outage.check(Request::Delete, &key)?;
            self.objects.lock().remove(&key);
        }
        Ok(())
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let bytes = self.object(from)?.bytes;
        self.outage.check(Request::Put, to)?;
        let copy = Object {
            bytes,
            modified: SystemTime::now(),
        };
        self.objects.lock().insert(to.to_owned(), copy);
        Ok(())
    }
}

struct MemoryUpload {
    to: Memory,
    key: String,
    bytes: Vec<u8>,
}

impl Upload for MemoryUpload {
    fn part(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.bytes.extend(bytes);
        Ok(())
    }

    fn complete(&mut self) -> Result<(), Failure> {
        let bytes = std::mem::take(&mut self.bytes);
        self.to.put(&self.key, bytes, Existing::Replace)
    }

    fn abort(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
