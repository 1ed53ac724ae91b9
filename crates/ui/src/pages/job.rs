//! One job: what it does and how far it is.

use maud::{Markup, html};

use super::job_dag::{JobDag, section};
use super::stages::{self, Row};
use super::{Answer, View, format, parts};
use crate::model::{Job, JobState};

pub(crate) fn page(view: &View<'_>) -> Answer {
    let id = match parts::id(view.query) {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let Some(job) = view.model.jobs.jobs.get(&id) else {
        return Answer::missing(&format!("unknown job: {id}"));
    };
    let rows = view.model.jobs.stages_of(job).map(|stage| Row {
        stage,
        state: job.state_of(stage),
    });
    let body = html! {
        (facts(view, job))
        (section(&JobDag::of_job(view, job)))
        (stages::sections(view, rows.collect()))
    };
    Answer::page("/jobs/", format!("Details for Job {id}"), body)
}

fn facts(view: &View<'_>, job: &Job) -> Markup {
    let start = &job.start;
    let (class, status) = match job.state() {
        JobState::Running => ("", "RUNNING"),
        JobState::Succeeded => ("good", "SUCCEEDED"),
        JobState::Failed => ("bad", "FAILED"),
    };
    let took = parts::until_now(view, Some(start.at), job.took());
    html! {
        dl.facts #facts {
            dt { "Status" } dd class=(class) { (status) }
            dt { "Submitted" } dd { (format::date_time(start.at, view.zone, true)) }
            dt { "Duration" } dd { (format::maybe_length(took)) }
            @if let Some(end) = &job.end {
                dt { "Ended" } dd { (format::date_time(end.at, view.zone, true)) }
            }
            dt { "Action" } dd { (start.action.operator) " " code.dim { (start.action.line) } }
            @if start.description.is_some() || crate::model::caller(start).is_some() {
                dt { "Description" } dd { (parts::description(view, job)) }
            }
            @if let Some(group) = &start.group { dt { "Group" } dd { (group) } }
            @if !start.tags.is_empty() { dt { "Tags" } dd { (start.tags.join(", ")) } }
            @if let Some(error) = job.error() { dt { "Error" } dd.bad { pre { (error) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn answer(address: &str) -> Answer {
        testing::answer(page, &testing::history::model(), address)
    }

    fn shown(address: &str) -> String {
        answer(address).body.into_string()
    }

    #[test]
    fn a_job_shows_what_it_did() {
        let html = shown("/jobs/job/?id=0");
        for part in [
            "SUCCEEDED",
            "<dt>Group</dt><dd>words</dd>",
            "<dt>Tags</dt><dd>a, b</dd>",
            "<dt>Duration</dt><dd>78 ms</dd>",
            "Completed Stages (2)",
            r#"<a href="/streaming/batch/?id=1764000001000">"#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(shown("/jobs/job/?id=1").contains("Skipped Stages (1)"));
        assert!(shown("/jobs/job/?id=5").contains("FAILED"));
        assert!(shown("/jobs/job/?id=8").contains("Active Stages (1)"));
    }

    #[test]
    fn jobs_that_are_not_there_are_refused() {
        let refused = [
            ("/jobs/job/", 400, "Missing id parameter"),
            ("/jobs/job/?id=x", 400, "`x` is not accepted as id"),
            ("/jobs/job/?id=77", 404, "unknown job: 77"),
        ];
        for (address, status, message) in refused {
            let answer = answer(address);
            assert_eq!(answer.status, status);
            assert!(answer.body.into_string().contains(message));
        }
    }

    #[test]
    fn text_of_programs_stays_text() {
        for id in 0..10 {
            assert!(!shown(&format!("/jobs/job/?id={id}")).contains(testing::HOSTILE));
        }
    }
}
