//! Charts: pure functions from numbers to SVG.
//!
//! The same numbers give the same bytes. A chart has no size of its own beyond its proportions,
//! and takes its colours from classes, so that it suits light and dark pages. Elements are closed
//! even when they are empty: within SVG a browser would nest what follows otherwise.

mod axis;
mod histogram;
mod scale;
mod thin;
mod timeline;
mod unit;

pub(crate) use axis::ValueAxis;
pub(crate) use histogram::Histogram;
pub(crate) use scale::{label, ticks};
pub(crate) use timeline::{Timeline, TimelineFrame};
pub(crate) use unit::Unit;

/// A value of a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// In milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) value: f64,
    /// It is marked.
    pub(crate) is_failed: bool,
}

/// How much room a chart has. Texts are as large as everything else of a drawing: so one for a
/// narrow place is drawn narrower, and not only shown smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Most of the page.
    Wide,
    /// A cell of a table that tells more than the chart.
    Narrow,
}

/// How tall charts are, in the units of their own.
const HEIGHT: f64 = 150.0;
/// Where the values begin and end, from the top.
const TOP: f64 = 18.0;
const BOTTOM: f64 = 130.0;
/// Where what is left for labels of values ends.
const LEFT: f64 = 66.0;
