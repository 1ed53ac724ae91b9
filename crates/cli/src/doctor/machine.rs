//! Processors and memory, as far as this process may use them.

use std::path::{Path, PathBuf};
use std::thread;

use headwater_core::Conf;
use headwater_core::conf::keys::STORAGE_MEMORY;
use headwater_core::conf::{Bytes, ConfError};
use headwater_streaming::conf::RECEIVER_MEMORY;

use super::report::Check;
use super::system_file;

const SLOTS: &str = "slots";
const LIMIT: &str = "cpu limit";
const MEMORY: &str = "memory";
const CGROUPS: &str = "/sys/fs/cgroup";

/// More slots than this for a processor wait for each other.
const SLOTS_PER_PROCESSOR_MAX: usize = 4;

/// How many tasks run at once, and on how many processors.
pub(super) fn slots(conf: &Conf) -> Check {
    judge_slots(conf.default_parallelism(), processors())
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn judge_slots(slots: Result<usize, ConfError>, processors: usize) -> Check {
    let slots = match slots {
        Ok(slots) => slots,
        Err(error) => return Check::fail(SLOTS, error.to_string(), "set master=local[*]"),
    };
    let found = format!("{slots} on {processors} processors");
    match slots > processors.saturating_mul(SLOTS_PER_PROCESSOR_MAX) {
        true => Check::warn(SLOTS, found, format!("set master=local[{processors}]")),
        false => Check::ok(SLOTS, found),
    }
}

/// What a container may use of the processors.
pub(super) fn cpu_limit() -> Check {
    let new = groups().into_iter().map(|group| group.join("cpu.max"));
    let new = new.filter_map(|file| of_cpu_max(&system_file(file)?));
    let old = Path::new(CGROUPS).join("cpu");
    let quota = system_file(old.join("cpu.cfs_quota_us"));
    let period = system_file(old.join("cpu.cfs_period_us"));
    let old = quota
        .zip(period)
        .and_then(|(quota, period)| of_quota(&quota, &period));
    judge_limit(new.chain(old).reduce(f64::min))
}

/// The control groups of this process, from its own one upwards.
fn groups() -> Vec<PathBuf> {
    let own = system_file("/proc/self/cgroup").unwrap_or_default();
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or("")
        .to_owned();
    let own = Path::new(CGROUPS).join(own);
    let up = own
        .ancestors()
        .take_while(|group| group.starts_with(CGROUPS));
    up.map(Path::to_owned).collect()
}

/// `150000 100000` is one and a half processors; `max 100000` is no limit.
fn of_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    of_quota(quota, period)
}

fn of_quota(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn judge_limit(processors: Option<f64>) -> Check {
    match processors {
        None => Check::ok(LIMIT, "none"),
        Some(limit) if limit < 1.0 => Check::warn(
            LIMIT,
            format!("{limit:.2} processors"),
            "batches stand still whenever it is used up: give the container a whole processor",
        ),
        Some(limit) => Check::ok(LIMIT, format!("{limit:.2} processors")),
    }
}

/// Whether receivers and kept data have room.
pub(super) fn memory(conf: &Conf) -> Check {
    let system = system_file("/proc/meminfo");
    let system = system.and_then(|text| of_meminfo(&text));
    let group = groups().into_iter().filter_map(|group| {
        let max: u64 = system_file(group.join("memory.max"))?.trim().parse().ok()?;
        let used: u64 = system_file(group.join("memory.current"))?
            .trim()
            .parse()
            .ok()?;
        Some(max.saturating_sub(used))
    });
    let available = system.into_iter().chain(group).min();
    let bound = |key| conf.get(key).map_or(0, |Bytes(bytes)| bytes);
    judge_memory(available, bound(&RECEIVER_MEMORY), bound(&STORAGE_MEMORY))
}

/// What is free or can be freed.
fn of_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn judge_memory(available: Option<u64>, receiver: u64, storage: u64) -> Check {
    let Some(available) = available else {
        return Check::ok(MEMORY, "not told by this system");
    };
    let bounds = format!(
        "{} for a receiver and {} for kept data",
        Bytes(receiver),
        Bytes(storage)
    );
    let found = format!("{} MiB available; bounds are {bounds}", available >> 20);
    match receiver.saturating_add(storage) > available {
        true => Check::warn(
            MEMORY,
            found,
            "lower streaming.receiver.memory and storage.memory, or give it more",
        ),
        false => Check::ok(MEMORY, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn slots_are_compared_with_processors() {
        assert_eq!(judge_slots(Ok(8), 2).status, Status::Ok);
        let many = judge_slots(Ok(9), 2);
        assert_eq!(many.status, Status::Warn);
        assert_eq!(many.advice.unwrap(), "set master=local[2]");
        let wrong = Conf::new().set("master", "nowhere").default_parallelism();
        assert_eq!(judge_slots(wrong, 2).status, Status::Fail);
    }

    #[test]
    fn limits_of_containers_are_read() {
        assert_eq!(of_cpu_max("150000 100000\n"), Some(1.5));
        assert_eq!(of_cpu_max("max 100000\n"), None);
        assert_eq!(of_quota("-1\n", "100000\n"), None);
        assert_eq!(
            judge_limit(of_quota("50000\n", "100000\n")).status,
            Status::Warn
        );
        assert_eq!(judge_limit(Some(1.5)).found, "1.50 processors");
        assert_eq!(judge_limit(None).status, Status::Ok);
    }

    #[test]
    fn memory_is_compared_with_the_bounds() {
        let available = of_meminfo("MemTotal: 9 kB\nMemAvailable:    2048 kB\n");
        assert_eq!(available, Some(2 << 20));
        assert_eq!(judge_memory(available, 1 << 20, 1 << 20).status, Status::Ok);
        assert_eq!(judge_memory(available, 2 << 20, 1).status, Status::Warn);
        assert_eq!(judge_memory(None, 1, 1).status, Status::Ok);
    }
}
