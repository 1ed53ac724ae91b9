//! What is told when what a receiver has is not taken.

mod probe;

use std::fs;

use headwater_streaming::checkpoint::CheckpointFailure;
use headwater_streaming::testing::LineServer;
use headwater_streaming::{ReceiverInfo, StreamingListener};
use probe::{Log, going_on};

struct Watching {
    failed: Log<String>,
    errors: Log<String>,
}

impl StreamingListener for Watching {
    fn on_checkpoint_failed(&mut self, failure: &CheckpointFailure) {
        self.failed.push(failure.message.to_string());
    }
    fn on_receiver_error(&mut self, receiver: &ReceiverInfo) {
        self.errors.push(receiver.last_error.clone());
    }
}

#[test]
fn a_journal_that_takes_nothing_is_not_told_as_a_lost_connection() {
    let directory = tempfile::tempdir().unwrap();
    let each_batch = [("streaming.checkpoint.interval", "1s")];
    let test = going_on(directory.path(), 0, &each_batch);
    let (failed, errors) = (Log::new(), Log::new());
    test.context().add_listener(Watching {
        failed: failed.clone(),
        errors: errors.clone(),
    });
    let server = LineServer::start().unwrap();
    let lines = test
        .context()
        .acknowledged_text_stream("127.0.0.1", server.port());
    lines.foreach_rdd(|_, _| ());
    // So much that the checkpoint begins another file of the journal, which fails.
    server.extend(["line ".repeat(20_000), "another".to_owned()]);
    test.try_run(0).unwrap();
    server.wait_until_safe(2);
    fs::remove_dir_all(directory.path().join("journal")).unwrap();
    test.run(1);
    failed.wait_for(|failed| !failed.is_empty());
    server.extend(["not safe"]);
    let error = errors.wait_for(|errors| !errors.is_empty()).remove(0);
    let address = format!("127.0.0.1:{}", server.port());
    for said in [address.as_str(), "not stored", "journal"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert!(!error.contains("connection"), "{error}");
    assert_eq!(server.safe(), 2);
    let _ = test.context().stop(true, false);
}
