//! A tab of a browser, as a test uses it.

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::connection::Connection;

/// So long a page may take until it shows what is waited for.
const PATIENCE_MS: u32 = 30_000;

/// A tab. What goes wrong in it is kept for [`Page::assert_clean`].
pub(crate) struct Page {
    connection: Connection,
    /// Errors in the console, exceptions, and what the browser refused to load or run.
    problems: Vec<String>,
    /// Ends the browser.
    _chromium: Chromium,
}

impl Page {
    /// An empty tab of a browser of its own; `None` where there is no browser and none is
    /// required.
    pub(crate) fn open() -> Option<Page> {
        let chromium = Chromium::start()?;
        let mut connection = Connection::open(&chromium.address);
        for domain in ["Page", "Runtime", "Log"] {
            connection.call(&format!("{domain}.enable"), json!({}));
        }
        Some(Page {
            connection,
            problems: Vec::new(),
            _chromium: chromium,
        })
    }

    /// A tab that shows an address.
    pub(crate) fn at(address: &str) -> Option<Page> {
        let mut page = Page::open()?;
        page.navigate(address);
        Some(page)
    }

    /// Sends a command of the protocol.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.connection.call(method, parameters)
    }

    /// Goes to an address and waits until everything is loaded.
    pub(crate) fn navigate(&mut self, address: &str) {
        self.note_problems();
        let answer = self.call("Page.navigate", json!({"url": address}));
        assert!(answer["errorText"].is_null(), "{address}: {answer}");
        self.await_load();
    }

    /// Loads the page again.
    pub(crate) fn reload(&mut self) {
        self.note_problems();
        self.call("Page.reload", json!({}));
        self.await_load();
    }

    /// Clicks what a selector finds, which leads to another page, and waits for that.
    pub(crate) fn follow(&mut self, selector: &str) {
        self.note_problems();
        self.click(selector);
        self.await_load();
    }

    /// Clicks what a selector finds.
    pub(crate) fn click(&mut self, selector: &str) {
        let found = format!("document.querySelector({})", json!(selector));
        let clicked = self.evaluate(&format!("(e => e && (e.click(), true))({found})"));
        assert_eq!(clicked, true, "{selector} is not on {}", self.text("body"));
    }

    /// The value of an expression, of the promise if it is one.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// The text of what a selector finds first, as a reader sees it.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!(
            "document.querySelector({})?.innerText ?? null",
            json!(selector)
        ));
        assert!(text.is_string(), "there is no {selector}");
        text.as_str().unwrap().to_owned()
    }

    /// The texts of everything that a selector finds, markup of drawings included.
    pub(crate) fn texts(&mut self, selector: &str) -> Vec<String> {
        let texts = self.evaluate(&format!(
            "[...document.querySelectorAll({})].map(e => e.textContent.trim())",
            json!(selector)
        ));
        serde_json::from_value(texts).unwrap()
    }

    /// Waits in the page until a condition holds there.
    pub(crate) fn wait_until(&mut self, condition: &str) {
        let watch = format!(
            "new Promise((resolve) => {{
                const end = (holds) => {{
                    observer.disconnect();
                    clearInterval(timer);
                    clearTimeout(deadline);
                    resolve(holds);
                }};
                const look = () => {{ if ({condition}) end(true); }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{
                    subtree: true, childList: true, attributes: true, characterData: true,
                }});
                const timer = setInterval(look, 100);
                const deadline = setTimeout(() => end(false), {PATIENCE_MS});
                look();
            }})"
        );
        let holds = self.evaluate(&watch);
        assert_eq!(holds, true, "`{condition}` in: {}", self.text("body"));
    }

    /// Nothing has gone wrong since the page was opened.
    pub(crate) fn assert_clean(&mut self) {
        self.note_problems();
        assert!(self.problems.is_empty(), "{:#?}", self.problems);
    }

    fn await_load(&mut self) {
        loop {
            let event = self.connection.next_event();
            self.note(&event);
            if event["method"] == "Page.loadEventFired" {
                return;
            }
        }
    }

    /// Looks at everything that the browser has told until now.
    fn note_problems(&mut self) {
        // The answer comes after what happened before.
        self.evaluate("0");
        while let Some(event) = self.connection.known_event() {
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Value) {
        let told = &event["params"];
        let is_problem = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => told["type"] == "error",
            Some("Log.entryAdded") => told["entry"]["level"] == "error",
            _ => false,
        };
        if is_problem {
            self.problems.push(told.to_string());
        }
    }
}
