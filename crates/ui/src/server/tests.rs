//! The server as its clients see it, the rude ones included, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use headwater_core::Conf;

use super::*;
use crate::testing::{history, shown};

/// More than the buffers of both ends of a connection take.
const LARGE: usize = 24 << 20;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// A server and where it is.
struct Tried {
    server: Server,
    address: SocketAddr,
}

impl Tried {
    /// A server that waits so long for those who do nothing.
    fn new(
        conf: Conf,
        patience: Duration,
        make: impl FnOnce(&Settings, Arc<Access>, Arc<Traffic>) -> Router,
    ) -> Self {
        let mut settings = Settings::read(&conf.set("ui.port", 0)).unwrap();
        settings.patience = patience;
        let access = Arc::new(Access::new(&settings).unwrap());
        let traffic = Arc::new(Traffic::new(settings.connections));
        let router = make(&settings, access.clone(), traffic.clone());
        let server = Server::start(router, &access, &settings, traffic).unwrap();
        let at = server.url().trim_start_matches("http://");
        let (at, _) = at.split_once('/').unwrap();
        let address = at.parse().unwrap();
        Tried { server, address }
    }

    /// One that shows the recorded history.
    fn pages(conf: Conf, patience: Duration) -> Self {
        Tried::new(conf, patience, |settings, access, traffic| {
            let shown = Arc::into_inner(shown(&history())).unwrap();
            router(
                Arc::new(Shown {
                    access,
                    traffic,
                    ..shown
                }),
                settings.connections / 2,
            )
        })
    }

