//! Lines from a server that is told which ones are safe.

mod probe;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use headwater_core::{Context, Error};
use headwater_streaming::StreamingContext;
use headwater_streaming::testing::LineServer;
use headwater_streaming::time::millis;
use probe::{Log, context};

fn quick() -> Context {
    context(&[
        ("streaming.receiver.restart_delay", "2ms"),
        ("streaming.block_interval", "1ms"),
    ])
}

/// A started stream of the lines of a server, which goes on from a directory if there is one.
fn lines_of(port: u16, directory: Option<&str>, seen: &Log<String>) -> StreamingContext {
    let ssc = StreamingContext::new(&quick(), millis(2)).expect("a batch of 2 ms is possible");
    if let Some(directory) = directory {
        ssc.go_on_from(directory).expect("a path of ours");
    }
    let log = seen.clone();
    let lines = ssc.acknowledged_text_stream("127.0.0.1", port);
    lines.foreach_rdd(move |rdd, _| {
        log.extend(rdd.map(|line| line.to_string()).collect()?);
        Ok::<_, Error>(())
    });
    ssc.start().expect("nothing is wrong with the graph");
    ssc
}

/// The next number that the stream sends.
fn number(peer: &TcpStream) -> String {
    let mut line = String::new();
    // Nothing is sent ahead that the buffer could swallow.
    BufReader::new(peer)
        .read_line(&mut line)
        .expect("the stream is there");
    line
}

#[test]
fn the_stream_says_what_it_has_and_takes_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let seen = Log::new();
    let ssc = lines_of(listener.local_addr().unwrap().port(), None, &seen);
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(number(&peer), "0\n");
    peer.write_all(b"a\nb\r\nhal").unwrap();
    assert_eq!(number(&peer), "2\n");
    drop(peer);
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(number(&peer), "2\n");
    peer.write_all(b"half\n\na\rb \xff\n").unwrap();
    assert_eq!(number(&peer), "5\n");
    ssc.stop(true, true).unwrap();
    assert_eq!(seen.entries(), ["a", "b", "half", "", "a\rb \u{fffd}"]);
}

#[test]
fn a_rate_lets_lines_through_in_parts() {
    let settings = [
        ("streaming.receiver.max_rate", "1000"),
        ("streaming.block_interval", "5ms"),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ssc = StreamingContext::new(&context(&settings), millis(10)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let lines = ssc.acknowledged_text_stream("127.0.0.1", port);
    lines.foreach_rdd(|_, _| ());
    ssc.start().unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(number(&peer), "0\n");
    peer.write_all("line\n".repeat(13).as_bytes()).unwrap();
    let numbers = BufReader::new(peer).lines().map(Result::unwrap).take(3);
    assert_eq!(numbers.collect::<Vec<_>>(), ["5", "10", "13"]);
    ssc.stop(true, true).unwrap();
}

#[test]
fn a_line_that_comes_in_many_pieces_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let seen = Log::new();
    let ssc = lines_of(listener.local_addr().unwrap().port(), None, &seen);
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(number(&peer), "0\n");
    let long = "0123456789".repeat(300_000);
    for piece in format!("{long}\n").as_bytes().chunks(77_777) {
        peer.write_all(piece).unwrap();
    }
    assert_eq!(number(&peer), "1\n");
    ssc.stop(true, true).unwrap();
    assert_eq!(seen.entries(), [long]);
}

#[test]
fn a_restart_takes_each_line_once() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().to_str().unwrap();
    let server = LineServer::start().unwrap();
    let seen = Log::new();
    for life in 0..3 {
        server.extend(life * 100..life * 100 + 100);
        let ssc = lines_of(server.port(), Some(directory), &seen);
        server.wait_until_safe(life * 100 + 50);
        // What is sent at this moment is sent again to the next one.
        ssc.stop(true, true).unwrap();
    }
    let ssc = lines_of(server.port(), Some(directory), &seen);
    server.wait_until_safe(300);
    ssc.stop(true, true).unwrap();
    let expected: Vec<_> = (0..300).map(|n: u64| n.to_string()).collect();
    assert_eq!(seen.entries(), expected);
}

#[test]
fn a_server_that_begins_anew_leaves_out_what_the_stream_has() {
    let seen = Log::new();
    let server = LineServer::start().unwrap();
    server.extend(["a", "b"]);
    let ssc = lines_of(server.port(), None, &seen);
    server.wait_until_safe(2);
    let port = server.port();
    drop(server);
    // The port is free, or will be in a moment.
    let mut tries = std::iter::repeat_with(|| LineServer::start_at(port).ok());
    let server = tries.find_map(|server| server).unwrap();
    server.extend(["a", "b", "c"]);
    server.wait_until_safe(3);
    ssc.stop(true, true).unwrap();
    assert_eq!(seen.entries(), ["a", "b", "c"]);
}

#[test]
fn the_test_server_refuses_what_it_has_forgotten() {
    let server = LineServer::start().unwrap();
    server.extend(["a", "b"]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(b"2\n").unwrap();
    server.wait_until_safe(2);
    drop(stream);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.write_all(b"1\n").unwrap();
    let mut sent = String::new();
    stream.read_to_string(&mut sent).unwrap();
    assert_eq!((sent.as_str(), server.safe()), ("", 2));
}

#[test]
fn a_stop_does_not_wait_for_a_silent_server() {
    let server = LineServer::start().unwrap();
    for _ in 0..20 {
        let seen = Log::new();
        let ssc = lines_of(server.port(), None, &seen);
        ssc.stop(true, true).unwrap();
        assert!(seen.entries().is_empty());
    }
}
