//! A file with its checksum.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headwater_streaming::fuzzing::sealed(bytes));
