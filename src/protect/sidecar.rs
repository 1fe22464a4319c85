//! The header `lethe-sealed`: what an event's tokens and surrogates stand for, sealed. `v1.` and base64url without padding of
//!
//! ```text
//! tenant       u8 length, bytes
//! key id       16 bytes            the subject's keyed digest
//! generation   u32
//! bucket       u8 length, class;  u32 index
//! commitment   16 bytes            of the keys that seal
//! audiences    u8 count (at most 8), each u8 length, bytes
//! entries      u16 count, each:
//!   kind       u8 length, bytes
//!   stand-in   u8 length, bytes    the token or surrogate in the text
//!   mask       u8                  bit n: audience n may restore
//!   sealed     u16 length, bytes   nonce ‖ ciphertext ‖ tag of an `Original`
//! ```
//!
//! All numbers are big-endian. One body belongs to one (subject, generation, bucket). Everything outside `sealed` is in its
//! associated data, so no part of a sidecar can be changed or moved to another and still open.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::token::{MAX_TOKEN_BYTES, is_kind};
use crate::event::TenantId;
use crate::keys::{BucketId, COMMITMENT_BYTES, KeyId, OVERHEAD_BYTES, SealingKeys};

/// A mask of audiences is one byte.
pub const MAX_AUDIENCES: usize = 8;
/// Entries of one sidecar, and bytes of one sealed value and of all.
pub(super) const MAX_ENTRIES: usize = 4096;
pub(super) const MAX_SEALED_BYTES: usize = 60_000;
pub(super) const MAX_TOTAL_BYTES: usize = 4 << 20;

const VERSION: &str = "v1.";

/// Why a header is no sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SidecarProblem {
    /// Another version, or something else.
    #[error("the header `lethe-sealed` is not of version 1\nhelp: pass it on exactly as it came with the prompt")]
    Version,
    /// Not base64url.
    #[error("the header `lethe-sealed` is not base64url\nhelp: pass it on exactly as it came with the prompt")]
    Encoding,
    /// Cut short, too long, or with a part that can't be.
    #[error("the header `lethe-sealed` is malformed: {0}\nhelp: pass it on exactly as it came with the prompt")]
    Malformed(&'static str),
}

/// A sidecar as it was read; nothing in it is authenticated before it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Sidecar {
    pub(super) head: Head,
    pub(super) entries: Vec<Entry>,
}

/// Whose values a sidecar holds, and under which keys.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) tenant: TenantId,
    pub(super) key_id: KeyId,
    pub(super) generation: u32,
    pub(super) bucket: BucketId,
    pub(super) commitment: [u8; COMMITMENT_BYTES],
    pub(super) audiences: Vec<Arc<str>>,
}

/// One sealed value.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Box<str>,
    pub(super) stand_in: Box<str>,
    pub(super) mask: u8,
    pub(super) sealed: Vec<u8>,
}

