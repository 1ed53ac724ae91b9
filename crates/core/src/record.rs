//! What a type must offer to be a record, to cross a boundary, or to be a key.

use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Anything that an RDD can hold. Implemented for every fitting type.
///
/// Records move from operator to operator; they are cloned only where two
/// readers share them (a cached partition, a collection that is kept).
pub trait Record: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Record for T {}

/// A record that can be written as bytes. Implemented for every fitting type.
///
/// Shuffles, storage on disk and object files ask for it. Inside one process
/// records are handed over without being serialised; bytes appear only where a
/// boundary (disk, another process) makes them necessary.
pub trait Wire: Record + Serialize + DeserializeOwned {}

impl<T: Record + Serialize + DeserializeOwned> Wire for T {}

/// A record that can be a key. Implemented for every fitting type.
///
/// `Hash` must agree with `Eq`, and must depend on nothing but the value: the
/// placement of a key is the same in every process (see [`crate::hash`]).
pub trait Key: Wire + Hash + Eq {}

impl<T: Wire + Hash + Eq> Key for T {}
