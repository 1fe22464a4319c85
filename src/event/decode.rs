//! [`decode`]: a record to an [`Event`], or to the reason why it can't be one.

use std::borrow::Cow;

use super::attributes::{self, Pick};
use super::cloudevents::{self, Mode};
use super::decoded::{Event, Part, Site};
use super::json::{Fault, Token, Walker};
use super::machinery;
use super::shape::{Format, Shape};
use super::unreadable::Unreadable;
use super::walk::{Document, Label, Problem};
use super::{Place, RawRecord, Slot};
use crate::sensitive::{Sensitive, SensitiveStr};

/// Decodes a record. Nothing of it is copied that has no escapes.
pub fn decode<'a>(record: &'a RawRecord, shape: &Shape) -> Result<Event<'a>, Unreadable> {
    let value = record.value.as_ref().ok_or(Unreadable::Tombstone)?.reveal();
    let headers = record.headers.iter().flat_map(|header| [Some(&header.name), header.value.as_ref()]);
    let parts = headers.chain([record.key.as_ref()]).flatten().map(Sensitive::len).chain([value.len()]);
    let limit = shape.limits.value_bytes.min(u32::MAX as usize / 2);
    if let Some(bytes) = parts.into_iter().find(|bytes| *bytes > limit) {
        return Err(Unreadable::TooLarge { bytes, limit });
    }
    if value.is_empty() {
        return Err(Unreadable::Empty);
    }
    let text = std::str::from_utf8(value).map_err(|_| Unreadable::NotUtf8)?;
    let mut decoder = Decoder::new(record, shape, value.len());
    decoder.value(text)?;
    decoder.key()?;
    decoder.headers()?;
    let Decoder { event, picks, .. } = decoder;
    attributes::settle(event, &picks, shape)
}

pub(super) struct Decoder<'a, 's> {
    pub(super) shape: &'s Shape,
    pub(super) event: Event<'a>,
    pub(super) picks: Vec<Pick<'a>>,
    /// Names that had escapes: [`Label::Held`].
    pub(super) held: Vec<SensitiveStr<'a>>,
    /// Whether a structured CloudEvent has `data`.
    pub(super) has_data: bool,
}

impl<'a, 's> Decoder<'a, 's> {
    fn new(record: &'a RawRecord, shape: &'s Shape, bytes: usize) -> Self {
        let expected = (bytes / 32 + 2 * record.headers.len() + 4).min(shape.limits.slots);
        let event = Event {
            record,
            slots: Vec::with_capacity(expected),
            sites: Vec::with_capacity(expected),
            breaks: Vec::new(),
            blobs: Vec::new(),
            tenant: None,
            subject: None,
            conversation: None,
            region: None,
            time_ms: None,
            attributes: None,
            dropped_headers: 0,
        };
        Self { shape, event, picks: Vec::with_capacity(8), held: Vec::new(), has_data: false }
    }

    fn value(&mut self, text: &'a str) -> Result<(), Unreadable> {
        let mode = cloudevents::mode(self.event.record, self.shape.format)?;
        let start = text.trim_start_matches([' ', '\t', '\r', '\n']);
        let json = match (mode, self.shape.format) {
            (Mode::Structured, _) | (_, Format::Json) => true,
            (_, Format::Text) => false,
            (Mode::Json, _) => true,
            // The publisher says so; JSON is opened all the same, so that escapes hide nothing.
            (Mode::Text, _) => looks_like_json(text) && self.is_json(text),
            // Bytes of a schema registry or a byte order mark would hide JSON, and its escapes, from the detectors.
            (Mode::Unsaid, _) if start.starts_with(['\0', '\u{1}', '\u{feff}']) => {
                return Err(Unreadable::NotJson { at: 0 });
            }
            (Mode::Unsaid, _) => begins_like_json(start) || (start.starts_with('"') && self.is_json(text)),
        };
        if !json {
            return self.whole_text(text, Part::Value, Place::Text, Label::None, true);
        }
        let mut nodes = Vec::new();
        let envelope = mode == Mode::Structured;
        if envelope {
            self.event.attributes = Some(Vec::new());
        } else {
            self.shape.matcher.start(&mut nodes);
        }
        let document = Document { nodes: &nodes, envelope, ..Document::of(text, Part::Value) };
        self.walk(&document).map_err(|problem| self.unreadable(problem))?;
        if envelope {
            cloudevents::check(&self.event)?;
            self.base64_data()?;
        }
        Ok(())
    }

