//! Where an event may live: each region is a destination of its own, and a border is crossed only by a rule that names its
//! legal basis.
//!
//! Nothing is ever sent to another region because its own is unknown, full or away.

use std::sync::Arc;

use super::class::{Categories, Class, Level};
use super::code::Code;
use crate::detect::Category;

/// The legal ground of a transfer between regions (GDPR Art. 45, 46(2)(c), 47, 49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// An adequacy decision covers the destination.
    Adequacy,
    /// Standard contractual clauses.
    Scc,
    /// Binding corporate rules.
    Bcr,
    /// A derogation for a specific situation.
    Derogation,
}

impl Basis {
    /// The name, as audit facts carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adequacy => "adequacy",
            Self::Scc => "scc",
            Self::Bcr => "bcr",
            Self::Derogation => "derogation",
        }
    }
}

/// What a provider has signed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// A data processing agreement (GDPR Art. 28).
    Dpa,
    /// A business associate agreement (HIPAA).
    Baa,
    /// An attestation of compliance (PCI DSS).
    PciAoc,
}

impl Agreement {
    /// The name, as pipelines write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpa => "dpa",
            Self::Baa => "baa",
            Self::PciAoc => "pci-aoc",
        }
    }
}

/// Who runs the model behind a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name in the settings.
    pub name: Arc<str>,
    /// The region it works in.
    pub region: Arc<str>,
    /// What it has signed.
    pub agreements: Vec<Agreement>,
}

/// One region's destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The region.
    pub region: Arc<str>,
    /// Other names that events use for it, lower case.
    pub aliases: Vec<String>,
    /// The topic.
    pub topic: Arc<str>,
    /// Who reads that topic, if it is not your own.
    pub provider: Option<Provider>,
}

/// A permission to cross a border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Where the data comes from.
    pub from: Arc<str>,
    /// Where it may go.
    pub to: Arc<str>,
    /// Why that is lawful.
    pub basis: Basis,
    /// Only data up to this level.
    pub most_level: Level,
    /// Only data with no other categories than these.
    pub categories: Categories,
}

/// A pipeline's residency rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residency {
    /// The destinations.
    pub destinations: Vec<Destination>,
    /// The region of events that name none.
    pub default: Option<Arc<str>>,
    /// The region of a tenant's events that name none; comes before `default`.
    pub tenants: Vec<(Arc<str>, Arc<str>)>,
    /// In order; the first that covers an event holds.
    pub transfers: Vec<Transfer>,
    /// What a category requires of a provider.
    pub requires: Vec<(Category, Agreement)>,
}

/// Where an event goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To a region's topic.
    Deliver {
        /// The topic.
        topic: Arc<str>,
        /// The region of that topic.
        region: Arc<str>,
        /// The ground on which a border was crossed, if one was.
        basis: Option<Basis>,
    },
    /// Nowhere, until a person has looked.
    Quarantine(Code),
    /// Nowhere.
    Block(Code),
}

/// The way residency found: [`Route::Deliver`]'s parts.
pub type Journey = (Arc<str>, Arc<str>, Option<Basis>);

impl Residency {
    /// The way of an event of this tenant, region and class, or why there is none.
    pub fn journey(&self, tenant: Option<&str>, region: Option<&str>, class: Class) -> Result<Journey, Code> {
        let home = self.home(tenant, region).ok_or(Code::RegionMissing)?;
        let (destination, mut basis) = match self.named(&home) {
            Some(destination) => (destination, None),
            None => self.abroad(&home, class)?,
        };
        // The name under which rules know the origin: an alias stands for its region.
        let origin = self.named(&home).map_or(home.as_str(), |own| &own.region);
        if let Some(provider) = &destination.provider {
            if &*provider.region != origin {
                let rule = self.transfer(origin, &provider.region, class).ok_or(Code::TransferNotAllowed)?;
                basis = Some(rule.basis);
            }
            if self.requires.iter().any(|(category, agreement)| {
                class.categories.contains(*category) && !provider.agreements.contains(agreement)
            }) {
                return Err(Code::ProviderNotAllowed);
            }
        }
        Ok((destination.topic.clone(), destination.region.clone(), basis))
    }

    fn home(&self, tenant: Option<&str>, region: Option<&str>) -> Option<String> {
        if let Some(region) = region {
            return Some(region.trim().to_ascii_lowercase());
        }
        let of_tenant = self.tenants.iter().find(|(name, _)| Some(&**name) == tenant).map(|(_, region)| region);
        of_tenant.or(self.default.as_ref()).map(|region| region.to_string())
    }

