//! From the path that a user gives to the files and parts of files to read.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Error;
use crate::site::Site;

/// What a local file system calls a block: no part is made larger than this.
const BLOCK_BYTES: u64 = 32 << 20;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// What one partition reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) range: Range<u64>,
    pub(super) file_bytes: u64,
}

/// The parts behind a path, looked for when they are first asked for.
pub(super) struct Inputs {
    path: String,
    site: Site,
    split: fn(Vec<InputFile>, usize) -> Vec<Part>,
    partitions_min: usize,
    parts: OnceLock<Vec<Part>>,
}

impl Inputs {
    pub(super) fn new(
        path: &str,
        site: Site,
        partitions_min: usize,
        split: fn(Vec<InputFile>, usize) -> Vec<Part>,
    ) -> Self {
        Inputs {
            path: path.to_owned(),
            site,
            split,
            partitions_min,
            parts: OnceLock::new(),
        }
    }

    /// The parts; once found they stay, so that partitions never change. A failure is not
    /// remembered, as the next action may come when the file is there.
    pub(super) fn parts(&self) -> Result<&[Part], Error> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let mistake = |message| Error::Build {
            site: self.site,
            message,
        };
        let files = list(&self.path).map_err(mistake)?;
        Ok(self
            .parts
            .get_or_init(|| (self.split)(files, self.partitions_min)))
    }

    /// How many parts there are. One stands for a path that cannot be read, so that what is
    /// built on it has a partition; the action reports the path.
    pub(super) fn count(&self) -> usize {
        self.parts().map_or(1, <[Part]>::len)
    }
}

/// One part for each file.
pub(super) fn whole(files: Vec<InputFile>, _partitions_min: usize) -> Vec<Part> {
    let part = |InputFile { path, bytes }| Part {
        path,
        range: 0..bytes,
        file_bytes: bytes,
    };
    files.into_iter().map(part).collect()
}

/// Cuts files so that about `partitions_min` parts come out, as Hadoop does.
///
/// The goal is the total size divided by the wanted number, but at most a block. The last
/// part of a file may be a tenth larger rather than leaving a sliver. A compressed file
/// can only be read from its start; a file without bytes has nothing to read.
pub(super) fn split(files: Vec<InputFile>, partitions_min: usize) -> Vec<Part> {
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let goal = (total / partitions_min.max(1) as u64).clamp(1, BLOCK_BYTES);
    let mut parts = Vec::new();
    for InputFile { path, bytes } in files {
        let part = |range| Part {
            path: path.clone(),
            range,
            file_bytes: bytes,
        };
        let mut start = 0;
        while !is_gzip(&path) && (bytes - start) as u128 * 10 > goal as u128 * 11 {
            parts.push(part(start..start + goal));
            start += goal;
        }
        if start < bytes {
            parts.push(part(start..bytes));
        }
    }
    parts
}

