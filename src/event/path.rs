//! JSON paths: the part of RFC 9535 that names places, without filters, slices and counting from the end.
//!
//! `$` `.name` `['name']` `[0]` `.*` `[*]` `..name`

use std::fmt;
use std::str::FromStr;

/// A path, as written and as steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    text: Box<str>,
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member.
    Name(Box<str>),
    /// An element.
    Index(u32),
    /// Every member or element.
    Any,
    /// A member of this name here or anywhere below.
    Below(Box<str>),
}

/// Why a text is no path or selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` at character {position}: {problem}\nhelp: {help}")]
pub struct PathProblem {
    /// The text as it was written in the configuration.
    pub text: String,
    /// Where in it, in characters from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: &'static str,
    /// What to write.
    pub help: &'static str,
}

impl JsonPath {
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for JsonPath {
    type Err = PathProblem;

    fn from_str(text: &str) -> Result<Self, PathProblem> {
        let mut reader = Reader { text, rest: text };
        if !reader.take("$") {
            return reader.problem("a path starts with `$`", "write `$.user.id`, or `$` for the whole payload");
        }
        let mut steps = Vec::new();
        while !reader.rest.is_empty() {
            steps.push(reader.step()?);
        }
        Ok(Self { text: text.into(), steps })
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn step(&mut self) -> Result<Step, PathProblem> {
        if self.take("..") {
            if self.take("[") {
                return match self.bracket()? {
                    Step::Name(name) => Ok(Step::Below(name)),
                    _ => self.problem("`..` needs a name", "write `..name`; `..*` and `..[0]` are not supported"),
                };
            }
            return self.name().map(Step::Below);
        }
        if self.take(".*") {
            return Ok(Step::Any);
        }
        if self.take(".") {
            return self.name().map(Step::Name);
        }
        if self.take("[") {
            return self.bracket();
        }
        self.problem(
            "expected `.name`, `[0]` or `[*]`",
            "a name with other characters goes in quotes: `['first name']`",
        )
    }

    fn name(&mut self) -> Result<Box<str>, PathProblem> {
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let end = self.rest.find(|c| !plain(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return self.problem("expected a name", "a name with other characters goes in quotes: `['first name']`");
        }
        self.rest = rest;
        Ok(name.into())
    }

    fn bracket(&mut self) -> Result<Step, PathProblem> {
        let step = if self.take("*") {
            Step::Any
        } else if self.take("'") {
            Step::Name(self.quoted('\'')?)
        } else if self.take("\"") {
            Step::Name(self.quoted('"')?)
        } else {
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            let Ok(index) = digits.parse() else {
                return self.problem(
                    "expected an index, `*` or a quoted name",
                    "filters, slices and negative indexes are not supported; `[*]` takes every element",
                );
            };
            self.rest = rest;
            Step::Index(index)
        };
        if self.take("]") {
            return Ok(step);
        }
        self.problem("expected `]`", "one index, `*` or quoted name stands in a bracket")
    }

    fn quoted(&mut self, quote: char) -> Result<Box<str>, PathProblem> {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(name.into());
            }
            match (character, character == '\\') {
                (_, true) => match characters.next() {
                    Some((_, escaped @ ('\\' | '\'' | '"'))) => name.push(escaped),
                    _ => {
                        self.rest = self.rest.get(at..).unwrap_or_default();
                        return self
                            .problem("unknown escape", "`\\\\`, `\\'` and `\\\"` are the escapes of a quoted name");
                    }
                },
                (plain, false) => name.push(plain),
            }
        }
        self.problem("the quote is not closed", "write `['first name']`")
    }

    fn take(&mut self, what: &str) -> bool {
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn problem<T>(&self, problem: &'static str, help: &'static str) -> Result<T, PathProblem> {
        let before = self.text.len() - self.rest.len();
        let position = self.text.char_indices().take_while(|(at, _)| *at < before).count() + 1;
        Err(PathProblem { text: self.text.into(), position, problem, help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_rfc_9535_says() {
        let name = |text: &str| Step::Name(text.into());
        for (text, steps) in [
            ("$", vec![]),
            ("$.user.id", vec![name("user"), name("id")]),
            ("$['gen_ai.prompt'][0]", vec![name("gen_ai.prompt"), Step::Index(0)]),
            ("$.messages[*].content", vec![name("messages"), Step::Any, name("content")]),
            ("$.*..text", vec![Step::Any, Step::Below("text".into())]),
            (r#"$..['a b']["c\"d"]"#, vec![Step::Below("a b".into()), name("c\"d")]),
            ("$.größe", vec![name("größe")]),
        ] {
            assert_eq!(text.parse::<JsonPath>().map(|path| path.steps), Ok(steps), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_shown_where_it_stands_with_a_remedy() {
        for (text, position) in [
            ("user", 1),
            ("$user", 2),
            ("$.", 3),
            ("$.a b", 4),
            ("$[-1]", 3),
            ("$[?(@.a)]", 3),
            ("$['a", 4),
            ("$[1:2]", 4),
            ("$..*", 4),
            ("$.é[", 5),
        ] {
            let problem = text.parse::<JsonPath>().unwrap_err();
            assert_eq!(problem.position, position, "{text}");
            assert!(problem.to_string().contains("\nhelp: "), "{text}");
        }
    }
}
