//! Answers that are good enough: from part of the data, or from a sketch of it.
//!
//! `actions` wait for a job no longer than they are told and give a [`PartialResult`];
//! `bounded` has the statistics of its bounds. `distinct` counts different records by the
//! `sketch` of them.

mod actions;
mod bounded;
mod distinct;
mod partial_result;
mod sketch;

pub use bounded::BoundedDouble;
pub use partial_result::PartialResult;
