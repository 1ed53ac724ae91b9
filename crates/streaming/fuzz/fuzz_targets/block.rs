//! What a receiver has stored.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headwater_streaming::fuzzing::block(bytes));
