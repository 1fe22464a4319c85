//! Texts that come in pieces: [`Chunks`] finds in a stream what [`Detector::scan`] finds in the whole, with bounded memory.
//!
//! The text is read in **stretches** whose borders depend on what it says and not on how it was cut: an empty line where there is
//! one, else the end of a line, else a space, else where the stretch is full. Each stretch is scanned with what stands before it
//! (context, and the head of a table that is still open) and behind it, and only finds that begin in it count.
//!
//! INVARIANT: the same text gives the same finds, however it is cut. They are those of the whole text wherever a find and
//! all that speaks for it lie within [`BACK_BYTES`] before its stretch and [`AHEAD_BYTES`] behind; the longest form of any rule and
//! the widest context are shorter. What can reach farther is a run of overlapping claims, or a token of Base64, that is longer.

use super::detector::floor;
use super::{Detector, Evidence, Finding, Hint, Kind};

/// What a stretch sees before it.
pub const BACK_BYTES: usize = 4 * 1024;

/// What a stretch sees behind it.
pub const AHEAD_BYTES: usize = 20 * 1024;

/// A stretch is no longer.
const STRETCH_BYTES: usize = 64 * 1024;

/// A find in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// First byte, from the start of the stream.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// What it is.
    pub kind: Kind,
    /// Belief in percent, 1 to 100.
    pub confidence: u8,
    /// Why.
    pub evidence: Evidence,
    /// Index of the rule that fired.
    pub rule: u16,
}

/// Scans one stream.
pub struct Chunks<'d> {
    detector: &'d Detector,
    /// What was read and is still needed: up to `BACK_BYTES` before the stretch, and all behind.
    text: String,
    /// Where `text` begins in the stream.
    base: u64,
    /// Where the stretch begins in `text`.
    at: usize,
    /// The end of the last find, in the stream.
    done: u64,
    /// The head of the table that is open where `text` begins, with its line's end.
    head: String,
    stretch: usize,
    found: Vec<Finding>,
}

impl<'d> Chunks<'d> {
    /// At the start of a stream.
    pub fn new(detector: &'d Detector) -> Self {
        Self::with_stretch(detector, STRETCH_BYTES)
    }

    fn with_stretch(detector: &'d Detector, stretch: usize) -> Self {
        let (text, head, found) = (String::new(), String::new(), Vec::new());
        Self { detector, text, base: 0, at: 0, done: 0, head, stretch, found }
    }

    /// Takes the next piece; appends the finds that nothing to come can change, in order.
    pub fn push(&mut self, piece: &str, out: &mut Vec<Placed>) {
        // In parts, so that a large piece is not kept whole.
        let mut rest = piece;
        while !rest.is_empty() {
            let part = rest.get(..floor(rest, self.stretch.max(4))).unwrap_or(rest);
            rest = rest.get(part.len()..).unwrap_or_default();
            self.text.push_str(part);
            while self.text.len() - self.at >= self.stretch + AHEAD_BYTES {
                self.stretch(self.border(), out);
            }
        }
    }

    /// Appends the finds of what is left.
    pub fn finish(mut self, out: &mut Vec<Placed>) {
        while self.text.len() - self.at > self.stretch {
            self.stretch(self.border(), out);
        }
        self.stretch(self.text.len(), out);
    }

    /// Bytes that are kept for what is to come.
    pub fn held_bytes(&self) -> usize {
        self.text.len() + self.head.len()
    }

    /// Where the stretch ends: looked for in its second half.
    fn border(&self) -> usize {
        let full = floor(&self.text, self.at + self.stretch);
        let half = floor(&self.text, self.at + self.stretch / 2);
        let second = self.text.get(half..full).unwrap_or_default();
        let first = |sign: &str| second.find(sign).map(|at| half + at + sign.len());
        let border = first("\n\n").or_else(|| first("\n")).or_else(|| first(" ")).unwrap_or(full);
        border.max(self.at + 1)
    }

    /// Scans up to `end`, and keeps what the next stretch needs.
    fn stretch(&mut self, end: usize, out: &mut Vec<Placed>) {
        let seen = floor(&self.text, end + AHEAD_BYTES);
        let window = self.text.get(..seen).unwrap_or(&self.text);
        self.found.clear();
        if self.head.is_empty() {
            self.detector.scan(window, Hint::default(), &mut self.found);
        } else {
            self.detector.scan(&[&self.head, window].concat(), Hint::default(), &mut self.found);
        }
        let shift = self.head.len();
        let whole = self.found.first().copied().filter(|found| end > self.at && self.detector.is_unread(found));
        if let Some(Finding { kind, confidence, evidence, rule, .. }) = whole {
            let (start, end) = (self.done.max(self.base + self.at as u64), self.base + end as u64);
            out.push(Placed { start, end: end.max(start), kind, confidence, evidence, rule });
            self.done = end.max(start);
            self.found.clear();
        }
        for found in &self.found {
            let (Some(start), to) =
                ((found.start as usize).checked_sub(shift), found.end as usize - shift.min(found.end as usize))
            else {
                continue;
            };
            let last = end == self.text.len();
            let (from, to) = (self.base + start as u64, self.base + to as u64);
            if start >= self.at && (start < end || last) && from >= self.done {
                let Finding { kind, confidence, evidence, rule, .. } = *found;
                out.push(Placed { start: from, end: to, kind, confidence, evidence, rule });
                self.done = to;
            }
        }
        self.forget(end);
    }

