//! What the system says about this process. It is read from `/proc`; elsewhere nothing is known.

use std::fs;
use std::path::Path;

/// Ticks of a processor clock in a second, which Linux tells programs to be this many.
const TICKS: f64 = 100.0;

/// What a process takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) open_files: usize,
    pub(crate) threads: usize,
}

/// A thread of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// A letter, such as `R` for running.
    pub(crate) state: char,
}

/// What this process takes now.
pub(crate) fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let fields = after_name(&stat)?;
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some(Usage {
        // The user's and the system's time, of which the manual counts the name as well.
        cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS,
        resident_bytes: kilobytes(&status, "VmRSS:")?,
        virtual_bytes: kilobytes(&status, "VmSize:")?,
        open_files: fs::read_dir("/proc/self/fd").ok()?.count(),
        threads: fs::read_dir("/proc/self/task").ok()?.count(),
    })
}

/// The threads of this process, in the order of their ids.
pub(crate) fn threads() -> Option<Vec<Thread>> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    // One that ends in the meantime is left out.
    let mut threads: Vec<_> = tasks
        .flatten()
        .filter_map(|task| thread(&task.path()))
        .collect();
    threads.sort_by_key(|thread| thread.id);
    Some(threads)
}

fn thread(task: &Path) -> Option<Thread> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    let name = fs::read_to_string(task.join("comm")).ok()?;
    Some(Thread {
        id: task.file_name()?.to_str()?.parse().ok()?,
        name: name.trim_end().to_owned(),
        state: after_name(&stat)?.first()?.chars().next()?,
    })
}

/// The fields after the name, which may hold anything, also brackets.
fn after_name(stat: &str) -> Option<Vec<&str>> {
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().collect())
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number = line.split_whitespace().next()?;
    Some(number.parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_do_not_shift_fields() {
        let fields = after_name("7 (a) b (c) S 1 2 3").unwrap();
        assert_eq!(fields, ["S", "1", "2", "3"]);
        assert_eq!(
            kilobytes("Name: x\nVmRSS:\t  12 kB\n", "VmRSS:"),
            Some(12_288)
        );
    }

    #[test]
    fn this_process_is_found_where_there_is_proc() {
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let usage = usage().unwrap();
        assert!(usage.threads >= 1 && usage.open_files >= 1 && usage.resident_bytes > 0);
        assert!(usage.virtual_bytes >= usage.resident_bytes);
        assert!(!threads().unwrap().is_empty());
    }
}
