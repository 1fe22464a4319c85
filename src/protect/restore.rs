//! [`restore`]: sealed originals back into the text, for those who may see them.
//!
//! Only what a sidecar lists is looked for, and only what opens is put back: a token in the text, whoever wrote it there,
//! is worth nothing by itself.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::sidecar::Sidecar;
use super::token::{self, MAX_TOKEN_BYTES};
use super::treat::{same, stands_alone};
use crate::event::{Edit, Event, Original, Replacement, TenantId};
use crate::keys::{KeyId, SealingKeys};

/// Bytes of a subject reference.
const REFERENCE_BYTES: usize = 30;

/// Who asks, and for whose data.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'r> {
    /// The tenant of the event.
    pub tenant: &'r TenantId,
    /// The subject of the event.
    pub subject: KeyId,
    /// As whom.
    pub audience: &'r str,
}

/// Why something that a sidecar lists, and the text holds, was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// This audience may not see it.
    Audience,
    /// The sidecar is another tenant's or subject's.
    Foreign,
    /// These are not the keys that sealed it.
    Key,
    /// It was changed, or moved from another place.
    Altered,
    /// Two sidecars say different things of one token.
    Conflict,
}

impl Reason {
    /// The stable code, snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Foreign => "foreign",
            Self::Key => "key",
            Self::Altered => "altered",
            Self::Conflict => "conflict",
        }
    }
}

/// What restoring an event gives.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// For [`Event::encode`].
    pub edits: Vec<Edit>,
    /// How many places were restored.
    pub restored: u32,
    /// For each token that was found and refused: its kind, as the sidecar says, and why.
    pub refused: Vec<(String, Reason)>,
    /// Places that look like tokens and are in no sidecar.
    pub unresolved: u32,
}

/// Restores an event's body from its sidecars, each with the keys that its head names.
pub fn restore(event: &Event<'_>, sidecars: &[(&Sidecar, &SealingKeys)], reader: &Reader<'_>) -> Restored {
    let mut listed = Listed::new(sidecars, reader);
    let mut result = Restored::default();
    for (index, slot) in event.slots().iter().enumerate().filter(|(_, slot)| slot.place.in_body()) {
        let text = slot.text.reveal();
        for (range, stand_in) in listed.find(text) {
            if let Some(original) = listed.open(stand_in, &mut result.refused) {
                result.edits.push(Edit { slot: index, range, with: Replacement::Original(original) });
                result.restored += 1;
            }
        }
        let unknown = token::token_shaped(text).filter_map(|range| text.get(range));
        result.unresolved += unknown.filter(|token| !listed.indexes.contains_key(token)).count() as u32;
    }
    result
}

/// How many places of an event's body look like tokens: what stays where no sidecar could be opened.
pub fn unresolved(event: &Event<'_>) -> u32 {
    let body = event.slots().iter().filter(|slot| slot.place.in_body());
    body.map(|slot| token::token_shaped(slot.text.reveal()).count() as u32).sum()
}

/// Everything that the sidecars list, and what became of what was asked for.
struct Listed<'s> {
    sidecars: &'s [(&'s Sidecar, &'s SealingKeys)],
    reader: &'s Reader<'s>,
    /// From stand-in to its index among those below.
    indexes: HashMap<&'s str, usize>,
    /// Finds surrogates, and which of the stand-ins they are; tokens and references are known by how they begin.
    surrogates: Option<(AhoCorasick, Vec<usize>)>,
    references: bool,
    /// For each stand-in the entries that claim it: sidecar and entry.
    claims: Vec<(&'s str, Vec<(usize, usize)>)>,
    opened: HashMap<usize, Option<Original>>,
}

