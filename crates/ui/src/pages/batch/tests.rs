use crate::testing::{HOSTILE, START_MS, answer, history};

fn shown(number: i64) -> String {
    let address = format!("/streaming/batch/?id={}", START_MS + number * 1000);
    let answer = answer(super::page, &history::model(), &address);
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .title
            .starts_with("Details of batch at 2025/11/24 16:00:0")
    );
    answer.body.into_string()
}

#[test]
fn a_batch_tells_its_inputs_outputs_and_jobs() {
    let page = shown(2);
    let texts = [
        "<dt>Batch Duration</dt><dd>1 second</dd>",
        "<dt>Input data size</dt><dd>87 records</dd>",
        "<dt>Scheduling delay</dt><dd>2.00 ms</dd>",
        "<dt>Processing time</dt><dd>1.2 s</dd>",
        "<pre>/data/a.txt\n/data/&lt;b&gt;.txt</pre>",
        "<td class=\"place\" rowspan=\"1\">print at src/main.rs:20</td>",
        "<a href=\"/jobs/job/?id=2\">2</a>",
        "2/2",
        "2/2 (2 skipped)",
        "partition 1 of reduce_by_key at src/main.rs:13 took 1.1 s for 110 records, while the \
         median task took 20 ms",
    ];
    for text in texts {
        assert!(page.contains(text), "{text} in {page}");
    }
}

#[test]
fn a_batch_tells_of_how_many_files_something_was_skipped() {
    let address = format!("/streaming/batch/?id={}", START_MS + 2000);
    let mut model = history::model();
    let page = answer(super::page, &model, &address).body.into_string();
    assert!(!page.contains("Skipped files"), "{page}");
    let stages = model.jobs.stages.values_mut();
    for stage in stages.filter(|stage| stage.job == 2) {
        stage.counts.files_skipped = 1;
    }
    let page = answer(super::page, &model, &address).body.into_string();
    let told = "<dt>Skipped files</dt><dd class=\"bad\">2 damaged or missing</dd>";
    assert!(page.contains(told), "{page}");
}

#[test]
fn a_failed_output_tells_its_line_and_its_message() {
    let page = shown(3);
    assert!(
        page.contains("<span class=\"bad\">Failed</span> (3 attempts)"),
        "{page}"
    );
    assert!(page.contains("src/main.rs:21\nsecond line</pre>"), "{page}");
    assert!(
        page.contains("<details id=\"job-5-error\">"),
        "that of its job: {page}"
    );
    assert!(page.contains("4/4 (1 failed)"), "{page}");
    assert!(!page.contains(HOSTILE));
}

#[test]
fn a_batch_that_waited_leads_to_the_one_that_it_waited_for() {
    let before = format!("<a href=\"/streaming/batch/?id={}\">", START_MS + 3000);
    assert!(shown(4).contains(&before));
}

#[test]
fn a_batch_that_runs_shows_what_has_begun_and_what_has_not() {
    let page = shown(5);
    assert!(page.contains("processing") && page.contains("running"));
    assert!(page.contains(
        "<tr id=\"output-1\"><td>1</td><td class=\"place\">foreach_rdd at src/main.rs:21</td>"
    ));
}

#[test]
fn unknown_batches_and_no_batches_are_told() {
    let model = history::model();
    let said = |address: &str| {
        let answer = answer(super::page, &model, address);
        (answer.status, answer.body.into_string())
    };
    let message = |text: &str| (400, format!("<p class=\"message\">{text}</p>"));
    assert_eq!(said("/streaming/batch/"), message("Missing id parameter"));
    let unknown = "/streaming/batch/?id=1764000000001";
    assert_eq!(
        said(unknown),
        message("Batch 2025/11/24 16:00:00 does not exist")
    );
    assert_eq!(said("/streaming/batch/?id=x").0, 400);
}
