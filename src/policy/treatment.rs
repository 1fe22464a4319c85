//! What may be done to a finding, to a hostile text, and to whoever comes back after an erasure.

/// What happens to one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// A token stands in the text, the sealed original rides along: reversible for those whom policy names.
    Token,
    /// The kind's name stands in the text: `[EMAIL]`.
    Redact,
    /// Asterisks, but for the last characters.
    Mask {
        /// How many characters at the end stay readable.
        keep_last: u8,
    },
    /// A keyed digest: equal values stay equal across a tenant, nothing comes back.
    Hash,
    /// A made-up value of the same kind: text reads on, nothing comes back.
    Surrogate,
    /// Nothing: the value passes in clear.
    Keep,
    /// The event does not pass.
    Block,
}

impl Treatment {
    /// The name, as pipelines write it and audit facts carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Redact => "redact",
            Self::Mask { .. } => "mask",
            Self::Hash => "hash",
            Self::Surrogate => "surrogate",
            Self::Keep => "keep",
            Self::Block => "block",
        }
    }

    /// Whether the original can come back: only what was sealed can.
    pub fn reversible(self) -> bool {
        self == Self::Token
    }
}

/// Within what equal values get the same token.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// One event: nothing can be linked across events.
    Event,
    /// One conversation: a model can follow who is who.
    #[default]
    Conversation,
    /// All events of one subject.
    Subject,
    /// All events of one tenant: values can be joined, and guessed at, across people.
    Tenant,
}

/// What becomes of events of a subject that was erased, if they are younger than the erasure.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AfterErasure {
    /// They stay irreversibly redacted.
    #[default]
    Redact,
    /// They get a new key generation: the person came back.
    Renew,
}

/// What policy makes of a firewall's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FirewallAction {
    /// Passes unmarked.
    Allow,
    /// Passes, and its headers say why.
    Flag,
    /// Waits for a person.
    Quarantine,
    /// Does not pass.
    Block,
}

impl FirewallAction {
    /// The name, as headers and audit facts carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
            Self::Block => "block",
        }
    }
}

/// From which hostility (0 to 100) on which action is taken; `None` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirewallThresholds {
    /// Marks the event.
    pub flag: Option<u8>,
    /// Quarantines it.
    pub quarantine: Option<u8>,
    /// Blocks it.
    pub block: Option<u8>,
}

impl FirewallThresholds {
    /// The strictest action whose threshold is reached.
    pub fn action(self, hostility: u8) -> FirewallAction {
        let reached = |threshold: Option<u8>| threshold.is_some_and(|least| hostility >= least);
        if reached(self.block) {
            FirewallAction::Block
        } else if reached(self.quarantine) {
            FirewallAction::Quarantine
        } else if reached(self.flag) {
            FirewallAction::Flag
        } else {
            FirewallAction::Allow
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_reached_threshold_wins() {
        let all = FirewallThresholds { flag: Some(40), quarantine: Some(70), block: Some(90) };
        for (hostility, action) in [
            (0, FirewallAction::Allow),
            (39, FirewallAction::Allow),
            (40, FirewallAction::Flag),
            (70, FirewallAction::Quarantine),
            (90, FirewallAction::Block),
            (100, FirewallAction::Block),
        ] {
            assert_eq!(all.action(hostility), action, "{hostility}");
        }
        let none = FirewallThresholds { flag: None, quarantine: None, block: None };
        assert_eq!(none.action(100), FirewallAction::Allow);
    }
}
