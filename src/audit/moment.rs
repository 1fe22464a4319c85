//! A point in time as evidence writes it: RFC 3339, UTC, milliseconds.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch; written as `2026-11-21T05:31:42.000Z`. Given, never read from a clock here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl Moment {
    /// Reads an RFC 3339 timestamp with any offset; what lies below a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    fn text(self) -> String {
        let edge = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        // A producer may set any 64-bit record timestamp: what no calendar holds is shown as the calendar's edge.
        PRINTER.timestamp_to_string(&Timestamp::from_millisecond(self.0).unwrap_or(edge))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a time is written as RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_millisecond_in_utc_and_read_back() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_239_102_007, "2026-11-21T05:31:42.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Moment(ms).to_string(), text);
            assert_eq!(Moment::parse(text), Some(Moment(ms)));
        }
        assert_eq!(Moment::parse("2026-11-21T06:31:42.007+01:00"), Some(Moment(1_795_239_102_007)));
        assert_eq!(Moment::parse("yesterday"), None);
    }

    #[test]
    fn a_time_outside_the_calendar_neither_panics_nor_disappears() {
        assert!(Moment(i64::MAX).to_string().starts_with("9999-12-"));
        assert!(Moment(i64::MIN).to_string().starts_with("-009999-"));
    }
}
