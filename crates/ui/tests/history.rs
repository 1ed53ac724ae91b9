//! Programs that have ended are shown from their logs, over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use headwater_core::{Conf, Context};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_ui::{EventLog, HistoryServer, LogError, UiError};
use serde_json::{Value, json};

/// Runs a stream of three batches, which is logged below `dir`, up to its end.
fn logged(dir: &str) -> String {
    let conf = Conf::new().master("local[2]").app_name("counts <em>");
    let conf = conf
        .set("event_log.enabled", true)
        .set("event_log.dir", dir);
    let ctx = Context::new(conf).expect("the settings are right");
    let test = TestStream::on(&ctx, seconds(1)).expect("a second is possible");
    let log = EventLog::start(test.context()).expect("it can be written");
    let counted = test.input(vec![vec![1, 2], vec![3]]).map(|n| n + 1);
    counted.foreach_rdd(|rdd, _| rdd.count().map(drop));
    test.run(3);
    test.context().stop(false, true).expect("nothing failed");
    let at = log.expect("it is switched on").location();
    at.rsplit('/').next().unwrap_or_default().to_owned()
}

fn serve(dir: &str) -> HistoryServer {
    HistoryServer::serve(dir, &Conf::new().set("ui.history.port", 0)).expect("it can be read")
}

/// The status and the rest of an answer.
fn get(server: &HistoryServer, path: &str) -> (u16, String) {
    let host = server.url().trim_start_matches("http://");
    let host = host.trim_end_matches('/');
    let mut to = TcpStream::connect(host).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    to.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    to.read_to_string(&mut answer).expect("it answers");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("an answer has a status"), answer)
}

#[test]
fn the_pages_of_a_program_that_has_ended_are_those_of_a_running_one() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().to_str().unwrap();
    let server = serve(dir);
    let (status, list) = get(&server, "/");
    assert!(
        status == 200 && list.contains("There are no event logs yet"),
        "{list}"
    );
    let name = logged(dir);
    let (status, list) = get(&server, "/");
    assert!(
        status == 200 && list.contains("counts &lt;em&gt;"),
        "{list}"
    );
    let home = format!("/history/{name}/");
    let row = format!("<a href=\"{home}\">");
    assert!(
        list.contains(&row) && list.contains("<td class=\"number\">3</td>"),
        "{list}"
    );

    for short in [home.as_str(), home.trim_end_matches('/')] {
        let (status, answer) = get(&server, short);
        assert_eq!(status, 307);
        assert!(
            answer.contains(&format!("location: {home}streaming/")),
            "{answer}"
        );
    }
    for page in [
        "executors/",
        "executors",
        "state/",
        "environment/",
        "storage/?x=1",
    ] {
        let (status, answer) = get(&server, &format!("{home}{page}"));
        assert_eq!(status, 200, "{page}: {answer}");
        // Links stay with the program, and nothing is to change.
        assert!(
            answer.contains(&format!("<a href=\"{home}jobs/\">")),
            "{answer}"
        );
        assert!(
            answer.contains(">history</span>") && !answer.contains("/changes"),
            "{answer}"
        );
    }
    let (_, executors) = get(&server, &format!("{home}executors/"));
    assert!(executors.contains("<td>Dead</td>"), "{executors}");
}

/// What the REST interface answers.
fn json_of(server: &HistoryServer, path: &str) -> Value {
    let (status, answer) = get(server, &format!("/api/v1{path}"));
    assert_eq!(status, 200, "{path}: {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head ends");
    serde_json::from_str(body).expect("it is JSON")
}

#[test]
fn the_rest_interface_tells_of_all_programs_that_have_logs() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().to_str().unwrap();
    let server = serve(dir);
    assert_eq!(json_of(&server, "/applications"), json!([]));
    let names = [logged(dir), logged(dir)];
    let ids = |query: &str| {
        let list = json_of(&server, &format!("/applications{query}"));
        let list = list.as_array().expect("it is a list").iter();
        let ids = list.map(|one| one["id"].as_str().expect("it has one").to_owned());
        ids.collect::<Vec<_>>()
    };
    let all = [names[1].clone(), names[0].clone()];
    assert_eq!(ids(""), all, "newest first");
    assert_eq!(ids("?status=completed&minEndDate=2020-01-01"), all);
    assert_eq!(ids("?limit=1"), all[..1]);
    for none in [
        "?status=running",
        "?maxEndDate=2020-01-01",
        "?minDate=2999-01-01",
    ] {
        assert_eq!(ids(none), [] as [&str; 0], "{none}");
    }
    let list = json_of(&server, "/applications");
    for (place, name) in all.iter().enumerate() {
        assert_eq!(
            json_of(&server, &format!("/applications/{name}")),
            list[place]
        );
        let statistics = json_of(
            &server,
            &format!("/applications/{name}/streaming/statistics"),
        );
        assert_eq!(statistics["numTotalCompletedBatches"], 3);
        let jobs = json_of(&server, &format!("/applications/{name}/jobs/"));
        assert_eq!(jobs.as_array().map(Vec::len), Some(3));
    }
    assert!(json_of(&server, "/openapi.json")["paths"].is_object());
    assert_eq!(
        json_of(&server, "/version"),
        json!({ "spark": env!("CARGO_PKG_VERSION") })
    );
    for (path, text) in [
        ("applications/local-1", "unknown app: local-1"),
        ("applications/local-1/jobs", "no such app: local-1"),
        ("applications/..%2f/jobs", "no such app: ../"),
        ("nothing", "there is no such address"),
    ] {
        let (status, answer) = get(&server, &format!("/api/v1/{path}"));
        assert_eq!(status, 404, "{answer}");
        assert!(answer.contains("content-type: text/plain"), "{answer}");
        assert!(answer.contains(text), "{answer}");
    }
}

