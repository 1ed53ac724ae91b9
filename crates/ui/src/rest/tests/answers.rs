//! Every answer over the recorded history.

use serde_json::{Value, json};

use super::{Reply, get, of_app, router};
use crate::model::Limits;
use crate::record::Record;
use crate::testing::history::{self, APP, batch_time, history};
use crate::testing::jobs::stage_of;
use crate::testing::{HOSTILE, at, shown, shown_within};

fn snapshot(name: &str, path: &str) {
    let reply = of_app(&router(), path);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json();
    insta::assert_snapshot!(name, reply.text);
}

/// The values of a field in a list.
fn each(reply: &Reply, field: &str) -> Vec<Value> {
    let list = reply.json();
    let list = list.as_array().unwrap();
    list.iter().map(|one| one[field].clone()).collect()
}

#[test]
fn streams_are_told_as_spark_does() {
    snapshot("statistics", "streaming/statistics");
    snapshot("receivers", "streaming/receivers");
    snapshot("batch", &format!("streaming/batches/{}", batch_time(3)));
    snapshot(
        "operations",
        &format!("streaming/batches/{}/operations", batch_time(3)),
    );
    snapshot("batches", "streaming/batches");
    snapshot(
        "operation",
        &format!("streaming/batches/{}/operations/1", batch_time(3)),
    );
}

#[test]
fn jobs_are_told_as_spark_does() {
    snapshot("job", "jobs/0");
    snapshot("job_that_failed", "jobs/5");
    snapshot(
        "stage",
        "stages/3/0?details=true&withSummaries=true&quantiles=0.0,1.0",
    );
}

#[test]
fn programs_are_told_as_spark_does() {
    let reply = get(&router(), "/api/v1/applications");
    insta::assert_snapshot!("applications", reply.text);
    snapshot("executors", "executors");
    snapshot("environment", "environment");
    assert_eq!(
        get(&router(), "/api/v1/version").json(),
        json!({ "spark": env!("CARGO_PKG_VERSION") })
    );
}

#[test]
fn single_ones_are_those_of_the_list() {
    let router = router();
    let list = of_app(&router, "streaming/receivers").json();
    assert_eq!(of_app(&router, "streaming/receivers/1").json(), list[1]);
    let batch = format!("streaming/batches/{}/operations", batch_time(1));
    let list = of_app(&router, &batch).json();
    assert_eq!(of_app(&router, &format!("{batch}/1")).json(), list[1]);
    let list = of_app(&router, "stages/3").json();
    assert_eq!(of_app(&router, "stages/3/0/").json(), list[0]);
    let list = get(&router, "/api/v1/applications").json();
    assert_eq!(
        get(&router, &format!("/api/v1/applications/{APP}")).json(),
        list[0]
    );
}

#[test]
fn what_was_queued_when_the_stream_stopped_is_not_run() {
    let mut records = history();
    records.push(Record::StreamStopped { at: at(6500) });
    let router = crate::rest::router().with_state(shown(&records));
    let not_run = of_app(&router, "streaming/batches?status=not_run");
    assert_eq!(each(&not_run, "batchId"), [json!(batch_time(6))]);
    assert_eq!(each(&not_run, "numActiveOutputOps"), [json!(0)]);
    assert_eq!(
        of_app(&router, "streaming/batches?status=queued").json(),
        json!([])
    );
    assert_eq!(
        of_app(&router, "streaming/statistics").json()["numActiveBatches"],
        1
    );
}

#[test]
fn batches_are_newest_first_and_can_be_chosen() {
    let router = router();
    let all = of_app(&router, "streaming/batches");
    let times: Vec<_> = (1..=6)
        .rev()
        .map(|number| json!(batch_time(number)))
        .collect();
    assert_eq!(each(&all, "batchId"), times);
    let states = |query: &str| {
        each(
            &of_app(&router, &format!("streaming/batches?{query}")),
            "status",
        )
    };
    assert_eq!(states("status=queued"), ["QUEUED"]);
    assert_eq!(
        states("status=queued&status=PROCESSING"),
        ["QUEUED", "PROCESSING"]
    );
    assert_eq!(states("status=Completed").len(), 4);
    let running = &of_app(&router, "streaming/batches?status=processing").json()[0];
    assert_eq!(
        running["numTotalOutputOps"], 2,
        "also those that have not begun"
    );
    assert_eq!(running["numActiveOutputOps"], 2);
    assert_eq!(
        running.get("processingTime"),
        None,
        "what is not known is left out"
    );
}

