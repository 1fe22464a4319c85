//! What a pipeline looks for: `detect` as written → a [`Detector`], its complaints put where the file says so.

use super::problem::choose;
use super::report::{Report, at};
use crate::detect::{Detector, DetectorConfig, Kind, KindInfo, Models};

/// Checks `detect`; where it is wrong, the built-in kinds stand in, so that the rest of the file can still be asked.
pub(super) fn check(written: &DetectorConfig, models: &Models, report: &mut Report<'_>) -> Detector {
    let detector = match Detector::with_models(written, models) {
        Ok(detector) => detector,
        Err(problems) => {
            let known = known(written);
            for problem in problems {
                let here = place(&problem.rule);
                // A name that nobody defines is answered with the one that was meant.
                let stray = match here.as_slice() {
                    [_, list, name] if list == "thresholds" || list == "disabled" => !known.contains(name),
                    _ => false,
                };
                match here.last().filter(|_| stray) {
                    Some(name) => {
                        let help = choose(name, known.iter().map(String::as_str), "kinds");
                        report.key(&here, &[], format!("no such kind: `{name}`"), help);
                    }
                    None => report.key(&here, &[], problem.what, problem.help),
                }
            }
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

/// Every name of a kind that `detect` could mean.
fn known(written: &DetectorConfig) -> Vec<String> {
    let builtin = Detector::builtin();
    let mut known: Vec<String> = names(builtin.kinds()).map(str::to_owned).collect();
    let own = written.regexes.iter().map(|rule| &rule.kind).chain(written.dictionaries.iter().map(|rule| &rule.kind));
    for name in own.chain(written.deny.keys()) {
        if !known.contains(name) {
            known.push(name.clone());
        }
    }
    known
}

/// `regexes[0]` and `thresholds.EMAIL` as steps from the top of the file. A name in a list stands at its value.
fn place(rule: &str) -> Vec<String> {
    let steps = rule.split(['.', '[']).map(|step| step.trim_end_matches(']').to_owned());
    std::iter::once("detect".to_owned()).chain(steps).collect()
}
