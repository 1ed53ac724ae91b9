//! Micro-batch streams over the engine: DStreams, receivers, batches

pub mod clock;
pub mod time;
