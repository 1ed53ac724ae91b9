//! What outputs log names their batch.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use serde_json::Value;

/// Keeps the log.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_logs_inside_the_span_of_its_batch() {
    let log = Kept::default();
    let writer = log.clone();
    // Of the whole process: outputs have threads of their own.
    tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .init();
    let test = TestStream::new(seconds(1));
    let input = test.input(vec![vec![1], vec![2]]);
    input.foreach_rdd(|_, _| {
        tracing::info!("written");
        Ok::<_, String>(())
    });
    test.run(2);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let written = lines.filter(|line: &Value| line["fields"]["message"] == "written");
    let times: Vec<_> = written.map(|line| line["span"]["time"].clone()).collect();
    assert_eq!(times, ["1000 ms", "2000 ms"]);
}
