//! What is told when what a receiver has is not taken.

mod probe;

use std::path::Path;

use headwater_store::{Outage, Request};
use headwater_streaming::testing::LineServer;
use probe::{Told, going_on, record};

#[test]
fn a_journal_that_takes_nothing_is_not_told_as_a_lost_connection() {
    let test = going_on(Path::new("memory://refused/stream"), 0, &[]);
    let told = record(test.context());
    let server = LineServer::start().unwrap();
    let lines = test
        .context()
        .acknowledged_text_stream("127.0.0.1", server.port());
    lines.foreach_rdd(|_, _| ());
    server.extend(["a line", "another"]);
    test.try_run(0).unwrap();
    server.wait_until_safe(2);

    let _outage = Outage::begin("refused", |request, _| request == Request::Put);
    server.extend(["not safe"]);
    let error = test.context().await_termination().unwrap_err().to_string();
    assert!(error.contains("journal"), "{error}");
    test.context().stop(true, false).unwrap();
    let told = told.wait_for(|told| matches!(told.last(), Some(Told::Stopped)));
    for event in told {
        // The end of the stream may come before the receiver can say anything itself.
        if let Told::ReceiverError(receiver) = event {
            let error = receiver.last_error;
            let address = format!("127.0.0.1:{}", server.port());
            for said in [address.as_str(), "not stored", "journal"] {
                assert!(error.contains(said), "{said}: {error}");
            }
            assert!(!error.contains("connection"), "{error}");
        }
    }
    assert_eq!(server.safe(), 2);
}
