//! Collects the problems of one file, each at its line, and knows which sections already have one.

use std::collections::BTreeSet;

use super::problem::{Problem, dotted};
use super::yaml::{Mark, Node};

/// A path into a file, step by step: `at!["treatments", "kinds", name]`.
macro_rules! at {
    ($($step:expr),* $(,)?) => { [$($step.to_string()),*] };
}
pub(super) use at;

/// A problem at a mark.
pub(super) fn problem(file: &str, at: &Mark, path: &[String], what: String, help: String) -> Problem {
    let (file, line, column) = match at {
        Mark::File(line, column) => (file.to_owned(), *line, *column),
        Mark::Variable(name) => (name.clone(), 0, 0),
    };
    Problem { file, line, column, path: dotted(path), what, help }
}

/// The problems of one file.
pub(super) struct Report<'a> {
    file: &'a str,
    root: &'a Node,
    problems: Vec<Problem>,
    malformed: BTreeSet<String>,
}

impl<'a> Report<'a> {
    /// Nothing found yet.
    pub(super) fn new(file: &'a str, root: &'a Node) -> Self {
        Self { file, root, problems: Vec::new(), malformed: BTreeSet::new() }
    }

    /// The form of a section is wrong: questions about its meaning would only confuse.
    pub(super) fn malformed(&mut self, path: &[String], at: &Mark, what: String, help: String) {
        if let Some(section) = path.first() {
            self.malformed.insert(section.clone());
        }
        self.problems.push(problem(self.file, at, path, what, help));
    }

    /// A value is well formed and makes no sense. `needs` are other sections on which that judgement rests.
    pub(super) fn value(&mut self, path: &[String], needs: &[&str], what: impl Into<String>, help: impl Into<String>) {
        let at = self.root.value_mark(path);
        self.add(path, needs, &at, what.into(), help.into());
    }

    /// A key makes no sense, or misses something.
    pub(super) fn key(&mut self, path: &[String], needs: &[&str], what: impl Into<String>, help: impl Into<String>) {
        let at = self.root.key_mark(path);
        self.add(path, needs, &at, what.into(), help.into());
    }

    /// A problem that stands by itself, whatever else is wrong in its section.
    pub(super) fn certain(&mut self, path: &[String], what: impl Into<String>, help: impl Into<String>) {
        let at = self.root.key_mark(path);
        self.problems.push(problem(self.file, &at, path, what.into(), help.into()));
    }

    /// Questions that rest on this section would only confuse.
    pub(super) fn cloud(&mut self, section: &str) {
        self.malformed.insert(section.to_owned());
    }

    fn add(&mut self, path: &[String], needs: &[&str], at: &Mark, what: String, help: String) {
        let clouded = path.first().is_some_and(|section| self.malformed.contains(section))
            || needs.iter().any(|section| self.malformed.contains(*section));
        if !clouded {
            self.problems.push(problem(self.file, at, path, what, help));
        }
    }

    /// The line that a key or list item stands on; 0 where an environment variable set it.
    pub(super) fn line(&self, path: &[String]) -> usize {
        match self.root.key_mark(path) {
            Mark::File(line, _) => line,
            Mark::Variable(_) => 0,
        }
    }

    /// Whether there is none.
    pub(super) fn clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.path, &a.what).cmp(&(&b.file, b.line, b.column, &b.path, &b.what))
        });
        self.problems.dedup();
        self.problems
    }
}
