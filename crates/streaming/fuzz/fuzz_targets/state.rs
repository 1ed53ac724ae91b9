//! A snapshot of state.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headwater_streaming::fuzzing::state(bytes));