    /// Drops what stands too far before `end`, the next stretch's start: whole lines where there are lines.
    fn forget(&mut self, end: usize) {
        let least = floor(&self.text, end.saturating_sub(BACK_BYTES));
        let lines = self.text.get(..least).and_then(|head| head.rfind('\n')).map(|at| at + 1);
        // A line so long that it is no row of a table may be cut.
        let drop = lines.filter(|at| least - at <= BACK_BYTES).unwrap_or(least);
        let dropped = [self.head.as_str(), self.text.get(..drop).unwrap_or_default()].concat();
        self.head = if dropped.is_empty() { String::new() } else { self.detector.open_head(&dropped) };
        self.text.drain(..drop);
        self.base += drop as u64;
        self.at = end - drop;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(detector: &Detector, text: &str) -> Vec<Placed> {
        let mut found = Vec::new();
        detector.scan(text, Hint::default(), &mut found);
        let placed = |f: &Finding| Placed {
            start: u64::from(f.start),
            end: u64::from(f.end),
            kind: f.kind,
            confidence: f.confidence,
            evidence: f.evidence,
            rule: f.rule,
        };
        found.iter().map(placed).collect()
    }

    fn pieces(detector: &Detector, text: &str, stretch: usize, lengths: &[usize]) -> (Vec<Placed>, usize) {
        let (mut chunks, mut out, mut rest, mut held) = (Chunks::with_stretch(detector, stretch), Vec::new(), text, 0);
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let at = (1..=4).map(|more| floor(rest, *length + more)).find(|at| *at > 0).unwrap();
            let (piece, left) = rest.split_at(at);
            chunks.push(piece, &mut out);
            held = held.max(chunks.held_bytes());
            rest = left;
        }
        chunks.finish(&mut out);
        (out, held)
    }

    /// Examples of all rules, on lines, in rows and in prose, longer than many stretches.
    fn text(seed: usize, joints: &[&str]) -> String {
        let detector = Detector::builtin();
        let examples = detector.rules().iter().flat_map(|rule| rule.examples.iter().chain(rule.counterexamples));
        let plain: Vec<String> = examples.map(|e| e.replace("[[", "").replace("]]", "")).collect();
        (0..plain.len())
            .map(|i| plain[(i * 7919 + seed * 31) % plain.len()].clone() + joints[(i + seed) % joints.len()])
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn a_find_at_the_border_of_two_pieces_would_be_lost(
            seed in 0usize..10_000,
            joints in proptest::sample::subsequence(vec!["\n", "\n\n", " ", ". ", "; ", " | "], 2..5),
            lengths in proptest::collection::vec(1usize..9_000, 1..5),
            stretch in 700usize..9_000,
        ) {
            let detector = Detector::builtin();
            let text = text(seed, &joints);
            let (found, held) = pieces(&detector, &text, stretch, &lengths);
            let (again, _) = pieces(&detector, &text, stretch, &[text.len()]);
            prop_assert_eq!(&found, &again);
            prop_assert!(held <= 2 * stretch + 2 * BACK_BYTES + AHEAD_BYTES + 9_000);
            let expected = whole(&detector, &text);
            let differs = found.iter().zip(&expected).find(|(a, b)| a != b);
            prop_assert_eq!(differs, None);
            prop_assert_eq!(found.len(), expected.len());
        }
    }

    #[test]
    fn a_long_table_would_lose_its_head() {
        let detector = Detector::builtin();
        let rows: String = (0..2_000).map(|i| format!("{i},Xqlwyn,{}\n", 536_228_000 + i % 1_000)).collect();
        let text = format!("see below\nid,first_name,ssn\n{rows}");
        let (found, held) = pieces(&detector, &text, 4_096, &[333]);
        assert_eq!(found, whole(&detector, &text));
        assert!(found.len() > 3_900 && held < 40_000, "{} {held}", found.len());
    }

    #[test]
    fn an_empty_stream_or_one_without_a_space_would_never_end() {
        let detector = Detector::builtin();
        assert_eq!(pieces(&detector, "", 16, &[1]).0, []);
        let text = "é".repeat(30_000) + " ada@example.org";
        assert_eq!(pieces(&detector, &text, 1_000, &[7]).0, whole(&detector, &text));
    }
}
