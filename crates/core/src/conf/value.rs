//! The types that a setting can have, and the texts that they accept.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A type that a [`Key`](super::Key) can have.
///
/// **Contract**
///
/// * `parse_conf(&value.conf_text())` gives the value back: a typed setting travels as text. Who
///   relies on it: [`Conf::set_key`](super::Conf::set_key).
/// * The reason that `parse_conf` returns completes the sentence "the value is not accepted: ...".
/// * Parsing is pure: validation and use must agree.
///
/// ```
/// use headwater_core::conf::{Conf, ConfValue, Key};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Side { Left, Right }
///
/// impl ConfValue for Side {
///     const ACCEPTED: &'static str = "left or right";
///     fn parse_conf(text: &str) -> Result<Self, String> {
///         match text {
///             "left" => Ok(Side::Left),
///             "right" => Ok(Side::Right),
///             other => Err(format!("`{other}` is no side")),
///         }
///     }
///     fn conf_text(&self) -> String {
///         match self { Side::Left => "left", Side::Right => "right" }.to_owned()
///     }
/// }
///
/// const SIDE: Key<Side> = Key::new("ui.side", "where the menu is").default("left");
/// assert_eq!(Conf::new().set_key(&SIDE, Side::Right).get(&SIDE)?, Side::Right);
/// # Ok::<(), headwater_core::conf::ConfError>(())
/// ```
pub trait ConfValue: Sized {
    /// What is accepted, in words: "a whole number". Limits and default are added to it.
    const ACCEPTED: &'static str;

    /// Reads the text of a setting; the error is the reason.
    fn parse_conf(text: &str) -> Result<Self, String>;

    /// The text that gives this value back.
    fn conf_text(&self) -> String;
}

impl ConfValue for String {
    const ACCEPTED: &'static str = "any text";

    fn parse_conf(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn conf_text(&self) -> String {
        self.clone()
    }
}

/// A path; settings are text, so only paths that are Unicode can be written exactly.
impl ConfValue for PathBuf {
    const ACCEPTED: &'static str = "a path";

    fn parse_conf(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("it is empty".to_owned())
        } else {
            Ok(PathBuf::from(text))
        }
    }

