//! [`protect`]: works to edits and a sidecar.
//!
//! INVARIANT: in one event two values never share a stand-in, nor does one stand for two ways of writing a value (each is
//! restored as it was written); and no stand-in is made that the event already held as text.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::sidecar::{Entry, Head, MAX_AUDIENCES, MAX_ENTRIES, MAX_SEALED_BYTES, MAX_TOTAL_BYTES, Sidecar};
use super::token::{self, MAX_TOKEN_BYTES};
use super::{Action, Counts, Protected, Scope, Sealer, Work, normalise, surrogate};
use crate::event::{Edit, Event, Original, Place, Replacement};
use crate::keys::{OVERHEAD_BYTES, SealingKeys};

/// Stand-ins that are tried before a surrogate becomes a token.
const SURROGATE_ATTEMPTS: u64 = 16;

/// Treats an event. What is to be a token or surrogate and can't be one, for want of keys or for its place, is redacted.
pub fn protect(event: &Event<'_>, work: &[Work<'_>], sealer: &Sealer<'_>) -> Protected {
    protect_with(event, work, sealer, sealer.scope.code_symbols())
}

/// The length of codes is an argument so that a test can make them collide.
pub(super) fn protect_with(event: &Event<'_>, work: &[Work<'_>], sealer: &Sealer<'_>, symbols: usize) -> Protected {
    let mut sorted: Vec<&Work<'_>> = work.iter().collect();
    sorted.sort_by_key(|work| (work.slot, work.range.start, work.range.end));
    let mut treatment = Treatment::new(event, sealer, symbols);
    let mut protected = Protected { edits: Vec::with_capacity(work.len()), ..Protected::default() };
    let mut number = None;
    for (index, work) in sorted.iter().enumerate() {
        let Some(slot) = event.slots().get(work.slot) else { continue };
        let mut range = work.range.clone();
        if slot.place == Place::Number {
            // Replaced as a whole, once.
            if number.replace(work.slot) == Some(work.slot) {
                continue;
            }
            range = 0..slot.text.len();
        }
        let neighbours = [index.checked_sub(1).and_then(|before| sorted.get(before)), sorted.get(index + 1)];
        let apart = neighbours.into_iter().flatten().all(|other| {
            other.slot != work.slot || (other.range.end < work.range.start || other.range.start > work.range.end)
        });
        let with = treatment.text(work, &range, apart, &mut protected.counts);
        protected.edits.push(Edit { slot: work.slot, range, with: Replacement::Text(with) });
    }
    protected.sidecar = treatment.sidecar();
    protected
}

/// A value that is to be sealed, once its audiences are known.
struct Draft {
    kind: Box<str>,
    stand_in: Box<str>,
    mask: u8,
    original: Original,
}

struct Treatment<'t> {
    event: &'t Event<'t>,
    sealer: &'t Sealer<'t>,
    symbols: usize,
    /// Whose keys seal, and for whom; `None` where nothing may be sealed.
    head: Option<(Head, &'t SealingKeys)>,
    drafts: Vec<Draft>,
    /// Drafts of one value of one kind: as many as there are ways in which it is written.
    by_value: HashMap<[u8; 32], Vec<usize>>,
    taken: HashSet<Box<str>>,
    sealed_bytes: usize,
}

impl<'t> Treatment<'t> {
    fn new(event: &'t Event<'t>, sealer: &'t Sealer<'t>, symbols: usize) -> Self {
        let head = head(sealer);
        let mut taken = HashSet::new();
        for slot in event.slots().iter().filter(|_| head.is_some()) {
            let text = slot.text.reveal();
            taken.extend(token::token_shaped(text).filter_map(|range| text.get(range)).map(Box::from));
        }
        Self { event, sealer, symbols, head, drafts: Vec::new(), by_value: HashMap::new(), taken, sealed_bytes: 0 }
    }

