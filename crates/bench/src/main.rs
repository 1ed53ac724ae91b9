//! Benchmarks of Headwater.
fn main() {}
