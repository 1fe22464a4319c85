//! Where events may live: `residency` and `output.topic` as written → [`Residency`], with providers looked up.

use std::collections::HashMap;
use std::sync::Arc;

use super::problem::choose;
use super::report::{Report, at};
use super::treating::{declared, well_named};
use super::written::Output;
use super::written_rules::{RegionEntry, ResidencySection};
use crate::detect::Category;
use crate::event::TenantId;
use crate::policy::{Agreement, Categories, Destination, Level, Provider, Residency, Transfer};

/// Checks residency. `providers` are those of the settings; `None` where none were read.
pub(super) fn check(
    written: ResidencySection,
    output: &Output,
    requires: Vec<(Category, Agreement)>,
    requires_written: bool,
    providers: Option<&[Provider]>,
    report: &mut Report<'_>,
) -> Residency {
    let entries: Vec<(String, RegionEntry)> =
        written.regions.into_iter().map(|(name, entry)| (name, entry.unwrap_or_default())).collect();
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    names_are_clear(&entries, report);
    if entries.len() > 1 && !output.topic.contains("{region}") {
        let what = "several regions would share one topic";
        report.value(&at!["output", "topic"], &["residency"], what, "put `{region}` into the name");
    }
    let destinations = entries
        .iter()
        .map(|(name, entry)| Destination {
            region: name.as_str().into(),
            aliases: entry.aliases.iter().map(|alias| alias.to_ascii_lowercase()).collect(),
            topic: output.topic.replace("{region}", name).into(),
            provider: entry.provider.as_ref().and_then(|provider| look_up(provider, name, providers, report)),
        })
        .collect();
    if let Some(default) = &written.default {
        declared(default, &names, &at!["residency", "default"], "region", &[], report);
    }
    for (tenant, region) in &written.tenants {
        if TenantId::new(tenant).is_none() {
            let what = format!("`{tenant}` can't be a tenant");
            report.key(&at!["residency", "tenants", tenant], &[], what, "a tenant is 1 to 128 of `A-Za-z0-9._:-`");
        }
        declared(region, &names, &at!["residency", "tenants", tenant], "region", &[], report);
    }
    let mut transfers: Vec<Transfer> = Vec::new();
    for (index, entry) in written.transfers.into_iter().enumerate() {
        let transfer = Transfer {
            from: entry.from.to_ascii_lowercase().into(),
            to: entry.to.to_ascii_lowercase().into(),
            basis: entry.basis,
            most_level: entry.up_to.unwrap_or(Level::Restricted),
            categories: entry.categories.map_or(Categories::ALL, |list| list.into_iter().collect()),
        };
        transfer_makes_sense(&transfer, index, &transfers, &names, &entries, providers, report);
        transfers.push(transfer);
    }
    let residency = Residency {
        destinations,
        default: written.default.map(Arc::from),
        tenants: written.tenants.into_iter().map(|(tenant, region)| (tenant.into(), region.into())).collect(),
        transfers,
        requires,
    };
    crossings_have_a_basis(&residency, report);
    if requires_written {
        agreements_can_be_met(&residency, report);
    }
    residency
}

fn names_are_clear(entries: &[(String, RegionEntry)], report: &mut Report<'_>) {
    let mut owners: HashMap<String, String> = entries.iter().map(|(name, _)| (name.clone(), name.clone())).collect();
    for (name, entry) in entries {
        well_named(name, &at!["residency", "regions", name], "a region", report);
        for (place, alias) in entry.aliases.iter().enumerate() {
            if let Some(other) = owners.insert(alias.to_ascii_lowercase(), name.clone()) {
                let at = at!["residency", "regions", name, "aliases", place];
                report.value(&at, &[], format!("`{alias}` already means region `{other}`"), "keep it at one region");
            }
        }
    }
}

