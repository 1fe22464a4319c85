//! The decision itself: [`Policy::decide`], a pure function from circumstances and findings.

use std::sync::Arc;

use super::class::{Categories, Class, Level};
use super::code::Code;
use super::residency::{Residency, Route};
use super::retention::{Retention, RetentionRules};
use super::treatment::{AfterErasure, FirewallAction, FirewallThresholds, TokenScope, Treatment};
use crate::detect::{Category, Kind};

/// What a pipeline says of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindPolicy {
    /// The duty it falls under.
    pub category: Category,
    /// The level it lifts an event to.
    pub level: Level,
    /// What happens to it.
    pub treatment: Treatment,
    /// Who may have it back: bit `i` is audience `i` of [`Policy::audiences`].
    pub audiences: u8,
}

/// A pipeline's policy, checked: every name in it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// By [`Kind`], built-in kinds first.
    pub kinds: Vec<KindPolicy>,
    /// The treatment of a kind beyond that table. INVARIANT: no kind passes because nobody thought of it.
    pub unlisted: Treatment,
    /// Confidence from which `block` blocks; a weaker finding is redacted.
    pub block_confidence: u8,
    /// The least level of anything from this source.
    pub floor: Level,
    /// Within what equal values get the same token.
    pub token_scope: TokenScope,
    /// Names of audiences, at most eight.
    pub audiences: Arc<[Arc<str>]>,
    /// Where events may live.
    pub residency: Residency,
    /// How long originals may come back.
    pub retention: RetentionRules,
    /// What hostility leads to.
    pub firewall: FirewallThresholds,
    /// What becomes of an erased subject's later events.
    pub after_erasure: AfterErasure,
}

/// What is known of an event besides its findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// Whose customer it is.
    pub tenant: Option<&'a str>,
    /// Where the event says that it may live.
    pub region: Option<&'a str>,
    /// Whether the event names a subject: without one there is no key to seal under.
    pub subject: bool,
    /// The firewall's score, 0 to 100.
    pub hostility: u8,
}

/// One finding, as far as policy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Belief in percent.
    pub confidence: u8,
}

/// What must happen to one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How sensitive it is.
    pub class: Class,
    /// What happens to each finding, in the findings' order.
    pub treatments: Vec<Treatment>,
    /// Who may have each finding back, in the findings' order: bit `i` is audience `i` of [`Policy::audiences`]. Zero where
    /// the treatment can't be undone.
    pub audiences: Vec<u8>,
    /// Where it goes.
    pub route: Route,
    /// How long originals may come back.
    pub retention: Retention,
    /// What the firewall's verdict led to.
    pub firewall: FirewallAction,
}

impl Policy {
    /// Decides. The same arguments give the same decision, and findings in give as many treatments out.
    pub fn decide(&self, circumstances: &Circumstances<'_>, found: &[Found]) -> Decision {
        let mut class = Class { level: self.floor, categories: Categories::NONE };
        let mut treatments = Vec::with_capacity(found.len());
        let mut audiences = Vec::with_capacity(found.len());
        for finding in found {
            let kind = self.kind(finding.kind);
            class.level = class.level.max(kind.level);
            class.categories.insert(kind.category);
            let treatment = match kind.treatment {
                // Without a subject there is no key that could ever be destroyed, so nothing is sealed.
                Treatment::Token if !circumstances.subject => Treatment::Redact,
                Treatment::Block if finding.confidence < self.block_confidence => Treatment::Redact,
                other => other,
            };
            treatments.push(treatment);
            audiences.push(if treatment.reversible() { kind.audiences } else { 0 });
        }
        let firewall = self.firewall.action(circumstances.hostility);
        let route = self.route(circumstances, class, &treatments, firewall);
        Decision { class, treatments, audiences, route, retention: self.retention.of(class), firewall }
    }