impl Sidecar {
    /// Reads a header's text. Total: any text gives a sidecar or a problem.
    pub fn parse(text: &str) -> Result<Self, SidecarProblem> {
        let body = text.strip_prefix(VERSION).ok_or(SidecarProblem::Version)?;
        if body.len() > MAX_TOTAL_BYTES * 2 {
            return Err(SidecarProblem::Malformed("too long"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| SidecarProblem::Encoding)?;
        let mut rest = Bytes(&bytes);
        let head = Head::read(&mut rest)?;
        let count = rest.number(2)? as usize;
        if !(1..=MAX_ENTRIES).contains(&count) {
            return Err(SidecarProblem::Malformed("the number of entries"));
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(Entry::read(&mut rest)?);
        }
        if !rest.0.is_empty() {
            return Err(SidecarProblem::Malformed("bytes behind the last entry"));
        }
        let mut stand_ins: Vec<&str> = entries.iter().map(|entry| &*entry.stand_in).collect();
        stand_ins.sort_unstable();
        if stand_ins.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(SidecarProblem::Malformed("one token twice"));
        }
        Ok(Self { head, entries })
    }

    /// The header's text.
    pub(super) fn write(&self) -> String {
        let mut bytes = Vec::with_capacity(128 + self.entries.len() * 96);
        self.head.write(&mut bytes);
        bytes.extend((self.entries.len() as u16).to_be_bytes());
        for entry in &self.entries {
            short(&mut bytes, entry.kind.as_bytes());
            short(&mut bytes, entry.stand_in.as_bytes());
            bytes.push(entry.mask);
            bytes.extend((entry.sealed.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&entry.sealed);
        }
        let mut text = String::with_capacity(VERSION.len() + bytes.len() * 4 / 3 + 4);
        text.push_str(VERSION);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// The tenant that it says it belongs to.
    pub fn tenant(&self) -> &TenantId {
        &self.head.tenant
    }

    /// Under whose keys it says it is sealed.
    pub fn key_id(&self) -> KeyId {
        self.head.key_id
    }

    /// Under which generation of them.
    pub fn generation(&self) -> u32 {
        self.head.generation
    }

    /// In which retention bucket.
    pub fn bucket(&self) -> &BucketId {
        &self.head.bucket
    }

    /// Whether these keys sealed every value in it, just so. The head alone proves nothing: whoever has seen one genuine
    /// sidecar can copy its commitment and put texts of their own behind it.
    pub fn is_genuine(&self, keys: &SealingKeys) -> bool {
        let opens = |entry: &Entry| {
            let data = self.head.associated_data(&entry.kind, &entry.stand_in, entry.mask);
            keys.open(&data, &entry.sealed).is_ok()
        };
        self.head.commitment == *keys.commitment()
            && self.head.generation == keys.generation()
            && self.entries.iter().all(opens)
    }

    /// How many values it holds.
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Read from untrusted input: its texts could be anything.
        write!(f, "Sidecar({:?}, {} entries)", self.head.key_id, self.entries.len())
    }
}

impl Head {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, SidecarProblem> {
        let tenant = TenantId::new(bytes.text()?).ok_or(SidecarProblem::Malformed("the tenant"))?;
        let key_id = KeyId(bytes.array()?);
        let generation = bytes.number(4)?;
        let bucket = BucketId { class: bytes.text()?.into(), index: bytes.number(4)? };
        let commitment = bytes.array()?;
        let count = bytes.number(1)? as usize;
        if count > MAX_AUDIENCES {
            return Err(SidecarProblem::Malformed("the number of audiences"));
        }
        let audiences = (0..count).map(|_| bytes.text().map(Arc::from)).collect::<Result<_, _>>()?;
        Ok(Self { tenant, key_id, generation, bucket, commitment, audiences })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        short(bytes, self.tenant.as_str().as_bytes());
        bytes.extend(self.key_id.0);
        bytes.extend(self.generation.to_be_bytes());
        short(bytes, self.bucket.class.as_bytes());
        bytes.extend(self.bucket.index.to_be_bytes());
        bytes.extend(self.commitment);
        bytes.push(self.audiences.len() as u8);
        for audience in &self.audiences {
            short(bytes, audience.as_bytes());
        }
    }

    /// To what a sealed value is bound. Each part is preceded by its length: no two lists of parts run together.
    pub(super) fn associated_data(&self, kind: &str, stand_in: &str, mask: u8) -> Vec<u8> {
        let mut data = Vec::with_capacity(256);
        let (generation, index) = (self.generation.to_be_bytes(), self.bucket.index.to_be_bytes());
        let parts: [&[u8]; 9] = [
            b"lethe sealed v1",
            self.tenant.as_str().as_bytes(),
            &self.key_id.0,
            kind.as_bytes(),
            stand_in.as_bytes(),
            &generation,
            self.bucket.class.as_bytes(),
            &index,
            &[mask, self.audiences.len() as u8],
        ];
        for part in parts.into_iter().chain(self.audiences.iter().map(|name| name.as_bytes())) {
            data.extend((part.len() as u32).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

impl Entry {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, SidecarProblem> {
        let (kind, stand_in) = (bytes.text()?, bytes.text()?);
        if !is_kind(kind) || !(1..=MAX_TOKEN_BYTES).contains(&stand_in.len()) {
            return Err(SidecarProblem::Malformed("an entry's kind or token"));
        }
        let mask = bytes.number(1)? as u8;
        let length = bytes.number(2)? as usize;
        if length < OVERHEAD_BYTES {
            return Err(SidecarProblem::Malformed("an entry's sealed value"));
        }
        let sealed = bytes.take(length)?.to_vec();
        Ok(Self { kind: kind.into(), stand_in: stand_in.into(), mask, sealed })
    }
}

/// Whoever calls has made sure that it is at most 255 bytes.
fn short(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text);
}

/// Bytes still to be read.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], SidecarProblem> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SidecarProblem::Malformed("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u32, SidecarProblem> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SidecarProblem> {
        self.take(N)?.try_into().map_err(|_| SidecarProblem::Malformed("cut short"))
    }

    fn text(&mut self) -> Result<&'b str, SidecarProblem> {
        let length = self.number(1)? as usize;
        std::str::from_utf8(self.take(length)?).map_err(|_| SidecarProblem::Malformed("a name that is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sidecar() -> impl Strategy<Value = Sidecar> {
        let entry = ("[A-Z][A-Z_]{0,8}", prop::collection::vec(any::<u8>(), OVERHEAD_BYTES..64), any::<u8>());
        let entries = prop::collection::vec(entry, 1..5);
        (entries, prop::collection::vec("[a-z]{1,9}", 0..8), any::<[u8; 16]>(), any::<u32>()).prop_map(
            |(entries, audiences, id, number)| Sidecar {
                head: Head {
                    tenant: TenantId::new("acme").unwrap(),
                    key_id: KeyId(id),
                    generation: number,
                    bucket: BucketId { class: "30d".into(), index: number },
                    commitment: id,
                    audiences: audiences.into_iter().map(Arc::from).collect(),
                },
                entries: (0..)
                    .zip(entries)
                    .map(|(n, (kind, sealed, mask))| Entry {
                        stand_in: format!("[{kind}_{n}]").into(),
                        kind: kind.into(),
                        mask,
                        sealed,
                    })
                    .collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn a_sidecar_is_read_as_it_was_written(sidecar in sidecar()) {
            prop_assert_eq!(Sidecar::parse(&sidecar.write()), Ok(sidecar));
        }

        #[test]
        fn any_change_gives_another_sidecar_or_a_problem_and_never_a_panic(
            sidecar in sidecar(),
            at: prop::sample::Index,
            bit in 0u8..8,
            cut: prop::sample::Index,
        ) {
            let text = sidecar.write();
            let mut bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let flipped = format!("v1.{}", URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_ne!(Sidecar::parse(&flipped), Ok(sidecar.clone()));
            bytes.truncate(cut.index(bytes.len()));
            let cut_short = format!("v1.{}", URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert!(Sidecar::parse(&cut_short).is_err());
            prop_assert!(Sidecar::parse(&text[..cut.index(text.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text: String) {
            let _ = Sidecar::parse(&format!("v1.{}", URL_SAFE_NO_PAD.encode(&bytes)));
            prop_assert!(Sidecar::parse(&text).is_err());
        }
    }

    #[test]
    fn one_token_for_two_values_is_refused() {
        let entry = Entry { kind: "A".into(), stand_in: "[A_2]".into(), mask: 1, sealed: vec![0; OVERHEAD_BYTES] };
        let head = Head {
            tenant: TenantId::new("acme").unwrap(),
            key_id: KeyId([0; 16]),
            generation: 1,
            bucket: BucketId { class: "30d".into(), index: 1 },
            commitment: [0; 16],
            audiences: vec![],
        };
        let twice = Sidecar { head, entries: vec![entry.clone(), entry] };
        assert_eq!(Sidecar::parse(&twice.write()), Err(SidecarProblem::Malformed("one token twice")));
    }
}
