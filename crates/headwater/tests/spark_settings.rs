//! The table of settings in `docs/guide/coming-from-spark.md` says what the configuration says.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use headwater::conf::{Conf, keys::CORE_KEYS};
use headwater::ui::UI_KEYS;
use headwater_streaming::conf::STREAMING_KEYS;

/// Fewer settings than this mean that the table is not read any more.
const SETTINGS_MIN: usize = 57;

/// Each setting of Spark in the table, with ours, if there is one, and the note.
fn settings() -> Vec<(String, Option<String>, String)> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/coming-from-spark.md");
    let text = fs::read_to_string(guide).unwrap();
    let mut settings = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `spark.")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let [spark, ours, note] = cells.as_slice() else {
            continue;
        };
        let ours = quoted(ours).first().cloned();
        let row = quoted(spark).into_iter();
        settings.extend(row.map(|spark| (spark, ours.clone(), (*note).to_owned())));
    }
    settings
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

fn is_known(key: &str) -> bool {
    let mut known = CORE_KEYS.iter().chain(STREAMING_KEYS).chain(UI_KEYS);
    known.any(|info| info.name() == key)
}

/// What is said to somebody who uses a setting of Spark.
fn advice(spark: &str) -> String {
    let conf = Conf::new().set(spark, "1");
    conf.validate(&[STREAMING_KEYS, UI_KEYS])
        .unwrap_err()
        .to_string()
}

#[test]
fn every_setting_is_in_the_table_once() {
    let settings = settings();
    let names: BTreeSet<_> = settings.iter().map(|(spark, _, _)| spark).collect();
    assert_eq!(names.len(), settings.len());
    assert!(names.len() >= SETTINGS_MIN, "{} were found", names.len());
}

#[test]
fn the_table_names_known_keys_and_so_does_the_error() {
    for (spark, ours, note) in settings() {
        let advice = advice(&spark);
        match ours {
            Some(ours) => {
                assert!(is_known(&ours), "{ours} is no key");
                let meant = format!("did you mean `{ours}`?");
                assert!(advice.contains(&meant), "{spark} is {ours}: {advice}");
            }
            None => {
                assert!(!note.trim().is_empty(), "why is there no {spark}?");
                assert!(advice.contains("has no counterpart"), "{advice}");
            }
        }
        let keys = quoted(&note).into_iter();
        for key in keys.filter(|name| name.starts_with("streaming.")) {
            assert!(is_known(&key), "{key} is no key");
        }
    }
}
