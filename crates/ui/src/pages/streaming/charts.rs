//! What the charts of the page have in common: the batches, the time, where their dots lead.

use maud::Markup;

use super::super::table::PAGE_ROWS;
use super::super::{View, format};
use super::batches::{COMPLETED, is_table_as_it_begins};
use crate::chart::{Histogram, Point, Room, Timeline, TimelineFrame, ValueAxis};
use crate::model::{Batch, Streaming};
use crate::record::{BatchRecord, Took};

/// The batches that are known, and how charts show them.
pub(super) struct Charts<'a> {
    view: &'a View<'a>,
    interval: Took,
    batches: Vec<&'a Batch>,
    /// Batches from this time on have a row on the page.
    rows_from: i64,
}

/// What a timeline and the histogram beside it show.
pub(super) struct Shown<'a> {
    /// What their ids begin with.
    pub(super) id: &'a str,
    /// What it is, for those who hear the page.
    pub(super) title: &'a str,
    pub(super) points: &'a [Point],
    pub(super) axis: &'a ValueAxis,
    /// So many dots are on the timeline, about.
    pub(super) dots: usize,
    pub(super) room: Room,
}

impl<'a> Charts<'a> {
    pub(super) fn new(view: &'a View<'a>, streaming: &'a Streaming) -> Self {
        // The newest rows are shown at first; a user who looks at others is told by batch pages.
        let newest = streaming.completed.iter().rev().map(Batch::time);
        let mut newest: Vec<_> = newest.collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let last_row = newest.get(PAGE_ROWS - 1).copied();
        Charts {
            view,
            interval: streaming.interval,
            batches: streaming.batches().collect(),
            rows_from: match is_table_as_it_begins(view.query, COMPLETED) {
                true => last_row.unwrap_or(i64::MIN),
                false => streaming.open.keys().next().copied().unwrap_or(i64::MAX),
            },
        }
    }

    /// A value of each batch that has it.
    pub(super) fn points(&self, value: impl Fn(&Batch) -> Option<f64>) -> Vec<Point> {
        let point = |batch: &&Batch| {
            Some(Point {
                at: batch.time(),
                value: value(batch)?,
                is_failed: batch.record.failure().is_some(),
            })
        };
        self.batches.iter().filter_map(point).collect()
    }

    /// The longest of a length of time.
    pub(super) fn longest(&self, length: impl Fn(&BatchRecord) -> Option<Took>) -> Took {
        let lengths = self
            .batches
            .iter()
            .filter_map(|batch| length(&batch.record));
        lengths.max().unwrap_or_default()
    }

    /// A timeline, whose `id` ends with `-timeline`.
    pub(super) fn timeline(&self, shown: &Shown<'_>) -> Markup {
        let has_millis = format::has_millis(self.interval);
        let ends = (self.batches.first(), self.batches.last());
        let clock = |at| format::clock(format::at_millis(at), self.view.zone, has_millis);
        let link = |at| match at >= self.rows_from {
            true => format!("#batch-{at}"),
            false => self.view.batch(at),
        };
        let timeline = Timeline {
            id: &format!("{}-timeline", shown.id),
            title: &format!("{} over time", shown.title),
            points: shown.points,
            axis: shown.axis,
            dots: shown.dots,
            room: shown.room,
            frame: &TimelineFrame {
                span: (
                    ends.0.map_or(0, |batch| batch.time()),
                    ends.1.map_or(0, |batch| batch.time()),
                ),
                step_min: if has_millis { 1 } else { 1000 },
                clock: &clock,
                link: &link,
            },
        };
        timeline.show()
    }

    /// A histogram, whose `id` ends with `-histogram`.
    pub(super) fn histogram(shown: &Shown<'_>) -> Markup {
        let histogram = Histogram {
            id: &format!("{}-histogram", shown.id),
            title: &format!("{}: how many batches", shown.title),
            points: shown.points,
            axis: shown.axis,
            room: shown.room,
        };
        histogram.show()
    }
}