    /// What is written instead of a piece of text. `apart`: it does not touch another piece that is replaced.
    fn text(&mut self, work: &Work<'_>, range: &Range<usize>, apart: bool, counts: &mut Counts) -> String {
        let Some(slot) = self.event.slots().get(work.slot) else { return String::new() };
        let whole = slot.text.reveal();
        let text = whole.get(range.clone()).unwrap_or_default();
        let kind = if token::is_kind(work.kind) { work.kind } else { "DATA" };
        // The sidecar is for the body: nobody restores headers and keys.
        let sealable = slot.place.in_body() && self.head.is_some();
        let (text, count) = match &work.action {
            Action::Mask { keep_last } => (Some(mask(text, usize::from(*keep_last))), &mut counts.mask),
            Action::Hash => (Some(self.hash(kind, text)), &mut counts.hash),
            Action::Reference(reference) => {
                if sealable {
                    self.reference(work, kind, range, reference);
                }
                (Some(reference.to_string()), &mut counts.reference)
            }
            Action::Surrogate if sealable && apart && stands_alone(whole, range) => {
                match self.stand_in(work, kind, range, text, true) {
                    Some(surrogate) => (Some(surrogate), &mut counts.surrogate),
                    None => (self.stand_in(work, kind, range, text, false), &mut counts.token),
                }
            }
            Action::Token | Action::Surrogate if sealable => {
                (self.stand_in(work, kind, range, text, false), &mut counts.token)
            }
            Action::Token | Action::Surrogate | Action::Redact => (None, &mut counts.redact),
        };
        match text {
            Some(text) => {
                *count += 1;
                text
            }
            None => {
                counts.redact += 1;
                format!("[{kind}]")
            }
        }
    }

    fn hash(&self, kind: &str, text: &str) -> String {
        let tenant = self.sealer.tenant.map_or("", |tenant| tenant.as_str());
        let digest = self.sealer.digest_key.value_digest(tenant, kind, normalise(kind, text).as_bytes());
        format!("[{kind}#{}]", digest.get(..16).unwrap_or_default())
    }

    /// A token or surrogate for a text, the one it already has where it was met before.
    fn stand_in(
        &mut self,
        work: &Work<'_>,
        kind: &str,
        range: &Range<usize>,
        text: &str,
        surrogate: bool,
    ) -> Option<String> {
        let mut digest = self.digest(kind, &normalise(kind, text))?;
        // A value that is here a token and there a surrogate is two values to what follows.
        digest.last_mut().map(|last| *last ^= u8::from(surrogate))?;
        let original = self.event.original(work.slot, range.clone());
        for index in self.by_value.get(&digest).into_iter().flatten() {
            if let Some(draft) = self.drafts.get_mut(*index).filter(|draft| same(&draft.original, &original)) {
                // Who may see it everywhere may see it.
                draft.mask &= work.audiences;
                return Some(draft.stand_in.to_string());
            }
        }
        let stand_in = if surrogate {
            (0..SURROGATE_ATTEMPTS).filter_map(|attempt| surrogate::stand_in(kind, text, &digest, attempt)).find(
                |stand_in| {
                    stand_in.len() <= MAX_TOKEN_BYTES
                        && !self.taken.contains(stand_in.as_str())
                        && !self.occurs(stand_in)
                },
            )
        } else {
            token::tokens(kind, &digest, self.symbols).find(|token| !self.taken.contains(token.as_str()))
        }?;
        let index = self.draft(kind, &stand_in, work.audiences, original)?;
        self.by_value.entry(digest).or_default().push(index);
        Some(stand_in)
    }

    /// Seals what a reference stands for as it is first met: everywhere else it is the same text, if not always the same
    /// JSON type.
    fn reference(&mut self, work: &Work<'_>, kind: &str, range: &Range<usize>, reference: &str) {
        if let Some(draft) = self.drafts.iter_mut().find(|draft| *draft.stand_in == *reference) {
            draft.mask &= work.audiences;
        } else if (1..=MAX_TOKEN_BYTES).contains(&reference.len()) && !self.occurs(reference) {
            let original = self.event.original(work.slot, range.clone());
            self.draft(kind, reference, work.audiences, original);
        }
    }

    /// Whether the event's body already holds a text.
    fn occurs(&self, text: &str) -> bool {
        let finder = memchr::memmem::Finder::new(text);
        let body = self.event.slots().iter().filter(|slot| slot.place.in_body());
        body.into_iter().any(|slot| finder.find(slot.text.reveal().as_bytes()).is_some())
    }

