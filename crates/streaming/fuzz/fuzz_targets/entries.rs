//! What happened, possible or not.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headwater_streaming::fuzzing::entries(bytes));