    /// What a kind is to this policy; a kind that it doesn't know counts as the most sensitive and is not for anyone.
    pub fn kind(&self, kind: Kind) -> KindPolicy {
        self.kinds.get(usize::from(kind.0)).copied().unwrap_or(KindPolicy {
            category: Category::Pii,
            level: Level::Restricted,
            treatment: self.unlisted,
            audiences: 0,
        })
    }

    /// Final refusals come before those that a person may lift.
    fn route(&self, at: &Circumstances<'_>, class: Class, treatments: &[Treatment], firewall: FirewallAction) -> Route {
        if firewall == FirewallAction::Block {
            return Route::Block(Code::FirewallBlock);
        }
        if treatments.contains(&Treatment::Block) {
            return Route::Block(Code::BlockedByPolicy);
        }
        if at.tenant.is_none() {
            return Route::Quarantine(Code::MissingTenant);
        }
        let (topic, region, basis) = match self.residency.journey(at.tenant, at.region, class) {
            Ok(journey) => journey,
            Err(code) => return Route::Quarantine(code),
        };
        if firewall == FirewallAction::Quarantine {
            return Route::Quarantine(Code::FirewallQuarantine);
        }
        Route::Deliver { topic, region, basis }
    }
}

#[cfg(test)]
mod tests {
    use super::super::residency::Destination;
    use super::super::retention::{RetentionClass, RetentionRule};
    use super::*;
    use proptest::prelude::*;

    const EMAIL: Kind = Kind(0);
    const CARD: Kind = Kind(1);
    const API_KEY: Kind = Kind(2);
    const MRN: Kind = Kind(3);
    const UNHEARD_OF: Kind = Kind(999);

    fn policy() -> Policy {
        let kind =
            |category, treatment, audiences| KindPolicy { category, level: Level::of(category), treatment, audiences };
        let keep = |name: &str, days: u64| RetentionClass {
            name: name.into(),
            keep_seconds: days * 86_400,
            bucket_seconds: RetentionClass::default_bucket_seconds(days * 86_400),
        };
        Policy {
            kinds: vec![
                kind(Category::Pii, Treatment::Token, 0b01),
                kind(Category::Pci, Treatment::Mask { keep_last: 4 }, 0b11),
                kind(Category::Secret, Treatment::Block, 0),
                kind(Category::Phi, Treatment::Token, 0b10),
            ],
            unlisted: Treatment::Redact,
            block_confidence: 50,
            floor: Level::Internal,
            token_scope: TokenScope::Conversation,
            audiences: ["support".into(), "owner".into()].into(),
            residency: Residency {
                destinations: vec![Destination {
                    region: "eu".into(),
                    aliases: vec![],
                    topic: "out.eu".into(),
                    provider: None,
                }],
                default: None,
                tenants: vec![],
                transfers: vec![],
                requires: vec![],
            },
            retention: RetentionRules {
                classes: vec![keep("chat", 30), keep("health", 2190)],
                default: keep("chat", 30),
                rules: vec![RetentionRule {
                    class: 1,
                    categories: [Category::Phi].into_iter().collect(),
                    least_level: Level::Public,
                }],
            },
            firewall: FirewallThresholds { flag: Some(40), quarantine: Some(70), block: Some(90) },
            after_erasure: AfterErasure::Redact,
        }
    }