    fn named(&self, region: &str) -> Option<&Destination> {
        self.destinations
            .iter()
            .find(|to| &*to.region == region)
            .or_else(|| self.destinations.iter().find(|to| to.aliases.iter().any(|alias| alias == region)))
    }

    /// A region without a destination of its own: only a transfer rule helps it on.
    fn abroad(&self, home: &str, class: Class) -> Result<(&Destination, Option<Basis>), Code> {
        if !self.transfers.iter().any(|rule| &*rule.from == home) {
            return Err(Code::RegionUnknown);
        }
        self.transfers
            .iter()
            .filter(|rule| &*rule.from == home && rule.covers(class))
            .find_map(|rule| Some((self.destinations.iter().find(|to| to.region == rule.to)?, Some(rule.basis))))
            .ok_or(Code::RegionNotAllowed)
    }

    fn transfer(&self, from: &str, to: &str, class: Class) -> Option<&Transfer> {
        self.transfers.iter().find(|rule| &*rule.from == from && &*rule.to == to && rule.covers(class))
    }
}

impl Transfer {
    fn covers(&self, class: Class) -> bool {
        class.level <= self.most_level && class.categories.within(self.categories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residency() -> Residency {
        let provider = |name: &str, region: &str, agreements: &[Agreement]| {
            Some(Provider { name: name.into(), region: region.into(), agreements: agreements.to_vec() })
        };
        let destination = |region: &str, aliases: &[&str], provider| Destination {
            region: region.into(),
            aliases: aliases.iter().map(ToString::to_string).collect(),
            topic: format!("out.{region}").into(),
            provider,
        };
        let transfer = |from: &str, to: &str, basis, most_level, categories| Transfer {
            from: from.into(),
            to: to.into(),
            basis,
            most_level,
            categories,
        };
        Residency {
            destinations: vec![
                destination("eu", &["de", "fr"], None),
                destination("us", &[], provider("model-us", "us", &[Agreement::Dpa])),
                destination("uk", &[], provider("model-us", "us", &[Agreement::Dpa, Agreement::Baa])),
            ],
            default: None,
            tenants: vec![("acme".into(), "us".into())],
            transfers: vec![
                transfer("ch", "eu", Basis::Adequacy, Level::Confidential, Categories::ALL),
                transfer(
                    "uk",
                    "us",
                    Basis::Scc,
                    Level::Restricted,
                    [Category::Pii, Category::Phi].into_iter().collect(),
                ),
            ],
            requires: vec![(Category::Phi, Agreement::Baa)],
        }
    }

    #[test]
    fn no_event_leaves_for_a_region_it_may_not_enter() {
        use Category::{Pci, Phi, Pii};
        use Level::{Confidential, Restricted};
        type Case<'a> = (Option<&'a str>, Level, &'a [Category], Result<(&'a str, Option<Basis>), Code>);
        let cases: &[Case<'_>] = &[
            (Some("eu"), Confidential, &[Pii], Ok(("eu", None))),
            (Some(" EU "), Confidential, &[Pii], Ok(("eu", None))),
            (Some("de"), Restricted, &[Phi], Ok(("eu", None))),
            (Some("us"), Confidential, &[Pii], Ok(("us", None))),
            (Some("us"), Restricted, &[Phi], Err(Code::ProviderNotAllowed)),
            (Some("ch"), Confidential, &[Pii], Ok(("eu", Some(Basis::Adequacy)))),
            (Some("ch"), Restricted, &[Pii], Err(Code::RegionNotAllowed)),
            (Some("uk"), Restricted, &[Phi], Ok(("uk", Some(Basis::Scc)))),
            (Some("uk"), Restricted, &[Pci], Err(Code::TransferNotAllowed)),
            (Some("cn"), Level::Public, &[], Err(Code::RegionUnknown)),
            (Some(""), Level::Public, &[], Err(Code::RegionUnknown)),
            (None, Level::Public, &[], Err(Code::RegionMissing)),
        ];
        for (region, level, categories, expected) in cases {
            let class = Class { level: *level, categories: categories.iter().copied().collect() };
            let got = residency().journey(None, *region, class);
            let got = got.as_ref().map(|(_, region, basis)| (&**region, *basis)).map_err(|code| *code);
            assert_eq!(got, *expected, "{region:?} {class}");
        }
    }

    #[test]
    fn a_tenants_region_counts_only_where_the_event_names_none() {
        let class = Class { level: Level::Public, categories: Categories::NONE };
        assert_eq!(&*residency().journey(Some("acme"), None, class).unwrap().1, "us");
        assert_eq!(&*residency().journey(Some("acme"), Some("eu"), class).unwrap().1, "eu");
        assert_eq!(residency().journey(Some("other"), None, class), Err(Code::RegionMissing));
    }
}
