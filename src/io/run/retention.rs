//! Retention by key, driven: buckets whose time has passed lose their secret, and with it every copy of what they sealed.
//!
//! A class's buckets are numbered by its width, so the width is fixed for as long as the store holds a live bucket of it: the
//! widths are remembered in the store, and a configuration that changes one is refused before anything is sealed with it.
//!
//! What is destroyed can't be brought back, so a wall clock that leaps ahead is not believed at once. One that stands back
//! only makes expiry late, and a metric says how late.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::io::clock::Clock;
use crate::io::keystore::{Keystore, StoreError};
use crate::pipeline::{PipelineConfig, Work};
use crate::policy::{Horizon, Outlook, RetentionClass};

/// Under which name the store remembers the widths. Requests' names have a line feed in them, so none is like it.
const WIDTHS: &str = "retention-widths";
/// How far the wall clock may run ahead of the monotonic one between two looks.
const LEAP_MS: i64 = 300_000;
/// After a leap nothing is destroyed for so long: time to put a clock right.
const HELD_MS: u64 = 3_600_000;

/// The configuration would read the store's buckets otherwise than they were made.
#[derive(Debug, thiserror::Error)]
pub enum WidthError {
    /// A width differs.
    #[error(
        "retention class `{class}` is configured with buckets of {now}, and the key store holds {live} live buckets of {was}\nhelp: write `bucket: {was}` in that class (its `keep` may change), or give the class a new name"
    )]
    Changed {
        /// Which class.
        class: Arc<str>,
        /// How many buckets it has.
        live: usize,
        /// Their width.
        was: Span,
        /// The configured width.
        now: Span,
    },
    /// The key store.
    #[error("key store: {0}")]
    Store(#[from] StoreError),
}

/// A duration as a configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
        let unit = units.into_iter().find(|(seconds, _)| self.0.is_multiple_of(*seconds));
        let (seconds, unit) = unit.unwrap_or((1, "s"));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

/// The retention classes of all pipelines.
pub fn horizon(pipelines: &[PipelineConfig]) -> Horizon {
    let classes = pipelines.iter().filter_map(|config| match &config.work {
        Work::Sanitize(sanitize) => Some(&sanitize.policy.retention),
        Work::Restore(_) | Work::Erase(_) => None,
    });
    Horizon::new(classes.flat_map(|rules| rules.classes.iter().chain([&rules.default])).cloned())
}