    fn eu() -> Circumstances<'static> {
        Circumstances { tenant: Some("acme"), region: Some("eu"), subject: true, hostility: 0 }
    }

    fn sure(kinds: &[Kind]) -> Vec<Found> {
        kinds.iter().map(|kind| Found { kind: *kind, confidence: 95 }).collect()
    }

    fn delivered() -> Route {
        Route::Deliver { topic: "out.eu".into(), region: "eu".into(), basis: None }
    }

    #[test]
    fn what_happens_to_an_event_is_this_table() {
        let cases: &[(&str, Circumstances<'_>, &[Kind], Route)] = &[
            ("clean", eu(), &[], delivered()),
            ("personal", eu(), &[EMAIL, CARD], delivered()),
            ("a secret", eu(), &[EMAIL, API_KEY], Route::Block(Code::BlockedByPolicy)),
            ("marked", Circumstances { hostility: 40, ..eu() }, &[], delivered()),
            ("hostile", Circumstances { hostility: 70, ..eu() }, &[], Route::Quarantine(Code::FirewallQuarantine)),
            ("attack", Circumstances { hostility: 90, ..eu() }, &[API_KEY], Route::Block(Code::FirewallBlock)),
            ("no tenant", Circumstances { tenant: None, ..eu() }, &[], Route::Quarantine(Code::MissingTenant)),
            ("no region", Circumstances { region: None, ..eu() }, &[], Route::Quarantine(Code::RegionMissing)),
            ("odd region", Circumstances { region: Some("mars"), ..eu() }, &[], Route::Quarantine(Code::RegionUnknown)),
            (
                "hostile, odd region",
                Circumstances { region: Some("mars"), hostility: 75, ..eu() },
                &[],
                Route::Quarantine(Code::RegionUnknown),
            ),
        ];
        for (name, circumstances, kinds, route) in cases {
            assert_eq!(policy().decide(circumstances, &sure(kinds)).route, *route, "{name}");
        }
    }

    #[test]
    fn class_and_retention_follow_from_what_was_found() {
        let decision = policy().decide(&eu(), &sure(&[EMAIL, MRN]));
        assert_eq!(decision.class.to_string(), "restricted;pii,phi");
        assert_eq!((&*decision.retention.class, decision.retention.seconds), ("health", 2190 * 86_400));
        let decision = policy().decide(&eu(), &[]);
        assert_eq!(decision.class.to_string(), "internal");
        assert_eq!((&*decision.retention.class, decision.retention.bucket_seconds), ("chat", 3 * 86_400));
    }

    #[test]
    fn nobody_is_promised_what_cannot_come_back() {
        let decision = policy().decide(&eu(), &sure(&[EMAIL, CARD, MRN]));
        assert_eq!(decision.audiences, [0b01, 0, 0b10]);
        let stranger = policy().decide(&Circumstances { subject: false, ..eu() }, &sure(&[EMAIL, CARD, MRN]));
        assert_eq!(stranger.treatments, [Treatment::Redact, Treatment::Mask { keep_last: 4 }, Treatment::Redact]);
        assert_eq!(stranger.audiences, [0, 0, 0]);
    }

    #[test]
    fn a_guess_does_not_block_an_event_but_is_still_taken_out() {
        let decision = policy().decide(&eu(), &[Found { kind: API_KEY, confidence: 49 }]);
        assert_eq!((decision.treatments, decision.route), (vec![Treatment::Redact], delivered()));
    }

    proptest! {
        #[test]
        fn an_unknown_region_never_yields_delivery(region in "[a-zA-Z ]{0,4}", hostility in 0u8..=100, kind in 0u16..6) {
            prop_assume!(!region.trim().eq_ignore_ascii_case("eu"));
            let at = Circumstances { region: Some(&region), hostility, ..eu() };
            let decision = policy().decide(&at, &sure(&[Kind(kind)]));
            let kept = !matches!(decision.route, Route::Deliver { .. });
            prop_assert!(kept);
        }

        #[test]
        fn no_kind_passes_by_omission(kinds in prop::collection::vec(any::<u16>(), 0..20), confidence in 0u8..=100) {
            let found: Vec<_> = kinds.iter().map(|kind| Found { kind: Kind(*kind), confidence }).collect();
            let decision = policy().decide(&eu(), &found);
            prop_assert_eq!(decision.treatments.len(), found.len());
            prop_assert_eq!(decision.audiences.len(), found.len());
            prop_assert!(!decision.treatments.contains(&Treatment::Keep));
        }
    }

    #[test]
    fn a_kind_beyond_the_table_is_restricted_and_for_nobody() {
        let decision = policy().decide(&eu(), &sure(&[UNHEARD_OF]));
        assert_eq!((decision.treatments, decision.audiences), (vec![Treatment::Redact], vec![0]));
        assert_eq!(decision.class.level, Level::Restricted);
    }
}
