//! A scrape of the recorded history, read line by line.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, Request};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use tower::ServiceExt;

use super::text::Form;
use crate::WebUi;
use crate::record::Record;
use crate::testing::{self, checkpoints, history, ms, shown};

/// A scrape: samples by their names with labels, and the types of metrics.
#[derive(Default)]
struct Scrape {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    fn of(text: &str) -> Self {
        let mut scrape = Scrape::default();
        for line in text.lines() {
            match line.strip_prefix("# ") {
                Some(comment) => scrape.comment(comment),
                None => scrape.sample(line),
            }
        }
        scrape
    }

    fn comment(&mut self, comment: &str) {
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("TYPE"), Some(name), Some(kind)) => {
                let known = ["gauge", "counter", "histogram", "info"];
                assert!(known.contains(&kind), "{comment}");
                let before = self.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} is described twice");
            }
            (Some("HELP"), Some(_), Some(help)) => assert!(help.ends_with('.'), "{comment}"),
            (Some("UNIT"), Some(name), Some(unit)) => assert!(name.ends_with(unit), "{comment}"),
            (Some("EOF"), None, None) => {}
            _ => panic!("no comment of metrics: {comment}"),
        }
    }

    fn sample(&mut self, line: &str) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let bare = name.split('{').next().unwrap();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!(!bare.is_empty() && bare.bytes().all(is_name), "{line}");
        if let Some(labels) = name.strip_prefix(bare).filter(|labels| !labels.is_empty()) {
            assert!(are_labels(labels), "{line}");
        }
        let suffixes = ["", "_total", "_bucket", "_sum", "_count", "_info"];
        let mut families = suffixes
            .iter()
            .filter_map(|suffix| bare.strip_suffix(suffix));
        assert!(
            families.any(|family| self.types.contains_key(family)),
            "{line}"
        );
        let before = self.samples.insert(name.to_owned(), value);
        assert_eq!(before, None, "{name} is told twice");
    }

    fn value(&self, name: &str) -> f64 {
        let value = self.samples.get(name);
        *value.unwrap_or_else(|| panic!("there is no {name}"))
    }

    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let begin = format!("{name}_bucket{{le=\"");
        let buckets = self.samples.iter().filter_map(|(sample, count)| {
            let bound = sample.strip_prefix(&begin)?.strip_suffix("\"}")?;
            Some((bound.parse().unwrap(), *count))
        });
        let mut buckets: Vec<(f64, f64)> = buckets.collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

/// Whether a text is `{name="value",...}` with quotes, slashes and line ends escaped.
fn are_labels(text: &str) -> bool {
    let mut rest = text.strip_prefix('{').unwrap();
    loop {
        let Some((name, after)) = rest.split_once("=\"") else {
            return false;
        };
        let mut is_escaped = false;
        let end = after.find(|letter| {
            let is_end = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            is_end
        });
        let Some(end) = end.filter(|_| !name.is_empty()) else {
            return false;
        };
        match &after[end + 1..] {
            "}" => return true,
            next => match next.strip_prefix(',') {
                Some(next) => rest = next,
                None => return false,
            },
        }
    }
}

fn get(records: &[Record], path: &str, accept: &str) -> (HeaderMap, String) {
    let router = super::router().with_state(shown(records));
    let request = Request::get(path)
        .header(ACCEPT, accept)
        .body(Body::empty());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let response = router.oneshot(request.unwrap()).await.unwrap();
        let headers = response.headers().clone();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (headers, String::from_utf8(bytes.to_vec()).unwrap())
    })
}

/// What would end a value of a label, or the line, if it were not escaped.
const HOSTILE: &str = "<script>alert(\"1\")</script>\\\n";

const OPEN: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5";

