//! What the system knows of this process, where it says so in `/proc`.

use std::fs;

use crate::record::Took;

/// How many ticks of `/proc` are a second: the same on every Linux, whatever its kernel's own.
const TICKS_PER_SECOND: u64 = 100;

/// Memory and processor time of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// In memory now, in bytes.
    pub(crate) resident_bytes: u64,
    /// The most that ever was in memory.
    pub(crate) peak_bytes: u64,
    /// Addresses that it has, most of them perhaps without memory.
    pub(crate) virtual_bytes: u64,
    pub(crate) cpu: Took,
    pub(crate) open_files: usize,
    pub(crate) threads: usize,
}

/// A thread of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) id: u64,
    /// At most 15 bytes: the system keeps no more.
    pub(crate) name: String,
    /// A letter, such as `R` for running.
    pub(crate) state: char,
    pub(crate) cpu: Took,
}

/// This process, as it is now; `None` where there is no `/proc`.
pub(crate) fn process() -> Option<Process> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    Some(Process {
        resident_bytes: status_bytes(&status, "VmRSS")?,
        peak_bytes: status_bytes(&status, "VmHWM")?,
        virtual_bytes: status_bytes(&status, "VmSize")?,
        cpu: parse_stat(&stat)?.cpu,
        open_files: fs::read_dir("/proc/self/fd").ok()?.count(),
        threads: fs::read_dir("/proc/self/task").ok()?.count(),
    })
}

/// The threads of this process by their numbers; empty where there is no `/proc`.
pub(crate) fn threads() -> Vec<Thread> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let thread = |task: fs::DirEntry| {
        // One that has ended in the meantime is left out.
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let Stat { name, state, cpu } = parse_stat(&stat)?;
        let id = task.file_name().to_str()?.parse().ok()?;
        Some(Thread {
            id,
            name,
            state,
            cpu,
        })
    };
    let mut threads: Vec<_> = tasks.flatten().filter_map(thread).collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

/// A size of `/proc/PID/status`, such as `VmRSS:   123 kB`.
fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let mut lines = status.lines();
    let size = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = size.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// What is read from a `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    state: char,
    /// The time on processors.
    cpu: Took,
}

/// The name is in parentheses, and may itself have some.
fn parse_stat(stat: &str) -> Option<Stat> {
    let (head, fields) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    // Behind the name come the state as field 3, and times in user and kernel mode as 14 and 15.
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut times = fields.skip(14 - 4);
    let mut ticks = || times.next()?.parse::<u64>().ok();
    let ticks = ticks()?.checked_add(ticks()?)?;
    let cpu = Took(ticks.checked_mul(1_000_000 / TICKS_PER_SECOND)?);
    Some(Stat {
        name: name.to_owned(),
        state,
        cpu,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name_is() {
        let stat = "42 (a) b (c) S 1 1 1 0 -1 4194304 9 0 0 0 150 50 0 0 20 0 7 0 12 1000 3";
        let expected = Stat {
            name: "a) b (c".to_owned(),
            state: 'S',
            cpu: Took(2_000_000),
        };
        assert_eq!(parse_stat(stat), Some(expected));
        assert_eq!(parse_stat("42 (x) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn sizes_of_a_status_are_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t     1 kB\n";
        assert_eq!(status_bytes(status, "VmHWM"), Some(2 << 20));
        assert_eq!(status_bytes(status, "VmRSS"), Some(1024));
        assert_eq!(status_bytes(status, "VmSwap"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_known() {
        let process = process().unwrap();
        assert!(process.peak_bytes >= process.resident_bytes.min(1));
        assert!(!threads().is_empty());
    }
}
