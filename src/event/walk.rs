//! The walk over one document: each text of it to a slot, and each place of it past the pipeline's selectors.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::attributes::Pick;
use super::decode::{Decoder, looks_like_json};
use super::decoded::{Blob, Part, Site};
use super::escape::{self, Course};
use super::json::{Fault, Token, Walker};
use super::matcher::Key;
use super::unreadable::Unreadable;
use super::{Place, machinery};
use crate::sensitive::{Sensitive, SensitiveStr};

/// A number with this many digits is a slot wherever it stands.
const MANY_DIGITS: usize = 6;

/// A document being walked: a part of the record, or the JSON in one of its strings.
pub(super) struct Document<'a, 'd> {
    pub(super) text: &'d str,
    /// The text once more where it lives as long as the record.
    pub(super) whole: Option<&'a str>,
    /// The part's bytes, where they live as long as the record.
    pub(super) part_text: Option<&'a str>,
    pub(super) part: Part,
    pub(super) course: Course<'d>,
    /// Depth of the strings in it.
    pub(super) depth: u8,
    /// Listed by the string that holds it.
    pub(super) listed: bool,
    pub(super) field: Label<'a>,
    /// Its place among the pipeline's paths.
    pub(super) nodes: &'d [u32],
    /// Whether it is a structured CloudEvent.
    pub(super) envelope: bool,
}

/// A name, as light as it can be: every value carries one.
#[derive(Clone, Copy)]
pub(super) enum Label<'a> {
    None,
    Text(&'a str),
    /// Index into `Decoder::held`.
    Held(usize),
}

struct Frame<'a> {
    object: bool,
    /// Name above the container.
    field: Label<'a>,
    /// Name of the member that is being read.
    name: Label<'a>,
    index: u32,
    /// Where the container's place begins in the stack of places.
    places: usize,
}

/// A value as it is met: its place among the pipeline's paths, its name, and its name as a CloudEvent's attribute.
struct Value<'a, 'p> {
    place: &'p [u32],
    field: Label<'a>,
    member: Option<Label<'a>>,
}

impl<'a, 'd> Document<'a, 'd> {
    /// A part of the record.
    pub(super) fn of(text: &'a str, part: Part) -> Document<'a, 'a> {
        Document { whole: Some(text), part_text: Some(text), ..Document::held(text, part) }
    }

    /// A text that lives no longer than its walk.
    pub(super) fn held(text: &'d str, part: Part) -> Self {
        Self {
            text,
            whole: None,
            part_text: None,
            part,
            course: Course::straight(0),
            depth: 1,
            listed: false,
            field: Label::None,
            nodes: &[],
            envelope: false,
        }
    }

    /// Text without escapes, where it can be borrowed from the record.
    #[inline]
    fn borrowed(&self, inside: &Range<usize>, escaped: bool) -> Option<&'a str> {
        if escaped {
            return None;
        }
        if let Some(whole) = self.whole {
            return whole.get(inside.clone());
        }
        let (from, to) = (self.course.locate(inside.start as u32), self.course.locate(inside.end as u32));
        let in_step = (to - from) as usize == inside.len();
        self.part_text.filter(|_| in_step).and_then(|part| part.get(from as usize..to as usize))
    }

    #[inline]
    fn site(&self, inside: &Range<usize>, breaks: (u32, u32)) -> Site {
        let raw = |at: usize| self.course.locate(at as u32);
        let outer = (raw(inside.start.saturating_sub(1)), raw(inside.end + 1));
        let inside = (raw(inside.start), raw(inside.end));
        Site { part: self.part, outer, inside, breaks, depth: self.depth, number: false }
    }

    fn place(&self, in_body: Place) -> Place {
        match self.part {
            Part::Value | Part::Blob(_) => in_body,
            Part::Key => Place::RecordKey,
            Part::HeaderName(index) => Place::HeaderName(index as usize),
            Part::HeaderValue(index) => Place::HeaderValue(index as usize),
        }
    }
}

/// Why a walk stops.
pub(super) enum Problem {
    /// With where it stands.
    Fault(Fault, usize),
    Unreadable(Unreadable),
}

