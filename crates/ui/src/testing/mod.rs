//! What tests of pages need: times, places, a model of records, a page as a value.

pub(crate) mod batches;
pub(crate) mod history;
pub(crate) mod jobs;
mod sample;

use jiff::tz::TimeZone;

use crate::model::{Limits, Model};
use crate::pages::{Answer, Base, Query, View};
use crate::record::{At, Place, Record, Took};

pub(crate) use sample::Sample;

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
        operator: operator.to_owned(),
        line: format!("src/main.rs:{line}"),
    }
}

pub(crate) fn model_of(records: &[Record]) -> Model {
    let mut model = Model::new(Limits::default());
    for record in records {
        model.apply(record);
    }
    model
}

/// What a page is for an address, with times in UTC.
pub(crate) fn answer(page: fn(&View<'_>) -> Answer, model: &Model, address: &str) -> Answer {
    view(model, address, page)
}

/// Something that is made of what a page gets for an address.
pub(crate) fn view<R>(model: &Model, address: &str, make: impl FnOnce(&View<'_>) -> R) -> R {
    let query = Query::of(&address.parse().unwrap());
    make(&View {
        model,
        live: None,
        query: &query,
        zone: &TimeZone::UTC,
        base: &Base::default(),
    })
}
