//! [`decode`]: a record to an [`Event`], or to the reason why it can't be one.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::attributes::{self, Pick};
use super::cloudevents::{self, Mode};
use super::decoded::{Blob, Event, Part, Site};
use super::escape::{self, Course};
use super::json::{Fault, Token, Walker};
use super::machinery;
use super::matcher::Key;
use super::shape::{Format, Shape};
use super::unreadable::Unreadable;
use super::{Place, RawRecord, Slot};
use crate::sensitive::{Sensitive, SensitiveStr};

/// A number with this many digits is a slot wherever it stands.
const MANY_DIGITS: usize = 6;

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

/// A document being walked: a part of the record, or the JSON in one of its strings.
struct Document<'a, 'd> {
    text: &'d str,
    /// The text once more where it lives as long as the record.
    whole: Option<&'a str>,
    /// The part's bytes, where they live as long as the record.
    part_text: Option<&'a str>,
    part: Part,
    course: Course<'d>,
    /// Depth of the strings in it.
    depth: u8,
    /// Listed by the string that holds it.
    listed: bool,
    field: Option<SensitiveStr<'a>>,
    /// Its place among the pipeline's paths.
    nodes: &'d [u32],
    /// Whether it is a structured CloudEvent.
    envelope: bool,
}

struct Frame<'a> {
    object: bool,
    /// Name above the container.
    field: Option<SensitiveStr<'a>>,
    /// Name of the member that is being read.
    name: Option<SensitiveStr<'a>>,
    index: u32,
    /// Where the container's place begins in the stack of places.
    places: usize,
}

