//! Every code that an outcome can carry. They are stable: headers, audit facts, metrics and runbooks rely on them.
//!
//! The one table below makes the enum, its text and `docs/outcomes.md`; a test compares the latter.

use crate::event::Unreadable;

/// What a code does to the event that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The event waits in quarantine until a person has looked; it may be sent again.
    Quarantine,
    /// The event does not pass, and sending it again changes nothing.
    Block,
    /// The event passes; the code says what it lost.
    Note,
    /// The deletion request is turned down, and a signed receipt says so.
    Refuse,
}

impl Outcome {
    /// The name, as the documentation writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Block => "block",
            Self::Note => "note",
            Self::Refuse => "refuse",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $text:literal $outcome:ident $meaning:literal $remedy:literal;)+) => {
        /// Why an event did not pass, or what it lost on its way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as text: stable, `snake_case`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it does to the event.
            pub fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome,)+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

codes! {
    Tombstone "tombstone" Quarantine "the record has no value" "tombstones carry nothing to sanitise: let compacted topics end before Lethe";
    Empty "empty" Quarantine "the value has no bytes" "find the publisher by the source position and let it send events";
    NotUtf8 "not_utf8" Quarantine "the value or the record's text is not UTF-8" "publish UTF-8; binary payloads can't be scanned";
    NotJson "not_json" Quarantine "the value is not one JSON document" "publish JSON, or set `input.format: text`";
    TooDeep "too_deep" Quarantine "JSON is nested deeper than the limit" "flatten the event, or raise `event.limits.depth`";
    TooLarge "too_large" Quarantine "the record is larger than the limit" "send less in one event, or raise `event.limits.value_bytes`";
    TooManySlots "too_many_slots" Quarantine "the event holds more texts than the limit" "split the event, or raise `event.limits.slots`";
    AmbiguousAttribute "ambiguous_attribute" Quarantine "an attribute stands in the event twice, with different values" "send one subject, tenant, conversation, region and time an event; mind duplicate JSON members";
    BadAttribute "bad_attribute" Quarantine "an attribute is there but is not of its form" "a tenant is 1 to 128 of `A-Za-z0-9._:-`, a time RFC 3339 or milliseconds, a subject a text or a number";
    BadHeader "bad_header" Quarantine "a header that Lethe reads is not UTF-8" "send headers as UTF-8 text";
    MissingTime "missing_time" Quarantine "neither the event nor the record has a time, or it lies before 1970 or after 8999" "send the time, or let the topic keep timestamps (`message.timestamp.type`)";
    BadCloudevent "bad_cloudevent" Quarantine "the CloudEvents envelope breaks the specification" "check `specversion`, `id`, `source` and `type`";
    MissingTenant "missing_tenant" Quarantine "the event names no tenant and the pipeline has no default" "send the tenant, or set `event.default_tenant`";
    MissingSubject "missing_subject" Quarantine "the pipeline requires a subject and the event names none" "send the subject, or set `require_subject: false`";
    SubjectRefNotAccepted "subject_ref_not_accepted" Quarantine "the subject has the form of a subject ref, and the pipeline reads raw input" "send the subject's own id, or set `event.subject_refs: true` where events are made from sanitised ones";
    RegionMissing "region_missing" Quarantine "the event names no region and the pipeline has no default" "send the region, or set `residency.default` or `residency.tenants`";
    RegionUnknown "region_unknown" Quarantine "the event's region is none of the pipeline's" "add the region or an alias to `residency.regions`, or a rule to `residency.transfers`";
    RegionNotAllowed "region_not_allowed" Quarantine "no transfer rule covers this class of data from the event's region" "add a rule with a legal basis to `residency.transfers`, or a destination in that region";
    TransferNotAllowed "transfer_not_allowed" Quarantine "the destination's provider works in another region and no transfer rule covers that" "choose a provider in the region, or add a rule with a legal basis";
    ProviderNotAllowed "provider_not_allowed" Quarantine "the provider lacks an agreement that this class of data requires" "sign the agreement and list it under the provider, or choose another provider";
    FirewallQuarantine "firewall_quarantine" Quarantine "the text looks hostile" "look at the reasons in the audit fact; raise `firewall.quarantine` if they are wrong";
    NamesUnread "names_unread" Quarantine "the model of names that the pipeline brought failed on a text of the event" "look at what the log says of the model, repair or replace it (`detect.names.model`), then publish the event again";
    OutputTooLarge "output_too_large" Quarantine "the sanitised record would be larger than the broker takes" "raise the topic's `max.message.bytes` and `message.max.bytes`, or send less in one event";
    InternalError "internal_error" Quarantine "Lethe broke an invariant of its own on this record" "report the place that the log names; the record waits at its source position";
    FirewallBlock "firewall_block" Block "the text is hostile beyond doubt" "look at the reasons in the audit fact; raise `firewall.block` if they are wrong";
    BlockedByPolicy "blocked_by_policy" Block "the event holds a kind that the pipeline blocks" "stop sending it, or choose another treatment for the kind";
    ErasedSubject "erased_subject" Note "the subject was erased: the event went out irreversibly redacted" "nothing: this is what was asked for; `after_erasure: renew` lets later events be sealed again";
    ExpiredRetention "expired_retention" Note "the event's retention has passed: it went out irreversibly redacted, or its tokens stayed" "nothing; lengthen `retention.classes` if that was too early";
    NoSubject "no_subject" Note "the event names no subject: tokens fell to redactions" "send the subject where originals must come back";
    HeaderDropped "header_dropped" Note "a header whose value is not UTF-8 was left out: it could not be looked at" "send headers as UTF-8 text";
    NotForAudience "not_for_audience" Note "a token stayed: its original is not for this audience" "add the kind to the audience under `restore.audiences`; it holds for later events";
    SealedMissing "sealed_missing" Note "a token stayed: no sealed original rides with the event" "let workers echo the `lethe-sealed` header";
    SealedBroken "sealed_broken" Note "a token stayed: its sealed original belongs elsewhere or was altered" "find who changed the `lethe-sealed` header";
    RequestEmpty "request_empty" Refuse "the deletion request has no value" "send a request as `schemas/deletion-request.schema.json` says";
    RequestTooLarge "request_too_large" Refuse "the deletion request is longer than 64 KiB" "send the listed members only";
    RequestNotJson "request_not_json" Refuse "the deletion request is not a JSON object" "send a request as `schemas/deletion-request.schema.json` says";
    RequestBadId "request_bad_id" Refuse "`request_id` is not of its form" "1 to 128 of `A-Za-z0-9._:-`, or leave it out";
    RequestMissingTenant "request_missing_tenant" Refuse "the deletion request names no tenant and the pipeline has no default" "send `tenant`, or set `request.default_tenant`";
    RequestBadTenant "request_bad_tenant" Refuse "`tenant` is not of its form" "1 to 128 of `A-Za-z0-9._:-`";
    RequestMissingSubject "request_missing_subject" Refuse "the deletion request names no subject" "send `subject`";
    RequestBadSubject "request_bad_subject" Refuse "`subject` is no text, empty, or longer than 1 KiB" "send the id that events carry, as a JSON string";
    RequestUnknownReason "request_unknown_reason" Refuse "`reason` or `legal_ground` is none of those listed" "see `schemas/deletion-request.schema.json`; prose would be personal data in the evidence";
    RequestBadTime "request_bad_time" Refuse "`requested_at` or `erase_through` is no time" "send RFC 3339";
    RequestFutureFence "request_future_fence" Refuse "`erase_through` lies in the future" "send a time that has passed, or leave it out";
    RequestBadVerification "request_bad_verification" Refuse "`identity_verification` is not a short name" "1 to 64 of `A-Za-z0-9._:/+-`, such as `email_link`";
    RequestIdReused "request_id_reused" Refuse "`request_id` was used before, for another subject" "send a request id of its own";
    RequestUnknownAction "request_unknown_action" Refuse "`action` is none of `erase`, `hold`, `lift`, `status`, `find`" "leave it out to erase";
    RequestUnknownScope "request_unknown_scope" Refuse "`scope` is none of `subject`, `tenant`, `retention_class`" "leave it out to erase one subject";
    RequestScopeNotAllowed "request_scope_not_allowed" Refuse "the erase pipeline does not allow this scope" "list it under `request.scopes` of the erase pipeline, if whoever may publish there may erase so much";
    RequestBadScope "request_bad_scope" Refuse "the request names something that does not belong to its scope, or not what the scope needs" "`subject` belongs to the scope `subject` alone, `retention_class` to its own, which takes no `tenant`";
    RequestUnknownClass "request_unknown_class" Refuse "`retention_class` is no class of any pipeline that runs here" "see `retention.classes` of the pipelines";
    RequestUnknownPriority "request_unknown_priority" Refuse "`priority` is none of `urgent`, `normal`, `low`" "leave it out";
    RequestBadHold "request_bad_hold" Refuse "a hold lacks a proper `hold`, `reason`, `authority` or `by`, or a lift `hold` or `by`" "references and names are 1 to 128 of `A-Za-z0-9._:/+-`; reasons are those of `schemas/deletion-request.schema.json`";
    RequestHoldReused "request_hold_reused" Refuse "the reference of the hold belongs to another hold, or to one that was lifted" "choose a reference of its own";
    RequestBadIdentifier "request_bad_identifier" Refuse "`identifier` is not of its form, or stands beside a subject or a wider scope" "send `{\"kind\": \"EMAIL\", \"value\": …}` in place of `subject`";
    RequestIdentifierUnknown "request_identifier_unknown" Refuse "the blind index knows nobody under this identifier" "name the subject; pipelines enter only what they list under `index`";
    RequestIdentifierAmbiguous "request_identifier_ambiguous" Refuse "several subjects were sealed with this identifier: some may have written about the person" "find out who is meant (`lethe subject find`), and name them by `subject`";
    RequestHoldUnknown "request_hold_unknown" Refuse "no hold of this reference stands" "`lethe hold list` shows those that do";
}