#[test]
fn jobs_and_stages_can_be_chosen() {
    let router = router();
    let ids = |path: &str, id| each(&of_app(&router, path), id);
    assert_eq!(ids("jobs?status=running", "jobId"), [8]);
    assert_eq!(ids("jobs?status=failed", "jobId"), [9, 5]);
    assert_eq!(ids("jobs?status=unknown", "jobId"), [0; 0]);
    assert_eq!(ids("jobs", "jobId"), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(ids("stages?status=active", "stageId"), [13]);
    assert_eq!(
        ids("stages?status=skipped&status=failed", "stageId"),
        [14, 8]
    );
}

#[test]
fn jobs_of_a_stream_tell_the_time_of_day_of_their_batch() {
    let mut records = history();
    for record in &mut records {
        if let Record::JobStarted(start) = record {
            let time = start.properties.get("streaming.batch_time");
            let said =
                |time| format!("Streaming job from [output operation 0, batch time {time} ms]");
            std::sync::Arc::make_mut(start).description = time.map(said);
        }
    }
    let router = crate::rest::router().with_state(shown(&records));
    let expected = "Streaming job from [output operation 0, batch time 16:00:01]";
    assert_eq!(of_app(&router, "jobs/0").json()["description"], expected);
    assert_eq!(
        of_app(&router, "stages/0/0").json()["description"],
        expected
    );
}

#[test]
fn details_are_told_of_single_stages_unless_somebody_says_otherwise() {
    let router = router();
    let tasks = |path: &str| {
        let answer = of_app(&router, path).json();
        let stage = answer.get(0).unwrap_or(&answer);
        let fields = [stage.get("tasks"), stage.get("executorSummary")];
        fields.map(|field| field.is_some())
    };
    for path in ["stages/3", "stages/3/0", "stages?details=true"] {
        assert_eq!(tasks(path), [true; 2], "{path}");
    }
    for path in ["stages", "stages/3?details=false", "stages/3/0?details=no"] {
        assert_eq!(tasks(path), [false; 2], "{path}");
    }
}

#[test]
fn tasks_are_sorted_and_paged() {
    let router = router();
    let ids = |query: &str| {
        each(
            &of_app(&router, &format!("stages/3/0/taskList{query}")),
            "taskId",
        )
    };
    assert_eq!(ids(""), [12, 14]);
    assert_eq!(ids("?sortBy=DECREASING_RUNTIME"), [14, 12]);
    assert_eq!(ids("?sortBy=-runtime&length=1"), [14]);
    assert_eq!(ids("?offset=1&length=9999999999"), [14]);
    assert_eq!(ids("?status=failed"), [0; 0]);
    let running = of_app(&router, "stages/13/0/taskList?status=running");
    assert_eq!(each(&running, "taskId"), [54]);
    let summary = of_app(&router, "stages/3/0/taskSummary?quantiles=0,1").json();
    assert_eq!(summary["inputMetrics"]["recordsRead"], json!([50.0, 100.0]));
    assert_eq!(summary["schedulerDelay"], json!([2.0, 2.0]));
}

#[test]
fn an_answer_has_so_many_tasks_and_no_more() {
    let limits = Limits {
        tasks: 30_000,
        ..Limits::default()
    };
    let mut records = history()[..1].to_vec();
    records.extend(stage_of(&[1; 20_001]));
    let router = crate::rest::router().with_state(shown_within(limits, &records));
    for path in ["stages", "stages/0", "stages/0/0"] {
        let refused = of_app(&router, &format!("{path}?details=true"));
        assert_eq!(refused.status, 400);
        assert!(
            refused.text.contains("the details of 20001 tasks"),
            "{}",
            refused.text
        );
        assert_eq!(
            of_app(&router, &format!("{path}?details=false")).status,
            200
        );
    }
    let list = of_app(&router, "stages/0/0/taskList?length=30000");
    assert_eq!(list.json().as_array().unwrap().len(), 20_000);
}

#[test]
fn programs_are_chosen_by_date_and_state() {
    let router = router();
    let count = |query: &str| {
        let list = get(&router, &format!("/api/v1/applications?{query}")).json();
        list.as_array().unwrap().len()
    };
    assert_eq!(count("status=running"), 1);
    assert_eq!(count("status=completed"), 0);
    assert_eq!(count("minDate=2025-11-24&maxDate=2025-11-25"), 1);
    assert_eq!(count("minDate=2025-11-24T16:00:00.000GMT"), 0);
    assert_eq!(count("limit=0"), 0);
}

#[test]
fn a_program_that_is_over_says_when() {
    let router = crate::rest::router().with_state(shown(&history::ended()));
    let application = &get(&router, "/api/v1/applications?status=completed").json()[0];
    let attempt = &application["attempts"][0];
    assert_eq!(attempt["endTime"], "2025-11-24T16:00:09.000GMT");
    assert_eq!(attempt["duration"], 9500);
    assert_eq!(attempt["completed"], true);
}

#[test]
fn what_is_not_there_is_refused_in_words() {
    let router = router();
    let batch = format!("streaming/batches/{}/operations/77", batch_time(1));
    let refused = [
        ("streaming/receivers/99", 404, "unknown receiver: 99"),
        ("streaming/batches/123", 404, "unknown batch: 123"),
        (
            "streaming/batches/123/operations",
            404,
            "unknown batch: 123",
        ),
        (&*batch, 404, "unknown output operation: 77"),
        (
            "streaming/batches?status=late",
            404,
            "`late` is not accepted as status; it is completed, queued, processing, not_run",
        ),
        ("jobs/99", 404, "unknown job: 99"),
        ("jobs/x", 404, "`x` is not accepted as job-id"),
        ("stages/99", 404, "unknown stage: 99"),
        (
            "stages/3/1",
            404,
            "unknown attempt for stage 3.  Found attempts: [0]",
        ),
        (
            "stages/8/0/taskSummary",
            404,
            "No tasks reported metrics for 8 / 0 yet.",
        ),
        (
            "stages/3/0/taskSummary?quantiles=a",
            400,
            "Bad value for parameter \"quantiles\".  Expected a double, got \"a\"",
        ),
        ("storage/rdd/5", 404, "no rdd found w/ id 5"),
        (
            "executors/driver/threads",
            404,
            "No thread dump is available.",
        ),
        ("executors/7/threads", 404, "Executor does not exist."),
        (
            "executors/x/threads",
            400,
            "Invalid executorId: neither 'driver' nor number.",
        ),
        ("sql", 404, "sql is not here: there is no SQL here"),
        (
            "logs",
            404,
            "logs is not here: event logs are read where they are written, at event_log.dir",
        ),
        (
            "streaming/nothing",
            404,
            "there is no such address; /api/v1/openapi.json lists them",
        ),
    ];
    for (path, status, text) in refused {
        let reply = of_app(&router, path);
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (status, text),
            "{path}"
        );
        assert_eq!(reply.kind, "text/plain; charset=utf-8", "{path}");
    }
}

#[test]
fn another_program_is_unknown() {
    let router = router();
    let text = |path: &str| get(&router, &format!("/api/v1/applications/{path}")).text;
    assert_eq!(text("x"), "unknown app: x");
    assert_eq!(text("x/jobs"), "no such app: x");
    assert_eq!(
        text(&format!("{APP}/1")),
        format!("unknown app {APP}, attempt 1")
    );
    assert_eq!(
        get(&router, "/api/v1/applications?minDate=soon").text,
        "Couldn't parse date: soon"
    );
}

#[test]
fn a_program_without_a_stream_says_so() {
    let router = crate::rest::router().with_state(shown(&history()[..1]));
    let reply = of_app(&router, "streaming/statistics");
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (
            404,
            &*format!("no streaming listener attached to {HOSTILE}")
        )
    );
    assert_eq!(of_app(&router, "jobs").json(), json!([]));
}

#[test]
fn hostile_text_stays_text() {
    let router = router();
    let receiver = of_app(&router, "streaming/receivers/0").json();
    assert_eq!(
        receiver["lastErrorMessage"],
        format!("connection refused {HOSTILE}")
    );
    let application = get(&router, "/api/v1/applications").json();
    assert_eq!(application[0]["name"], HOSTILE);
}