    fn draft(&mut self, kind: &str, stand_in: &str, mask: u8, original: Original) -> Option<usize> {
        let bytes = original.bytes.len() + OVERHEAD_BYTES + kind.len() + stand_in.len() + 8;
        let fits = self.drafts.len() < MAX_ENTRIES
            && original.bytes.len() <= MAX_SEALED_BYTES
            && self.sealed_bytes + bytes <= MAX_TOTAL_BYTES;
        if !fits {
            return None;
        }
        self.sealed_bytes += bytes;
        self.taken.insert(stand_in.into());
        self.drafts.push(Draft { kind: kind.into(), stand_in: stand_in.into(), mask, original });
        Some(self.drafts.len() - 1)
    }

    /// What tokens and surrogates of a value are taken from.
    fn digest(&self, kind: &str, normal: &str) -> Option<[u8; 32]> {
        let scope = self.sealer.scope;
        let (keys, id) = match scope {
            Scope::Event | Scope::Conversation => (self.sealer.keys?, self.sealer.scope_id),
            Scope::Subject => (self.sealer.keys?, [].as_slice()),
            Scope::Tenant => (self.sealer.tenant_keys?, [].as_slice()),
        };
        Some(keys.token_digest(&[b"lethe token v1", scope.label(), id, kind.as_bytes(), normal.as_bytes()]))
    }

    fn sidecar(self) -> Option<String> {
        let (head, keys) = self.head.filter(|_| !self.drafts.is_empty())?;
        let seal = |draft: Draft| {
            let data = head.associated_data(&draft.kind, &draft.stand_in, draft.mask);
            let sealed = keys.seal(&data, draft.original.to_bytes().reveal());
            Entry { kind: draft.kind, stand_in: draft.stand_in, mask: draft.mask, sealed }
        };
        let entries = self.drafts.into_iter().map(seal).collect();
        Some(Sidecar { head, entries }.write())
    }
}

/// Under what an event's values are sealed, if they can be.
fn head<'k>(sealer: &Sealer<'k>) -> Option<(Head, &'k SealingKeys)> {
    let keys = sealer.keys?;
    let names = sealer.audiences.iter().chain([&sealer.bucket.class]);
    if sealer.audiences.len() > MAX_AUDIENCES || names.into_iter().any(|name| name.len() > usize::from(u8::MAX)) {
        return None;
    }
    let head = Head {
        tenant: sealer.tenant?.clone(),
        key_id: sealer.subject?,
        generation: keys.generation(),
        bucket: sealer.bucket.clone(),
        commitment: *keys.commitment(),
        audiences: sealer.audiences.to_vec(),
    };
    Some((head, keys))
}

/// Whether two originals are put back the same way, wherever they stand.
pub(super) fn same(one: &Original, other: &Original) -> bool {
    one.form == other.form && one.bytes == other.bytes && (one.form != Original::RAW || one.depth == other.depth)
}

/// Whether a text is neither preceded nor followed by a letter or digit, so that what stands for it can be found again.
pub(super) fn stands_alone(whole: &str, range: &Range<usize>) -> bool {
    let before = whole.get(..range.start).and_then(|before| before.chars().next_back());
    let after = whole.get(range.end..).and_then(|after| after.chars().next());
    !before.into_iter().chain(after).any(char::is_alphanumeric)
}

/// Stars and the last characters. The number of stars tells the length to a power of two.
fn mask(text: &str, keep_last: usize) -> String {
    let length = text.chars().count();
    let kept = if length <= keep_last * 2 { 0 } else { keep_last };
    let stars = (length - kept).next_power_of_two().clamp(4, 32);
    let mut masked = "*".repeat(stars);
    masked.extend(text.chars().skip(length - kept));
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_no_more_than_it_may() {
        for (text, keep_last, masked) in [
            ("4111111111111111", 4, "****************1111"),
            ("12345678", 4, "********"),
            ("123456789", 4, "********6789"),
            ("é1", 0, "****"),
            ("größe", 2, "****ße"),
            ("", 4, "****"),
        ] {
            assert_eq!(mask(text, keep_last), masked, "{text}");
        }
    }
}