#[test]
fn sparks_gauges_have_sparks_values() {
    let (_, text) = get(&history(), "/metrics", OPEN);
    let scrape = Scrape::of(&text);
    let gauges = [
        ("receivers", 1.0),
        ("total_completed_batches", 4.0),
        ("total_received_records", 882.0),
        ("total_processed_records", 428.0),
        ("unprocessed_batches", 2.0),
        ("waiting_batches", 1.0),
        ("running_batches", 1.0),
        ("retained_completed_batches", 4.0),
        ("last_completed_batch_submission_time", 1_764_000_004_000.0),
        (
            "last_completed_batch_processing_start_time",
            1_764_000_006_270.0,
        ),
        (
            "last_completed_batch_processing_end_time",
            1_764_000_006_385.0,
        ),
        ("last_completed_batch_processing_delay", 115.0),
        ("last_completed_batch_scheduling_delay", 2270.0),
        ("last_completed_batch_total_delay", 2385.0),
        ("last_received_batch_submission_time", 1_764_000_006_000.0),
        ("last_received_batch_processing_start_time", -1.0),
        ("last_received_batch_processing_end_time", -1.0),
        ("last_received_batch_records", 247.0),
    ];
    for (name, value) in gauges {
        let name = format!("headwater_streaming_{name}");
        assert_eq!(scrape.value(&name), value, "{name}");
        assert_eq!(scrape.types[&name], "gauge");
    }
    assert_eq!(text.matches(" of Spark.").count(), gauges.len());
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn batches_wait_no_more_when_the_stream_has_stopped() {
    let mut records = history();
    let at = testing::at(6500);
    records.push(Record::StreamStopped { at });
    let scrape = Scrape::of(&get(&records, "/metrics", OPEN).1);
    let value = |name: &str| scrape.value(&format!("headwater_streaming_{name}"));
    assert_eq!(value("waiting_batches"), 0.0);
    assert_eq!(value("unprocessed_batches"), 1.0);
    assert_eq!(value("not_run_batches"), 1.0);
}

#[test]
fn what_is_not_known_is_told_as_spark_does() {
    let scrape = Scrape::of(&get(&history()[..2], "/metrics", OPEN).1);
    let value = |name: &str| scrape.value(&format!("headwater_streaming_{name}"));
    assert_eq!(value("last_completed_batch_total_delay"), -1.0);
    assert_eq!(value("last_received_batch_submission_time"), -1.0);
    assert_eq!(value("last_received_batch_records"), 0.0);
    let none = Scrape::of(&get(&history()[..1], "/metrics", OPEN).1);
    let mut names = none.samples.keys();
    assert!(!names.any(|name| name.starts_with("headwater_streaming")));
}

#[test]
fn distributions_are_cumulative() {
    let scrape = Scrape::of(&get(&history(), "/metrics", OPEN).1);
    let histograms = scrape.types.iter().filter(|(_, kind)| *kind == "histogram");
    let names: Vec<_> = histograms.map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 11);
    for name in names {
        let buckets = scrape.buckets(name);
        assert!(
            buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1),
            "{name}"
        );
        let last = *buckets.last().unwrap();
        assert_eq!(
            last,
            (f64::INFINITY, scrape.value(&format!("{name}_count")))
        );
    }
    let processing = "headwater_streaming_processing_time_seconds";
    assert_eq!(scrape.value(&format!("{processing}_count")), 4.0);
    assert!((scrape.value(&format!("{processing}_sum")) - 4.49).abs() < 1e-9);
    let up_to = |bound: f64| {
        let buckets = scrape.buckets(processing);
        buckets.iter().find(|(known, _)| *known == bound).unwrap().1
    };
    assert_eq!(
        [up_to(0.1), up_to(0.25), up_to(2.5), up_to(5.0)],
        [0.0, 2.0, 3.0, 4.0]
    );
    assert!((scrape.value("headwater_streaming_commit_seconds_sum") - 0.006).abs() < 1e-9);
    let sums = [
        // The receiver gave 40 records to the first batch of a second, 80 to the next.
        ("headwater_streaming_receiver_rate", 4.0, 400.0),
        ("headwater_streaming_state_size_bytes", 4.0, 12_800.0),
    ];
    for (name, count, sum) in sums {
        assert_eq!(scrape.value(&format!("{name}_count")), count);
        assert_eq!(scrape.value(&format!("{name}_sum")), sum);
    }
}

#[test]
fn inputs_state_and_work_are_told() {
    let scrape = Scrape::of(&get(&history(), "/metrics", OPEN).1);
    let receiver = "{input=\"0\",name=\"SocketReceiver-0\"}";
    let of_receiver = |name: &str| scrape.value(&format!("headwater_streaming_{name}{receiver}"));
    assert_eq!(of_receiver("input_records_total"), 400.0);
    assert_eq!(of_receiver("input_rate"), 240.0);
    assert_eq!(of_receiver("receiver_active"), 1.0);
    assert_eq!(of_receiver("receiver_waiting"), 1.0);
    assert_eq!(of_receiver("receiver_memory_bytes"), 1536.0);
    let state = "headwater_streaming_state_keys{stream=\"4\",operator=\"totals\"}";
    assert_eq!(scrape.value(state), 40.0);
    assert_eq!(
        scrape.value("headwater_streaming_failed_batches_total"),
        1.0
    );
    assert_eq!(
        scrape.value("headwater_jobs_total{state=\"succeeded\"}"),
        7.0
    );
    assert_eq!(scrape.value("headwater_jobs_total{state=\"failed\"}"), 2.0);
    assert_eq!(scrape.value("headwater_running_jobs"), 1.0);
    assert_eq!(scrape.value("headwater_tasks_total{state=\"failed\"}"), 3.0);
    assert_eq!(scrape.value("headwater_running_tasks"), 1.0);
    assert_eq!(scrape.value("headwater_build_info{version=\"0.1.0\"}"), 1.0);
}

#[test]
fn checkpoints_are_told_once_there_are_some() {
    let before = Scrape::of(&get(&history(), "/metrics", OPEN).1);
    assert_eq!(before.value("headwater_streaming_checkpoints_total"), 0.0);
    let mut names = before.samples.keys();
    assert!(!names.any(|name| name.contains("last_checkpoint")));
    let mut records = history();
    records.extend(checkpoints("the disk is full"));
    let after = Scrape::of(&get(&records, "/metrics", OPEN).1);
    let values = [
        ("checkpoints_total", 1.0),
        ("failed_checkpoints_total", 1.0),
        ("last_checkpoint_time_seconds", 1_764_000_004.5),
        ("last_checkpoint_duration_seconds", 0.025),
        ("last_checkpoint_bytes", 2048.0),
        ("last_checkpoint_snapshots", 3.0),
    ];
    for (name, value) in values {
        let name = format!("headwater_streaming_{name}");
        assert_eq!(after.value(&name), value, "{name}");
    }
}

