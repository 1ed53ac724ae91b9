//! The pages: one file each, a function from what is known to HTML.
//!
//! Whatever comes from a program (names, messages, records) is put into pages by `maud`, which
//! escapes it. Pages run no script but `assets/app.js`, which replaces the parts of a page that
//! have changed.

mod batch;
mod environment;
mod executors;
pub(crate) mod format;
mod frame;
mod graph;
mod job;
mod job_dag;
mod jobs;
mod parts;
mod query;
mod spark_line;
mod stage;
mod stages;
mod state;
mod storage;
mod streaming;
pub(crate) mod table;
mod why;

use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::live::Live;
use crate::model::Model;
use crate::record::At;

pub(crate) use format::at_millis;
pub(crate) use frame::{framed, plain};
pub(crate) use query::Query;

/// What a page is made from.
pub(crate) struct View<'a> {
    pub(crate) model: &'a Model,
    /// When the page is made, and of a program that does not run here when something happened
    /// last.
    pub(crate) now: At,
    /// The program, if it runs in this process.
    pub(crate) live: Option<&'a Live>,
    pub(crate) query: &'a Query,
    /// The zone of the times on the page.
    pub(crate) zone: &'a TimeZone,
    pub(crate) base: &'a Base,
}

/// Where the pages of a program are, if a server shows several programs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    /// What stands before every address; empty for a running program.
    pub(crate) path: String,
    /// What is said on top of every page, such as that a log is damaged.
    pub(crate) notes: Vec<String>,
}

impl View<'_> {
    /// Until when what goes on has gone on: the end of the program, or now.
    pub(crate) fn until(&self) -> At {
        self.model.ended.unwrap_or(self.now)
    }

    /// The same for what goes on in the stream, which may end before the program does.
    pub(crate) fn stream_until(&self) -> At {
        let streaming = self.model.streaming.as_ref();
        let stopped = streaming.and_then(|streaming| streaming.stopped);
        stopped.unwrap_or_else(|| self.until())
    }

    /// Whether the program is shown from its log, which tells nothing that happens now.
    pub(crate) fn is_from_log(&self) -> bool {
        !self.base.path.is_empty()
    }

    /// The address of another page of the same program: every link goes through this.
    pub(crate) fn link(&self, path: impl std::fmt::Display) -> String {
        format!("{}{path}", self.base.path)
    }

    /// The address of a batch's page.
    pub(crate) fn batch(&self, time: i64) -> String {
        self.link(format_args!("/streaming/batch/?id={time}"))
    }

    /// The address of a job's page.
    pub(crate) fn job(&self, job: u64) -> String {
        self.link(format_args!("/jobs/job/?id={job}"))
    }

    /// The address of a stage's page.
    pub(crate) fn stage(&self, stage: u64) -> String {
        self.link(format_args!("/stages/stage/?id={stage}&attempt=0"))
    }
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

/// A page: a function of what is known and of the query.
pub(crate) type Page = fn(&View<'_>) -> Answer;

/// All pages, by their addresses.
pub(crate) const PAGES: &[(&str, Page)] = &[
    ("/environment/", environment::page),
    ("/executors/", executors::page),
    ("/graph/", graph::page),
    ("/jobs/", jobs::page),
    ("/jobs/job/", job::page),
    ("/stages/", stages::page),
    ("/stages/stage/", stage::page),
    ("/state/", state::page),
    ("/streaming/", streaming::page),
    ("/streaming/batch/", batch::page),
    ("/storage/", storage::page),
    ("/storage/rdd/", storage::rdd_page),
];

/// The page of an address, with a slash at its end or without.
pub(crate) fn find(path: &str) -> Page {
    let path = path.trim_end_matches('/');
    let mut pages = PAGES.iter();
    let found = pages.find(|(known, _)| known.trim_end_matches('/') == path);
    found.map_or(no_page, |(_, page)| *page)
}

pub(crate) fn no_page(_: &View<'_>) -> Answer {
    Answer::missing("There is no such page.")
}

#[cfg(test)]
mod tests;
