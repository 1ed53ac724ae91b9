//! All stages, and the tables of stages that the page of a job shows, too.

use maud::{Markup, html};

use super::parts;
use super::table::{Column, SortKey, Table};
use super::{Answer, View, format};
use crate::model::{Progress, Stage, StageState};
use crate::record::TaskCounts;

/// The tables, in their order: state, name, title.
const TABLES: [(StageState, &str, &str); 5] = [
    (StageState::Active, "activeStage", "Active Stages"),
    (StageState::Pending, "pendingStage", "Pending Stages"),
    (StageState::Complete, "completedStage", "Completed Stages"),
    (StageState::Skipped, "skippedStage", "Skipped Stages"),
    (StageState::Failed, "failedStage", "Failed Stages"),
];

/// A stage, and how it is in the job that is shown.
pub(super) struct Row<'a> {
    pub(super) stage: &'a Stage,
    pub(super) state: StageState,
}

pub(crate) fn page(view: &View<'_>) -> Answer {
    let stages = view.model.jobs.stages.values();
    let rows = stages.map(|stage| Row {
        stage,
        state: stage.state,
    });
    let body = html! {
        (forgotten(view.model.jobs.stages_forgotten))
        (sections(view, rows.collect()))
    };
    Answer::page("/stages/", "Stages for All Jobs", body)
}

/// The tables tell how many stages they have, which are not all that ever were.
fn forgotten(stages: u64) -> Markup {
    html! {
        @if stages > 0 {
            p.dim #forgotten {
                (format::counted(stages, "older stage")) " not kept ("
                code { "ui.retained_stages" } ")"
            }
        }
    }
}

/// A table for each state that a stage is in.
pub(super) fn sections(view: &View<'_>, rows: Vec<Row<'_>>) -> Markup {
    if rows.is_empty() {
        return html! { p.empty { "No stages are known." } };
    }
    let mut tables: Vec<_> = TABLES
        .into_iter()
        .map(|table| (table, Vec::new()))
        .collect();
    for row in rows {
        let of_state = tables
            .iter_mut()
            .find(|((state, ..), _)| *state == row.state);
        if let Some((_, rows)) = of_state {
            rows.push(row);
        }
    }
    html! {
        @for ((_, name, title), rows) in tables {
            @if !rows.is_empty() {
                section id={ (name) "-section" } {
                    h2 { (title) " (" (format::count(rows.len() as u64)) ")" }
                    (table(view, name, rows))
                }
            }
        }
    }
}

fn table(view: &View<'_>, name: &'static str, rows: Vec<Row<'_>>) -> Markup {
    let took = |row: &Row<'_>| {
        // One that is skipped or waits has begun in no job, or in another one.
        let began = row
            .stage
            .submitted
            .filter(|_| row.state == StageState::Active);
        parts::until_now(view, began, row.stage.took())
    };
    let tasks = |row: &Row<'_>| Progress {
        done: row.stage.succeeded,
        failed: row.stage.failed,
        skipped: 0,
        active: row.stage.active,
        total: row.stage.tasks_len,
    };
    let mut columns: Vec<Column<'_, Row<'_>>> = vec![
        Column::new("Stage Id", |row: &Row<'_>| html! { (row.stage.id) })
            .sorted_by(|row| parts::count_key(row.stage.id)),
        Column::new("Description", |row: &Row<'_>| {
            parts::place(&row.stage.place, &view.stage(row.stage.id))
        })
        .sorted_by(|row| SortKey::Text(row.stage.place.operator.to_string())),
        Column::new("Job Id", |row: &Row<'_>| {
            html! { a href=(view.job(row.stage.job)) { (row.stage.job) } }
        })
        .hint("The job that runs it, or has run it last")
        .sorted_by(|row| parts::count_key(row.stage.job)),
        Column::new("Submitted", |row: &Row<'_>| {
            parts::moment(view, row.stage.submitted)
        })
        .sorted_by(|row| parts::moment_key(row.stage.submitted)),
        Column::new("Duration", move |row: &Row<'_>| {
            html! { (format::maybe_length(took(row))) }
        })
        .sorted_by(move |row| parts::took_key(took(row))),
        Column::new("Tasks: Succeeded/Total", move |row: &Row<'_>| {
            tasks(row).show()
        })
        .sorted_by(move |row| tasks(row).share()),
    ];
    columns.extend(counts());
    if rows.iter().any(|row| row.stage.error.is_some()) {
        let error = |row: &Row<'_>| {
            parts::failure(
                &format!("stage-{}-error", row.stage.id),
                row.stage.error.as_deref(),
            )
        };
        columns.push(Column::new("Failure Reason", error));
    }
    let table = Table {
        name,
        columns,
        sort: ("Stage Id", true),
        empty: "There are none.",
        row_id: Some(Box::new(|row: &Row<'_>| format!("stage-{}", row.stage.id))),
    };
    table.show(view.query, rows)
}

/// What the tasks of a stage read and wrote.
fn counts<'a>() -> impl Iterator<Item = Column<'a, Row<'a>>> {
    let read: fn(&TaskCounts) -> u64 = |counts| counts.records_read;
    [
        ("Records", "What its sources gave", read),
        (
            "Shuffle Read",
            "Records that came out of shuffles",
            |counts| counts.shuffle_records_read,
        ),
        (
            "Shuffle Write",
            "Records that were handed to a shuffle, after combining",
            |counts| counts.shuffle_records_written,
        ),
        (
            "Bytes",
            "Read from and written to files and storage on disk",
            |counts| counts.bytes_read + counts.bytes_written,
        ),
    ]
    .into_iter()
    .map(|(title, hint, of)| {
        let text = move |row: &Row<'_>| match title {
            "Bytes" => format::size(of(&row.stage.counts)),
            _ => format::count(of(&row.stage.counts)),
        };
        Column::new(title, move |row: &Row<'_>| html! { (text(row)) })
            .hint(hint)
            .sorted_by(move |row| parts::count_key(of(&row.stage.counts)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Limits, Model};
    use crate::testing;

    #[test]
    fn stages_are_shown_by_their_state() {
        let html = testing::answer(page, &testing::history::model(), "/stages/")
            .body
            .into_string();
        for part in [
            "Active Stages (1)",
            "Completed Stages (12)",
            "Failed Stages (2)",
            r#"<a href="/stages/stage/?id=2&amp;attempt=0">reduce_by_key</a>"#,
            "<td class=\"number\">55</td>",
            "<td class=\"number\">1.2 s</td>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("Pending Stages"));
        assert!(!html.contains(testing::HOSTILE));
    }

    #[test]
    fn stages_that_are_not_kept_are_told() {
        let limits = Limits {
            stages: 3,
            ..Limits::default()
        };
        let history = testing::history::history();
        let shown = |limits| {
            let mut model = Model::new(limits);
            history.iter().for_each(|record| model.apply(record));
            let html = testing::answer(page, &model, "/stages/").body.into_string();
            (model.jobs.stages.len(), html)
        };
        let (all, html) = shown(Limits::default());
        assert!(!html.contains("not kept"), "{html}");
        let (kept, html) = shown(limits);
        let told = format!("{} older stages not kept", all - kept);
        assert!(kept < all && html.contains(&told), "{told} in {html}");
    }

    #[test]
    fn there_may_be_no_stages() {
        let html = testing::answer(page, &testing::model_of(&[]), "/stages/").body;
        assert!(html.into_string().contains("No stages are known."));
    }
}
