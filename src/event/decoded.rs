//! [`Event`]: what decoding found, and what can be asked of it.

use std::fmt;
use std::ops::Range;

use super::escape::{Break, Course};
use super::{Original, Place, RawRecord, Slot, TenantId};
use crate::sensitive::{Sensitive, SensitiveStr};

/// A record, decoded. It borrows from the record what it can.
pub struct Event<'a> {
    pub(super) record: &'a RawRecord,
    pub(super) slots: Vec<Slot<'a>>,
    /// One for each slot, in the same order: how to write it back.
    pub(super) sites: Vec<Site>,
    pub(super) breaks: Vec<Break>,
    /// Data that stood in base64 in the value.
    pub(super) blobs: Vec<Blob>,
    pub(super) tenant: Option<TenantId>,
    pub(super) subject: Option<SensitiveStr<'a>>,
    pub(super) conversation: Option<SensitiveStr<'a>>,
    pub(super) region: Option<SensitiveStr<'a>>,
    pub(super) time_ms: Option<i64>,
    /// Attributes of a structured CloudEvent.
    pub(super) attributes: Option<Vec<(SensitiveStr<'a>, SensitiveStr<'a>)>>,
    pub(super) dropped_headers: usize,
}

/// A part of a record that is edited by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value,
    Key,
    HeaderName(u32),
    HeaderValue(u32),
    /// Index into [`Event::blobs`].
    Blob(u32),
}

/// Where a slot stands in its part, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub(super) part: Part,
    /// With its quotes, where it has any.
    pub(super) outer: (u32, u32),
    pub(super) inside: (u32, u32),
    /// Into [`Event::breaks`].
    pub(super) breaks: (u32, u32),
    pub(super) depth: u8,
    pub(super) number: bool,
}

impl Site {
    pub(super) fn quoted(&self) -> bool {
        self.outer != self.inside
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.inside.0 as usize..self.inside.1 as usize
    }
}

/// Base64 data within the value, decoded.
pub(super) struct Blob {
    pub(super) data: Sensitive,
    /// Where the base64 stands in the value, without quotes.
    pub(super) host: (u32, u32),
    /// Whether it was written with `\/` for each `/`.
    pub(super) escaped_slashes: bool,
}

impl<'a> Event<'a> {
    /// All texts, in the order in which they stand: the value's, then the record key's, then the headers'.
    pub fn slots(&self) -> &[Slot<'a>] {
        &self.slots
    }

    /// Which customer or deployment.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Whose data it is.
    pub fn subject(&self) -> Option<&SensitiveStr<'a>> {
        self.subject.as_ref()
    }

    /// Which conversation it belongs to.
    pub fn conversation(&self) -> Option<&SensitiveStr<'a>> {
        self.conversation.as_ref()
    }

    /// Where it may live, as the publisher says. Untrusted text.
    pub fn region(&self) -> Option<&str> {
        self.region.as_ref().map(SensitiveStr::reveal)
    }

    /// When it happened, milliseconds since the Unix epoch.
    pub fn time_ms(&self) -> Option<i64> {
        self.time_ms
    }

    /// An attribute of a CloudEvent, in either mode. Untrusted text.
    pub fn cloud_event(&self, name: &str) -> Option<&str> {
        match &self.attributes {
            Some(known) => known.iter().find(|(known, _)| known.reveal() == name).map(|(_, value)| value.reveal()),
            None => header(self.record, |header| {
                header.get(..3).is_some_and(|ce| ce.eq_ignore_ascii_case("ce_"))
                    && header.get(3..).is_some_and(|rest| rest.eq_ignore_ascii_case(name))
            }),
        }
    }

    /// The first header of a name, whatever its case; `None` also where its value is null or not UTF-8. Untrusted text.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.record, |header| header.eq_ignore_ascii_case(name))
    }

    /// Headers that `encode` leaves out, because their values are no text and could not be looked at.
    pub fn dropped_headers(&self) -> usize {
        self.dropped_headers
    }

    /// Whether the record key is no text: it could not be looked at, and `encode` leaves it out.
    pub fn has_binary_key(&self) -> bool {
        self.record.key.as_ref().is_some_and(|key| std::str::from_utf8(key.reveal()).is_err())
    }

    /// The record it was decoded from.
    pub fn record(&self) -> &'a RawRecord {
        self.record
    }

    /// What stands at `range` of a slot's decoded text, in the form from which it can be put back exactly.
    ///
    /// `range` lies on character borders. Of a number slot, take all of it: a part of one is kept as text.
    pub fn original(&self, slot: usize, range: Range<usize>) -> Original {
        let (Some(slot), Some(site)) = (self.slots.get(slot), self.sites.get(slot)) else {
            return Original { form: Original::CANONICAL, depth: 0, bytes: Sensitive::default() };
        };
        let text = slot.text.reveal();
        let piece = text.get(range.clone()).unwrap_or_default();
        if site.number {
            let form = if piece.len() == text.len() { Original::NUMBER } else { Original::CANONICAL };
            return Original { form, depth: site.depth, bytes: piece.into() };
        }
        let course = self.course(site);
        let (from, to) = (course.locate(range.start as u32), course.locate(range.end as u32));
        let part = self.part(site.part);
        let raw =
            part.get(from as usize..to as usize).and_then(|raw| std::str::from_utf8(raw).ok()).unwrap_or_default();
        Original::of_content(piece, raw, site.depth)
    }

    pub(super) fn course(&self, site: &Site) -> Course<'_> {
        let breaks = self.breaks.get(site.breaks.0 as usize..site.breaks.1 as usize).unwrap_or_default();
        Course { start: site.inside.0, breaks }
    }

    /// The original bytes of a part.
    pub(super) fn part(&self, part: Part) -> &[u8] {
        let bytes = match part {
            Part::Value => self.record.value.as_ref(),
            Part::Key => self.record.key.as_ref(),
            Part::HeaderName(index) => self.record.headers.get(index as usize).map(|header| &header.name),
            Part::HeaderValue(index) => {
                self.record.headers.get(index as usize).and_then(|header| header.value.as_ref())
            }
            Part::Blob(index) => self.blobs.get(index as usize).map(|blob| &blob.data),
        };
        bytes.map(Sensitive::reveal).unwrap_or_default()
    }
}

/// The value of the first header whose name passes.
pub(super) fn header(record: &RawRecord, matches: impl Fn(&str) -> bool) -> Option<&str> {
    let named = |name: &Sensitive| std::str::from_utf8(name.reveal()).is_ok_and(&matches);
    let found = record.headers.iter().find(|header| named(&header.name))?;
    std::str::from_utf8(found.value.as_ref()?.reveal()).ok()
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({}, {} slots)", self.record.position, self.slots.len())
    }
}

impl Place {
    /// Whether it is part of the record's value, and not of its key or headers.
    pub fn in_body(self) -> bool {
        matches!(self, Self::Text | Self::Name | Self::Number)
    }
}
