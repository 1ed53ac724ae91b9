//! Moments as Spark's REST interface writes and reads them.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::described::{Described, Schemas};
use crate::record::At;

/// A moment, written as `2026-11-21T00:52:10.784GMT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) At);

impl Date {
    /// What stands for a moment that is still to come.
    pub(crate) const UNKNOWN: Date = Date(At(-1000));

    /// A moment, or the beginning of a day, in GMT.
    pub(crate) fn parse(text: &str) -> Option<At> {
        let text = text.trim();
        let moment = || {
            let bare = text
                .strip_suffix("GMT")
                .or_else(|| text.strip_suffix('Z'))?;
            bare.parse::<civil::DateTime>().ok()
        };
        let day = || Some(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0));
        let zoned = moment().or_else(day)?.to_zoned(TimeZone::UTC).ok()?;
        Some(At(zoned.timestamp().as_microsecond()))
    }

    /// In milliseconds since 1970.
    pub(crate) fn epoch(self) -> i64 {
        self.0.millis()
    }

    fn text(self) -> String {
        // What lies outside of the calendar is not a moment that anything happened at.
        let at = Timestamp::from_microsecond(self.0.0).unwrap_or(Timestamp::UNIX_EPOCH);
        at.strftime("%Y-%m-%dT%H:%M:%S%.3fGMT").to_string()
    }
}

impl From<At> for Date {
    fn from(at: At) -> Self {
        Date(at)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl Described for Date {
    fn schema(_: &mut Schemas) -> Value {
        json!({ "type": "string", "examples": [Date::UNKNOWN.text()] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_as_spark_does() {
        let at = At(1_795_222_330_784_999);
        assert_eq!(Date(at).text(), "2026-11-21T00:52:10.784GMT");
        assert_eq!(Date::UNKNOWN.text(), "1969-12-31T23:59:59.999GMT");
        assert_eq!(Date::UNKNOWN.epoch(), -1);
        assert_eq!(
            Date::parse("2026-11-21T00:52:10.784GMT"),
            Some(At(1_795_222_330_784_000))
        );
        assert_eq!(Date::parse("1970-01-02"), Some(At(86_400_000_000)));
        for wrong in [
            "",
            "tomorrow",
            "2026-13-01",
            "99999999-01-01",
            "2026-11-21T25:00:00GMT",
        ] {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_outside_of_the_calendar_are_written_too() {
        assert_eq!(Date(At(i64::MAX)).text(), "1970-01-01T00:00:00.000GMT");
    }
}
