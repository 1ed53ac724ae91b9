//! What a real Spark gave, case by case.
//!
//! Each file under `cases/` records the input of every micro-batch of a small program and
//! what each of its output operations gave at each batch time. Each case has one test here,
//! which builds the same pipeline in the public API, runs it on the manual clock and
//! compares. Read `case` (the files), `golden` (a run), `compare`, then the families.
//!
//! Where the outcome differs on purpose the test opens its case by `open_differing`, and
//! `docs/differences.md` has a row for it. `coverage` sees to it that no case is forgotten.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of tests fails with them"
)]

mod case;
mod compare;
mod float;
mod golden;
mod lives;
mod log;

mod files;
mod history;
mod inverse;
mod joins;
mod narrow;
mod outputs;
mod pairs;
mod queue;
mod recovery;
mod refusals;
mod restarted;
mod state;
mod transform;
mod windows;

mod coverage;
mod harness;
