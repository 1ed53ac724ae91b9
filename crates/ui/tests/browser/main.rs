//! The pages in a real browser, Chromium without a window, while a stream runs.
//!
//! `chromium` finds and starts the browser, `connection` speaks with it, `page` is what tests
//! use; `program` is the stream that is looked at, with a hostile text wherever a program can
//! have one. Without Chromium the tests skip themselves, unless `REQUIRE_SERVICES=1` is set.
//!
//! With `SCREENSHOTS=DIR` the test `pictures` writes pictures of the pages to that directory.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod charts;
mod chromium;
mod connection;
mod hostile;
mod live;
mod narrow;
mod opening;
mod page;
mod pictures;
mod program;
mod tables;
