//! A file to which each batch appends one line, once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use headwater::BatchRun;

/// A text file with a line for each batch.
///
/// A batch that runs again, because the process died before it was done, finds the line that
/// it has written already. That is all it takes: batches are written one after the other, and
/// each run gives the same line.
#[derive(Clone)]
pub(crate) struct BatchFile {
    path: PathBuf,
}

impl BatchFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        BatchFile { path: path.into() }
    }

    /// Appends the line of a batch, unless it is there.
    pub(crate) fn append(&self, run: BatchRun, counts: &str) -> io::Result<()> {
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&self.path)?;
        let begin = format!("Counts at time {} ms ", run.id.time.as_millis());
        if !(run.is_rerun && has_line(&mut file, &begin)?) {
            file.write_all(format!("{begin}{counts}\n").as_bytes())?;
        }
        // The batch is done when this returns, and does not run again: not even a loss of power
        // may take the line away then, also one that a process wrote which was killed before
        // this. Nor may it take the file's name, which stands in the directory.
        file.sync_data()?;
        if is_new || run.is_rerun {
            File::open(self.directory())?.sync_all()?;
        }
        Ok(())
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// Whether a line begins like this. A last line that was cut off by the end of the process is
/// removed.
fn has_line(file: &mut File, begin: &str) -> io::Result<bool> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    file.set_len(whole as u64)?;
    let mut lines = text.get(..whole).unwrap_or_default().split(|&b| b == b'\n');
    Ok(lines.any(|line| line.starts_with(begin.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use headwater::time::Time;
    use headwater::{BatchId, OutputNumber};

    use super::*;

    #[test]
    fn a_batch_is_there_once_however_often_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = BatchFile::new(dir.path().join("out.txt"));
        let id = |ms| BatchId {
            time: Time::from_millis(ms),
            output: OutputNumber::default(),
        };
        file.append(BatchRun::first(id(1)), "one").unwrap();
        file.append(BatchRun::again(id(1)), "one").unwrap();
        file.append(BatchRun::again(id(2)), "two").unwrap();
        // As if the process had died while it wrote.
        let text = fs::read_to_string(&file.path).unwrap();
        fs::write(&file.path, format!("{text}Counts at time 3 ms th")).unwrap();
        file.append(BatchRun::again(id(3)), "three").unwrap();
        let expected = "Counts at time 1 ms one\nCounts at time 2 ms two\n\
                        Counts at time 3 ms three\n";
        assert_eq!(fs::read_to_string(&file.path).unwrap(), expected);
    }
}
