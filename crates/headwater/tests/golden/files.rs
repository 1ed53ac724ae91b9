//! Text files of a directory.

use std::fs::{self, File};
use std::path::Path;
use std::time::UNIX_EPOCH;

use headwater::time::millis;
use serde::Deserialize;
use serde_json::json;

use crate::case::entries;
use crate::golden::Golden;

/// How many batches each case runs.
const BATCHES: usize = 5;

/// A file that is put into the directory before a batch, counted from 1.
#[derive(Deserialize)]
struct Put {
    before_batch: usize,
    path: String,
    mtime_ms: u64,
    text: String,
}

impl Put {
    /// Writes the file; a directory that it needs is as old as the file.
    fn write(&self, dir: &Path) -> std::io::Result<()> {
        let path = dir.join(&self.path);
        let parent = path.parent().filter(|parent| *parent != dir);
        parent.map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&path, &self.text)?;
        let modified = UNIX_EPOCH + millis(self.mtime_ms);
        for path in [Some(path.as_path()), parent].into_iter().flatten() {
            File::open(path)?.set_modified(modified)?;
        }
        Ok(())
    }
}

/// Watches a directory and puts the files of the case there, each before its batch.
fn watch(golden: Golden) {
    let dir = golden.work_dir();
    let lines = golden.context().text_file_stream(dir.to_str().unwrap());
    golden.output(&lines.map(|line| line.to_string()));
    let files: Vec<Put> = golden.param("files");
    for batch in 1..=BATCHES {
        for file in files.iter().filter(|file| file.before_batch == batch) {
            file.write(&dir).unwrap();
        }
        golden.run_batch().unwrap();
    }
    golden.check();
}

#[test]
fn text_file_stream_04() {
    watch(Golden::open("textFileStream_04"));
}

/// What begins with an underscore is skipped, and fails nothing.
#[test]
fn text_file_stream_05() {
    let batches = [vec![], vec![json!("yes")], vec![], vec![], vec![]];
    watch(Golden::open_differing("textFileStream_05").not_refused(entries(batches)));
}

#[test]
fn text_file_stream_06() {
    watch(Golden::open("textFileStream_06"));
}