fn look_up(name: &str, region: &str, providers: Option<&[Provider]>, report: &mut Report<'_>) -> Option<Provider> {
    let at = at!["residency", "regions", region, "provider"];
    let Some(known) = providers else {
        let help = "pass `--config lethe.yaml`, where `providers` are listed";
        report.value(&at, &[], format!("nothing is known of provider `{name}`"), help);
        return None;
    };
    let found = known.iter().find(|provider| &*provider.name == name).cloned();
    if found.is_none() {
        let help = choose(name, known.iter().map(|provider| &*provider.name), "providers of `lethe.yaml`");
        report.value(&at, &[], format!("no such provider: `{name}`"), help);
    }
    found
}

fn transfer_makes_sense(
    transfer: &Transfer,
    index: usize,
    earlier: &[Transfer],
    names: &[&str],
    entries: &[(String, RegionEntry)],
    providers: Option<&[Provider]>,
    report: &mut Report<'_>,
) {
    let at = at!["residency", "transfers", index];
    if transfer.from == transfer.to {
        report.key(&at, &[], "a region needs no transfer to itself", "leave the rule out");
        return;
    }
    let to_provider = providers.into_iter().flatten().any(|provider| {
        provider.region == transfer.to
            && entries.iter().any(|(_, entry)| entry.provider.as_deref() == Some(&provider.name))
    });
    let aliased =
        entries.iter().any(|(_, entry)| entry.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(&transfer.from)));
    if !names.contains(&&*transfer.to) && !to_provider {
        let help = choose(&transfer.to, names.iter().copied(), "regions");
        let what = format!("neither a region nor a provider used here is in `{}`", transfer.to);
        report.value(&at!["residency", "transfers", index, "to"], &[], what, help);
    } else if (names.contains(&&*transfer.from) || aliased) && !to_provider {
        // A region with a destination of its own keeps its events; only its provider can stand elsewhere.
        let what = format!("events of `{}` stay there: this rule never applies", transfer.from);
        report.key(
            &at,
            &[],
            what,
            "leave the rule out, or take the region from `regions` so that its events may travel",
        );
    }
    let covered = |before: &&Transfer| {
        before.from == transfer.from
            && before.to == transfer.to
            && transfer.most_level <= before.most_level
            && transfer.categories.within(before.categories)
    };
    if earlier.iter().any(|before| covered(&before)) {
        report.key(&at, &[], "an earlier rule covers all that this one does", "leave it out, or put it first");
    }
}

/// A provider abroad without any rule: every event of that region would end in quarantine.
fn crossings_have_a_basis(residency: &Residency, report: &mut Report<'_>) {
    for to in &residency.destinations {
        let Some(provider) = to.provider.as_ref().filter(|provider| provider.region != to.region) else { continue };
        if !residency.transfers.iter().any(|rule| rule.from == to.region && rule.to == provider.region) {
            let at = at!["residency", "regions", to.region, "provider"];
            let what =
                format!("provider `{}` works in `{}` and no rule lets data go there", provider.name, provider.region);
            let help = format!(
                "add `{{from: {}, to: {}, basis: …}}` to `residency.transfers`, or choose a provider in `{}`",
                to.region, provider.region, to.region
            );
            report.value(&at, &[], what, help);
        }
    }
}

fn agreements_can_be_met(residency: &Residency, report: &mut Report<'_>) {
    let providers: Vec<&Provider> = residency.destinations.iter().filter_map(|to| to.provider.as_ref()).collect();
    for (category, agreement) in &residency.requires {
        let at = at!["class", "requires", Categories::name(*category)];
        if providers.is_empty() {
            let help = "name a `provider` under `residency.regions`, or leave the requirement out";
            report.key(&at, &["residency"], "no destination names a provider: this never applies", help);
        } else if !providers.iter().any(|provider| provider.agreements.contains(agreement)) {
            let what =
                format!("no provider used here has signed `{}`: such events could never pass", agreement.as_str());
            let help =
                "list the agreement under its provider in `lethe.yaml` once it is signed, or choose another provider";
            report.key(&at, &["residency"], what, help);
        }
    }
}
