//! A page follows its stream, and what it shows of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::json;

use super::page::Page;
use super::program::Program;

/// The line of a chart.
const LINE: &str = "document.querySelector('#input-rate-timeline polyline').getAttribute('points')";

/// The server is there.
const IS_LIVE: &str = "document.querySelector('#liveness.live')
    && !document.documentElement.classList.contains('away')";

#[test]
fn a_chart_moves_while_the_stream_runs() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::at(&program.address("/streaming/")) else {
        return;
    };
    let before = page.evaluate(&format!("window.before = {LINE}"));
    program.run(3);
    page.wait_until(&format!("{LINE} !== window.before"));
    page.wait_until("document.querySelectorAll('#input-rate-timeline circle').length === 7");
    // It is still the page that was loaded.
    assert_eq!(page.evaluate("window.before"), before);
    page.assert_clean();
}

#[test]
fn a_page_finds_a_server_that_was_started_again() {
    let mut program = Program::new();
    program.run(1);
    let Some(mut page) = Page::at(&program.address("/jobs/")) else {
        return;
    };
    page.evaluate("window.before = true");
    page.wait_until(IS_LIVE);
    let address = program.address("");
    let (_, port) = address.rsplit_once(':').unwrap();
    program.hide();
    page.wait_until("document.documentElement.classList.contains('away')");
    let told = page.text("#liveness");
    assert!(told.starts_with("disconnected since "), "{told}");
    // Somebody else who asks for a token: the page says so, and goes on asking.
    let guard = Guard::at(port.parse().unwrap());
    page.wait_until("!document.querySelector('#notice').hidden");
    let told = page.text("#notice");
    assert!(told.starts_with("An access token is needed"), "{told}");
    guard.end();
    program.show_at(port.parse().unwrap());
    assert_eq!(program.address(""), address);
    page.wait_until(IS_LIVE);
    assert_eq!(
        page.evaluate("document.querySelector('#notice').hidden"),
        true
    );
    assert_eq!(page.text("#liveness"), "live");
    // The new server knows what happens from now on, and the page shows it.
    program.run(1);
    page.wait_until("document.querySelectorAll('#completedJob tbody tr').length > 0");
    assert_eq!(page.evaluate("window.before"), true);
}

/// A server that lets nobody in.
struct Guard {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Guard {
    fn at(port: u16) -> Guard {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                // A browser may open a connection and not use it.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(
                    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        Guard {
            address,
            is_over,
            thread,
        }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address).unwrap());
        self.thread.join().unwrap();
    }
}

#[test]
fn a_batch_that_is_read_stays_when_it_is_forgotten() {
    let mut program = Program::keeping(2);
    program.run(1);
    let Some(mut page) = Page::at(&program.first_batch()) else {
        return;
    };
    let facts = page.text("#facts");
    program.run(4);
    page.wait_until("!document.querySelector('#notice').hidden");
    let told = page.text("#notice");
    assert!(told.contains("does not keep this any more"), "{told}");
    assert_eq!(page.text("#facts"), facts);
}

/// Browsers open six connections to a server: a page that listened on after it was left would
/// take one of them.
#[test]
fn a_page_listens_only_while_it_is_seen() {
    let program = Program::new();
    let Some(mut page) = Page::open() else { return };
    let keep = "window.opened = [];
        window.EventSource = class extends EventSource {
            constructor(address) { super(address); opened.push(this); }
        };";
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": keep}),
    );
    page.navigate(&program.address("/jobs/"));
    page.wait_until("opened.length === 1 && opened[0].readyState === EventSource.OPEN");
    page.evaluate("dispatchEvent(new Event('pagehide'))");
    assert_eq!(
        page.evaluate("opened[0].readyState === EventSource.CLOSED"),
        true
    );
    page.evaluate("dispatchEvent(new Event('pageshow'))");
    page.wait_until("opened.length === 2 && opened[1].readyState === EventSource.OPEN");
    page.assert_clean();
}

#[test]
fn a_batch_that_failed_says_why() {
    let mut program = Program::new();
    program.run(4);
    let Some(mut page) = Page::at(&program.address("/streaming/")) else {
        return;
    };
    assert!(page.text("#summary").contains("1 of them failed"));
    page.navigate(&program.failed_batch());
    assert!(page.text("#facts").contains("failed"));
    let failed = page.text("#output-3-job-0, [id^='output-3-']");
    assert!(
        failed.contains("Failed") && failed.contains("the shelf"),
        "{failed}"
    );
    assert!(!failed.contains("its cups"), "{failed}");
    page.click("#output-3-error summary");
    let message = page.text("#output-3-error pre");
    assert!(message.contains("and so are its cups"), "{message}");
    page.assert_clean();
}
