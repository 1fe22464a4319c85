//! How long an event's originals may come back, and in which bucket of keys they are kept until then.
//!
//! A bucket is a span of event time. Its secret is destroyed once `(index + 1) * width + keep` has passed, so originals live
//! at least `keep` and at most `keep + width`.

use std::sync::Arc;

use super::class::{Categories, Class, Level};

/// A class of retention: a duration with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionClass {
    /// Name, the same for every pipeline: buckets of keys belong to it.
    pub name: Arc<str>,
    /// How long originals may come back.
    pub keep_seconds: u64,
    /// Width of a bucket of keys.
    pub bucket_seconds: u64,
}

impl RetentionClass {
    /// The bucket width where none is written: a tenth of the duration, at least an hour.
    pub fn default_bucket_seconds(keep_seconds: u64) -> u64 {
        (keep_seconds / 10).max(3600)
    }

    /// When originals of a bucket expire, in seconds since the Unix epoch.
    pub fn bucket_expires_seconds(&self, index: u32) -> u64 {
        (u64::from(index) + 1).saturating_mul(self.bucket_seconds).saturating_add(self.keep_seconds)
    }
}

/// The retention of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The class's name.
    pub class: Arc<str>,
    /// How long originals may come back.
    pub seconds: u64,
    /// Width of a bucket of keys.
    pub bucket_seconds: u64,
}

impl Retention {
    /// The index of the bucket an event time falls into. Times before 1970 are in bucket 0.
    pub fn bucket_index(&self, at_ms: i64) -> u32 {
        let seconds = u64::try_from(at_ms).unwrap_or(0) / 1000;
        u32::try_from(seconds / self.bucket_seconds.max(1)).unwrap_or(u32::MAX)
    }

    /// When the event expires (`ce_expirytime`), in milliseconds since the Unix epoch.
    pub fn expires_ms(&self, at_ms: i64) -> i64 {
        let keep_ms = i64::try_from(self.seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        at_ms.saturating_add(keep_ms)
    }
}

/// When a class other than the default applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// Index into [`RetentionRules::classes`].
    pub class: usize,
    /// Applies where an event holds one of these categories; empty: whatever it holds.
    pub categories: Categories,
    /// Applies from this level on.
    pub least_level: Level,
}

/// A pipeline's retention: classes, and rules of which the first that matches holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRules {
    /// The classes.
    pub classes: Vec<RetentionClass>,
    /// The class where no rule matches.
    pub default: RetentionClass,
    /// In order.
    pub rules: Vec<RetentionRule>,
}

impl RetentionRules {
    /// The retention of an event of this class.
    pub fn of(&self, class: Class) -> Retention {
        let chosen = self
            .rules
            .iter()
            .find(|rule| {
                class.level >= rule.least_level
                    && (rule.categories.is_empty() || class.categories.meets(rule.categories))
            })
            .and_then(|rule| self.classes.get(rule.class))
            .unwrap_or(&self.default);
        Retention { class: chosen.name.clone(), seconds: chosen.keep_seconds, bucket_seconds: chosen.bucket_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_original_dies_before_its_time_or_lives_a_bucket_longer(
            at_ms in 0i64..4_000_000_000_000, keep in 1u64..200_000_000,
        ) {
            let bucket_seconds = RetentionClass::default_bucket_seconds(keep);
            let class = RetentionClass { name: "chat".into(), keep_seconds: keep, bucket_seconds };
            let retention = Retention { class: "chat".into(), seconds: keep, bucket_seconds };
            let dies_ms = class.bucket_expires_seconds(retention.bucket_index(at_ms)) as i64 * 1000;
            prop_assert!(dies_ms >= retention.expires_ms(at_ms));
            prop_assert!(dies_ms <= retention.expires_ms(at_ms) + bucket_seconds as i64 * 1000);
        }
    }

    #[test]
    fn times_out_of_range_still_have_a_bucket() {
        let retention = Retention { class: "chat".into(), seconds: u64::MAX, bucket_seconds: 0 };
        assert_eq!(retention.bucket_index(-1), 0);
        assert_eq!(retention.bucket_index(i64::MAX), u32::MAX);
        assert_eq!(retention.expires_ms(i64::MAX), i64::MAX);
    }
}