impl From<Unreadable> for Problem {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

impl<'a> Decoder<'a, '_> {
    pub(super) fn walk(&mut self, document: &Document<'a, '_>) -> Result<(), Problem> {
        let mut walker = Walker::new(document.text, self.shape.limits.depth);
        let mut frames: Vec<Frame<'a>> = Vec::with_capacity(8);
        let mut places = document.nodes.to_vec();
        loop {
            let token = walker.next().map_err(|fault| Problem::Fault(fault, walker.at()))?;
            match token {
                Token::End => return Ok(()),
                Token::ObjectEnd | Token::ArrayEnd => {
                    let start = frames.pop().map_or(0, |frame| frame.places);
                    places.truncate(start);
                    continue;
                }
                Token::Name => {
                    self.name(document, frames.last_mut(), walker.inside(), walker.escaped())?;
                    continue;
                }
                _ => {}
            }
            // A value: where it stands, and under which name.
            let start = if frames.is_empty() { 0 } else { places.len() };
            let level = frames.len();
            let field = match frames.last_mut() {
                None => document.field,
                Some(frame) => {
                    if frame.places < start {
                        self.descend(frame, start, &mut places);
                    }
                    frame.index += 1;
                    if frame.object { frame.name } else { frame.field }
                }
            };
            let member = (document.envelope && level == 1).then_some(field);
            if member.is_some_and(|name| self.spelled(name) == "data") {
                self.has_data = true;
                self.shape.matcher.start(&mut places);
            }
            let place = places.get(start..).unwrap_or_default();
            match token {
                Token::ObjectStart | Token::ArrayStart => {
                    self.no_attribute(place, member)?;
                    frames.push(Frame {
                        object: token == Token::ObjectStart,
                        field,
                        name: Label::None,
                        index: 0,
                        places: start,
                    });
                    continue;
                }
                Token::Text => {
                    self.string(document, Value { place, field, member }, walker.inside(), walker.escaped())?;
                }
                Token::Number => self.number(document, Value { place, field, member }, walker.inside())?,
                Token::True | Token::False => {
                    self.no_attribute(place, None)?;
                    let word = if token == Token::True { "true" } else { "false" };
                    self.envelope(member, || SensitiveStr::new(word));
                }
                _ => {}
            }
            places.truncate(start);
        }
    }

    fn descend(&self, frame: &Frame<'a>, end: usize, places: &mut Vec<u32>) {
        let key = if frame.object { Key::Name(self.spelled(frame.name)) } else { Key::Index(frame.index) };
        self.shape.matcher.descend((frame.places, end), key, places);
    }

    fn spelled(&self, label: Label<'a>) -> &str {
        match label {
            Label::None => "",
            Label::Text(text) => text,
            Label::Held(index) => self.held.get(index).map_or("", SensitiveStr::reveal),
        }
    }

    /// A label as slots carry it.
    #[inline]
    pub(super) fn label(&self, label: Label<'a>) -> Option<SensitiveStr<'a>> {
        match label {
            Label::None => None,
            Label::Text(text) => Some(SensitiveStr::new(text)),
            Label::Held(index) => self.held.get(index).cloned(),
        }
    }

    /// A value that can't be an attribute: of the pipeline, or of the CloudEvent that it is a member of.
    fn no_attribute(&mut self, place: &[u32], member: Option<Label<'a>>) -> Result<(), Problem> {
        if member.is_some_and(|name| self.spelled(name) != "data") {
            return Err(Problem::Unreadable(Unreadable::BadCloudEvent("an attribute is an array or an object")));
        }
        if self.shape.matcher.has_picks(place) {
            self.pick(place, None);
        }
        Ok(())
    }

    /// Notes what selectors find at a place; whether any does. Its slot, if it has a value, is the next to be pushed.
    #[inline]
    fn pick(&mut self, place: &[u32], value: Option<&SensitiveStr<'a>>) -> bool {
        let before = self.picks.len();
        let slot = value.map(|_| self.event.slots.len());
        for (attribute, rank) in self.shape.matcher.picks(place) {
            self.picks.push(Pick { attribute, rank, value: value.cloned(), slot });
        }
        self.picks.len() > before
    }

    fn envelope(&mut self, member: Option<Label<'a>>, value: impl FnOnce() -> SensitiveStr<'a>) {
        if let Some(name) = member.filter(|name| self.spelled(*name) != "data").and_then(|name| self.label(name)) {
            self.event.attributes.get_or_insert_default().push((name, value()));
        }
    }

    fn name(
        &mut self,
        document: &Document<'a, '_>,
        frame: Option<&mut Frame<'a>>,
        inside: Range<usize>,
        escaped: bool,
    ) -> Result<(), Problem> {
        let Some(frame) = frame else { return Ok(()) };
        let place = document.place(Place::Name);
        if let Some(text) = document.borrowed(&inside, escaped) {
            frame.name = Label::Text(text);
            if machinery::is_known_name(text) {
                return Ok(());
            }
            let site = document.site(&inside, (0, 0));
            return Ok(self.push(text, place, frame.field, false, site)?);
        }
        let (text, breaks) = self.decoded(document, &inside);
        frame.name = Label::Held(self.held.len());
        self.held.push(SensitiveStr::new(text.clone()));
        Ok(self.push(text, place, frame.field, false, document.site(&inside, breaks))?)
    }

    fn string(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        inside: Range<usize>,
        escaped: bool,
    ) -> Result<(), Problem> {
        if let Some(text) = document.borrowed(&inside, escaped) {
            let site = document.site(&inside, (0, 0));
            return self.text(document, value, text, site);
        }
        let (text, breaks) = self.decoded(document, &inside);
        self.text(document, value, text, document.site(&inside, breaks))
    }

    /// A string value, borrowed or decoded: what it is to the envelope, to the selectors, as a document, as a slot.
    #[inline]
    fn text<T: Into<Cow<'a, str>> + AsRef<str> + Clone>(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        text: T,
        site: Site,
    ) -> Result<(), Problem> {
        if value.member.is_some_and(|name| self.spelled(name) == "data_base64") {
            return self.hold_base64(site, text.as_ref());
        }
        let listed = document.listed || self.shape.matcher.is_text(value.place);
        let own = |text: &T| SensitiveStr::new(text.clone());
        self.envelope(value.member, || own(&text));
        let picked = self.shape.matcher.has_picks(value.place) && self.pick(value.place, Some(&own(&text)));
        let may_open = !picked && document.depth == 1 && looks_like_json(text.as_ref());
        if may_open && self.opened(document, &value, text.as_ref(), site, listed)? {
            return Ok(());
        }
        Ok(self.push(text, document.place(Place::Text), value.field, listed, site)?)
    }

