//! Web pages, a REST interface and metrics of a running stream, as a listener.
//!
//! [`WebUi::serve`] shows a stream at <http://127.0.0.1:4040>. It is a listener on the event bus
//! and nothing more: the stream does not know it, does not wait for it, and goes on when it
//! fails.
//!
//! Read in this order: `record` (what is kept of an event), `model` (what pages show, a fold
//! over records), `site` (the model of a program and who waits for changes), `server` (HTTP),
//! `pages` (one file each), `chart` (from numbers to SVG), `rest` and `metrics`. `console` is
//! [`Progress`], the stream in one line of a terminal, and [`logging`] is what becomes of a
//! program's log.
//!
//! ```
//! use headwater_streaming::testing::TestStream;
//! use headwater_streaming::time::seconds;
//! use headwater_ui::WebUi;
//!
//! let test = TestStream::new(seconds(1));
//! test.context().context().conf();
//! let ui = WebUi::builder(test.context()).port(0).serve()?.expect("it is not switched off");
//! assert!(ui.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), headwater_ui::UiError>(())
//! ```

mod chart;
mod console;
mod dag;
mod error;
mod gantt;
mod history;
mod live;
mod log;
pub mod logging;
mod metrics;
mod model;
mod observe;
mod pages;
mod process;
mod record;
mod relay;
mod rest;
mod server;
mod settings;
mod site;
#[cfg(test)]
mod testing;
mod web_ui;

pub use console::Progress;
pub use error::UiError;
pub use history::HistoryServer;
pub use log::{EVENT_LOG_KEYS, EventLog, LogError};
pub use observe::{Observed, observe};
pub use settings::{PagesAddress, UI_KEYS};
pub use web_ui::{WebUi, WebUiBuilder};
