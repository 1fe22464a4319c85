//! YAML to a tree that knows the line and column of every key and value.
//!
//! Deliberately narrow: one document a file, no duplicate keys, text keys, no tags; anchors and aliases within a budget, so that a
//! few lines can't unfold to gigabytes. Scalars follow YAML 1.2's core schema: `yes`, `no` and `off` are texts.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::problem::Problem;

const MAX_BYTES: usize = 8 << 20;
const MAX_NODES: usize = 300_000;
const MAX_DEPTH: usize = 64;

/// Where a key or a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Line and column, both from 1.
    File(usize, usize),
    /// An environment variable set it.
    Variable(String),
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A key, where it stands, and its value.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) mark: Mark,
    pub(super) value: Node,
}

impl Node {
    /// An empty mapping, for a file that says nothing.
    pub(super) fn empty() -> Self {
        Self { mark: Mark::File(1, 1), content: Content::Map(Vec::new()) }
    }

    /// The same without marks. Order of keys is kept.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(members) => {
                Value::Object(members.iter().map(|m| (m.key.clone(), m.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }

    /// Where the value at a path stands; where the path ends early, the last thing that does exist.
    pub(super) fn value_mark(&self, path: &[String]) -> Mark {
        self.walk(path).0
    }

    /// Where the key (or list item) at a path stands; where the path ends early, the last key that does exist.
    pub(super) fn key_mark(&self, path: &[String]) -> Mark {
        self.walk(path).1
    }

    fn walk(&self, path: &[String]) -> (Mark, Mark) {
        let (mut node, mut key) = (self, self.mark.clone());
        for step in path {
            let next = match &node.content {
                Content::Scalar(_) => None,
                Content::List(items) => {
                    // By position, or by value: a set of names is written as a list.
                    let by_position = step.parse::<usize>().ok().and_then(|index| items.get(index));
                    let named =
                        |item: &&Node| matches!(&item.content, Content::Scalar(value) if value == step.as_str());
                    by_position.or_else(|| items.iter().find(named)).map(|item| (item, item.mark.clone()))
                }
                Content::Map(members) => members.iter().find(|m| m.key == *step).map(|m| (&m.value, m.mark.clone())),
            };
            let Some((child, mark)) = next else { return (key.clone(), key) };
            (node, key) = (child, mark);
        }
        (node.mark.clone(), key)
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 1,
            Content::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Content::Map(members) => 1 + members.iter().map(|m| m.value.size()).sum::<usize>(),
        }
    }
}

/// Reads one document.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    let mut reader = Reader { file, parser: Parser::new_from_str(text), anchors: HashMap::new(), budget: MAX_NODES };
    if text.len() > MAX_BYTES {
        return Err(reader.refuse(
            &Mark::File(1, 1),
            "file is larger than 8 MiB",
            "split it, or name word lists in files",
        ));
    }
    reader.document()
}

