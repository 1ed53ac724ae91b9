//! How pages write times, lengths of time, sizes and numbers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::record::{At, Place, Took};

/// What stands for something that is not known yet.
pub(crate) const NOTHING: &str = "-";

/// Date and time, with milliseconds where they matter.
pub(crate) fn date_time(at: At, zone: &TimeZone, has_millis: bool) -> String {
    write(
        at,
        zone,
        if has_millis {
            "%Y/%m/%d %H:%M:%S%.3f"
        } else {
            "%Y/%m/%d %H:%M:%S"
        },
    )
}

/// The time of day.
pub(crate) fn clock(at: At, zone: &TimeZone, has_millis: bool) -> String {
    write(
        at,
        zone,
        if has_millis {
            "%H:%M:%S%.3f"
        } else {
            "%H:%M:%S"
        },
    )
}

fn write(at: At, zone: &TimeZone, how: &str) -> String {
    match Timestamp::from_microsecond(at.0) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(how).to_string(),
        Err(_) => NOTHING.to_owned(),
    }
}

/// A batch time: with milliseconds if batches are less than a second apart.
pub(crate) fn batch_time(millis: i64, interval: Took, zone: &TimeZone) -> String {
    date_time(at_millis(millis), zone, has_millis(interval))
}

/// Whether batch times of an interval need milliseconds to be told apart.
pub(crate) fn has_millis(interval: Took) -> bool {
    !interval.0.is_multiple_of(1_000_000)
}

pub(crate) fn at_millis(millis: i64) -> At {
    At(millis.saturating_mul(1000))
}

/// A length of time in the unit that suits it: `0.35 ms`, `12 ms`, `1.2 s`, `3.4 min`. What took
/// some microseconds does not look like nothing: `0.004 ms`.
pub(crate) fn length(took: Took) -> String {
    let ms = took.millis_f64();
    match ms {
        _ if took.0 == 0 => "0 ms".to_owned(),
        ..0.01 => format!("{ms:.3} ms"),
        ..10.0 => format!("{ms:.2} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        ..60_000.0 => format!("{:.1} s", ms / 1000.0),
        ..3_600_000.0 => format!("{:.1} min", ms / 60_000.0),
        ..86_400_000.0 => format!("{:.1} h", ms / 3_600_000.0),
        _ => format!("{:.1} days", ms / 86_400_000.0),
    }
}

pub(crate) fn maybe_length(took: Option<Took>) -> String {
    took.map_or_else(|| NOTHING.to_owned(), length)
}

/// A length of time in words, such as `1 minute 31 seconds 391 ms`.
pub(crate) fn in_words(took: Took) -> String {
    let mut left = took.millis();
    let units = [
        ("day", 86_400_000),
        ("hour", 3_600_000),
        ("minute", 60_000),
        ("second", 1000),
    ];
    let mut words = Vec::new();
    for (name, millis) in units {
        let count = left / millis;
        left %= millis;
        if count > 0 {
            words.push(format!(
                "{count} {name}{}",
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    if left > 0 || words.is_empty() {
        words.push(format!("{left} ms"));
    }
    words.join(" ")
}

/// A size in bytes.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut name = "B";
    for unit in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        name = unit;
    }
    format!("{value:.1} {name}")
}

/// A whole number in groups of three digits.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A written number, with or without decimals, whose whole part is in groups of three digits.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, decimals) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if out.ends_with(|c: char| c.is_ascii_digit()) && (whole.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out + decimals
}

/// A file and a line without most of the directories: what fits into a box.
pub(crate) fn short_line(line: &str) -> String {
    let mut parts = line.rsplit(['/', '\\']);
    match (parts.next(), parts.next()) {
        (Some(file), Some(directory)) if parts.next().is_some() => {
            format!("…/{directory}/{file}")
        }
        _ => line.to_owned(),
    }
}

/// A place or a length in a drawing, as exact as can be seen.
pub(crate) fn pixels(value: f64) -> String {
    format!("{value:.1}")
}

/// An operator and where it was called: `map at src/main.rs:7`.
pub(crate) fn place(place: &Place) -> String {
    format!("{} at {}", place.operator, place.line)
}

/// The same with the user's name before it, if there is one.
pub(crate) fn named_place(name: Option<&str>, at: &Place) -> String {
    match name {
        Some(name) => format!("{name} ({})", place(at)),
        None => place(at),
    }
}

/// A number and the noun for it: `1 task`, `2 tasks`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A rate, in records a second.
pub(crate) fn rate(per_second: f64) -> String {
    format!("{} records/sec", grouped(&format!("{per_second:.2}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_unit_that_suits_them() {
        let texts =
            [0, 4, 350, 12_000, 1_200_000, 204_000_000, 90_000_000_000].map(|us| length(Took(us)));
        assert_eq!(
            texts,
            [
                "0 ms", "0.004 ms", "0.35 ms", "12 ms", "1.2 s", "3.4 min", "1.0 days"
            ]
        );
        assert_eq!(in_words(Took(91_391_000)), "1 minute 31 seconds 391 ms");
        assert_eq!(in_words(Took(0)), "0 ms");
        assert_eq!(in_words(Took(86_400_000_000)), "1 day");
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let at = at_millis(1_764_000_000_123);
        assert_eq!(
            date_time(at, &TimeZone::UTC, true),
            "2025/11/24 16:00:00.123"
        );
        assert_eq!(clock(at, &TimeZone::UTC, false), "16:00:00");
        let second = Took(1_000_000);
        assert_eq!(
            batch_time(1_764_000_000_000, second, &TimeZone::UTC),
            "2025/11/24 16:00:00"
        );
    }

    #[test]
    fn lines_are_short() {
        let texts = [
            "/home/u/app/src/main.rs:7",
            "src/main.rs:7",
            "main.rs:7",
            "",
        ];
        let short = texts.map(short_line);
        assert_eq!(short, ["…/src/main.rs:7", "src/main.rs:7", "main.rs:7", ""]);
    }

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            [size(1023), size(1536), size(3 << 30)],
            ["1023 B", "1.5 KiB", "3.0 GiB"]
        );
        assert_eq!(rate(88.589), "88.59 records/sec");
        assert_eq!(rate(12_345.6), "12\u{202f}345.60 records/sec");
        assert_eq!(
            ["-123", "-1234", "0.1234"].map(grouped),
            ["-123", "-1\u{202f}234", "0.1234"]
        );
        assert_eq!(
            [counted(1, "task"), counted(0, "task")],
            ["1 task", "0 tasks"]
        );
    }
}