    fn is_json(&self, text: &str) -> bool {
        let mut walker = Walker::new(text, usize::MAX);
        loop {
            match walker.next() {
                Ok(Token::End) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn unreadable(&self, problem: Problem) -> Unreadable {
        match problem {
            Problem::Fault(Fault::Syntax, at) => Unreadable::NotJson { at },
            Problem::Fault(Fault::TooDeep, _) => Unreadable::TooDeep { limit: self.shape.limits.depth },
            Problem::Unreadable(why) => why,
        }
    }

    fn key(&mut self) -> Result<(), Unreadable> {
        let Some(key) = &self.event.record.key else { return Ok(()) };
        let Ok(text) = std::str::from_utf8(key.reveal()) else { return Ok(()) };
        self.whole_text(text, Part::Key, Place::RecordKey, Label::None, false)
    }

    fn headers(&mut self) -> Result<(), Unreadable> {
        for (index, header) in self.event.record.headers.iter().enumerate() {
            let name = std::str::from_utf8(header.name.reveal()).map_err(|_| Unreadable::BadHeader)?;
            match header.value.as_ref().map(|value| std::str::from_utf8(value.reveal())) {
                // What can't be looked at does not pass.
                Some(Err(_)) => {
                    self.event.dropped_headers += 1;
                    continue;
                }
                Some(Ok(text)) => {
                    let (part, place) = (Part::HeaderValue(index as u32), Place::HeaderValue(index));
                    self.whole_text(text, part, place, Label::Text(name), false)?;
                }
                None => {}
            }
            if !machinery::is_known_header(name) {
                self.plain(name, Part::HeaderName(index as u32), Place::HeaderName(index), Label::None, false)?;
            }
        }
        Ok(())
    }

    /// A part that is text as a whole; JSON in a header or key is opened, so that escapes hide nothing.
    fn whole_text(
        &mut self,
        text: &'a str,
        part: Part,
        place: Place,
        field: Label<'a>,
        listed: bool,
    ) -> Result<(), Unreadable> {
        if part != Part::Value && looks_like_json(text) {
            let document = Document { field, ..Document::of(text, part) };
            if self.attempt(&document).map_err(|problem| self.unreadable(problem))? {
                return Ok(());
            }
        }
        self.plain(text, part, place, field, listed)
    }

    fn plain(
        &mut self,
        text: &'a str,
        part: Part,
        place: Place,
        field: Label<'a>,
        listed: bool,
    ) -> Result<(), Unreadable> {
        let whole = (0, text.len() as u32);
        let site = Site { part, outer: whole, inside: whole, breaks: (0, 0), depth: 0, number: false };
        self.push(text, place, field, listed, site)
    }

    #[inline]
    pub(super) fn push(
        &mut self,
        text: impl Into<Cow<'a, str>>,
        place: Place,
        field: Label<'a>,
        listed: bool,
        site: Site,
    ) -> Result<(), Unreadable> {
        if self.event.slots.len() >= self.shape.limits.slots {
            return Err(Unreadable::TooManySlots { limit: self.shape.limits.slots });
        }
        self.event.sites.push(site);
        let field = self.label(field);
        self.event.slots.push(Slot { text: SensitiveStr::new(text), place, field, listed, attribute: None });
        Ok(())
    }

    /// Walks a document that may turn out to be none: then nothing of it stays, and the answer is no.
    pub(super) fn attempt(&mut self, document: &Document<'a, '_>) -> Result<bool, Problem> {
        let (slots, breaks, picks) = (self.event.slots.len(), self.event.breaks.len(), self.picks.len());
        match self.walk(document) {
            Ok(()) => Ok(true),
            Err(Problem::Fault(Fault::Syntax, _)) => {
                self.event.slots.truncate(slots);
                self.event.sites.truncate(slots);
                self.event.breaks.truncate(breaks);
                self.picks.truncate(picks);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Reads what stood in base64, once the whole envelope is known.
    fn base64_data(&mut self) -> Result<(), Unreadable> {
        let Some(blob) = self.event.blobs.first() else { return Ok(()) };
        if self.has_data {
            return Err(Unreadable::BadCloudEvent("both `data` and `data_base64`"));
        }
        let data = blob.data.clone();
        let text = std::str::from_utf8(data.reveal()).map_err(|_| Unreadable::NotUtf8)?;
        let mut nodes = Vec::new();
        self.shape.matcher.start(&mut nodes);
        let part = Part::Blob(0);
        let document = Document { nodes: &nodes, ..Document::held(text, part) };
        let json = self.event.cloud_event("datacontenttype").is_none_or(cloudevents::is_json_type);
        if json {
            return self.walk(&document).map_err(|problem| self.unreadable(problem));
        }
        if looks_like_json(text) && self.attempt(&document).map_err(|problem| self.unreadable(problem))? {
            return Ok(());
        }
        let whole = (0, text.len() as u32);
        let site = Site { part, outer: whole, inside: whole, breaks: (0, 0), depth: 0, number: false };
        self.push(text.to_owned(), Place::Text, Label::None, true, site)
    }
}

/// Whether a payload without a content type must be JSON: `[EMAIL_7K3QF2] wrote` is text, a document cut short is not.
fn begins_like_json(text: &str) -> bool {
    let second = text.get(1..).unwrap_or_default().trim_start_matches([' ', '\t', '\r', '\n']);
    match text.as_bytes().first() {
        Some(b'{') => second.starts_with(['"', '}']) || second.is_empty(),
        Some(b'[') => {
            second.starts_with(['"', '{', '[', ']', '-'])
                || second.starts_with(|c: char| c.is_ascii_digit())
                || ["true", "false", "null"].iter().any(|word| second.starts_with(word))
                || second.is_empty()
        }
        _ => false,
    }
}

pub(super) fn looks_like_json(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']).as_bytes();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}