/// Remembers the widths of all classes, and refuses one that differs from that of live buckets.
pub fn pin_widths(store: &dyn Keystore, horizon: &Horizon) -> Result<(), WidthError> {
    let known: BTreeMap<Arc<str>, u64> = match store.recall(WIDTHS)? {
        Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let buckets = store.buckets()?;
    let mut pinned = known.clone();
    for class in horizon.classes() {
        let RetentionClass { name, bucket_seconds, .. } = class;
        let live = buckets.iter().filter(|(bucket, live)| *live && bucket.class == *name).count();
        match known.get(name) {
            Some(was) if was != bucket_seconds && live > 0 => {
                let (was, now) = (Span(*was), Span(*bucket_seconds));
                return Err(WidthError::Changed { class: Arc::clone(name), live, was, now });
            }
            _ => drop(pinned.insert(Arc::clone(name), *bucket_seconds)),
        }
    }
    if pinned != known {
        let bytes = serde_json::to_vec(&pinned).unwrap_or_default();
        store.remember(WIDTHS, &bytes, true)?;
    }
    Ok(())
}

/// Destroys what has passed.
pub struct Retention {
    store: Arc<dyn Keystore>,
    clock: Arc<dyn Clock>,
    horizon: Horizon,
    /// Wall and monotonic time of the last look.
    looked: Option<(i64, u64)>,
    /// Until when (monotonic) a leap of the clock holds everything back.
    held_until_ms: u64,
}

impl Retention {
    /// Looks at nothing yet.
    pub fn new(store: Arc<dyn Keystore>, clock: Arc<dyn Clock>, horizon: Horizon) -> Self {
        Self { store, clock, horizon, looked: None, held_until_ms: 0 }
    }

    /// Destroys every bucket whose time has passed, in one epoch; how many.
    pub fn look(&mut self) -> Result<usize, StoreError> {
        let leapt = self.leapt();
        if !self.store.leads()? {
            return Ok(0);
        }
        let buckets = self.store.buckets()?;
        let outlook = self.horizon.outlook(&buckets, self.now_seconds());
        self.publish(&outlook);
        if outlook.due.is_empty() {
            return Ok(0);
        }
        if leapt {
            tracing::warn!(
                due = outlook.due.len(),
                "the wall clock has leapt ahead: expiry is held back for an hour; put the clock right if it is wrong"
            );
            return Ok(0);
        }
        let expired = self.store.expire(&outlook.due)?;
        for bucket in &expired.buckets {
            metrics::counter!("lethe_retention_expired_buckets_total", "class" => bucket.class.to_string())
                .increment(1);
            tracing::info!(
                class = &*bucket.class,
                index = bucket.index,
                epoch = expired.epoch.as_ref().map(|(epoch, _)| *epoch),
                "retention: a bucket's keys are destroyed"
            );
        }
        let after = self.horizon.outlook(&self.store.buckets()?, self.now_seconds());
        self.publish(&after);
        Ok(expired.buckets.len())
    }

    fn now_seconds(&self) -> u64 {
        u64::try_from(self.clock.wall_ms()).unwrap_or(0) / 1_000
    }

    /// Whether the wall clock is not to be believed for now.
    fn leapt(&mut self) -> bool {
        let now @ (wall_ms, monotonic_ms) = (self.clock.wall_ms(), self.clock.monotonic_ms());
        if let Some((was_wall, was_monotonic)) = self.looked.replace(now) {
            let passed = i64::try_from(monotonic_ms.saturating_sub(was_monotonic)).unwrap_or(i64::MAX);
            if wall_ms.saturating_sub(was_wall).saturating_sub(passed) > LEAP_MS {
                self.held_until_ms = monotonic_ms + HELD_MS;
            }
        }
        monotonic_ms < self.held_until_ms
    }

    fn publish(&self, outlook: &Outlook) {
        metrics::gauge!("lethe_retention_oldest_overdue_seconds").set(outlook.oldest_overdue_seconds as f64);
        for of in &outlook.classes {
            let class = of.class.name.to_string();
            metrics::gauge!("lethe_retention_live_buckets", "class" => class).set(of.live as f64);
        }
        for (class, live) in &outlook.unclaimed {
            metrics::gauge!("lethe_retention_unclaimed_buckets", "class" => class.to_string()).set(*live as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::clock::ManualClock;
    use crate::io::keystore::{EmbeddedStore, Options};
    use crate::io::kms::FileKeeper;
    use crate::keys::{BucketId, Grant, KeyId, KeyRequest, KeyState};

    const MINUTE_MS: i64 = 60_000;

    fn store(clock: &Arc<ManualClock>) -> (tempfile::TempDir, Arc<dyn Keystore>) {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Arc::new(FileKeeper::open(&folder.path().join("root")).unwrap());
        let store = EmbeddedStore::open(Options::new(folder.path().join("store")), keeper, clock.clone()).unwrap();
        (folder, Arc::new(store))
    }

    fn class(keep_seconds: u64, bucket_seconds: u64) -> Horizon {
        Horizon::new([RetentionClass { name: "chat".into(), keep_seconds, bucket_seconds }])
    }

    fn request(index: u32, grant: Grant) -> KeyRequest {
        KeyRequest { id: KeyId([7; 16]), bucket: BucketId { class: "chat".into(), index }, at_ms: 0, grant }
    }

    fn state(store: &dyn Keystore, index: u32, grant: Grant) -> KeyState {
        let asked = request(index, grant);
        store.ring(std::slice::from_ref(&asked)).unwrap().state(&asked).clone()
    }

    #[test]
    fn a_bucket_goes_when_its_last_event_has_passed_and_not_a_moment_before() {
        let clock = Arc::new(ManualClock::default());
        let (_folder, store) = store(&clock);
        let KeyState::Live(keys) = state(&*store, 2, Grant::Create) else { panic!("a new key") };
        let sealed = keys.seal(b"", b"ada@example.org");
        let mut retention = Retention::new(store.clone(), clock.clone(), class(120, 60));
        // Bucket 2 holds events up to minute 3 and keeps them two minutes more.
        clock.set_wall_ms(5 * MINUTE_MS - 1);
        assert_eq!(retention.look().unwrap(), 0);
        assert!(matches!(state(&*store, 2, Grant::Open), KeyState::Live(keys) if keys.open(b"", &sealed).is_ok()));
        clock.set_wall_ms(5 * MINUTE_MS);
        assert_eq!(retention.look().unwrap(), 1);
        assert!(matches!(state(&*store, 2, Grant::Open), KeyState::Expired));
        assert!(matches!(state(&*store, 2, Grant::Renew), KeyState::Expired), "it is never made again");
        assert_eq!(retention.look().unwrap(), 0);
    }

    #[test]
    fn a_clock_that_leaps_ahead_destroys_nothing_before_someone_could_put_it_right() {
        let clock = Arc::new(ManualClock::default());
        let (_folder, store) = store(&clock);
        state(&*store, 2, Grant::Create);
        let mut retention = Retention::new(store.clone(), clock.clone(), class(120, 60));
        assert_eq!(retention.look().unwrap(), 0);
        clock.set_wall_ms(500 * MINUTE_MS);
        assert_eq!(retention.look().unwrap(), 0);
        clock.set_wall_ms(MINUTE_MS);
        assert_eq!(retention.look().unwrap(), 0, "set back by hand, nothing is due");
        clock.set_wall_ms(600 * MINUTE_MS);
        assert_eq!(retention.look().unwrap(), 0);
        for _ in 0..60 {
            clock.step_ms(MINUTE_MS as u32);
            retention.look().unwrap();
        }
        assert!(matches!(state(&*store, 2, Grant::Open), KeyState::Expired), "after an hour it is believed");
    }

    #[test]
    fn a_changed_width_is_refused_while_buckets_of_the_old_one_live() {
        let clock = Arc::new(ManualClock::default());
        let (_folder, store) = store(&clock);
        pin_widths(&*store, &class(600, 60)).unwrap();
        pin_widths(&*store, &class(600, 120)).unwrap();
        state(&*store, 2, Grant::Create);
        pin_widths(&*store, &class(86_400, 120)).unwrap();
        let refused = pin_widths(&*store, &class(600, 60)).unwrap_err().to_string();
        assert!(refused.contains("`bucket: 2m`") && refused.contains("help:"), "{refused}");
        store.expire(&[BucketId { class: "chat".into(), index: 2 }]).unwrap();
        pin_widths(&*store, &class(600, 60)).unwrap();
    }

    #[test]
    fn a_width_is_said_as_a_configuration_writes_it() {
        for (seconds, text) in [(259_200, "3d"), (3_600, "1h"), (90, "90s"), (120, "2m"), (90_000, "25h")] {
            assert_eq!(Span(seconds).to_string(), text);
        }
    }
}
