//! A page follows its stream, and what it shows of it.

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
    program.show_at(port.parse().unwrap());
    assert_eq!(program.address(""), address);
    page.wait_until(IS_LIVE);
    // The new server knows what happens from now on, and the page shows it.
    program.run(1);
    page.wait_until("document.querySelectorAll('#completedJob tbody tr').length > 0");
    assert_eq!(page.evaluate("window.before"), true);
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
