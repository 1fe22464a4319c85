//! The model file: written by the trainer, read here, refused where it isn't whole or isn't ours.
//!
//! ```text
//! "LETHENAM" · format u16 · observations u16 · buckets u32 · lexicon groups u32
//! transitions 8 x 8 i16 · bias i16 · recall bias i16 · step of the margins i16 · belief by margin 4 x 33 u8 (percent)
//! lexicon groups of 8 u32 · buckets of 64 bytes · SHA-256 of all before
//! ```
//! All numbers are little-endian. The last 32 bytes are the model's digest, which audit facts name.

use std::fmt;

use super::decode::{LABELS, TAGS, Transitions};
use super::features;
use super::lexicon::{GROUP, Lexicon};
use super::weights::{BUCKET_BYTES, Bucket, Weights};

const MAGIC: &[u8; 8] = b"LETHENAM";
const FORMAT: u16 = 1;
const HEAD: usize = 8 + 2 + 2 + 4 + 4;
const PARAMETERS: usize = TAGS * TAGS * 2 + 6 + LABELS * KNOTS;
const DIGEST: usize = 32;
/// A file may not be larger: what a machine should hold for names.
const MOST_BYTES: usize = 64 << 20;

/// Points of the curve from margin to belief; the middle one is margin 0.
pub(crate) const KNOTS: usize = 33;

/// Everything that was learned.
pub(crate) struct Model {
    pub lexicon: Lexicon,
    pub weights: Weights,
    pub transitions: Transitions,
    /// Added to every tag but outside.
    pub bias: i16,
    /// The same in recall mode.
    pub recall_bias: i16,
    /// Margin between two knots.
    pub step: i16,
    /// Percent by margin, one curve a label.
    pub belief: [[u8; KNOTS]; LABELS],
}

/// Why a model file was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelProblem {
    /// It doesn't begin as a model file does.
    NotAModel,
    /// It was written for another release.
    OtherVersion,
    /// It is shorter or longer than it says.
    Truncated,
    /// Its digest doesn't hold.
    Damaged,
    /// It is larger than a model may be.
    TooLarge,
}

impl fmt::Display for ModelProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAModel => "the file is no model of names\nhelp: give a file that `lethe train names` wrote",
            Self::OtherVersion => "the model of names is for another release of Lethe\nhelp: train it anew with this release: `lethe train names`",
            Self::Truncated => "the model of names is cut short or has something behind it\nhelp: copy the file again, whole",
            Self::Damaged => "the model of names is damaged: its digest doesn't hold\nhelp: copy the file again, or train it anew",
            Self::TooLarge => "the model of names is larger than 64 MiB\nhelp: give a file that `lethe train names` wrote",
        })
    }
}

impl std::error::Error for ModelProblem {}

/// Reads numbers off the front of bytes.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelProblem> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(ModelProblem::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    fn i16(&mut self) -> Result<i16, ModelProblem> {
        self.take().map(i16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, ModelProblem> {
        self.take().map(u32::from_le_bytes)
    }
}

impl Model {
    /// Reads a model file whole.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ModelProblem> {
        if file.len() > MOST_BYTES {
            return Err(ModelProblem::TooLarge);
        }
        let mut bytes = Bytes(file);
        match bytes.take::<8>() {
            Ok(magic) if magic == *MAGIC => {}
            _ => return Err(ModelProblem::NotAModel),
        }
        let (format, version) = (bytes.i16()? as u16, bytes.i16()? as u16);
        if format != FORMAT || version != features::VERSION {
            return Err(ModelProblem::OtherVersion);
        }
        let (buckets, groups) = (bytes.u32()? as usize, bytes.u32()? as usize);
        let whole = buckets.saturating_mul(BUCKET_BYTES).saturating_add(groups.saturating_mul(GROUP * 4));
        if whole.saturating_add(HEAD + PARAMETERS + DIGEST) != file.len() || buckets == 0 || groups == 0 {
            return Err(ModelProblem::Truncated);
        }
        let (body, digest) = file.split_at_checked(file.len() - DIGEST).ok_or(ModelProblem::Truncated)?;
        if ring::digest::digest(&ring::digest::SHA256, body).as_ref() != digest {
            return Err(ModelProblem::Damaged);
        }
        let mut transitions = [[0; TAGS]; TAGS];
        for cost in transitions.iter_mut().flatten() {
            *cost = bytes.i16()?;
        }
        let (bias, recall_bias, step) = (bytes.i16()?, bytes.i16()?, bytes.i16()?.max(1));
        let mut belief = [[0; KNOTS]; LABELS];
        for curve in &mut belief {
            *curve = bytes.take()?;
        }
        let groups = (0..groups).map(|_| {
            let group = bytes.take::<{ GROUP * 4 }>()?;
            let mut entries = [0; GROUP];
            for (entry, four) in entries.iter_mut().zip(group.as_chunks::<4>().0) {
                *entry = u32::from_le_bytes(*four);
            }
            Ok(entries)
        });
        let lexicon = Lexicon::from_groups(groups.collect::<Result<Vec<_>, ModelProblem>>()?.into_iter());
        let buckets = (0..buckets).map(|_| bytes.take().map(|bucket| Bucket::from_bytes(&bucket)));
        let weights = Weights::from_buckets(buckets.collect::<Result<_, ModelProblem>>()?);
        Ok(Self { lexicon, weights, transitions, bias, recall_bias, step, belief })
    }

    /// The model file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(FORMAT.to_le_bytes());
        file.extend(features::VERSION.to_le_bytes());
        file.extend((self.weights.buckets().len() as u32).to_le_bytes());
        file.extend((self.lexicon.len() as u32).to_le_bytes());
        file.extend(self.transitions.iter().flatten().flat_map(|cost| cost.to_le_bytes()));
        file.extend(self.bias.to_le_bytes());
        file.extend(self.recall_bias.to_le_bytes());
        file.extend(self.step.to_le_bytes());
        file.extend(self.belief.iter().flatten());
        file.extend(self.lexicon.entries().flat_map(u32::to_le_bytes));
        for bucket in self.weights.buckets() {
            file.extend(bucket.to_bytes());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, &file);
        file.extend(digest.as_ref());
        file
    }

    /// Belief in percent by margin, on a straight line between knots.
    pub fn belief(&self, label: usize, margin: i32) -> u8 {
        let Some(curve) = self.belief.get(label) else { return 1 };
        let step = i32::from(self.step);
        let last = (KNOTS as i32 - 1) * step;
        let along = margin.clamp(-last, last).saturating_add(last / 2).clamp(0, last);
        let (knot, rest) = ((along / step) as usize, along % step);
        let at = |knot: usize| i32::from(curve.get(knot).or(curve.last()).copied().unwrap_or(1));
        let percent = at(knot) + (at(knot + 1) - at(knot)) * rest / step;
        percent.clamp(1, 99) as u8
    }
}

/// The digest of a model file that was read, in hexadecimal.
pub(crate) fn digest(file: &[u8]) -> String {
    let tail = file.get(file.len().saturating_sub(DIGEST)..).unwrap_or_default();
    tail.iter().map(|byte| format!("{byte:02x}")).collect()
}
