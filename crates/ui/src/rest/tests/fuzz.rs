//! Every address of the document with values of all kinds: what comes back is as the document
//! says, whatever was asked.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use fastrand::Rng;
use headwater_core::Conf;
use serde_json::Value;

use super::conform::conform;
use super::{get, router};
use crate::history;
use crate::record::Record;
use crate::server::Access;
use crate::settings::Settings;
use crate::testing::START_MS;
use crate::testing::history::{APP, history};

/// How often each address is asked.
const ROUNDS: usize = 300;

const HOSTILE: [&str; 16] = [
    "",
    "-1",
    "0x10",
    "NaN",
    "inf",
    "1e400",
    "99999999999999999999999999",
    "-9223372036854775808",
    "18446744073709551615",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "\0\r\n",
    "\u{202e}\u{1f980}",
    "true,false,,0.5,",
    "9999-99-99T99:99:99.999GMT",
];

/// A value for a parameter: half of the time one that means something.
fn value(rng: &mut Rng, name: &str, schema: &Value) -> String {
    match rng.u8(..8) {
        0 => return rng.choice(HOSTILE).unwrap().to_owned(),
        1 => {
            return rng
                .choice(["a", "9", "%"])
                .unwrap()
                .repeat(rng.usize(..3000));
        }
        2 => return (0..rng.usize(..20)).map(|_| rng.char(..)).collect(),
        _ => {}
    }
    match (name, schema["type"].as_str()) {
        ("app-id", _) => APP.to_owned(),
        ("stage-attempt-id", _) => "0".to_owned(),
        ("executor-id", _) => "driver".to_owned(),
        ("batch-id", _) => (START_MS + rng.i64(0..8) * 1000).to_string(),
        ("quantiles", _) => "0.0,0.5,1.0".to_owned(),
        (_, Some("array")) => {
            let choices = schema["items"]["enum"].as_array().unwrap();
            rng.choice(choices).unwrap().as_str().unwrap().to_owned()
        }
        (_, Some("boolean")) => rng.bool().to_string(),
        (_, Some("integer")) => rng.i64(0..24).to_string(),
        _ => "2025-11-24".to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An address with random values in place of its parameters.
fn address(rng: &mut Rng, path: &str, parameters: &[Value]) -> String {
    let mut address = format!("/api/v1{path}");
    let mut separator = '?';
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        if parameter["in"] == "path" {
            // The program is nearly always the right one, as little is found out otherwise.
            let text = match name == "app-id" && rng.u8(..16) > 0 {
                true => APP.to_owned(),
                false => value(rng, name, &parameter["schema"]),
            };
            // With nothing in its place it would be another address.
            let text = if text.is_empty() { "-" } else { &text };
            address = address.replace(&format!("{{{name}}}"), &escaped(text));
            continue;
        }
        for _ in 0..rng.usize(..3) {
            let text = escaped(&value(rng, name, &parameter["schema"]));
            address.push_str(&format!("{separator}{name}={text}"));
            separator = '&';
        }
    }
    address
}

#[test]
fn every_address_keeps_to_the_document() {
    keeps_to_the_document(&router());
}

/// Of programs that have ended, or run elsewhere, the same is told; and what finds them in a
/// directory goes by names of files, which are part of addresses.
#[test]
fn every_address_of_a_history_keeps_to_the_document() {
    let logs = tempfile::tempdir().unwrap();
    write_log(&logs.path().join(APP), &history());
    // No log, though there is a place for one.
    fs::create_dir(logs.path().join("local-1")).unwrap();
    // One that cannot be read.
    fs::create_dir(logs.path().join("local-2")).unwrap();
    fs::write(logs.path().join("local-2/part-000000.jsonl"), "\0{\n").unwrap();
    let settings = Settings::of_history(&Conf::new()).unwrap();
    let access = Arc::new(Access::new(&settings).unwrap());
    let dir = logs.path().to_str().unwrap();
    let router = history::router(dir, &settings, access, Arc::default()).unwrap();
    keeps_to_the_document(&router);
}

/// Records as an event log has them.
fn write_log(dir: &Path, records: &[Record]) {
    let lines = records
        .iter()
        .map(|record| serde_json::to_string(record).unwrap() + "\n");
    fs::create_dir(dir).unwrap();
    fs::write(dir.join("part-000000.jsonl"), lines.collect::<String>()).unwrap();
}

fn keeps_to_the_document(router: &Router) {
    let document = get(router, "/api/v1/openapi.json").json();
    let mut rng = Rng::with_seed(5);
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let parameters = operation["parameters"].as_array().unwrap();
        let responses = &operation["responses"];
        let schema = &responses["200"]["content"]["application/json"]["schema"];
        let mut answered = 0;
        for _ in 0..ROUNDS {
            let address = address(&mut rng, path, parameters);
            let reply = get(router, &address);
            let described = responses.get(reply.status.to_string());
            assert!(
                described.is_some(),
                "{address}: {} {}",
                reply.status,
                reply.text
            );
            if reply.status == 200 {
                answered += 1;
                let checked = conform(&document, schema, &reply.json());
                assert_eq!(checked, Ok(()), "{address}");
            } else {
                assert_eq!(reply.kind, "text/plain; charset=utf-8", "{address}");
                assert!(!reply.text.is_empty(), "{address}");
            }
        }
        // Of a history nothing is kept, it has no threads, and programs have no attempts.
        let never = ["{rdd-id}", "/threads", "{app-id}/{attempt-id}"];
        let is_answered = !never.iter().any(|end| path.ends_with(end));
        assert_eq!(
            answered > 0,
            is_answered,
            "{path} was answered {answered} times"
        );
    }
}

#[test]
fn the_document_describes_everything_once() {
    let router = router();
    let document = get(&router, "/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let streaming = paths.keys().filter(|path| path.contains("/streaming/"));
    assert_eq!(streaming.count(), 7);
    assert_eq!(paths.len(), 24);
    let mut names: Vec<_> = paths
        .values()
        .map(|item| item["get"]["operationId"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), paths.len());
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    for security in document["security"].as_array().unwrap() {
        let mut names = security.as_object().unwrap().keys();
        assert!(names.all(|name| schemes.contains_key(name)), "{security}");
    }
    for item in paths.values() {
        let responses = item["get"]["responses"].as_object().unwrap();
        let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
        assert_eq!(statuses, ["200", "400", "401", "403", "404", "500", "503"]);
    }
    let fields = |name: &str| {
        let schema = &document["components"]["schemas"][name];
        schema["properties"].as_object().unwrap().len()
    };
    assert_eq!(fields("StreamingStatistics"), 14);
    assert_eq!(fields("ReceiverInfo"), 10);
    assert_eq!(fields("BatchInfo"), 13);
    assert_eq!(fields("OutputOperationInfo"), 8);
}
