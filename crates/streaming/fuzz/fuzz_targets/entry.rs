//! An entry of the journal.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headwater_streaming::fuzzing::entry(bytes));
