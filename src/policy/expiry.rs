//! Which retention buckets have passed: classes of all pipelines on one side, the buckets that a store holds on the other.
//!
//! It destroys nothing, and reads no clock. A class that no pipeline defines any more has no duration: its buckets are named
//! [`Outlook::unclaimed`], and stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::RetentionClass;
use crate::keys::BucketId;

/// How long buckets are kept, by class.
#[derive(Clone, Debug, Default)]
pub struct Horizon(BTreeMap<Arc<str>, RetentionClass>);

/// What stands in a store at one moment, seen with the eyes of retention. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Live buckets whose time has passed, oldest deadline first.
    pub due: Vec<BucketId>,
    /// How long ago the first of them should have gone; 0 where none is due.
    pub oldest_overdue_seconds: u64,
    /// Every class that a pipeline defines.
    pub classes: Vec<ClassOutlook>,
    /// Classes with live buckets that no pipeline defines: nobody can say when they end.
    pub unclaimed: Vec<(Arc<str>, usize)>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassOutlook {
    /// What policy says.
    pub class: RetentionClass,
    /// Buckets with a secret.
    pub live: usize,
    /// Buckets whose secret is destroyed.
    pub expired: usize,
    /// When the next live bucket's time ends (in the past where it is due).
    pub next_seconds: Option<u64>,
}

impl Horizon {
    /// The classes of all pipelines. Where a name stands more than once, the longest time counts: no original dies early.
    pub fn new(classes: impl IntoIterator<Item = RetentionClass>) -> Self {
        let mut longest: BTreeMap<Arc<str>, RetentionClass> = BTreeMap::new();
        for class in classes {
            let held = longest.entry(Arc::clone(&class.name)).or_insert_with(|| class.clone());
            held.keep_seconds = held.keep_seconds.max(class.keep_seconds);
        }
        Self(longest)
    }

    /// All classes, by name.
    pub fn classes(&self) -> impl Iterator<Item = &RetentionClass> {
        self.0.values()
    }

    /// When the last event that a bucket can hold has passed; `None` where no pipeline defines its class.
    pub fn expires_seconds(&self, bucket: &BucketId) -> Option<u64> {
        self.0.get(&bucket.class).map(|class| class.bucket_expires_seconds(bucket.index))
    }

    /// Looks at all buckets that a store has ever made, and whether each is live.
    pub fn outlook(&self, buckets: &[(BucketId, bool)], now_seconds: u64) -> Outlook {
        let mut outlook = Outlook::default();
        let mut seen: BTreeMap<Arc<str>, (usize, usize, Option<u64>)> = BTreeMap::new();
        let mut due = Vec::new();
        for (bucket, live) in buckets {
            let (lives, gone, next) = seen.entry(Arc::clone(&bucket.class)).or_default();
            if !*live {
                *gone += 1;
                continue;
            }
            *lives += 1;
            let Some(expires) = self.expires_seconds(bucket) else { continue };
            *next = Some(next.map_or(expires, |known| known.min(expires)));
            if expires <= now_seconds {
                due.push((expires, bucket.clone()));
            }
        }
        due.sort();
        outlook.oldest_overdue_seconds = due.first().map_or(0, |(expires, _)| now_seconds - expires);
        outlook.due = due.into_iter().map(|(_, bucket)| bucket).collect();
        for class in self.0.values() {
            let (live, expired, next_seconds) = seen.remove(&class.name).unwrap_or_default();
            outlook.classes.push(ClassOutlook { class: class.clone(), live, expired, next_seconds });
        }
        outlook.unclaimed = seen.into_iter().map(|(class, (live, ..))| (class, live)).filter(|(_, n)| *n > 0).collect();
        outlook
    }
}

#[cfg(test)]
mod tests {
    use super::super::Retention;
    use super::*;
    use proptest::prelude::*;

    fn class(name: &str, keep_seconds: u64, bucket_seconds: u64) -> RetentionClass {
        RetentionClass { name: name.into(), keep_seconds, bucket_seconds }
    }

    fn bucket(class: &str, index: u32) -> BucketId {
        BucketId { class: class.into(), index }
    }

    proptest! {
        #[test]
        fn no_bucket_is_due_while_an_event_in_it_may_still_come_back(
            at_ms in 0i64..4_000_000_000_000, keeps in prop::collection::vec(60u64..100_000_000, 1..4), late in 0u64..100,
        ) {
            let width = 60;
            let horizon = Horizon::new(keeps.iter().map(|keep| class("chat", *keep, width)));
            for keep in &keeps {
                let retention = Retention { class: "chat".into(), seconds: *keep, bucket_seconds: width };
                let held = [(bucket("chat", retention.bucket_index(at_ms)), true)];
                let ends = u64::try_from(retention.expires_ms(at_ms)).unwrap() / 1_000;
                let before = horizon.outlook(&held, ends);
                prop_assert!(before.due.is_empty(), "{ends} {before:?}");
                let longest = keeps.iter().max().unwrap();
                let past = horizon.outlook(&held, at_ms as u64 / 1_000 + longest + width + late);
                prop_assert_eq!(past.due.len(), 1);
                prop_assert!(past.oldest_overdue_seconds >= late);
            }
        }
    }

    #[test]
    fn what_is_due_comes_oldest_first_and_what_nobody_defines_stays() {
        let horizon = Horizon::new([class("short", 60, 60), class("long", 600, 60)]);
        let held = [("short", 9, true), ("short", 7, true), ("short", 6, false), ("long", 1, true), ("gone", 0, true)];
        let held = held.map(|(class, index, live)| (bucket(class, index), live));
        let outlook = horizon.outlook(&held, 720);
        // short: 9 ends at 660, 7 at 540; long: 1 at 720.
        assert_eq!(outlook.due, [bucket("short", 7), bucket("short", 9), bucket("long", 1)]);
        assert_eq!(outlook.oldest_overdue_seconds, 180);
        assert_eq!(outlook.unclaimed, [("gone".into(), 1)]);
        let short = outlook.classes.iter().find(|of| &*of.class.name == "short").unwrap();
        assert_eq!((short.live, short.expired, short.next_seconds), (2, 1, Some(540)));
        assert_eq!(horizon.outlook(&held, 539).due, []);
    }
}