impl<'s> Listed<'s> {
    fn new(sidecars: &'s [(&'s Sidecar, &'s SealingKeys)], reader: &'s Reader<'s>) -> Self {
        let (mut indexes, mut claims) = (HashMap::new(), Vec::<(&str, Vec<_>)>::new());
        for (which, (sidecar, _)) in sidecars.iter().enumerate() {
            for (at, entry) in sidecar.entries.iter().enumerate() {
                let stand_in: &str = &entry.stand_in;
                let index = *indexes.entry(stand_in).or_insert_with(|| {
                    claims.push((stand_in, Vec::new()));
                    claims.len() - 1
                });
                if let Some((_, list)) = claims.get_mut(index) {
                    list.push((which, at));
                }
            }
        }
        let is_reference = |text: &str| KeyId::from_reference(text).is_some();
        let references = claims.iter().any(|(text, _)| is_reference(text));
        let plain = |text: &str| !text.starts_with('[') && !is_reference(text);
        let (texts, which): (Vec<&str>, Vec<usize>) = claims
            .iter()
            .enumerate()
            .filter(|(_, (text, _))| plain(text))
            .map(|(index, (text, _))| (*text, index))
            .unzip();
        // Built anew for each event that has any: the automaton that is quickest to build.
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA));
        let surrogates = if texts.is_empty() { None } else { builder.build(&texts).ok().map(|finder| (finder, which)) };
        Self { sidecars, reader, indexes, surrogates, references, claims, opened: HashMap::new() }
    }

    /// Where a text holds stand-ins, in order and apart from each other, and which.
    fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        let mut known = |range: Range<usize>| {
            if let Some(index) = text.get(range.clone()).and_then(|text| self.indexes.get(text)) {
                found.push((range, *index));
            }
        };
        for start in memchr::memchr_iter(b'[', text.as_bytes()) {
            let window = text.as_bytes().get(start..text.len().min(start + MAX_TOKEN_BYTES)).unwrap_or_default();
            if let Some(end) = memchr::memchr(b']', window) {
                known(start..start + end + 1);
            }
        }
        if self.references {
            memchr::memmem::find_iter(text.as_bytes(), "sub_").for_each(|start| known(start..start + REFERENCE_BYTES));
        }
        if let Some((finder, which)) = &self.surrogates {
            let alone = finder.find_iter(text).filter(|found| stands_alone(text, &found.range()));
            found.extend(alone.filter_map(|hit| Some((hit.range(), *which.get(hit.pattern().as_usize())?))));
        }
        found.sort_by_key(|(range, _)| (range.start, range.end));
        let mut end = 0;
        found.retain(|(range, _)| {
            let apart = range.start >= end;
            end = if apart { range.end } else { end };
            apart
        });
        found
    }

    /// What a stand-in stands for, if this reader may know and all who say so agree.
    fn open(&mut self, index: usize, refused: &mut Vec<(String, Reason)>) -> Option<Original> {
        if let Some(known) = self.opened.get(&index) {
            return known.clone();
        }
        let mut settled: Result<Option<Original>, ()> = Ok(None);
        for (which, at) in self.claims.get(index).map(|(_, list)| list.clone()).unwrap_or_default() {
            let Some((sidecar, keys)) = self.sidecars.get(which) else { continue };
            let Some(entry) = sidecar.entries.get(at) else { continue };
            match (open(sidecar, keys, at, self.reader), &settled) {
                (Ok(original), Ok(None)) => settled = Ok(Some(original)),
                (Ok(original), Ok(Some(other))) if same(&original, other) => {}
                (Ok(_), _) => {
                    refused.push((entry.kind.to_string(), Reason::Conflict));
                    settled = Err(());
                }
                (Err(reason), _) => {
                    refused.push((entry.kind.to_string(), reason));
                    // One who may not see this value must not get another for it.
                    if reason == Reason::Audience {
                        settled = Err(());
                    }
                }
            }
        }
        let original = settled.ok().flatten();
        self.opened.insert(index, original.clone());
        original
    }
}

fn open(sidecar: &Sidecar, keys: &SealingKeys, at: usize, reader: &Reader<'_>) -> Result<Original, Reason> {
    let head = &sidecar.head;
    let entry = sidecar.entries.get(at).ok_or(Reason::Altered)?;
    if head.tenant != *reader.tenant || head.key_id != reader.subject {
        return Err(Reason::Foreign);
    }
    let audience = head.audiences.iter().position(|name| **name == *reader.audience);
    if audience.is_none_or(|bit| entry.mask >> bit & 1 == 0) {
        return Err(Reason::Audience);
    }
    if keys.commitment() != &head.commitment || keys.generation() != head.generation {
        return Err(Reason::Key);
    }
    let data = head.associated_data(&entry.kind, &entry.stand_in, entry.mask);
    let plain = keys.open(&data, &entry.sealed).map_err(|_| Reason::Altered)?;
    Original::from_bytes(plain.reveal()).ok_or(Reason::Altered)
}
