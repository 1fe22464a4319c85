//! Who may have a key: the fence's rule, in one pure function.

use super::{Fence, Grant};

/// What stands of a retention bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has a secret.
    Live,
    /// Its secret is destroyed.
    Expired,
    /// It was never made.
    Absent,
}

/// What a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The key that stands there, of this generation, in the bucket that stands there.
    Use(u32),
    /// A key of this generation in this bucket; what of the two is missing is to be made.
    Make(u32),
    /// Nothing: erased.
    Erased(Fence),
    /// Nothing: the bucket has passed.
    Expired,
    /// Nothing there, and nothing to be made.
    Unknown,
}

/// Decides about one request.
///
/// INVARIANT: an event at or before the fence never gets a key, whatever stands there; and a generation that the fence
/// condemns is never used again, even while it waits for its destruction.
pub fn access(grant: Grant, at_ms: i64, fence: Option<Fence>, live: Option<u32>, bucket: Standing) -> Access {
    if let Some(fence) = fence
        && (at_ms <= fence.erased_through_ms || grant == Grant::Create)
    {
        return Access::Erased(fence);
    }
    if bucket == Standing::Expired {
        return Access::Expired;
    }
    let condemned = fence.map_or(0, |fence| fence.generation);
    let usable = live.filter(|generation| *generation > condemned);
    match (usable, bucket, grant) {
        (Some(generation), Standing::Live, _) => Access::Use(generation),
        (_, _, Grant::Open) => fence.filter(|_| usable.is_none()).map_or(Access::Unknown, Access::Erased),
        (usable, ..) => Access::Make(usable.unwrap_or(condemned.saturating_add(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grant() -> impl Strategy<Value = Grant> {
        prop::sample::select(vec![Grant::Open, Grant::Create, Grant::Renew])
    }

    fn standing() -> impl Strategy<Value = Standing> {
        prop::sample::select(vec![Standing::Live, Standing::Expired, Standing::Absent])
    }

    proptest! {
        #[test]
        fn no_event_at_or_before_the_fence_and_no_condemned_generation_gets_a_key(
            grant in grant(),
            at_ms in 0i64..10,
            through in 0i64..10,
            condemned in 0u32..4,
            live in prop::option::of(1u32..5),
            bucket in standing(),
        ) {
            let fence = Fence { erased_through_ms: through, generation: condemned };
            match access(grant, at_ms, Some(fence), live, bucket) {
                Access::Use(generation) | Access::Make(generation) => {
                    prop_assert!(at_ms > through);
                    prop_assert!(generation > condemned);
                    prop_assert!(grant != Grant::Create);
                    prop_assert!(bucket != Standing::Expired);
                }
                Access::Erased(_) | Access::Expired | Access::Unknown => {}
            }
        }

        #[test]
        fn opening_makes_nothing(at_ms: i64, live in prop::option::of(1u32..5), bucket in standing()) {
            prop_assert!(!matches!(access(Grant::Open, at_ms, None, live, bucket), Access::Make(_)));
        }
    }

    #[test]
    fn who_was_never_erased_gets_a_key_and_who_was_gets_the_next_generation_if_policy_renews() {
        let fence = Fence { erased_through_ms: 100, generation: 3 };
        for (grant, at_ms, fence, live, bucket, expected) in [
            (Grant::Create, 5, None, None, Standing::Absent, Access::Make(1)),
            (Grant::Create, 5, None, Some(1), Standing::Live, Access::Use(1)),
            (Grant::Create, 5, None, Some(1), Standing::Absent, Access::Make(1)),
            (Grant::Create, 500, Some(fence), None, Standing::Live, Access::Erased(fence)),
            (Grant::Create, 500, Some(fence), Some(4), Standing::Live, Access::Erased(fence)),
            (Grant::Renew, 101, Some(fence), None, Standing::Live, Access::Make(4)),
            (Grant::Renew, 101, Some(fence), Some(3), Standing::Live, Access::Make(4)),
            (Grant::Renew, 101, Some(fence), Some(4), Standing::Live, Access::Use(4)),
            (Grant::Renew, 100, Some(fence), Some(4), Standing::Live, Access::Erased(fence)),
            (Grant::Open, 101, Some(fence), Some(4), Standing::Live, Access::Use(4)),
            (Grant::Open, 101, Some(fence), Some(3), Standing::Live, Access::Erased(fence)),
            (Grant::Open, 100, Some(fence), Some(4), Standing::Live, Access::Erased(fence)),
            (Grant::Open, 5, None, Some(1), Standing::Expired, Access::Expired),
            (Grant::Open, 5, None, None, Standing::Live, Access::Unknown),
        ] {
            assert_eq!(access(grant, at_ms, fence, live, bucket), expected, "{grant:?} at {at_ms}, live {live:?}");
        }
    }
}
