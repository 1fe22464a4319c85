//! What happens to findings and who may have them back: `treatments`, `class` and `restore` as written → one row a kind.

use std::collections::BTreeSet;

use super::detection::find;
use super::problem::choose;
use super::report::{Report, at};
use super::written_rules::{
    CategoryTreatments, ClassSection, Requirements, RestoreSection, TreatmentEntry, TreatmentName, Treatments,
};
use crate::detect::{Category, Detector, Kind, KindInfo};
use crate::policy::{Agreement, Categories, KindPolicy, Level, Treatment};

/// Checks treatments; gives what each kind gets and what a kind beyond the table gets.
pub(super) fn treatments(
    written: &Treatments,
    detector: &Detector,
    disabled: &BTreeSet<String>,
    report: &mut Report<'_>,
) -> (Vec<KindPolicy>, Treatment) {
    let default = written
        .default
        .as_ref()
        .map_or(Treatment::Token, |entry| treatment(entry, &at!["treatments", "default"], report));
    let mut by_category = Vec::new();
    for (category, entry) in categories(&written.categories) {
        let Some(entry) = entry else { continue };
        let at = at!["treatments", "categories", Categories::name(category)];
        by_category.push((category, treatment(entry, &at, report)));
        let left = |kind: &KindInfo| kind.category == category && !disabled.contains(&*kind.name);
        if !detector.kinds().iter().any(left) {
            let what =
                format!("no kind of category `{}` is looked for: this never applies", Categories::name(category));
            report.key(&at, &["detect"], what, "leave it out, or add a rule of that category under `detect`");
        }
    }
    let mut rows: Vec<KindPolicy> = detector
        .kinds()
        .iter()
        .map(|kind| KindPolicy {
            category: kind.category,
            level: Level::of(kind.category),
            treatment: by_category.iter().find(|(c, _)| *c == kind.category).map_or(default, |(_, t)| *t),
            audiences: 0,
        })
        .collect();
    for (name, entry) in &written.kinds {
        let at = at!["treatments", "kinds", name];
        let treatment = treatment(entry, &at, report);
        let Some(kind) = find(detector, name, &at, report) else { continue };
        if disabled.contains(name) {
            let help = format!("leave it out, or take `{name}` from `detect.disabled`");
            report.key(&at, &["detect"], format!("`{name}` is disabled: its treatment never applies"), help);
        }
        if let Some(row) = row(&mut rows, kind) {
            row.treatment = treatment;
        }
    }
    (rows, default)
}

/// Lifts kinds to the levels that `class.kinds` names.
pub(super) fn levels(written: &ClassSection, detector: &Detector, rows: &mut [KindPolicy], report: &mut Report<'_>) {
    for (name, level) in &written.kinds {
        let at = at!["class", "kinds", name];
        let Some(kind) = find(detector, name, &at, report) else { continue };
        if let Some(row) = row(rows, kind) {
            row.level = *level;
        }
    }
}

/// What a category requires of a provider: as written, else a BAA for health information.
pub(super) fn requires(written: Option<&Requirements>) -> Vec<(Category, Agreement)> {
    let Some(written) = written else { return vec![(Category::Phi, Agreement::Baa)] };
    let all = [
        (Category::Pii, &written.pii),
        (Category::Phi, &written.phi),
        (Category::Pci, &written.pci),
        (Category::Secret, &written.secret),
        (Category::Privileged, &written.privileged),
    ];
    all.into_iter().flat_map(|(category, list)| list.iter().map(move |agreement| (category, *agreement))).collect()
}