pub(super) fn is_gzip(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// The files that a comma-separated list of files, directories and patterns names.
fn list(paths: &str) -> Result<Vec<InputFile>, String> {
    let mut files = Vec::new();
    for path in split_list(paths) {
        let path = path.strip_prefix("file://").unwrap_or(path);
        if path.is_empty() {
            return Err(format!(
                "the path {paths:?} has an empty part; name files to read"
            ));
        }
        for found in find(path)? {
            add_files(&found, &mut files)?;
        }
    }
    Ok(files)
}

/// Cuts a list at its commas, but not at those between braces.
fn split_list(paths: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let at_comma = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    paths.split(at_comma).map(str::trim).collect()
}

/// What a path or pattern names, in the order of the names.
fn find(path: &str) -> Result<Vec<PathBuf>, String> {
    let missing = |path: &str| format!("the input path {path} does not exist");
    if Path::new(path).exists() {
        return Ok(vec![PathBuf::from(path)]);
    }
    if !path.contains(['*', '?', '[', '{']) {
        return Err(missing(path));
    }
    let mut found = Vec::new();
    for pattern in alternatives(path) {
        let matches = glob::glob(&pattern)
            .map_err(|error| format!("the input pattern {path} is malformed: {error}"))?;
        for entry in matches {
            let entry = entry.map_err(|error| format!("the input pattern {path}: {error}"))?;
            if !is_hidden(&entry) {
                found.push(entry);
            }
        }
    }
    if found.is_empty() {
        return Err(format!("the input pattern {path} matches no files"));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The patterns that remain when braces are written out: `{a,b}c` is `ac` and `bc`.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else {
        return vec![pattern.to_owned()];
    };
    let (before, rest) = pattern.split_at(open);
    let mut depth = 0_usize;
    let close = rest.char_indices().find(|(_, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    // Without its end a brace is a character like others.
    let Some((close, _)) = close else {
        return vec![pattern.to_owned()];
    };
    let inside = rest.get(1..close).unwrap_or_default();
    let after = rest.get(close + 1..).unwrap_or_default();
    let choices = split_list(inside).into_iter();
    choices
        .flat_map(|choice| alternatives(&format!("{before}{choice}{after}")))
        .collect()
}

fn add_files(path: &Path, files: &mut Vec<InputFile>) -> Result<(), String> {
    let unreadable = |error| format!("the input path {} cannot be read: {error}", path.display());
    let meta = fs::metadata(path).map_err(unreadable)?;
    if !meta.is_dir() {
        files.push(InputFile {
            path: path.to_owned(),
            bytes: meta.len(),
        });
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        if is_hidden(&entry) {
            continue;
        }
        let meta = fs::metadata(&entry).map_err(unreadable)?;
        if meta.is_dir() {
            return Err(format!(
                "the input directory {} has a directory {} inside, which is not read; name it, \
                 or use a pattern such as {}/*",
                path.display(),
                entry.display(),
                path.display(),
            ));
        }
        inside.push(InputFile {
            path: entry,
            bytes: meta.len(),
        });
    }
    inside.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    files.append(&mut inside);
    Ok(())
}

/// Names that begin with `_` or `.` are not data: markers, checksums, work in progress.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(['_', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(sizes: &[u64], partitions_min: usize) -> Vec<Range<u64>> {
        let file = |bytes: &u64| InputFile {
            path: PathBuf::from("x"),
            bytes: *bytes,
        };
        let parts = split(sizes.iter().map(file).collect(), partitions_min);
        parts.into_iter().map(|part| part.range).collect()
    }

    #[test]
    fn files_are_cut_as_hadoop_cuts_them() {
        assert_eq!(ranges(&[100], 1), vec![0..100; 1]);
        assert_eq!(ranges(&[100], 2), [0..50, 50..100]);
        // 105 / 10 leaves five bytes, less than a tenth of a part too much.
        assert_eq!(ranges(&[105], 2), [0..52, 52..105]);
        assert_eq!(ranges(&[7], 3), [0..2, 2..4, 4..6, 6..7]);
        assert_eq!(ranges(&[10, 0, 90], 2), [0..10, 0..50, 50..90]);
        assert_eq!(ranges(&[BLOCK_BYTES * 2], 1).len(), 2);
        assert_eq!(ranges(&[2], 5), [0..1, 1..2]);
        assert_eq!(ranges(&[], 2), []);
    }

    #[test]
    fn a_compressed_file_is_not_cut() {
        let file = InputFile {
            path: PathBuf::from("log.GZ"),
            bytes: 100,
        };
        assert_eq!(split(vec![file], 4).len(), 1);
    }

    #[test]
    fn lists_and_braces_are_taken_apart() {
        assert_eq!(split_list("a, b{c,d},e"), ["a", "b{c,d}", "e"]);
        assert_eq!(alternatives("x{a,b{c,d}}y"), ["xay", "xbcy", "xbdy"]);
        assert_eq!(alternatives("x{a"), ["x{a"]);
    }
}