    /// Opens JSON within a string; whether it is any.
    fn opened(
        &mut self,
        document: &Document<'a, '_>,
        value: &Value<'a, '_>,
        text: &str,
        site: Site,
        listed: bool,
    ) -> Result<bool, Problem> {
        // Its breaks, if it has any, are the last: they come back where it turns out to be no JSON.
        let own = match site.breaks {
            (from, to) if from < to => self.event.breaks.split_off(from as usize),
            _ => Vec::new(),
        };
        let part_text = document.part_text;
        let whole = part_text.filter(|_| own.is_empty()).and_then(|part| part.get(site.range()));
        let within = Document {
            text,
            // In step with the raw bytes: texts within it can be borrowed from there.
            whole,
            part_text,
            part: document.part,
            course: Course { start: site.inside.0, breaks: &own },
            depth: 2,
            listed,
            field: value.field,
            nodes: value.place,
            envelope: false,
        };
        let opened = self.attempt(&within)?;
        if !opened {
            self.event.breaks.extend(own);
        }
        Ok(opened)
    }

    fn number(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        literal: Range<usize>,
    ) -> Result<(), Problem> {
        let digits = document.text.get(literal.clone()).unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
        let telling = match value.field {
            Label::None => false,
            label => !machinery::is_measure(self.spelled(label)),
        };
        let picks = self.shape.matcher.has_picks(value.place);
        if !picks && digits < MANY_DIGITS && !telling && value.member.is_none() {
            return Ok(());
        }
        if let Some(text) = document.borrowed(&literal, false) {
            return self.digits(document, value, text, document.site(&literal, (0, 0)));
        }
        let (text, breaks) = self.decoded(document, &literal);
        self.digits(document, value, text, document.site(&literal, breaks))
    }

    fn digits<T: Into<Cow<'a, str>> + Clone>(
        &mut self,
        document: &Document<'a, '_>,
        value: Value<'a, '_>,
        text: T,
        site: Site,
    ) -> Result<(), Problem> {
        let own = |text: &T| SensitiveStr::new(text.clone());
        self.envelope(value.member, || own(&text));
        if self.shape.matcher.has_picks(value.place) {
            self.pick(value.place, Some(&own(&text)));
        }
        let site = Site { outer: site.inside, number: true, ..site };
        Ok(self.push(text, document.place(Place::Number), value.field, false, site)?)
    }

    /// The text of string content that can't be borrowed, and its breaks.
    fn decoded(&mut self, document: &Document<'a, '_>, inside: &Range<usize>) -> (String, (u32, u32)) {
        let content = document.text.get(inside.clone()).unwrap_or_default();
        let before = self.event.breaks.len() as u32;
        let text = escape::unescape(content, inside.start as u32, document.course, &mut self.event.breaks);
        (text, (before, self.event.breaks.len() as u32))
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
}
