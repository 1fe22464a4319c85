//! Durations and sizes as configuration files write them: `30d`, `250ms`, `1MiB`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A duration, as written: a whole number and one of `s m h d w y` (a year is 365 days).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Duration(pub(super) String);

impl Duration {
    /// In seconds; `None` where it isn't a duration or is longer than a thousand years.
    pub(super) fn seconds(&self) -> Option<u64> {
        let unit = self.0.chars().last()?;
        let number: u64 = self.0.strip_suffix(unit)?.parse().ok()?;
        let scale = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            'y' => 365 * 86_400,
            _ => return None,
        };
        number.checked_mul(scale).filter(|seconds| (1..=1000 * 365 * 86_400).contains(seconds))
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: a whole number and a unit of `s`, `m`, `h`, `d`, `w` or `y`, such as `30d`.",
            "type": "string",
            "pattern": "^[1-9][0-9]{0,9}[smhdwy]$",
        })
    }
}

/// A size, as written: a whole number of bytes, or one with `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Bytes {
    Number(u64),
    Text(String),
}

impl Bytes {
    /// In bytes; `None` where it isn't a size or is beyond what this machine can count.
    pub(super) fn count(&self) -> Option<u64> {
        let text = match self {
            Self::Number(number) => return Some(*number),
            Self::Text(text) => text,
        };
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at_checked(split)?;
        let scale: u64 = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "KB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(scale)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A size: a whole number of bytes, or one with `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`, such as `1MiB`.",
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[1-9][0-9]{0,12} ?(B|KiB|MiB|GiB|KB|MB|GB)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_means_what_it_says() {
        for (text, seconds) in [
            ("45s", Some(45)),
            ("30d", Some(2_592_000)),
            ("12h", Some(43_200)),
            ("6y", Some(189_216_000)),
            ("2w", Some(1_209_600)),
            ("0s", None),
            ("d", None),
            ("1.5h", None),
            ("9999999999y", None),
            ("30", None),
        ] {
            assert_eq!(Duration(text.into()).seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn a_size_means_what_it_says() {
        for (text, bytes) in [
            ("1MiB", Some(1_048_576)),
            ("512 KiB", Some(524_288)),
            ("10MB", Some(10_000_000)),
            ("77", Some(77)),
            ("1TiB", None),
            ("99999999999999999999GiB", None),
        ] {
            assert_eq!(Bytes::Text(text.into()).count(), bytes, "{text}");
        }
    }
}