/// Gives each kind its audiences; gives the audiences' names, in the order of the bits.
pub(super) fn audiences(
    written: &RestoreSection,
    detector: &Detector,
    rows: &mut [KindPolicy],
    report: &mut Report<'_>,
) -> Vec<std::sync::Arc<str>> {
    for (bit, (name, audience)) in written.audiences.iter().enumerate() {
        let at = at!["restore", "audiences", name];
        let mask = 1u8.checked_shl(u32::try_from(bit).unwrap_or(u32::MAX)).unwrap_or(0);
        well_named(name, &at, "an audience", report);
        if audience.all && !(audience.kinds.is_empty() && audience.categories.is_empty()) {
            report.key(
                &at,
                &[],
                "`all: true` leaves nothing for `kinds` and `categories` to add",
                "keep one or the other",
            );
        }
        if !audience.all && audience.kinds.is_empty() && audience.categories.is_empty() {
            report.key(
                &at,
                &[],
                format!("audience `{name}` may have nothing back"),
                "name `kinds`, `categories` or `all: true`",
            );
        }
        for (place, kind_name) in audience.kinds.iter().enumerate() {
            let here = at!["restore", "audiences", name, "kinds", place];
            let Some(kind) = find(detector, kind_name, &here, report) else { continue };
            let Some(row) = row(rows, kind) else { continue };
            if !row.treatment.reversible() {
                let what = format!("`{kind_name}` is treated with `{}`, which can't be undone", row.treatment.as_str());
                let help = format!("treat `{kind_name}` with `token`, or leave it out here");
                report.value(&here, &["treatments", "detect"], what, help);
            }
            row.audiences |= mask;
        }
        for (place, category) in audience.categories.iter().enumerate() {
            let mut reversible = false;
            for row in rows.iter_mut().filter(|row| row.category == *category) {
                row.audiences |= mask;
                reversible |= row.treatment.reversible();
            }
            if !reversible {
                let here = at!["restore", "audiences", name, "categories", place];
                let what = format!("no kind of category `{}` can come back", Categories::name(*category));
                report.value(
                    &here,
                    &["treatments", "detect"],
                    what,
                    "treat one of its kinds with `token`, or leave it out here",
                );
            }
        }
        if audience.all {
            rows.iter_mut().for_each(|row| row.audiences |= mask);
        }
    }
    written.audiences.keys().map(|name| name.as_str().into()).collect()
}

/// Names of audiences, regions and retention classes end up in headers and topics.
pub(super) fn well_named(name: &str, at: &[String], what: &str, report: &mut Report<'_>) {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !(first && rest && name.len() <= 32) {
        report.key(at, &[], format!("`{name}` can't name {what}"), "use 1 to 32 lower-case letters, digits and dashes");
    }
}

/// A word that must be among those declared elsewhere in the file.
pub(super) fn declared(
    word: &str,
    known: &[&str],
    at: &[String],
    what: &str,
    needs: &[&str],
    report: &mut Report<'_>,
) -> bool {
    let there = known.contains(&word);
    if !there {
        let plural = if what.ends_with('s') { format!("{what}es") } else { format!("{what}s") };
        report.value(at, needs, format!("no such {what}: `{word}`"), choose(word, known.iter().copied(), &plural));
    }
    there
}

fn treatment(entry: &TreatmentEntry, at: &[String], report: &mut Report<'_>) -> Treatment {
    let (name, keep_last) = match entry {
        TreatmentEntry::Name(name) => (*name, None),
        TreatmentEntry::Full(full) => (full.name, full.keep_last),
    };
    if keep_last.is_some() && name != TreatmentName::Mask {
        report.key(at, &[], "`keep_last` belongs to `mask` alone", "leave `keep_last` out, or write `do: mask`");
    }
    match name {
        TreatmentName::Token => Treatment::Token,
        TreatmentName::Redact => Treatment::Redact,
        TreatmentName::Mask => Treatment::Mask { keep_last: keep_last.unwrap_or(0) },
        TreatmentName::Hash => Treatment::Hash,
        TreatmentName::Surrogate => Treatment::Surrogate,
        TreatmentName::Keep => Treatment::Keep,
        TreatmentName::Block => Treatment::Block,
    }
}

fn categories(written: &CategoryTreatments) -> [(Category, Option<&TreatmentEntry>); 5] {
    [
        (Category::Pii, written.pii.as_ref()),
        (Category::Phi, written.phi.as_ref()),
        (Category::Pci, written.pci.as_ref()),
        (Category::Secret, written.secret.as_ref()),
        (Category::Privileged, written.privileged.as_ref()),
    ]
}

fn row(rows: &mut [KindPolicy], kind: Kind) -> Option<&mut KindPolicy> {
    rows.get_mut(usize::from(kind.0))
}