#[test]
fn a_program_that_was_killed_is_told_as_far_as_its_log_goes() {
    let logs = tempfile::tempdir().unwrap();
    let name = logged(logs.path().to_str().unwrap());
    // As it would be left: the ends of the stream and of the program are not there, and the
    // summary is that of the start.
    let own = logs.path().join(&name);
    let part = own.join("part-000001.jsonl");
    let text = std::fs::read_to_string(&part).unwrap();
    let is_end = |line: &&str| line.contains("_stopped\"") || line.contains("_ended\",\"at");
    let kept: String = text
        .lines()
        .filter(|line| !is_end(line))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&part, kept).unwrap();
    let summary = std::fs::read(own.join("summary.json")).unwrap();
    let mut summary: Value = serde_json::from_slice(&summary).unwrap();
    for (key, value) in [
        ("ended", Value::Null),
        ("last", summary["started"].clone()),
        ("batches", json!(0)),
        ("reach", json!({ "part": 1, "bytes": 0 })),
    ] {
        summary[key] = value;
    }
    std::fs::write(own.join("summary.json"), summary.to_string()).unwrap();

    let server = serve(logs.path().to_str().unwrap());
    let (_, list) = get(&server, "/");
    assert!(list.contains("<td class=\"number\">3</td>"), "{list}");
    assert!(list.contains("running or killed; last heard of"), "{list}");
    let (_, page) = get(&server, &format!("/history/{name}/streaming/"));
    assert!(page.contains("Ran batches of"), "{page}");
    assert!(page.contains("without an end of the stream"), "{page}");
    // As Spark's history server tells of an application that is incomplete.
    let told = json_of(&server, &format!("/applications/{name}"));
    assert_eq!(told, json_of(&server, "/applications")[0]);
    let attempt = &told["attempts"][0];
    assert_eq!(attempt["completed"], false);
    assert_eq!(attempt["endTime"], "1969-12-31T23:59:59.999GMT");
    let epoch = |key: &str| attempt[key].as_i64().unwrap();
    let known = epoch("lastUpdatedEpoch") - epoch("startTimeEpoch");
    assert!(
        (epoch("duration") - known).abs() <= 1 && known > 0,
        "{told}"
    );
}

#[test]
fn what_is_not_there_is_not_found() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().join("logs");
    std::fs::create_dir_all(dir.join("empty")).unwrap();
    std::fs::write(logs.path().join("part-000000.jsonl"), "{}").unwrap();
    let dir = dir.to_str().unwrap();
    let name = logged(dir);
    let server = serve(dir);
    for path in [
        "/nothing",
        "/history/local-1/",
        "/history/empty/jobs/",
        "/history/../",
        "/history/%2e%2e/jobs/",
        "/history/..%2f/jobs/",
        &format!("/history/{name}/nothing/"),
    ] {
        let (status, answer) = get(&server, path);
        assert_eq!(status, 404, "{path}: {answer}");
        assert!(answer.contains("content-security-policy"), "{answer}");
    }
    let (status, css) = get(&server, "/static/style.css");
    assert!(status == 200 && css.contains("--accent"));
}

#[test]
fn a_log_that_goes_on_is_read_again() {
    let logs = tempfile::tempdir().unwrap();
    let dir = logs.path().to_str().unwrap();
    let name = logged(dir);
    let server = serve(dir);
    let page = format!("/history/{name}/environment/");
    assert_eq!(get(&server, &page).0, 200);
    let part = logs.path().join(&name).join("part-000001.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(part).unwrap();
    file.write_all(b"{\"event\":\"job_sta").unwrap();
    let (_, torn) = get(&server, &page);
    assert!(torn.contains("end within a line"), "{torn}");
}

#[test]
fn a_directory_that_is_not_there_is_told_at_the_start() {
    let served = HistoryServer::serve("/nowhere/at/all", &Conf::new());
    assert!(matches!(
        served.err(),
        Some(UiError::Log(LogError::Store(_)))
    ));
}

#[test]
fn a_log_in_an_object_store_is_shown_as_well() {
    let dir = "memory://history-test/logs";
    let name = logged(dir);
    let (status, _) = get(&serve(dir), &format!("/history/{name}/state/"));
    assert_eq!(status, 200);
}
