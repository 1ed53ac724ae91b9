//! The tables of `docs/guide/coming-from-spark.md` name what exists, and only deny what does not.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of tests fails with them"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Fewer names than this mean that the tables are not read any more.
const NAMES_MIN: usize = 300;

/// The public names of the sources: those of each type, and under "" those of none.
#[derive(Default)]
struct Names {
    of: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    /// Reads every source of every crate.
    fn of_workspace() -> Names {
        let mut names = Names::default();
        for krate in entries(&root().join("crates")) {
            names.read_all(&krate.join("src"));
        }
        names
    }

    fn read_all(&mut self, directory: &Path) {
        for path in entries(directory) {
            if path.is_dir() {
                self.read_all(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.read(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Formatted code is enough of a grammar: what stands at the margin opens a block, what
    /// stands one step to the right of it belongs to the block, `}` at the margin ends it.
    fn read(&mut self, source: &str) {
        let mut block: Option<Block> = None;
        for line in source.lines() {
            if line.starts_with('}') {
                block = None;
            } else if let Some(opened) = Block::opened_by(line) {
                self.of.entry(opened.owner.clone()).or_default();
                block = Some(opened);
            } else if let Some(name) = item(line, false) {
                self.add("", name);
            } else if let (Some(block), Some(inner)) = (&block, line.strip_prefix("    "))
                && let Some(name) = item(inner, block.all_is_public)
            {
                self.add(&block.owner, name);
            }
        }
    }

    fn add(&mut self, owner: &str, name: &str) {
        let names = self.of.entry(owner.to_owned()).or_default();
        names.insert(name.to_owned());
    }

    fn has(&self, owner: &str, name: &str) -> bool {
        self.of.get(owner).is_some_and(|names| names.contains(name))
    }

    /// Whether what a cell has between backticks exists; a plain name belongs to one of the
    /// types in the head of the table.
    fn know(&self, name: &str, owners: &[String]) -> bool {
        match name.rsplit_once("::") {
            Some((path, name)) => {
                let owner = path.rsplit("::").next().unwrap_or(path);
                let owner = if starts_upper(owner) { owner } else { "" };
                self.has(owner, name)
            }
            None if starts_upper(name) => self.of.contains_key(name),
            None => owners.iter().any(|owner| self.has(owner, name)),
        }
    }
}

/// What belongs to a type.
struct Block {
    owner: String,
    /// Whether items need no `pub`: those of traits.
    all_is_public: bool,
}

impl Block {
    fn opened_by(line: &str) -> Option<Block> {
        if let Some(rest) = line.strip_prefix("impl") {
            let rest = after_generics(rest).trim_start();
            let (of_trait, owner) = match rest.split_once(" for ") {
                Some((_, owner)) => (true, owner),
                None => (false, rest),
            };
            return Some(Block {
                owner: word(owner).to_owned(),
                all_is_public: of_trait,
            });
        }
        let rest = line.strip_prefix("pub ")?;
        let kinds = ["struct ", "enum ", "trait ", "type "];
        let kind = kinds.iter().find(|kind| rest.starts_with(**kind))?;
        Some(Block {
            owner: word(&rest[kind.len()..]).to_owned(),
            all_is_public: *kind == "trait ",
        })
    }
}

/// The name of the function, constant or field that a line declares.
fn item(line: &str, all_is_public: bool) -> Option<&str> {
    let rest = match line.strip_prefix("pub ") {
        Some(rest) => rest,
        None if all_is_public => line,
        None => return None,
    };
    let functions = ["fn ", "const fn "];
    if let Some(rest) = functions.iter().find_map(|kind| rest.strip_prefix(kind)) {
        return Some(word(rest));
    }
    let name = word(rest.strip_prefix("const ").unwrap_or(rest));
    let end = &rest[rest.find(name)? + name.len()..];
    (!name.is_empty() && end.starts_with(": ")).then_some(name)
}

/// What follows the `<..>` at the beginning of a text.
fn after_generics(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if c == '>' { &text[at + 1..] } else { text };
        }
    }
    text
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn starts_upper(name: &str) -> bool {
    name.starts_with(|c: char| c.is_uppercase())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A row of a table with the types in the table's head.
struct Row {
    line: usize,
    owners: Vec<String>,
    spark: Vec<String>,
    ours: String,
    note: String,
}

fn rows() -> Vec<Row> {
    let guide = root().join("docs/guide/coming-from-spark.md");
    let text = fs::read_to_string(guide).unwrap();
    let mut rows = Vec::new();
    let mut owners = None;
    for (at, line) in text.lines().enumerate() {
        let cells: Vec<_> = line.split(" | ").map(str::trim).collect();
        let [spark, _java, _python, ours, note] = cells.as_slice() else {
            owners = None;
            continue;
        };
        match &owners {
            None if ours.starts_with("Headwater") => owners = Some(quoted(ours)),
            Some(owners) if !spark.contains("---") => rows.push(Row {
                line: at + 1,
                owners: owners.clone(),
                spark: quoted(spark),
                ours: (*ours).to_owned(),
                note: (*note).to_owned(),
            }),
            _ => {}
        }
    }
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// Spark's `reduceByKey(f, n)` as Rust writes names; nothing for what is no name.
fn as_rust(name: &str) -> String {
    if name.starts_with("new ") {
        return String::new();
    }
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    let mut rust = String::new();
    for c in word(name).chars() {
        if c.is_uppercase() && !rust.is_empty() {
            rust.push('_');
        }
        rust.extend(c.to_lowercase());
    }
    rust
}

#[test]
fn every_name_exists() {
    let names = Names::of_workspace();
    let mut checked = 0;
    let mut missing = Vec::new();
    for row in rows() {
        let in_note = quoted(&row.note)
            .into_iter()
            .filter(|name| name.contains("::"));
        let named = quoted(&row.ours).into_iter().chain(in_note);
        for name in named.filter(|name| !name.starts_with("std::")) {
            checked += 1;
            if !names.know(&name, &row.owners) {
                missing.push(format!("line {}: {name}", row.line));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not in the sources:\n{}",
        missing.join("\n")
    );
    assert!(
        checked >= NAMES_MIN,
        "only {checked} names were found in the tables"
    );
}

#[test]
fn what_is_said_to_be_missing_does_not_exist() {
    let names = Names::of_workspace();
    let mut there = Vec::new();
    for row in rows().iter().filter(|row| quoted(&row.ours).is_empty()) {
        for name in row.spark.iter().map(|name| as_rust(name)) {
            if names.know(&name, &row.owners) {
                there.push(format!("line {}: {name}", row.line));
            }
        }
    }
    assert!(
        there.is_empty(),
        "in the sources now, so write their rows:\n{}",
        there.join("\n")
    );
}

#[test]
fn sources_and_names_are_read() {
    let mut names = Names::default();
    names.read(
        "pub struct Rdd<T> {\n    pub(crate) node: T,\n    pub id: u64,\n}\n\
         impl<K: Into<u8>, V> Rdd<(K, V)> {\n    pub const EMPTY: u8 = 0;\n    \
         pub fn join<W>(&self) {}\n    fn hidden(&self) {}\n}\n\
         pub trait Receiver<T> {\n    fn on_start(&self);\n}\n\
         pub const fn seconds(count: u64) -> Duration {}\n",
    );
    let owners = ["Rdd".to_owned()];
    for name in [
        "join",
        "id",
        "Rdd::EMPTY",
        "Receiver::on_start",
        "Receiver",
        "time::seconds",
    ] {
        assert!(names.know(name, &owners), "{name}");
    }
    for name in [
        "node",
        "hidden",
        "Rdd::on_start",
        "seconds",
        "Receivers",
        "time::minutes",
    ] {
        assert!(!names.know(name, &owners), "{name}");
    }
    assert_eq!(as_rust("State.isTimingOut"), "is_timing_out");
    assert_eq!(as_rust("reduceByKey(f, n)"), "reduce_by_key");
}