struct Reader<'a> {
    file: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    budget: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root.unwrap_or_else(Node::empty)),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self.refuse(&mark(span), "a second document begins", "write one document a file"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => return Err(self.refuse(&mark(span), "text outside the document", "write one document a file")),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = Mark::File(error.marker().line(), error.marker().col() + 1);
                let help = "look at indentation, quotes and brackets on this line and the one above";
                Err(self.refuse(&at, &format!("not YAML: {}", error.info()), help))
            }
            None => Err(self.refuse(&Mark::File(1, 1), "not YAML: the text ends early", "close what was opened")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let at = mark(span);
        self.spend(&at, 1)?;
        if depth > MAX_DEPTH {
            return Err(self.refuse(&at, &format!("nested deeper than {MAX_DEPTH}"), "flatten it"));
        }
        let (content, anchor) = match event {
            Event::Alias(id) => {
                let Some(size) = self.anchors.get(&id).map(Node::size) else {
                    return Err(self.refuse(&at, "an alias within what it stands for", "write the value out"));
                };
                self.spend(&at, size)?;
                let content = self.anchors.get(&id).map_or(Content::Scalar(Value::Null), |node| node.content.clone());
                return Ok(Node { mark: at, content });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(&at, tag.is_some())?;
                (Content::Scalar(scalar(&text, style)), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_tag(&at, tag.is_some())?;
                (Content::List(self.list(depth)?), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.no_tag(&at, tag.is_some())?;
                (Content::Map(self.map(depth)?), anchor)
            }
            _ => return Err(self.refuse(&at, "not YAML: a value was expected", "write a value")),
        };
        let node = Node { mark: at, content };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Member>, Problem> {
        let mut members: Vec<Member> = Vec::new();
        let mut lines = HashMap::new();
        loop {
            let (key, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(members),
                (Event::Scalar(text, ..), span) => (text.into_owned(), mark(span)),
                (_, span) => return Err(self.refuse(&mark(span), "a key that is not a text", "write a plain key")),
            };
            if let Some(line) = lines.insert(key.clone(), line(&at)) {
                let what = format!("key `{key}` stands twice, first on line {line}");
                return Err(self.refuse(&at, &what, "keep one of the two"));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            members.push(Member { key, mark: at, value });
        }
    }

    fn spend(&mut self, at: &Mark, nodes: usize) -> Result<(), Problem> {
        match self.budget.checked_sub(nodes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                let what = format!("more than {MAX_NODES} values, aliases unfolded");
                Err(self.refuse(at, &what, "use fewer aliases, or name word lists in files"))
            }
        }
    }

    fn no_tag(&self, at: &Mark, tagged: bool) -> Result<(), Problem> {
        if tagged { Err(self.refuse(at, "a YAML tag", "leave it out; quotes make a text")) } else { Ok(()) }
    }

    fn refuse(&self, at: &Mark, what: &str, help: &str) -> Problem {
        super::report::problem(self.file, at, &[], what.to_owned(), help.to_owned())
    }
}

fn mark(span: Span) -> Mark {
    Mark::File(span.start.line(), span.start.col() + 1)
}

fn line(mark: &Mark) -> usize {
    match mark {
        Mark::File(line, _) => *line,
        Mark::Variable(_) => 0,
    }
}

/// A scalar by YAML 1.2's core schema (§10.3.2); what is quoted is a text.
pub(super) fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    plain(text)
}

/// An unquoted scalar by the core schema.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Value::from(text);
    }
    let whole = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hex), _) => i64::from_str_radix(hex, 16).ok(),
        (_, Some(octal)) => i64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    };
    if let Some(whole) = whole {
        return Value::from(whole);
    }
    let number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let parsed = if number { text.parse().ok().and_then(Number::from_f64) } else { None };
    parsed.map_or_else(|| Value::from(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn scalars_are_read_as_yaml_1_2_says() {
        let text = "a: 1\nb: yes\nc: 'true'\nd: true\ne: ~\nf: 1.5\ng: 0x1F\nh: 1.2.3.4\ni: 30d\nj: [x, -2]\nk: 1e3\n";
        let expected = json!({"a": 1, "b": "yes", "c": "true", "d": true, "e": null, "f": 1.5, "g": 31, "h": "1.2.3.4",
            "i": "30d", "j": ["x", -2], "k": 1000.0});
        assert_eq!(parse("f", text).unwrap().to_json(), expected);
    }

    #[test]
    fn every_key_and_value_has_its_line() {
        let root = parse("f", "a:\n  b: [1,\n    two]\n").unwrap();
        let path = |steps: &[&str]| steps.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(root.key_mark(&path(&["a", "b"])), Mark::File(2, 3));
        assert_eq!(root.value_mark(&path(&["a", "b", "1"])), Mark::File(3, 5));
        assert_eq!(root.value_mark(&path(&["a", "missing"])), Mark::File(1, 1));
    }

    #[test]
    fn what_is_not_one_plain_document_is_refused_with_its_line() {
        let bomb = (0..12).fold(String::from("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"), |text, level| {
            let aliases = vec![format!("*l{level}"); 10].join(", ");
            format!("{text}l{}: &l{} [{aliases}]\n", level + 1, level + 1)
        });
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (text, line, what) in [
            ("a: 1\nb: [1\nc: 2\n", 3, "not YAML"),
            ("a: 1\nb: 2\na: 3\n", 3, "stands twice, first on line 1"),
            ("a: 1\n---\nb: 2\n", 2, "a second document"),
            ("a: !!str 1\n", 1, "a YAML tag"),
            ("a: 1\n? [x]\n: 2\n", 2, "a key that is not a text"),
            ("a: *nothing\n", 1, "not YAML"),
            (&bomb, 6, "aliases unfolded"),
            (&deep, 1, "nested deeper"),
        ] {
            let problem = parse("f.yaml", text).unwrap_err();
            assert!(problem.what.contains(what), "{problem}");
            assert_eq!(problem.line, line, "{problem}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[-a-c:\\[\\]{}&*!|>'\"#%@, \n\t~?]{0,60}") {
            let _ = parse("f", &text);
        }
    }
}
