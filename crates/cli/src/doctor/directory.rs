//! Whether a directory can be written, how much room it has, and what a synchronised write costs.

use std::io::{self, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::report::Check;

/// What a file system is that is gone with the machine's memory.
#[cfg(target_os = "linux")]
const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];

/// How often it is written; the median is told.
const WRITES: usize = 11;
/// About what a group of the journal has.
const WRITE_BYTES: usize = 4096;

const ROOM_NEEDED: u64 = 64 << 20;
const ROOM_ENOUGH: u64 = 1 << 30;

/// A commit takes two or three of these, in each batch.
const SLOW: Duration = Duration::from_millis(50);
/// No device that keeps its word is faster.
const TOO_FAST: Duration = Duration::from_micros(5);

/// What a directory is like.
struct Measured {
    free_bytes: Option<u64>,
    is_in_memory: bool,
    /// The median of synchronised writes.
    sync: Duration,
}

/// Measures a directory; `keeps` if what is in it should survive the machine.
pub(super) fn check(name: &str, directory: &Path, keeps: bool) -> Check {
    let shown = directory.display().to_string();
    judge(name, &shown, measure(directory), keeps)
}

fn measure(directory: &Path) -> io::Result<Measured> {
    // It has no name, so that nobody sees it and nothing is left.
    let mut file = tempfile::tempfile_in(directory)?;
    let mut took = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&[b'.'; WRITE_BYTES])?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    file.rewind()?;
    took.sort_unstable();
    Ok(Measured {
        free_bytes: free_bytes(directory),
        is_in_memory: is_in_memory(directory),
        sync: took[WRITES / 2],
    })
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn is_in_memory(directory: &Path) -> bool {
    // The type is signed on some machines; its low half is what counts.
    let kind = rustix::fs::statfs(directory).map(|found| found.f_type as u32);
    kind.is_ok_and(|kind| IN_MEMORY.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

fn judge(name: &str, shown: &str, measured: io::Result<Measured>, keeps: bool) -> Check {
    let measured = match measured {
        Ok(measured) => measured,
        Err(error) => {
            let found = format!("{shown} cannot be written: {error}");
            return Check::fail(
                name,
                found,
                "give its user the right to write, or make room",
            );
        }
    };
    let room = measured.free_bytes.map_or_else(
        || "room unknown".to_owned(),
        |bytes| format!("{} MiB free", bytes >> 20),
    );
    let sync_ms = measured.sync.as_secs_f64() * 1000.0;
    let found = format!("{shown}: {room}, a synchronised write takes {sync_ms:.2} ms");
    let free = measured.free_bytes.unwrap_or(u64::MAX);
    match measured.sync {
        _ if free < ROOM_NEEDED => Check::fail(name, found, "make room"),
        _ if free < ROOM_ENOUGH => Check::warn(name, found, "make room before it is needed"),
        _ if measured.is_in_memory && keeps => Check::warn(
            name,
            format!("{found}; it is in memory"),
            "do not keep checkpoints here: they would be gone with the machine",
        ),
        _ if measured.is_in_memory => Check::ok(name, format!("{found}; it is in memory")),
        sync if sync >= SLOW => Check::warn(
            name,
            found,
            "keep checkpoints on a faster disk, or have batches of some seconds",
        ),
        sync if sync < TOO_FAST && keeps => Check::warn(
            name,
            format!("{found}, which is too fast to be true"),
            "look whether the disk or the virtual machine is told to ignore synchronisation",
        ),
        _ => Check::ok(name, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    fn status(free_bytes: u64, is_in_memory: bool, sync: Duration, keeps: bool) -> Status {
        let measured = Measured {
            free_bytes: Some(free_bytes),
            is_in_memory,
            sync,
        };
        judge("dir", "/d", Ok(measured), keeps).status
    }

    #[test]
    fn directories_are_judged_by_what_they_are_for() {
        let (room, fine) = (ROOM_ENOUGH, Duration::from_millis(1));
        assert_eq!(status(room, false, fine, true), Status::Ok);
        assert_eq!(status(room - 1, false, fine, true), Status::Warn);
        assert_eq!(status(ROOM_NEEDED - 1, false, fine, true), Status::Fail);
        assert_eq!(status(room, true, fine, true), Status::Warn);
        assert_eq!(status(room, true, fine, false), Status::Ok);
        assert_eq!(status(room, false, SLOW, false), Status::Warn);
        let no_time = Duration::from_micros(1);
        assert_eq!(status(room, false, no_time, true), Status::Warn);
        assert_eq!(status(room, false, no_time, false), Status::Ok);
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let measured = measure(directory.path()).unwrap();
        assert!(measured.sync > Duration::ZERO);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        let missing = check("dir", &directory.path().join("missing"), true);
        assert_eq!(missing.status, Status::Fail);
        assert!(missing.found.contains("cannot be written"), "{missing:?}");
    }
}