impl From<&Unreadable> for Code {
    fn from(unreadable: &Unreadable) -> Self {
        match unreadable {
            Unreadable::Tombstone => Self::Tombstone,
            Unreadable::Empty => Self::Empty,
            Unreadable::NotUtf8 => Self::NotUtf8,
            Unreadable::NotJson { .. } => Self::NotJson,
            Unreadable::TooDeep { .. } => Self::TooDeep,
            Unreadable::TooLarge { .. } => Self::TooLarge,
            Unreadable::TooManySlots { .. } => Self::TooManySlots,
            Unreadable::AmbiguousAttribute(_) => Self::AmbiguousAttribute,
            Unreadable::BadAttribute(_) => Self::BadAttribute,
            Unreadable::BadHeader => Self::BadHeader,
            Unreadable::BadCloudEvent(_) => Self::BadCloudevent,
        }
    }
}

impl Code {
    /// The code of this text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Attribute;

    #[test]
    fn codes_are_distinct_and_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_text(code.as_str()), Some(*code));
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'8'), "{code:?}");
        }
        assert_eq!(Code::from_text("no such code"), None);
    }

    #[test]
    fn what_cannot_be_read_has_one_code_whoever_names_it() {
        for unreadable in [
            Unreadable::Tombstone,
            Unreadable::Empty,
            Unreadable::NotUtf8,
            Unreadable::NotJson { at: 0 },
            Unreadable::TooDeep { limit: 0 },
            Unreadable::TooLarge { bytes: 0, limit: 0 },
            Unreadable::TooManySlots { limit: 0 },
            Unreadable::AmbiguousAttribute(Attribute::Tenant),
            Unreadable::BadAttribute(Attribute::Tenant),
            Unreadable::BadHeader,
            Unreadable::BadCloudEvent(""),
        ] {
            assert_eq!(Code::from(&unreadable).as_str(), unreadable.code());
        }
    }
}
