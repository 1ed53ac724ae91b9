//! All jobs.

use maud::{Markup, html};

use super::parts;
use super::table::{Column, SortKey, Table};
use super::{Answer, View, format};
use crate::gantt::{Bar, Gantt, pack};
use crate::model::{Job, JobState};
use crate::record::Took;

/// How many jobs the drawing shows.
const DRAWN: usize = 50;

pub(crate) fn page(view: &View<'_>) -> Answer {
    let jobs = &view.model.jobs;
    let in_state = |state| -> Vec<&Job> {
        let jobs = jobs.jobs.values();
        jobs.filter(|job| job.state() == state).collect()
    };
    let body = html! {
        (totals(view))
        (timeline(view))
        (section(view, "activeJob", "Active Jobs", in_state(JobState::Running), None))
        (section(view, "completedJob", "Completed Jobs", in_state(JobState::Succeeded),
            Some(jobs.succeeded)))
        (section(view, "failedJob", "Failed Jobs", in_state(JobState::Failed), Some(jobs.failed)))
    };
    Answer::page("/jobs/", "Jobs", body)
}

fn totals(view: &View<'_>) -> Markup {
    let jobs = &view.model.jobs;
    let stages = jobs.stages.values();
    let ran: Took = stages.map(|stage| stage.counts.run_time).sum();
    let tasks: usize = jobs.stages.values().map(|stage| stage.succeeded).sum();
    let running = jobs.jobs.values();
    let running = running.filter(|job| job.state() == JobState::Running);
    html! {
        dl.facts #totals {
            dt { "Jobs" }
            dd {
                (running.count()) " running, " (format::count(jobs.succeeded)) " succeeded, "
                (format::count(jobs.failed)) " failed"
            }
            dt { "Slots" } dd { (view.model.application.slots) }
            dt { "Tasks" }
            dd {
                (format::count(tasks as u64)) " succeeded in the stages that are kept, "
                (format::length(ran)) " in all"
            }
        }
    }
}

/// When the last jobs ran.
fn timeline(view: &View<'_>) -> Markup {
    let jobs = view.model.jobs.jobs.values().rev().take(DRAWN);
    let mut bars: Vec<Bar> = jobs.map(|job| bar(view, job)).collect();
    let lanes = vec![String::new(); pack(&mut bars)];
    let (id, label) = ("job-timeline", "When the last jobs ran");
    let count = bars.len();
    let zone = view.zone;
    let gantt = Gantt {
        id,
        label,
        lanes,
        bars,
        zone,
    };
    html! {
        @if count > 0 {
            details #jobs-when open {
                summary { "Event timeline: the last " (count) " jobs" }
                (gantt.draw())
            }
        }
    }
}

fn bar(view: &View<'_>, job: &Job) -> Bar {
    let start = &job.start;
    let (class, to) = match job.state() {
        JobState::Running => ("running", view.until().max(start.at)),
        state => {
            let end = job.end.as_ref().map_or(start.at, |end| end.at);
            let is_failed = state == JobState::Failed;
            (if is_failed { "failed" } else { "done" }, end)
        }
    };
    let (operator, line) = (&start.action.operator, &start.action.line);
    let took = format::length(to.since(start.at));
    Bar {
        lane: 0,
        from: start.at,
        to,
        class,
        tip: format!("Job {}: {operator} at {line}, {took}", job.id()),
        href: view.job(job.id()),
    }
}

fn section(
    view: &View<'_>,
    name: &'static str,
    title: &str,
    jobs: Vec<&Job>,
    ever: Option<u64>,
) -> Markup {
    let kept = jobs.len() as u64;
    html! {
        @if kept > 0 {
            section id={ (name) "-section" } {
                h2 {
                    (title) " ("
                    @match ever {
                        Some(ever) if ever > kept => {
                            "last " (format::count(kept)) " of " (format::count(ever))
                        }
                        _ => (format::count(kept)),
                    }
                    ")"
                }
                (table(view, name, jobs))
            }
        }
    }
}

