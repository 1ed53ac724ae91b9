//! What `headwater new` begins a program with compiles, and its tests pass.
//!
//! The command writes the same files; here they are modules of one crate that is called as the
//! program is.

#![cfg(feature = "ui")]

extern crate self as new_program;

#[path = "../../cli/templates/program/src/lib.rs"]
pub mod library;
#[path = "../../cli/templates/program/src/main.rs"]
#[expect(dead_code, reason = "it is only compiled")]
mod program;
#[path = "../../cli/templates/program/tests/word_counts.rs"]
mod tests;

pub use library::word_counts;
