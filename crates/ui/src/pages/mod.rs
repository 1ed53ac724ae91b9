//! The pages: one file each, a function from what is known to HTML.
//!
//! Whatever comes from a program (names, messages, records) is put into pages by `maud`, which
//! escapes it. Pages run no script but `assets/app.js`, which replaces the parts of a page that
//! have changed.

mod environment;
pub(crate) mod format;
mod frame;
mod query;
mod table;

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::live::Live;
use crate::model::Model;

pub(crate) use frame::framed;
pub(crate) use query::Query;

/// What a page is made from.
pub(crate) struct View<'a> {
    pub(crate) model: &'a Model,
    /// The program, if it runs in this process.
    pub(crate) live: Option<&'a Live>,
    pub(crate) query: &'a Query,
    /// The zone of the times on the page.
    pub(crate) zone: &'a TimeZone,
}

/// A page, still without what all of them have.
pub(crate) struct Answer {
    /// Of HTTP.
    pub(crate) status: u16,
    pub(crate) title: String,
    /// The tab that the page belongs to, by its address.
    pub(crate) tab: &'static str,
    pub(crate) body: Markup,
}

impl Answer {
    pub(crate) fn page(tab: &'static str, title: impl Into<String>, body: Markup) -> Self {
        Answer {
            status: 200,
            title: title.into(),
            tab,
            body,
        }
    }

    /// What was asked for makes no sense.
    pub(crate) fn bad(message: &str) -> Self {
        Answer::message(400, "Bad request", message)
    }

    /// What was asked for is not there, or not any more.
    pub(crate) fn missing(message: &str) -> Self {
        Answer::message(404, "Not found", message)
    }

    fn message(status: u16, title: &str, message: &str) -> Self {
        let body = html! { p.message { (message) } };
        Answer {
            status,
            title: title.to_owned(),
            tab: "",
            body,
        }
    }
}

/// All pages, by their addresses.
pub(crate) const PAGES: &[(&str, fn(&View<'_>) -> Answer)] =
    &[("/environment/", environment::page)];
