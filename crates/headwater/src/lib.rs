//! Headwater: Spark Streaming's programming model, natively in Rust
