//! The clock of the wall, by which batches are cut, and its time zone.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;

use super::report::Check;

const NAME: &str = "clock";

/// How far the clocks may be apart; setting a clock gently stays below.
const APART_MAX: Duration = Duration::from_millis(20);

/// The start of 2025: this program is not older.
const EARLIEST: Duration = Duration::from_secs(1_735_689_600);

/// When the look at the machine began, by both clocks.
pub(super) struct Began {
    steady: Instant,
    wall: SystemTime,
}

impl Began {
    pub(super) fn now() -> Self {
        Began {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Whether both clocks say that as much time has passed.
    pub(super) fn check(&self) -> Check {
        let wall = SystemTime::now();
        let since_1970 = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let passed = match wall.duration_since(self.wall) {
            Ok(passed) => passed.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64(),
        };
        judge(self.steady.elapsed(), passed, since_1970)
    }
}

fn judge(steady: Duration, wall_seconds: f64, since_1970: Duration) -> Check {
    let apart_ms = (wall_seconds - steady.as_secs_f64()) * 1000.0;
    let watched = format!("{:.0} ms", steady.as_secs_f64() * 1000.0);
    if since_1970 < EARLIEST {
        let found = "the wall clock says a time before 2025";
        return Check::fail(NAME, found, "set it, and keep it set by NTP");
    }
    if apart_ms.abs() > APART_MAX.as_secs_f64() * 1000.0 {
        let found = format!("the wall clock jumped by {apart_ms:.0} ms within {watched}");
        let advice = "batches are late or wait when it does: let NTP slew it instead of setting it";
        return Check::warn(NAME, found, advice);
    }
    Check::ok(
        NAME,
        format!(
            "it did not jump in the {watched} in which this looked, {:.1} ms apart",
            apart_ms.abs()
        ),
    )
}

/// The zone in which pages and the console tell times.
pub(super) fn zone() -> Check {
    let zone = TimeZone::system();
    match zone.iana_name() {
        _ if zone.is_unknown() => Check::warn(
            "time zone",
            "unknown; times are told in UTC",
            "set TZ, or install the time zone data of the system",
        ),
        Some(name) => Check::ok("time zone", name),
        None => Check::ok("time zone", "that of the system, without a name"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_jump_is_what_only_the_wall_clock_does() {
        let (second, now) = (Duration::from_secs(1), EARLIEST * 2);
        let steady = judge(second, 1.000_5, now);
        assert_eq!(steady.status, Status::Ok);
        assert!(
            steady.found.contains("in the 1000 ms in which"),
            "how little it has seen: {steady:?}"
        );
        let forward = judge(second, 3.0, now);
        assert_eq!(forward.status, Status::Warn);
        assert!(
            forward.found.contains("by 2000 ms within 1000 ms"),
            "{forward:?}"
        );
        assert_eq!(judge(second, -1.0, now).status, Status::Warn);
        assert_eq!(judge(second, 1.0, second).status, Status::Fail);
    }
}