struct Decoder<'a, 's> {
    shape: &'s Shape,
    event: Event<'a>,
    picks: Vec<Pick<'a>>,
    /// Whether a structured CloudEvent has `data`.
    has_data: bool,
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
        Self { shape, event, picks: Vec::new(), has_data: false }
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
            return self.whole_text(text, Part::Value, Place::Text, None, true);
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
                Ok(Some(_)) => {}
                end => return end.is_ok(),
            }
        }
    }

    fn unreadable(&self, problem: Problem) -> Unreadable {
        match problem {
            Problem::Fault(Fault::Syntax(at)) => Unreadable::NotJson { at },
            Problem::Fault(Fault::TooDeep) => Unreadable::TooDeep { limit: self.shape.limits.depth },
            Problem::Unreadable(why) => why,
        }
    }

    fn key(&mut self) -> Result<(), Unreadable> {
        let Some(key) = &self.event.record.key else { return Ok(()) };
        let Ok(text) = std::str::from_utf8(key.reveal()) else { return Ok(()) };
        self.whole_text(text, Part::Key, Place::RecordKey, None, false)
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
                    let field = Some(SensitiveStr::new(name));
                    self.whole_text(text, Part::HeaderValue(index), Place::HeaderValue(index), field, false)?;
                }
                None => {}
            }
            if !machinery::is_known_header(name) {
                self.plain(name, Part::HeaderName(index), Place::HeaderName(index), None, false)?;
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
        field: Option<SensitiveStr<'a>>,
        listed: bool,
    ) -> Result<(), Unreadable> {
        if part != Part::Value && looks_like_json(text) {
            let document = Document { field: field.clone(), ..Document::of(text, part) };
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
        field: Option<SensitiveStr<'a>>,
        listed: bool,
    ) -> Result<(), Unreadable> {
        let whole = (0, text.len() as u32);
        let site = Site { part, outer: whole, inside: whole, breaks: (0, 0), depth: 0, number: false };
        let slot = Slot { text: SensitiveStr::new(text), place, field, listed, attribute: None };
        self.push(slot, site)
    }

    fn push(&mut self, slot: Slot<'a>, site: Site) -> Result<(), Unreadable> {
        if self.event.slots.len() >= self.shape.limits.slots {
            return Err(Unreadable::TooManySlots { limit: self.shape.limits.slots });
        }
        self.event.slots.push(slot);
        self.event.sites.push(site);
        Ok(())
    }

    /// Walks a document that may turn out to be none: then nothing of it stays, and the answer is no.
    fn attempt(&mut self, document: &Document<'a, '_>) -> Result<bool, Problem> {
        let (slots, breaks, picks) = (self.event.slots.len(), self.event.breaks.len(), self.picks.len());
        match self.walk(document) {
            Ok(()) => Ok(true),
            Err(Problem::Fault(Fault::Syntax(_))) => {
                self.event.slots.truncate(slots);
                self.event.sites.truncate(slots);
                self.event.breaks.truncate(breaks);
                self.picks.truncate(picks);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    fn walk(&mut self, document: &Document<'a, '_>) -> Result<(), Problem> {
        let mut walker = Walker::new(document.text, self.shape.limits.depth);
        let mut frames: Vec<Frame<'a>> = Vec::with_capacity(8);
        let mut places = document.nodes.to_vec();
        while let Some(token) = walker.next()? {
            if let Token::ObjectEnd | Token::ArrayEnd = token {
                if let Some(frame) = frames.pop() {
                    places.truncate(frame.places);
                }
                continue;
            }
            if let Token::Name { inside, escaped } = token {
                self.name(document, frames.last_mut(), inside, escaped)?;
                continue;
            }
            // A value: where it stands, and under which name.
            let start = if frames.is_empty() { 0 } else { places.len() };
            let field = match frames.last_mut() {
                None => document.field.clone(),
                Some(frame) => {
                    if frame.places < start {
                        let key = frame.name.as_ref().map_or(Key::Index(frame.index), |name| Key::Name(name.reveal()));
                        self.shape.matcher.descend((frame.places, start), key, &mut places);
                    }
                    frame.index += 1;
                    if frame.object { frame.name.clone() } else { frame.field.clone() }
                }
            };
            let member = field.as_ref().filter(|_| document.envelope && frames.len() == 1);
            if member.is_some_and(|name| name.reveal() == "data") {
                self.has_data = true;
                self.shape.matcher.start(&mut places);
            }
            let place = places.get(start..).unwrap_or_default();
            match token {
                Token::ObjectStart | Token::ArrayStart => {
                    self.no_attribute(place, member)?;
                    let object = token == Token::ObjectStart;
                    frames.push(Frame { object, field, name: None, index: 0, places: start });
                    continue;
                }
                Token::Text { inside, escaped } => {
                    let member = member.cloned();
                    self.string(document, Value { place, field, member }, inside, escaped)?;
                }
                Token::Number(range) => {
                    let member = member.cloned();
                    self.number(document, Value { place, field, member }, range)?;
                }
                Token::Bool(value) => {
                    self.no_attribute(place, None)?;
                    if let Some(name) = member {
                        self.envelope(name.clone(), SensitiveStr::new(if value { "true" } else { "false" }));
                    }
                }
                _ => {}
            }
            places.truncate(start);
        }
        Ok(())
    }

    /// A value that can't be an attribute: of the pipeline, or of the CloudEvent that it is a member of.
    fn no_attribute(&mut self, place: &[u32], member: Option<&SensitiveStr<'a>>) -> Result<(), Problem> {
        if member.is_some_and(|name| name.reveal() != "data") {
            return Err(Problem::Unreadable(Unreadable::BadCloudEvent("an attribute is an array or an object")));
        }
        self.pick(place, None, None);
        Ok(())
    }

    /// Notes what selectors find at a place; whether any does.
    fn pick(&mut self, place: &[u32], value: Option<&SensitiveStr<'a>>, slot: Option<usize>) -> bool {
        let before = self.picks.len();
        for (attribute, rank) in self.shape.matcher.picks(place) {
            self.picks.push(Pick { attribute, rank, value: value.cloned(), slot });
        }
        self.picks.len() > before
    }

    fn envelope(&mut self, name: SensitiveStr<'a>, value: SensitiveStr<'a>) {
        if name.reveal() != "data" {
            self.event.attributes.get_or_insert_default().push((name, value));
        }
    }

    fn name(
        &mut self,
        document: &Document<'a, '_>,
        frame: Option<&mut Frame<'a>>,
        inside: Range<usize>,
        escaped: bool,
    ) -> Result<(), Problem> {
        let (text, site) = self.content(document, inside, escaped);
        let Some(frame) = frame else { return Ok(()) };
        frame.name = Some(text.clone());
        if machinery::is_known_name(text.reveal()) {
            return Ok(());
        }
        let (place, field) = (document.place(Place::Name), frame.field.clone());
        Ok(self.push(Slot { text, place, field, listed: false, attribute: None }, site)?)
    }

    fn string(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        inside: Range<usize>,
        escaped: bool,
    ) -> Result<(), Problem> {
        let breaks = self.event.breaks.len();
        let (text, site) = self.content(document, inside.clone(), escaped);
        if let Some(name) = &value.member {
            if name.reveal() == "data_base64" {
                return self.hold_base64(site, text.reveal());
            }
            self.envelope(name.clone(), text.clone());
        }
        let listed = document.listed || self.shape.matcher.is_text(value.place);
        let picked = self.pick(value.place, Some(&text), Some(self.event.slots.len()));
        if !picked && document.depth == 1 && looks_like_json(text.reveal()) {
            let own = self.event.breaks.split_off(breaks);
            let within = Document {
                text: text.reveal(),
                whole: document.whole.filter(|_| !escaped).and_then(|whole| whole.get(inside)),
                part_text: document.part_text,
                part: document.part,
                course: Course { start: site.inside.0, breaks: &own },
                depth: 2,
                listed,
                field: value.field.clone(),
                nodes: value.place,
                envelope: false,
            };
            if self.attempt(&within)? {
                return Ok(());
            }
            self.event.breaks.extend(own);
        }
        let place = document.place(Place::Text);
        Ok(self.push(Slot { text, place, field: value.field, listed, attribute: None }, site)?)
    }

    fn number(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        literal: Range<usize>,
    ) -> Result<(), Problem> {
        let digits = document.text.get(literal.clone()).unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
        let telling = |field: &SensitiveStr<'a>| !machinery::is_measure(field.reveal());
        let (text, mut site) = self.content(document, literal, false);
        if let Some(name) = value.member {
            self.envelope(name, text.clone());
        }
        let picked = self.pick(value.place, Some(&text), Some(self.event.slots.len()));
        if !picked && digits < MANY_DIGITS && !value.field.as_ref().is_some_and(telling) {
            return Ok(());
        }
        (site.outer, site.number) = (site.inside, true);
        let place = document.place(Place::Number);
        Ok(self.push(Slot { text, place, field: value.field, listed: false, attribute: None }, site)?)
    }

    /// The decoded text of string content or a number, borrowed where it can be, and where it stands.
    fn content(
        &mut self,
        document: &Document<'a, '_>,
        inside: Range<usize>,
        escaped: bool,
    ) -> (SensitiveStr<'a>, Site) {
        let raw = |at: usize| document.course.locate(at as u32);
        let (from, to) = (raw(inside.start), raw(inside.end));
        let outer = (raw(inside.start.saturating_sub(1)), raw(inside.end + 1));
        let breaks = self.event.breaks.len() as u32;
        let borrowed = if escaped {
            None
        } else if let Some(whole) = document.whole {
            whole.get(inside.clone())
        } else if (to - from) as usize == inside.len() {
            document.part_text.and_then(|part| part.get(from as usize..to as usize))
        } else {
            None
        };
        let text = match borrowed {
            Some(text) => SensitiveStr::new(text),
            None => {
                let content = document.text.get(inside.clone()).unwrap_or_default();
                let at = inside.start as u32;
                SensitiveStr::new(escape::unescape(content, at, document.course, &mut self.event.breaks))
            }
        };
        let breaks = (breaks, self.event.breaks.len() as u32);
        let (part, depth) = (document.part, document.depth);
        (text, Site { part, outer, inside: (from, to), breaks, depth, number: false })
    }

    fn hold_base64(&mut self, site: Site, text: &str) -> Result<(), Problem> {
        let bad = |why| Err(Problem::Unreadable(Unreadable::BadCloudEvent(why)));
        if !self.event.blobs.is_empty() {
            return bad("`data_base64` stands there twice");
        }
        let (from, to) = (site.inside.0 as usize, site.inside.1 as usize);
        let raw = self.event.part(Part::Value).get(from..to).unwrap_or_default();
        let escaped_slashes = raw.contains(&b'\\');
        if escaped_slashes && text.replace('/', "\\/").as_bytes() != raw {
            return bad("`data_base64` has escapes");
        }
        let Ok(data) = STANDARD.decode(text) else { return bad("`data_base64` is not base64") };
        self.event.blobs.push(Blob { data: Sensitive::new(data), host: site.inside, escaped_slashes });
        Ok(())
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
        let text = SensitiveStr::new(text.to_owned());
        self.push(Slot { text, place: Place::Text, field: None, listed: true, attribute: None }, site)
    }
}

/// A value as it is met: its place among the pipeline's paths, its name, and its name as a CloudEvent's attribute.
struct Value<'a, 'p> {
    place: &'p [u32],
    field: Option<SensitiveStr<'a>>,
    member: Option<SensitiveStr<'a>>,
}

impl<'a, 'd> Document<'a, 'd> {
    /// A part of the record.
    fn of(text: &'a str, part: Part) -> Document<'a, 'a> {
        Document { whole: Some(text), part_text: Some(text), ..Document::held(text, part) }
    }

    /// A text that lives no longer than its walk.
    fn held(text: &'d str, part: Part) -> Self {
        Self {
            text,
            whole: None,
            part_text: None,
            part,
            course: Course::straight(0),
            depth: 1,
            listed: false,
            field: None,
            nodes: &[],
            envelope: false,
        }
    }

    fn place(&self, in_body: Place) -> Place {
        match self.part {
            Part::Value | Part::Blob(_) => in_body,
            Part::Key => Place::RecordKey,
            Part::HeaderName(index) => Place::HeaderName(index),
            Part::HeaderValue(index) => Place::HeaderValue(index),
        }
    }
}

/// Why a walk stops.
enum Problem {
    Fault(Fault),
    Unreadable(Unreadable),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unreadable> for Problem {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
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

fn looks_like_json(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']).as_bytes();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}