    /// One whose only answer is large.
    fn large(patience: Duration) -> Self {
        Tried::new(Conf::new(), patience, |_, access, traffic| {
            let told = traffic.clone();
            let refused = async move || told.told().refused_large.to_string();
            let large = Router::new()
                .route("/large", get(async || "x".repeat(LARGE)))
                .route("/refused", get(refused));
            guarded(large, access, traffic)
        })
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends a request, with further lines of its head.
    fn send(&self, path: &str, lines: &str) -> TcpStream {
        let mut to = self.connect();
        let host = self.address;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        to.write_all(request.as_bytes()).unwrap();
        to
    }

    /// The answer, up to the end of the connection.
    fn ask(&self, path: &str, lines: &str) -> String {
        let mut from = self.send(path, &format!("{lines}Connection: close\r\n"));
        let mut answer = String::new();
        from.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Tried {
    fn drop(&mut self) {
        self.server.stop();
    }
}

/// Reads until the head of an answer is there.
fn head(from: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(from.read(&mut byte).unwrap(), 1);
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn who_connects_and_says_nothing_is_sent_away() {
    let conf = Conf::new().set("ui.connections", 2);
    let tried = Tried::pages(conf, Duration::from_millis(200));
    // More than there may be: the others are not accepted yet, and take nothing of ours.
    let mut silent: Vec<_> = (0..10).map(|_| tried.connect()).collect();
    let mut slow = tried.connect();
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    // All of them are in line before this one.
    assert!(tried.ask("/streaming/", "").starts_with("HTTP/1.1 200"));
    for stream in silent.iter_mut().chain([&mut slow]) {
        let mut rest = Vec::new();
        // It may hear of its end as a reset.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn who_keeps_a_connection_for_later_loses_it() {
    let tried = Tried::pages(Conf::new(), Duration::from_secs(1));
    let mut kept = tried.send("/static/icon.svg", "");
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn pages_that_wait_leave_room_for_others() {
    let tried = Tried::pages(Conf::new().set("ui.connections", 4), LONG);
    let mut waiting: Vec<_> = (0..2).map(|_| tried.send("/changes", "")).collect();
    for stream in &mut waiting {
        assert!(head(stream).starts_with("HTTP/1.1 200"));
    }
    let refused = tried.ask("/changes", "");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 5"), "{refused}");
    assert!(
        refused.contains("too many pages wait for changes"),
        "{refused}"
    );
    assert!(tried.ask("/jobs/", "").starts_with("HTTP/1.1 200"));
    // Those that have got their answers are gone, sooner or later; the one that asks is not.
    let mut metrics = (0..1000).map(|_| tried.ask("/metrics", ""));
    let is_quiet = |text: &String| text.contains("\nheadwater_ui_connections 3.0\n");
    let metrics = metrics.find(is_quiet).expect("the others are gone");
    let told = [
        "headwater_ui_connections_limit 4.0\n",
        "headwater_ui_refused_requests_total{of=\"changes\"} 1.0\n",
        "headwater_ui_refused_requests_total{of=\"large_answers\"} 0.0\n",
    ];
    for line in told {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

/// As many large answers as there may be, which nobody reads.
fn unread(tried: &Tried) -> Vec<TcpStream> {
    let asked = (0..large::LARGE_ANSWERS_MAX).map(|_| tried.send("/large", ""));
    let mut asked: Vec<_> = asked.collect();
    for stream in &mut asked {
        assert!(head(stream).starts_with("HTTP/1.1 200"));
    }
    asked
}

/// Asks until there is a place.
fn await_place(tried: &Tried) {
    while head(&mut tried.send("/large", "")).starts_with("HTTP/1.1 503") {}
}

#[test]
fn large_answers_are_few() {
    let tried = Tried::large(LONG);
    let mut unread = unread(&tried);
    let refused = tried.ask("/large", "");
    assert!(refused.starts_with("HTTP/1.1 503"), "{}", refused.len());
    assert!(refused.contains("too many large answers"), "{refused}");
    assert!(tried.ask("/refused", "").ends_with("\r\n\r\n1"));
    // Who goes away gives the place back.
    unread.pop();
    await_place(&tried);
}

#[test]
fn who_does_not_read_is_cut_off() {
    let tried = Tried::large(Duration::from_millis(100));
    let mut unread = unread(&tried);
    await_place(&tried);
    let mut is_cut = |stream: &mut TcpStream| {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).is_err() || rest.len() < LARGE
    };
    assert!(unread.iter_mut().any(&mut is_cut));
}

#[test]
fn a_large_answer_arrives_whole() {
    let answer = Tried::large(LONG).ask("/large", "");
    assert!(answer.starts_with("HTTP/1.1 200"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {LARGE}")), "{head}");
    assert_eq!(body.len(), LARGE);
}

#[test]
fn a_token_of_the_configuration_opens_and_is_not_told() {
    const TOKEN: &str = "open-Sesame.1";
    let tried = Tried::pages(Conf::new().set("ui.token", TOKEN), LONG);
    assert!(!tried.server.url().contains(TOKEN));
    for wrong in ["/", "/?token=", "/?token=open-Sesame.2", "/api/v1/version"] {
        let refused = tried.ask(wrong, "");
        assert!(refused.starts_with("HTTP/1.1 401"), "{wrong}: {refused}");
    }
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    assert!(
        tried
            .ask("/api/v1/version", &bearer)
            .starts_with("HTTP/1.1 200")
    );

    let opened = tried.ask(&format!("/?token={TOKEN}"), "");
    assert!(opened.starts_with("HTTP/1.1 307"), "{opened}");
    let port = tried.address.port();
    let cookie = format!("headwater-token-{port}={TOKEN}; Path=/; HttpOnly; SameSite=Lax");
    assert!(
        opened.contains(&format!("set-cookie: {cookie}\r\n")),
        "{opened}"
    );
    // Beside that of a program at another port.
    let cookies = format!("Cookie: headwater-token-1=other; headwater-token-{port}={TOKEN}\r\n");
    assert!(
        tried
            .ask("/streaming/", &cookies)
            .starts_with("HTTP/1.1 200")
    );
    let other = format!("Cookie: headwater-token-1={TOKEN}\r\n");
    assert!(tried.ask("/streaming/", &other).starts_with("HTTP/1.1 401"));
}

#[test]
fn a_token_that_was_made_up_is_told() {
    let tried = Tried::pages(Conf::new().set("ui.bind", "0.0.0.0"), LONG);
    let (_, token) = tried.server.url().split_once("/?token=").unwrap();
    assert_eq!(token.len(), 32);
    assert!(tried.ask("/", "").starts_with("HTTP/1.1 401"));
    assert!(
        tried
            .ask(&format!("/?token={token}"), "")
            .starts_with("HTTP/1.1 307")
    );
}
