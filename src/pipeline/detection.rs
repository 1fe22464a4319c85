//! What a pipeline looks for: `detect` as written → a [`Detector`], its complaints put where the file says so.

use super::problem::choose;
use super::report::{Report, at};
use crate::detect::{Detector, DetectorConfig, Kind, KindInfo};

/// Checks `detect`; where it is wrong, the built-in kinds stand in, so that the rest of the file can still be asked.
pub(super) fn check(written: &DetectorConfig, report: &mut Report<'_>) -> Detector {
    let detector = match Detector::new(written) {
        Ok(detector) => detector,
        Err(problems) => {
            for problem in problems {
                let here = place(&problem.rule);
                // Names are answered below, with the one that was meant.
                if !matches!(here.get(1).map(String::as_str), Some("thresholds" | "disabled")) || here.len() < 3 {
                    report.key(&here, &[], problem.what, problem.help);
                }
            }
            names_exist(written, report);
            report.cloud("detect");
            return Detector::builtin();
        }
    };
    for name in written.thresholds.keys().filter(|name| written.disabled.contains(*name)) {
        let here = at!["detect", "thresholds", name];
        report.key(
            &here,
            &[],
            format!("`{name}` is disabled: its threshold never applies"),
            "leave one of the two out",
        );
    }
    detector
}

/// The kind of this name, or a problem at the key or item that named it.
pub(super) fn find(detector: &Detector, name: &str, here: &[String], report: &mut Report<'_>) -> Option<Kind> {
    let found = detector.kind(name);
    if found.is_none() {
        let help = choose(name, names(detector.kinds()), "kinds");
        report.key(here, &["detect"], format!("no such kind: `{name}`"), help);
    }
    found
}

/// The names of kinds.
pub(super) fn names(kinds: &[KindInfo]) -> impl Iterator<Item = &str> + Clone {
    kinds.iter().map(|kind| &*kind.name)
}

fn names_exist(written: &DetectorConfig, report: &mut Report<'_>) {
    let builtin = Detector::builtin();
    let own = written.regexes.iter().map(|rule| &rule.kind).chain(written.dictionaries.iter().map(|rule| &rule.kind));
    let own = own.chain(written.deny.keys()).map(String::as_str);
    let known: Vec<&str> = names(builtin.kinds()).chain(own).collect();
    let thresholds = written.thresholds.keys().map(|name| (name, at!["detect", "thresholds", name].to_vec()));
    let disabled = written.disabled.iter().map(|name| (name, place(&format!("disabled.{name}"))));
    for (name, here) in thresholds.chain(disabled) {
        if !known.contains(&name.as_str()) {
            let help = choose(name, known.iter().copied(), "kinds");
            report.key(&here, &[], format!("no such kind: `{name}`"), help);
        }
    }
}

/// `regexes[0]` and `thresholds.EMAIL` as steps from the top of the file. A name in a list stands at its value.
fn place(rule: &str) -> Vec<String> {
    let steps = rule.split(['.', '[']).map(|step| step.trim_end_matches(']').to_owned());
    std::iter::once("detect".to_owned()).chain(steps).collect()
}
