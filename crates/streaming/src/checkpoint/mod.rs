//! Checkpoints: what a stream has done, in a directory, so that another process can go on.
//!
//! Everything that happens is an [`entry`] of a journal; a [`past`] is what the entries say,
//! and a [`manifest`] is a past that was written whole, so that older entries can go. Which
//! part of a changed [`program`] goes on from which is decided in [`matching`], and which number
//! an output has in [`outputs`].

mod checkpointer;
mod entry;
mod keeper;
mod manifest;
mod matching;
mod outputs;
mod past;
mod program;
mod restore;

pub(crate) use checkpointer::Checkpointer;
pub(crate) use entry::{CutInput, Entry, InputRange};
pub(crate) use keeper::{Keeper, Limits};
pub(crate) use matching::Allowed;
pub(crate) use outputs::Outputs;
pub(crate) use program::{Part, Program};
pub(crate) use restore::{InputPast, Opened, Resumed};
