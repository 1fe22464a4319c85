//! One mistake in a configuration: where it is, what is wrong, what to do. All of a file's mistakes are reported at once.

use std::fmt;

/// A mistake in a configuration file or in an environment variable that overrides it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as it was named, or the environment variable.
    pub file: String,
    /// Line, from 1; 0 where there is none (an environment variable).
    pub line: usize,
    /// Column in characters, from 1; 0 where there is none.
    pub column: usize,
    /// The setting: `treatments.kinds.EMAIL`, `detect.rules[0]`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "{}\n  help: {}", self.what, self.help)
    }
}

impl std::error::Error for Problem {}

/// The step names of a path as people write them: names joined with dots, positions in brackets.
pub(super) fn dotted(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        if step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() && !text.is_empty() {
            text.push_str(&format!("[{step}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(step);
        }
    }
    text
}

/// The known word that was probably meant.
pub(super) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |candidate: &&str| {
        let (a, b) = (word.to_ascii_lowercase(), candidate.to_ascii_lowercase());
        let distance = strsim::damerau_levenshtein(&a, &b);
        let allowed = (a.chars().count().max(b.chars().count()) / 3).max(1);
        (distance <= allowed).then_some(distance)
    };
    known
        .into_iter()
        .filter_map(|candidate| Some((close(&candidate)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The remedy for a word that is not among the known ones: the probable one, or all of them.
pub(super) fn choose<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    match meant(word, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<_> = known.into_iter().map(|word| format!("`{word}`")).collect();
            if all.is_empty() { format!("there is no {what} to name") } else { format!("{what}: {}", all.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_answered_with_the_word_that_was_meant() {
        assert_eq!(meant("CREDT_CARD", ["EMAIL", "CREDIT_CARD"]), Some("CREDIT_CARD"));
        assert_eq!(meant("emial", ["EMAIL", "PHONE"]), Some("EMAIL"));
        assert_eq!(meant("zebra", ["EMAIL", "PHONE"]), None);
        assert_eq!(choose("zebra", ["a", "b"], "regions"), "regions: `a`, `b`");
    }

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = ["detect", "rules", "0", "pattern"].map(String::from);
        assert_eq!(dotted(&path), "detect.rules[0].pattern");
    }
}
