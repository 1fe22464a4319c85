//! [`Event::encode`]: edits spliced into the original bytes. What no edit touches leaves exactly as it came.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decoded::{Event, Part, Site};
use super::{Edit, Place, Replacement, escape};

/// A record as it leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The record key; `None` also where it was no text.
    pub key: Option<Vec<u8>>,
    /// The payload.
    pub value: Vec<u8>,
    /// Headers in their order; those that were no text are left out. A null value stays one.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes, {} headers)", self.value.len(), self.headers.len())
    }
}

impl Event<'_> {
    /// Writes the event with edits, in any order.
    ///
    /// # Panics
    ///
    /// Where edits overlap, lie outside their slot or cut a character: whoever made them would lose or leak text.
    pub fn encode(&self, edits: &[Edit]) -> Encoded {
        let mut sorted: Vec<&Edit> = edits.iter().collect();
        sorted.sort_by_key(|edit| (edit.slot, edit.range.start, edit.range.end));
        let of = |part: Part| self.splice(part, &sorted);
        let headers = self.record.headers.iter().enumerate().filter_map(|(index, header)| {
            if header.value.as_ref().is_some_and(|value| std::str::from_utf8(value.reveal()).is_err()) {
                return None;
            }
            let name = String::from_utf8(of(Part::HeaderName(index as u32))).ok()?;
            Some((name, header.value.as_ref().map(|_| of(Part::HeaderValue(index as u32)))))
        });
        let key = self.record.key.as_ref().filter(|_| !self.has_binary_key()).map(|_| of(Part::Key));
        Encoded { key, value: of(Part::Value), headers: headers.collect() }
    }

    /// One part with its edits.
    fn splice(&self, part: Part, edits: &[&Edit]) -> Vec<u8> {
        let bytes = self.part(part);
        let mut own = edits.iter().filter(|edit| self.site(edit).part == part).peekable();
        let blobs = if part == Part::Value { self.blobs.as_slice() } else { &[] };
        if own.peek().is_none() && blobs.is_empty() {
            return bytes.to_vec();
        }
        let mut out = Splice { bytes, at: 0, out: Vec::with_capacity(bytes.len() + bytes.len() / 4 + 64) };
        let mut blobs = blobs.iter().enumerate().peekable();
        while let Some(first) = own.next() {
            let site = self.site(first);
            while let Some((index, blob)) = blobs.next_if(|(_, blob)| blob.host.0 < site.outer.0) {
                out.put(blob.host, self.blob(index, edits).as_bytes());
            }
            let mut group = vec![*first];
            while let Some(edit) = own.next_if(|edit| edit.slot == first.slot) {
                group.push(edit);
            }
            self.slot(&mut out, first.slot, site, &group);
        }
        for (index, blob) in blobs {
            out.put(blob.host, self.blob(index, edits).as_bytes());
        }
        out.finish()
    }

    /// Base64 data again, as it was where nothing in it changed.
    fn blob(&self, index: usize, edits: &[&Edit]) -> String {
        let text = STANDARD.encode(self.splice(Part::Blob(index as u32), edits));
        if self.blobs.get(index).is_some_and(|blob| blob.escaped_slashes) { text.replace('/', "\\/") } else { text }
    }

    /// One slot with all its edits, in order.
    fn slot(&self, out: &mut Splice<'_>, index: usize, site: &Site, edits: &[&Edit]) {
        let (place, text) = self.slots.get(index).map_or((Place::Text, ""), |slot| (slot.place, slot.text.reveal()));
        // A number that was made a string becomes a number again.
        if let ([Edit { range, with: Replacement::Original(original), .. }], false) = (edits, place == Place::Name)
            && *range == (0..text.len())
            && (site.quoted() || site.number)
            && let Some(literal) = original.number()
        {
            out.put(site.outer, literal.as_bytes());
            return;
        }
        let quote = escape::escape("\"", site.depth.saturating_sub(1));
        if site.number {
            out.put((site.outer.0, site.outer.0), quote.as_bytes());
        }
        let course = self.course(site);
        let mut end = 0;
        for edit in edits {
            let range = &edit.range;
            assert!(end <= range.start && text.get(range.clone()).is_some(), "edits overlap or lie outside their slot");
            end = range.end;
            let raw = (course.locate(range.start as u32), course.locate(range.end as u32));
            match &edit.with {
                Replacement::Text(text) => out.put(raw, escape::escape(text, site.depth).as_bytes()),
                Replacement::Original(original) => out.put(raw, original.content(site.depth).as_bytes()),
            }
        }
        if site.number {
            out.put((site.outer.1, site.outer.1), quote.as_bytes());
        }
    }

    #[expect(clippy::expect_used, reason = "an edit names a slot of this event: without it there is nowhere to write")]
    fn site(&self, edit: &Edit) -> &Site {
        self.sites.get(edit.slot).expect("an edit names a slot of this event")
    }
}

/// Bytes with some ranges replaced, in order.
struct Splice<'b> {
    bytes: &'b [u8],
    at: usize,
    out: Vec<u8>,
}

impl Splice<'_> {
    /// Copies up to a range, then writes `with` in its stead.
    fn put(&mut self, (from, to): (u32, u32), with: &[u8]) {
        self.out.extend_from_slice(self.bytes.get(self.at..from as usize).unwrap_or_default());
        self.out.extend_from_slice(with);
        self.at = to as usize;
    }

    fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(self.bytes.get(self.at..).unwrap_or_default());
        self.out
    }
}