#[test]
fn what_was_dropped_is_told() {
    let mut records = history();
    let at = testing::at(7000);
    records.push(Record::Dropped { at, events: 12 });
    // Batch 5 ran and has lost its end; batch 6 is known to be queued no more.
    let mut seventh = history::batch(7);
    records.append(&mut seventh);
    let scrape = Scrape::of(&get(&records, "/metrics", OPEN).1);
    assert_eq!(scrape.value("headwater_missing_events_total"), 12.0);
    assert_eq!(scrape.value("headwater_lost_jobs_total"), 1.0);
    assert_eq!(scrape.value("headwater_streaming_lost_batches_total"), 2.0);
    assert_eq!(scrape.value("headwater_streaming_running_batches"), 0.0);
    assert_eq!(scrape.value("headwater_streaming_waiting_batches"), 0.0);
    assert_eq!(scrape.value("headwater_running_tasks"), 0.0);
}

#[test]
fn the_form_is_the_one_that_is_understood() {
    let forms = [
        ("", Form::Prometheus),
        ("*/*", Form::Prometheus),
        ("text/plain;version=0.0.4", Form::Prometheus),
        (OPEN, Form::OpenMetrics),
        (
            "text/plain, application/openmetrics-text; version=1.0.0",
            Form::OpenMetrics,
        ),
        ("application/openmetrics-text;q=0", Form::Prometheus),
    ];
    for (accept, form) in forms {
        assert_eq!(Form::accepted(accept), form, "{accept}");
        let (headers, text) = get(&history(), "/metrics", accept);
        assert_eq!(headers[CONTENT_TYPE], form.content_type());
        assert_eq!(text.contains("# EOF"), form == Form::OpenMetrics);
    }
}

#[test]
fn both_forms_tell_the_same() {
    let open = Scrape::of(&get(&history(), "/metrics", OPEN).1);
    let older = Scrape::of(&get(&history(), "/metrics", "").1);
    assert_eq!(open.samples, older.samples);
    // In the older form a metric is called as its samples are.
    assert_eq!(older.types["headwater_jobs_total"], "counter");
    assert_eq!(older.types["headwater_build_info"], "gauge");
    assert_eq!(older.types.len(), open.types.len());
}

#[test]
fn hostile_names_stay_values_of_labels() {
    let mut records = history();
    for record in &mut records {
        match record {
            Record::Application(application) => application.name = HOSTILE.to_owned(),
            Record::Receiver(receiver) => receiver.name = HOSTILE.to_owned(),
            Record::BatchCompleted(batch) => {
                batch
                    .states
                    .iter_mut()
                    .for_each(|state| state.name = Some(HOSTILE.to_owned()));
                batch.commit_took = Some(ms(u64::MAX / 1000));
            }
            _ => {}
        }
    }
    let (_, text) = get(&records, "/metrics", OPEN);
    let name = "{input=\"0\",name=\"<script>alert(\\\"1\\\")</script>\\\\\\n\"}";
    let scrape = Scrape::of(&text);
    assert_eq!(
        scrape.value(&format!("headwater_streaming_receiver_active{name}")),
        1.0
    );
}

#[test]
fn sparks_addresses_lead_here() {
    for path in ["/metrics/prometheus/", "/metrics/executors/prometheus"] {
        assert_eq!(get(&history(), path, "").0[LOCATION], "/metrics", "{path}");
    }
}

#[test]
fn a_running_program_tells_of_its_process() {
    let test = TestStream::new(seconds(1));
    let ui = WebUi::builder(test.context())
        .port(0)
        .serve()
        .unwrap()
        .unwrap();
    test.collect(&test.input(vec![vec![1, 2], vec![3]]));
    test.run(2);
    test.context().context().events().flush();
    let (head, text) = testing::get(&ui, "/metrics");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    let scrape = Scrape::of(&text);
    assert_eq!(
        scrape.value("headwater_streaming_total_completed_batches"),
        2.0
    );
    assert!(scrape.value("headwater_event_bus_posted_total") > 0.0);
    assert_eq!(scrape.value("headwater_event_bus_dropped_total"), 0.0);
    assert!(scrape.value("headwater_storage_memory_limit_bytes") > 0.0);
    assert!(scrape.value("process_start_time_seconds") > 1e9);
    let has_proc = std::path::Path::new("/proc/self/stat").exists();
    assert_eq!(
        scrape.types.contains_key("process_cpu_seconds_total"),
        has_proc
    );
    promtool(&text);
    promtool(&get(&history(), "/metrics", "").1);
}

/// What Prometheus's own tool says of a scrape, where it is installed.
fn promtool(text: &str) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let why = "promtool is not installed; it is in the package prometheus";
        let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{why}");
        eprintln!("skipped: {why}");
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "");
}
