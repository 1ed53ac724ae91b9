//! Lines of text from real sockets.

mod probe;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use headwater_core::{Context, Error};
use headwater_streaming::StreamingContext;
use headwater_streaming::time::millis;
use probe::{Log, context};

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn quick() -> Context {
    context(&[("streaming.receiver.restart_delay", "2ms")])
}

/// A started stream of the lines of a server.
fn lines_of(ctx: &Context, server: SocketAddr) -> (StreamingContext, Log<String>) {
    let ssc = StreamingContext::new(ctx, millis(2)).expect("a batch of 2 ms is possible");
    let seen = Log::new();
    let log = seen.clone();
    let lines = ssc.socket_text_stream("127.0.0.1", server.port());
    lines.foreach_rdd(move |rdd, _| {
        log.extend(rdd.map(|line| line.to_string()).collect()?);
        Ok::<_, Error>(())
    });
    ssc.start().expect("nothing is wrong with the graph");
    (ssc, seen)
}

/// The lines that a stream gives of what a server writes, piece by piece, and then closes.
fn received(writes: &[&[u8]]) -> Vec<String> {
    let (listener, address) = listen();
    let (ssc, seen) = lines_of(&quick(), address);
    let (mut peer, _) = listener.accept().expect("the receiver connects");
    peer.set_nodelay(true).expect("a socket of ours");
    for write in writes {
        peer.write_all(write).expect("the receiver reads");
    }
    drop(peer);
    // It connects again when it has taken the last line.
    let again = listener.accept().expect("the receiver connects again");
    ssc.stop(true, true).expect("a graceful stop");
    drop(again);
    seen.entries()
}

#[test]
fn lines_end_in_every_way() {
    let whole: &[&[u8]] = &[b"a\nb\r\nc\rd\n"];
    assert_eq!(received(whole), ["a", "b", "c", "d"]);
    let split: &[&[u8]] = &[b"a", b"a\n", b"b\r", b"\nc\r", b"d", b"\r\n"];
    assert_eq!(received(split), ["aa", "b", "c", "d"]);
}

#[test]
fn empty_lines_are_lines() {
    assert_eq!(
        received(&[b"\n", b"\n\r\n", b"\r\rx\n\n"]),
        ["", "", "", "", "", "x", ""]
    );
    assert!(received(&[]).is_empty());
    assert!(received(&[b""]).is_empty());
}

#[test]
fn a_last_line_without_an_end_is_taken() {
    assert_eq!(received(&[b"a\nlast"]), ["a", "last"]);
    assert_eq!(received(&[b"last\r"]), ["last"]);
}

#[test]
fn invalid_text_becomes_a_mark() {
    let writes: &[&[u8]] = &[b"a\xffb\n", "\u{e4}".as_bytes(), b"\n\xe2\x82", b"\xac\n"];
    assert_eq!(received(writes), ["a\u{fffd}b", "\u{e4}", "\u{20ac}"]);
}

#[test]
fn a_long_line_comes_through_many_reads() {
    let long = "0123456789".repeat(300_000);
    let text = format!("before\n{long}\nafter\n");
    let writes: Vec<&[u8]> = text.as_bytes().chunks(7_777).collect();
    assert_eq!(received(&writes), ["before", &long, "after"]);
}

#[test]
fn the_stream_goes_on_with_the_next_server() {
    let (listener, address) = listen();
    let (ssc, seen) = lines_of(&quick(), address);
    let mut listener = Some(listener);
    for round in 0..5 {
        // The port is free, or will be in a moment.
        let server = listener.take().unwrap_or_else(|| {
            let mut tries = std::iter::repeat_with(|| TcpListener::bind(address).ok());
            tries.find_map(|bound| bound).expect("it never ends")
        });
        let (mut peer, _) = server.accept().unwrap();
        write!(peer, "server {round}\nhalf of {round}").unwrap();
        drop((peer, server));
        seen.wait_for(|lines| lines.len() == 2 * (round + 1));
    }
    ssc.stop(true, false).unwrap();
    let expected = (0..5).flat_map(|n| [format!("server {n}"), format!("half of {n}")]);
    assert_eq!(seen.entries(), expected.collect::<Vec<_>>());
}

#[test]
fn a_server_that_was_never_there_is_reported() {
    let (listener, address) = listen();
    drop(listener);
    let settings = [
        ("streaming.receiver.restart_delay", "8ms"),
        ("streaming.receiver.start_attempts", "2"),
    ];
    let ssc = StreamingContext::new(&context(&settings), millis(5)).unwrap();
    let lines = ssc.socket_text_stream("127.0.0.1", address.port());
    let line = line!() - 1;
    lines.foreach_rdd(|_, _| ());
    ssc.start().unwrap();
    let text = ssc.await_termination().unwrap_err().to_string();
    assert!(
        text.contains(&format!("cannot connect to {address}")),
        "{text}"
    );
    assert!(text.contains(&format!("socket.rs:{line}:")), "{text}");
    assert!(text.contains("failed 2 times"), "{text}");
    ssc.stop(true, false).unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_silent_server() {
    let (listener, address) = listen();
    let ctx = quick();
    // Many times, since a stop may come at any moment of connecting.
    for round in 0..100 {
        let (ssc, seen) = lines_of(&ctx, address);
        let peer = (round % 2 == 0).then(|| listener.accept().unwrap());
        ssc.stop(false, false).unwrap();
        assert!(seen.entries().is_empty());
        drop(peer);
        listener.set_nonblocking(true).unwrap();
        while listener.accept().is_ok() {}
        listener.set_nonblocking(false).unwrap();
    }
}