fn table(view: &View<'_>, name: &'static str, jobs: Vec<&Job>) -> Markup {
    let took = |job: &Job| parts::until_now(view, Some(job.start.at), job.took());
    let href = |job: &Job| view.job(job.id());
    let mut columns: Vec<Column<'_, &Job>> = vec![
        Column::new("Job Id", move |job: &&Job| {
            html! {
                a href=(href(job)) { (job.id()) }
                @if let Some(group) = &job.start.group { " (" (group) ")" }
            }
        })
        .hint("With the group of the job, if it has one")
        .sorted_by(|job| SortKey::Order(job.id() as f64)),
        Column::new("Description", move |job: &&Job| {
            html! {
                div { (parts::description(view, job)) }
                (parts::place(&job.start.action, &href(job)))
            }
        })
        .sorted_by(|job| SortKey::Text(job.start.description.clone().unwrap_or_default())),
        Column::new("Submitted", |job: &&Job| {
            parts::moment(view, Some(job.start.at))
        })
        .sorted_by(|job| parts::moment_key(Some(job.start.at))),
        Column::new("Duration", move |job: &&Job| {
            html! { (format::maybe_length(took(job))) }
        })
        .sorted_by(move |job| parts::took_key(took(job))),
        Column::new("Stages: Succeeded/Total", |job: &&Job| {
            view.model.jobs.progress(job).stages.show()
        })
        .sorted_by(|job| view.model.jobs.progress(job).stages.share()),
        Column::new("Tasks: Succeeded/Total", |job: &&Job| {
            view.model.jobs.progress(job).tasks.show()
        })
        .sorted_by(|job| view.model.jobs.progress(job).tasks.share()),
    ];
    if jobs.iter().any(|job| job.error().is_some()) {
        columns.push(Column::new("Error", |job: &&Job| {
            parts::failure(&format!("job-{}-error", job.id()), job.error())
        }));
    }
    let table = Table {
        name,
        columns,
        sort: ("Job Id", true),
        empty: "There are none.",
        row_id: Some(Box::new(|job: &&Job| format!("job-{}", job.id()))),
    };
    table.show(view.query, jobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{JobStart, Record, StagePlanRecord};
    use crate::testing;

    fn shown(address: &str) -> String {
        let answer = testing::answer(page, &testing::history::model(), address);
        assert_eq!(answer.status, 200);
        answer.body.into_string()
    }

    #[test]
    fn jobs_are_shown_by_their_state() {
        let html = shown("/jobs/");
        for part in [
            "Active Jobs (1)",
            "Completed Jobs (7)",
            "Failed Jobs (2)",
            "1 running, 7 succeeded, 2 failed",
            r#"<a href="/jobs/job/?id=0">0</a> (words)"#,
            // The batch that called a job, as Spark says it.
            r#"<a href="/streaming/batch/?id=1764000001000">"#,
            "Streaming job from [output operation 1, batch time 2025/11/24 16:00:01]",
            // Job 1 read what stage 0 of job 0 had written.
            "1/1 (1 skipped)",
            "2/2 (2 skipped)",
            "1/2 (1 running)",
            "0/2 (1 failed)",
            "the last 10 jobs",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_stage_that_an_earlier_job_ran_is_skipped_even_if_the_plan_does_not_say_so() {
        let mut model = testing::history::model();
        let plan = |stage| StagePlanRecord {
            stage,
            ..StagePlanRecord::default()
        };
        model.apply(&Record::JobStarted(
            JobStart {
                job: 10,
                stages: vec![plan(0), plan(15)],
                ..JobStart::default()
            }
            .into(),
        ));
        let answer = testing::answer(page, &model, "/jobs/?activeJob.pageSize=1");
        let html = answer.body.into_string();
        assert!(html.contains("0/1 (1 skipped)"), "{html}");
    }

    #[test]
    fn jobs_are_sorted_and_paged_by_the_address() {
        let html = shown("/jobs/?completedJob.sort=Job%20Id&completedJob.pageSize=1");
        assert!(html.contains(r#"<tr id="job-0">"#) && !html.contains(r#"<tr id="job-1">"#));
        assert!(html.contains("page 1 of 7"));
        assert!(
            html.contains(r#"<tr id="job-5">"#) && html.contains(r#"<tr id="job-9">"#),
            "other tables do not care"
        );
    }

    #[test]
    fn text_of_programs_stays_text() {
        assert!(!shown("/jobs/").contains(testing::HOSTILE));
    }
}
