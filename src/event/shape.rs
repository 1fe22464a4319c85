//! [`Shape`]: how a pipeline reads its events. Built once, from configuration; used for every record.

use std::str::FromStr;

use super::Attribute;
use super::matcher::Matcher;
use super::path::{JsonPath, PathProblem};

/// What a payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents and JSON by their content type, JSON by its first character, text otherwise.
    #[default]
    Auto,
    /// JSON, whatever a header says.
    Json,
    /// A CloudEvent, binary or structured; anything else is unreadable.
    CloudEvents,
    /// Text, whatever it looks like.
    Text,
}

/// Where an attribute of an event is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// In the payload (in a structured CloudEvent: in its `data`): `$.user.id`
    Path(JsonPath),
    /// In a header, whatever its case: `header:x-tenant`
    Header(String),
    /// In a CloudEvents attribute, in either mode: `ce:subject`
    CloudEvent(String),
    /// It is the record key: `key`
    RecordKey,
    /// It is always this: `const:eu`
    Const(String),
}

impl FromStr for Selector {
    type Err = PathProblem;

    fn from_str(text: &str) -> Result<Self, PathProblem> {
        let problem = |position, problem, help| Err(PathProblem { text: text.into(), position, problem, help });
        if text.starts_with('$') {
            return text.parse().map(Self::Path);
        }
        if text == "key" {
            return Ok(Self::RecordKey);
        }
        match text.split_once(':') {
            Some((_, "")) => problem(
                text.chars().count() + 1,
                "nothing follows the colon",
                "write `header:x-tenant`, `ce:subject` or `const:eu`",
            ),
            Some(("header", name)) => Ok(Self::Header(name.into())),
            Some(("const", value)) => Ok(Self::Const(value.into())),
            Some(("ce", name)) if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) => {
                Ok(Self::CloudEvent(name.into()))
            }
            Some(("ce", _)) => {
                problem(4, "not a CloudEvents attribute name", "lower-case letters and digits only: `ce:tenantid`")
            }
            _ => {
                problem(1, "not a selector", "write `$.user.id`, `header:x-tenant`, `ce:subject`, `key` or `const:eu`")
            }
        }
    }
}

/// For each attribute its selectors: the first that yields something wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// Which customer or deployment.
    pub tenant: Vec<Selector>,
    /// Whose data it is.
    pub subject: Vec<Selector>,
    /// Which conversation it belongs to.
    pub conversation: Vec<Selector>,
    /// Where it may live.
    pub region: Vec<Selector>,
    /// When it happened.
    pub time: Vec<Selector>,
}

impl Selectors {
    /// All lists, in a fixed order.
    pub(super) fn all(&self) -> [(Attribute, &[Selector]); 5] {
        [
            (Attribute::Subject, &self.subject),
            (Attribute::Tenant, &self.tenant),
            (Attribute::Conversation, &self.conversation),
            (Attribute::Region, &self.region),
            (Attribute::Time, &self.time),
        ]
    }
}

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the value, and of each other part of a record.
    pub value_bytes: usize,
    /// Levels of arrays and objects.
    pub depth: usize,
    /// Texts of an event.
    pub slots: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { value_bytes: 1 << 20, depth: 128, slots: 1 << 16 }
    }
}

/// How a pipeline reads its events.
#[derive(Clone, Debug)]
pub struct Shape {
    pub(super) format: Format,
    pub(super) selectors: Selectors,
    pub(super) limits: Limits,
    pub(super) matcher: Matcher,
}

impl Shape {
    /// `text` names the free texts that the firewall judges; none means [`CHAT_PATHS`].
    pub fn new(format: Format, selectors: Selectors, text: &[JsonPath], limits: Limits) -> Self {
        let mut matcher = Matcher::new();
        let chat = CHAT_PATHS.iter().filter(|_| text.is_empty()).filter_map(|path| path.parse::<JsonPath>().ok());
        chat.for_each(|path| matcher.add_text(&path));
        text.iter().for_each(|path| matcher.add_text(path));
        for (attribute, (_, list)) in selectors.all().into_iter().enumerate() {
            for (rank, selector) in list.iter().enumerate() {
                if let Selector::Path(path) = selector {
                    matcher.add_pick(path, attribute, rank);
                }
            }
        }
        Self { format, selectors, limits, matcher }
    }

    /// The same for payloads of one format.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The same, reading an attribute from a header where nothing else yields it.
    #[must_use]
    pub fn or_header(mut self, attribute: Attribute, name: &str) -> Self {
        let list = match attribute {
            Attribute::Subject => &mut self.selectors.subject,
            Attribute::Tenant => &mut self.selectors.tenant,
            Attribute::Conversation => &mut self.selectors.conversation,
            Attribute::Region => &mut self.selectors.region,
            Attribute::Time => &mut self.selectors.time,
        };
        list.push(Selector::Header(name.to_owned()));
        self
    }

    /// The limits it was built with.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self::new(Format::Auto, Selectors::default(), &[], Limits::default())
    }
}

/// Where chat events keep their free text: OpenAI (chat, responses, completions), Anthropic, Gemini, Ollama, OpenTelemetry GenAI.
pub const CHAT_PATHS: [&str; 43] = [
    "$",
    "$.prompt",
    "$.prompt[*]",
    "$.input",
    "$.input[*]",
    "$.input[*].content",
    "$.input[*].content[*].text",
    "$.text",
    "$.content",
    "$.content[*].text",
    "$.message",
    "$.message.content",
    "$.message.content[*].text",
    "$.system",
    "$.system[*].text",
    "$.instructions",
    "$.query",
    "$.question",
    "$.response",
    "$.completion",
    "$.output",
    "$.output_text",
    "$.output[*].content[*].text",
    "$.output[*].arguments",
    "$.messages[*].content",
    "$.messages[*].content[*].text",
    "$.messages[*].content[*].content",
    "$.messages[*].parts[*].content",
    "$.messages[*].tool_calls[*].function.arguments",
    "$.choices[*].text",
    "$.choices[*].message.content",
    "$.choices[*].message.content[*].text",
    "$.choices[*].message.tool_calls[*].function.arguments",
    "$.choices[*].delta.content",
    "$.contents[*].parts[*].text",
    "$.candidates[*].content.parts[*].text",
    "$['gen_ai.prompt']",
    "$['gen_ai.completion']",
    "$['gen_ai.input.messages'][*].parts[*].content",
    "$['gen_ai.output.messages'][*].parts[*].content",
    "$['gen_ai.system_instructions']",
    "$['gen_ai.system_instructions'][*].content",
    "$.messages[*].tool_calls[*].function.arguments.*",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chat_path_is_a_path() {
        for path in CHAT_PATHS {
            assert!(path.parse::<JsonPath>().is_ok(), "{path}");
        }
    }

    #[test]
    fn selectors_are_read_as_they_are_written() {
        for (text, selector) in [
            ("$.user.id", Selector::Path("$.user.id".parse().unwrap())),
            ("header:X-Tenant", Selector::Header("X-Tenant".into())),
            ("ce:subject", Selector::CloudEvent("subject".into())),
            ("key", Selector::RecordKey),
            ("const:eu:1", Selector::Const("eu:1".into())),
        ] {
            assert_eq!(text.parse(), Ok(selector), "{text}");
        }
        for (text, position) in [("", 1), ("subject", 1), ("header:", 8), ("ce:Tenant", 4), ("$.a.", 5), ("heder:x", 1)]
        {
            assert_eq!(text.parse::<Selector>().unwrap_err().position, position, "{text}");
        }
    }
}
