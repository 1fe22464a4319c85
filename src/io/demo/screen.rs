//! What the demo shows: text before and after, where each event went and why.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::io::kafka::Tapped;

/// Standard output with or without colours.
pub struct Screen {
    out: io::Stdout,
    colour: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let out = io::stdout();
        let colour = out.is_terminal();
        Self { out, colour }
    }
}

impl Screen {
    /// A headline.
    pub fn title(&mut self, text: &str) -> io::Result<()> {
        self.line("1", &format!("\n{text}"))
    }

    /// A plain line.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.line("0", text)
    }

    /// A prompt before and after, and where it went.
    pub fn prompt(&mut self, before: &[u8], after: &Tapped) -> io::Result<()> {
        let size = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        self.line("2", &format!("── prompt {}", after.header("lethe-id").unwrap_or("?")))?;
        self.line("31", &format!("  before  {}", user_text(before)))?;
        self.line("32", &format!("  after   {}", user_text(after.value.as_deref().unwrap_or_default())))?;
        self.say(&format!(
            "  went to {} · class {} · retention {} until {} · {} B sealed in `lethe-sealed`",
            after.topic,
            after.header("ce_dataclass").unwrap_or("?"),
            after.header("ce_retention").unwrap_or("?"),
            after.header("ce_expirytime").unwrap_or("?"),
            size(after.header("lethe-sealed").map(str::as_bytes)),
        ))
    }

    /// An answer with its originals back.
    pub fn restored(&mut self, record: &Tapped) -> io::Result<()> {
        self.line(
            "36",
            &format!("  restored for support  {}", answer_text(record.value.as_deref().unwrap_or_default())),
        )
    }

    fn line(&mut self, colour: &str, text: &str) -> io::Result<()> {
        if self.colour { writeln!(self.out, "\x1b[{colour}m{text}\x1b[0m") } else { writeln!(self.out, "{text}") }
    }
}

/// All user messages of a prompt, shortened around what is interesting.
fn user_text(value: &[u8]) -> String {
    let Ok(event) = serde_json::from_slice::<Value>(value) else { return String::new() };
    let messages = event.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
    let texts: Vec<&str> = messages
        .iter()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .filter_map(|message| message.get("content")?.as_str())
        .collect();
    let user = event.pointer("/user/id").and_then(Value::as_str).unwrap_or("?");
    format!("{user}: {}", texts.join(" "))
}

/// The text of an answer.
pub fn answer_text(value: &[u8]) -> String {
    let Ok(event) = serde_json::from_slice::<Value>(value) else { return String::new() };
    event.pointer("/choices/0/message/content").and_then(Value::as_str).unwrap_or_default().to_owned()
}