    fn conf_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl ConfValue for bool {
    const ACCEPTED: &'static str = "true or false";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text.trim() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{other}` is neither true nor false")),
        }
    }

    fn conf_text(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {$(
        impl ConfValue for $number {
            const ACCEPTED: &'static str = "a whole number";

            fn parse_conf(text: &str) -> Result<Self, String> {
                parse_whole(text, <$number>::MAX)
            }

            fn conf_text(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

whole_numbers!(u16, u32, u64, usize);

fn parse_whole<N: FromStr + fmt::Display>(text: &str, max: N) -> Result<N, String> {
    let text = text.trim();
    if !is_digits(text) {
        return Err(format!("`{text}` is not a whole number"));
    }
    text.parse().map_err(|_| format!("`{text}` is above {max}"))
}

impl ConfValue for f64 {
    const ACCEPTED: &'static str = "a number";

    fn parse_conf(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(format!("`{text}` is not a finite number")),
        }
    }

    fn conf_text(&self) -> String {
        self.to_string()
    }
}

/// Units of time in nanoseconds, the largest first; of equal ones the first is written.
const TIME_UNITS: &[(&str, u128)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// `200ms`, `2s`, `1min` (or `1m`), `1h`, `1d`, `50us`, `10ns`. A number without unit is refused,
/// since half of the world would read seconds and the other half milliseconds.
impl ConfValue for Duration {
    const ACCEPTED: &'static str = "a duration with unit such as 200ms, 2s, 1min, 1h or 1d";

    fn parse_conf(text: &str) -> Result<Self, String> {
        let nanos = parse_with_unit(text, TIME_UNITS, ["200ms", "2s"])?;
        let seconds = u64::try_from(nanos / 1_000_000_000);
        let seconds = seconds.map_err(|_| "it is longer than a duration can be".to_owned())?;
        // The remainder is below a billion.
        Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
    }

    fn conf_text(&self) -> String {
        if self.is_zero() {
            "0s".to_owned()
        } else {
            with_unit(self.as_nanos(), TIME_UNITS)
        }
    }
}

/// A number of bytes, written with a unit: `100b`, `512k`, `64m`, `1g`, `2t`. Units are powers of
/// 1024, in either case, and may be written out as `kb` or `kib`. A number without unit is
/// refused, as it is for durations.
///
/// ```
/// use headwater_core::conf::{Bytes, ConfValue};
/// assert_eq!(Bytes::parse_conf("64m"), Ok(Bytes(64 * 1024 * 1024)));
/// assert_eq!(Bytes(1536).to_string(), "1536b");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Units of size, the largest first; of equal ones the first is written.
const SIZE_UNITS: &[(&str, u128)] = &[
    ("t", 1 << 40),
    ("tb", 1 << 40),
    ("tib", 1 << 40),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("b", 1),
];

impl ConfValue for Bytes {
    const ACCEPTED: &'static str = "a size with unit such as 100b, 512k, 64m or 1g";

    fn parse_conf(text: &str) -> Result<Self, String> {
        let bytes = parse_with_unit(&text.to_ascii_lowercase(), SIZE_UNITS, ["64m", "100b"])?;
        u64::try_from(bytes)
            .map(Bytes)
            .map_err(|_| "it is larger than a size can be".to_owned())
    }

    fn conf_text(&self) -> String {
        if self.0 == 0 {
            "0b".to_owned()
        } else {
            with_unit(u128::from(self.0), SIZE_UNITS)
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.conf_text())
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads digits and a unit, which may be apart by spaces.
fn parse_with_unit(
    text: &str,
    units: &[(&str, u128)],
    examples: [&str; 2],
) -> Result<u128, String> {
    let [first, second] = examples;
    let text = text.trim();
    if is_digits(text) {
        return Err(format!(
            "`{text}` has no unit, write for example {first} or {second}"
        ));
    }
    let unit_start = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    if !is_digits(digits) {
        return Err(format!("`{text}` does not begin with a whole number"));
    }
    if unit.starts_with(['.', ',', '_']) {
        return Err(format!(
            "`{text}` is not whole, use a smaller unit as in {first}"
        ));
    }
    let unit = unit.trim();
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "`{unit}` is no unit, the units are {}",
            names.join(", ")
        ));
    };
    let number = digits.parse::<u128>().ok();
    number
        .and_then(|n| n.checked_mul(*factor))
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Writes a number in the largest unit that divides it.
fn with_unit(number: u128, units: &[(&str, u128)]) -> String {
    let unit = units
        .iter()
        .find(|(_, factor)| number.is_multiple_of(*factor));
    unit.map_or_else(String::new, |(name, factor)| {
        format!("{}{name}", number / factor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration(text: &str) -> Result<Duration, String> {
        Duration::parse_conf(text)
    }

    #[test]
    fn durations_in_every_unit() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration(" 2 s "), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1min"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("1d"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("50us"), Ok(Duration::from_micros(50)));
        assert_eq!(duration("7ns"), Ok(Duration::from_nanos(7)));
    }

    #[test]
    fn a_bare_number_is_told_to_add_a_unit() {
        let wanted = Err("`200` has no unit, write for example 200ms or 2s".to_owned());
        assert_eq!(duration("200"), wanted);
        assert!(duration("0").is_err());
        let wanted = Err("`64` has no unit, write for example 64m or 100b".to_owned());
        assert_eq!(Bytes::parse_conf("64"), wanted);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1 0s",
            "1S",
            "2 weeks",
            "99999999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration(&format!("{}d", u128::MAX)).is_err());
        assert!(duration(&format!("9{}d", u128::MAX)).is_err());
    }

    #[test]
    fn sizes_in_every_unit_and_case() {
        for (text, bytes) in [
            ("100b", 100),
            ("512k", 512 << 10),
            ("64m", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1G", 1 << 30),
            ("2tb", 2 << 40),
            ("0b", 0),
        ] {
            assert_eq!(Bytes::parse_conf(text), Ok(Bytes(bytes)), "{text}");
        }
        assert!(Bytes::parse_conf("16777216t").is_err());
        assert!(Bytes::parse_conf("1x").is_err());
        assert!(Bytes::parse_conf("1é").is_err());
    }

    #[test]
    fn numbers_and_booleans_are_strict() {
        assert_eq!(u32::parse_conf(" 7 "), Ok(7));
        assert_eq!(
            u32::parse_conf("4294967296"),
            Err("`4294967296` is above 4294967295".into())
        );
        for text in ["", "-1", "+1", "1.0", "0x1", "١"] {
            assert!(u32::parse_conf(text).is_err(), "{text}");
        }
        assert_eq!(f64::parse_conf("0.25"), Ok(0.25));
        assert!(f64::parse_conf("NaN").is_err() && f64::parse_conf("inf").is_err());
        assert_eq!(bool::parse_conf("true"), Ok(true));
        assert!(bool::parse_conf("yes").is_err());
        assert!(PathBuf::parse_conf("").is_err());
    }

    proptest! {
        #[test]
        fn a_duration_survives_its_text(seconds: u64, nanos in 0u32..1_000_000_000) {
            let value = Duration::new(seconds, nanos);
            prop_assert_eq!(duration(&value.conf_text()), Ok(value));
            let whole = Duration::from_secs(seconds);
            prop_assert_eq!(duration(&whole.conf_text()), Ok(whole));
        }

        #[test]
        fn a_size_survives_its_text(bytes: u64, shift in 0u32..64) {
            let value = Bytes(bytes << shift);
            prop_assert_eq!(Bytes::parse_conf(&value.conf_text()), Ok(value));
        }

        #[test]
        fn a_number_survives_its_text(number in proptest::num::f64::NORMAL) {
            prop_assert_eq!(f64::parse_conf(&number.conf_text()), Ok(number));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".*") {
            let _ = Duration::parse_conf(&text);
            let _ = Bytes::parse_conf(&text);
            let _ = u64::parse_conf(&text);
            let _ = f64::parse_conf(&text);
        }
    }
}
