//! What tests need: times, places, the recorded history, and pages of it as values and as text.

pub(crate) mod history;
pub(crate) mod jobs;
mod tags;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use headwater_core::{Conf, Context};
use jiff::tz::TimeZone;

use crate::WebUi;
use crate::live::Live;
use crate::model::{Limits, Model};
use crate::pages::{Answer, Base, Page, Query, View, framed};
use crate::record::{At, CheckpointFailure, CheckpointRecord, Place, Record, Took};
use crate::server::{Access, Shown};
use crate::settings::Settings;
use crate::site::Site;

pub(crate) use history::history;
pub(crate) use tags::one_tag_a_line;

/// 2025/11/24 16:00:00 UTC.
pub(crate) const START_MS: i64 = 1_764_000_000_000;
/// What must never be a tag on a page.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>";

/// So many milliseconds after the start.
pub(crate) fn at(millis: i64) -> At {
    At((START_MS + millis) * 1000)
}

pub(crate) fn ms(millis: u64) -> Took {
    Took(millis * 1000)
}

pub(crate) fn place(operator: &str, line: u32) -> Place {
    Place {
        operator: operator.into(),
        line: format!("src/main.rs:{line}").into(),
    }
}

/// A checkpoint of the history's fourth batch, and one that failed a second later.
pub(crate) fn checkpoints(message: &str) -> [Record; 2] {
    let written = CheckpointRecord {
        at: at(4500),
        took: ms(25),
        time: history::batch_time(4),
        state_bytes: 2048,
        snapshots: 3,
        unchanged: 1,
        manifest: "manifest-7".to_owned(),
    };
    let failed = CheckpointFailure {
        at: at(5500),
        took: ms(8),
        message: message.to_owned(),
    };
    [
        Record::CheckpointWritten(written),
        Record::CheckpointFailed(failed),
    ]
}

pub(crate) fn model_of(records: &[Record]) -> Model {
    let mut model = Model::new(Limits::default());
    for record in records {
        model.apply(record);
    }
    model
}

/// What a page is for an address, with times in UTC.
pub(crate) fn answer(page: Page, model: &Model, address: &str) -> Answer {
    view(model, address, page)
}

/// The whole page of a program that does not run here.
pub(crate) fn page(page: Page, model: &Model, address: &str) -> String {
    view(model, address, |view| whole(page, view))
}

/// The whole page of a program while it runs.
pub(crate) fn live_page(ctx: &Context, page: Page, model: &Model, address: &str) -> String {
    let live = Live::new(ctx, None);
    view(model, address, |view| {
        let live = Some(&live);
        whole(page, &View { live, ..*view })
    })
}

pub(crate) fn whole(page: Page, view: &View<'_>) -> String {
    framed(view, &page(view)).into_string()
}

/// That hostile text is on a page, and is text.
#[track_caller]
pub(crate) fn assert_escaped(make: Page, model: &Model, address: &str) {
    let shown = page(make, model, address);
    assert!(!shown.contains(HOSTILE), "{shown}");
    assert!(shown.contains("&lt;script&gt;alert(1)"), "{shown}");
}

/// Something that is made of what a page gets for an address.
pub(crate) fn view<R>(model: &Model, address: &str, make: impl FnOnce(&View<'_>) -> R) -> R {
    let query = Query::of(&address.parse().unwrap());
    make(&View {
        model,
        now: model.last,
        live: None,
        query: &query,
        zone: &TimeZone::UTC,
        base: &Base::default(),
    })
}

/// What answers from records, without a running program.
pub(crate) fn shown(records: &[Record]) -> Arc<Shown> {
    shown_within(Limits::default(), records)
}

/// Of which no more than this is kept.
pub(crate) fn shown_within(limits: Limits, records: &[Record]) -> Arc<Shown> {
    let site = Site::new(limits);
    for record in records {
        site.apply(record);
    }
    let settings = Settings::read(&Conf::new()).unwrap();
    let access = Access::new(&settings).unwrap();
    Arc::new(Shown {
        zone: TimeZone::UTC,
        ..Shown::new(site, None, Arc::new(access))
    })
}

/// The head, in small letters, and the body of what a server answers over a socket.
pub(crate) fn get(ui: &WebUi, path: &str) -> (String, String) {
    let host = ui.url().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}
