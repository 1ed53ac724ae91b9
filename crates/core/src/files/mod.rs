//! RDDs from files, and files from RDDs.
//!
//! [`inputs`] turns a path into files and parts of files, [`lines`] reads lines of a part,
//! [`text`] and [`object`] are the operations, and [`output`] is how a directory of
//! results comes to be whole or not at all.

mod inputs;
mod lines;
mod object;
mod output;
mod text;
