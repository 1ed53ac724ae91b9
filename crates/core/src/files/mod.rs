//! RDDs from files, and files from RDDs; a path may be any URL that `headwater-store` knows.
//!
//! [`listing`] turns a path into files, [`found`] holds those to what they were, [`inputs`] cuts them into parts, [`node`] is the RDD
//! that reads parts in some format, [`decode`] reads compressed files, [`source`] tells damage in them
//! from failures to read, [`skip`] says what of that may be skipped, [`lines`] reads lines of a part, and
//! [`text`], [`object`], [`whole`] and [`records`] are the formats with their operations. [`options`] says how
//! results are saved, and [`output`] with [`replace`] is how a directory of results comes to be
//! whole or not at all.

mod decode;
mod found;
mod inputs;
mod lines;
mod listing;
mod node;
mod object;
mod options;
mod output;
mod records;
mod replace;
mod skip;
mod source;
mod text;
mod whole;

pub use found::FoundFile;
pub(crate) use node::Reading;
pub(crate) use object::{push_objects, write_frames};
pub use options::{Compression, SaveOptions};
pub use replace::remove_unfinished_saves;
pub(crate) use skip::Ignore;
