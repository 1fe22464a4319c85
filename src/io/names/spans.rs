//! From pieces of words with scores to names, and how a long text is read: pure, whatever the model is.
//!
//! A text is read in **stretches** of bytes, so that a long one needs no more memory than a short one; a stretch in **windows** of as
//! many tokens as the model takes. Each token counts as the window says in which it is farther from the edge.

use std::ops::Range;

use crate::detect::{Label, Name};

/// A stretch is no longer.
const STRETCH_BYTES: usize = 16 * 1024;
/// What is read before and behind a stretch beside it.
const AROUND_BYTES: usize = 512;
/// In recall mode a word counts as a name's from this probability of all names together.
const RECALL_LEAST: f32 = 0.1;

/// A part of a text, and what is read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub seen: Range<usize>,
    pub own: Range<usize>,
}

/// The stretches of a text; they end with a line where there is one, else with a word.
pub(super) fn stretches(text: &str) -> impl Iterator<Item = Stretch> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = text.get(at..).filter(|left| !left.is_empty())?;
        let end = if left.len() <= STRETCH_BYTES { text.len() } else { at + border(left) };
        let seen = floor(text, at.saturating_sub(AROUND_BYTES))..floor(text, end.saturating_add(AROUND_BYTES));
        let own = at..end;
        at = end;
        Some(Stretch { seen, own })
    })
}

/// Where the first stretch of a longer text ends: in its second half.
fn border(text: &str) -> usize {
    let (half, full) = (floor(text, STRETCH_BYTES / 2), floor(text, STRETCH_BYTES));
    let second = text.get(half..full).unwrap_or_default();
    let after = |sign: char| second.rfind(sign).map(|at| half + at + sign.len_utf8());
    after('\n').or_else(|| after(' ')).unwrap_or(full)
}

/// The last character border at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first character border at or behind `at`.
pub(super) fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The windows of `tokens` tokens, `room` at a time: what is read, and what of it counts.
pub(super) fn windows(tokens: usize, room: usize) -> impl Iterator<Item = Stretch> {
    let room = room.max(1);
    let margin = room / 8;
    let (mut start, mut counted) = (0, 0);
    std::iter::from_fn(move || {
        if counted >= tokens {
            return None;
        }
        let end = tokens.min(start + room);
        let own = counted..if end == tokens { end } else { end - margin };
        let window = Stretch { seen: start..end, own: own.clone() };
        counted = own.end;
        start = own.end.saturating_sub(margin);
        Some(window)
    })
}

/// What a model says of a token: how probable each label is, in the order of [`Label::ALL`], and whether a name begins there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scores {
    pub labels: [f32; Label::ALL.len()],
    pub begins: bool,
}

impl Scores {
    /// The most probable label and its probability; `None`: no name.
    fn label(&self, recall: bool) -> Option<(Label, f32)> {
        let names: f32 = self.labels.iter().sum();
        let best = Label::ALL.into_iter().zip(self.labels).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let counts = if recall { names >= RECALL_LEAST } else { best.1 > 1.0 - names };
        counts.then_some(best)
    }
}

/// A token in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub start: usize,
    pub end: usize,
    /// The number of the tokenizer's word; `None` where it counts no words.
    pub word: Option<u32>,
    pub scores: Scores,
}

/// Hands over the names in `text`, in order. A word is what its first piece is; neighbours of one label are one name until one begins
/// anew. Belief is the mean probability of its words.
pub(super) fn names(text: &str, pieces: &[Piece], recall: bool, mut each: impl FnMut(Name)) {
    let mut open: Option<Open> = None;
    let mut last: Option<&Piece> = None;
    for piece in pieces.iter().filter(|piece| piece.start < piece.end) {
        if last.is_some_and(|last| goes_on(text, last, piece)) {
            if let Some(open) = &mut open {
                open.end = open.end.max(piece.end);
            }
        } else {
            let said = piece.scores.label(recall);
            match (&mut open, said) {
                (Some(name), Some((label, probability))) if name.label == label && !piece.scores.begins => {
                    name.end = piece.end;
                    name.sum += probability;
                    name.words += 1.0;
                }
                _ => {
                    open.take().and_then(|name| name.close(text)).into_iter().for_each(&mut each);
                    open = said.map(|(label, sum)| Open { label, start: piece.start, end: piece.end, sum, words: 1.0 });
                }
            }
        }
        last = Some(piece);
    }
    open.and_then(|name| name.close(text)).into_iter().for_each(each);
}

/// A name whose end is not known yet.
struct Open {
    label: Label,
    start: usize,
    end: usize,
    sum: f32,
    words: f32,
}

impl Open {
    fn close(self, text: &str) -> Option<Name> {
        let (start, end) = trimmed(text, self.start, self.end)?;
        let found = text.get(start..end)?;
        Some(Name {
            label: self.label,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
            confidence: (self.sum / self.words * 100.0).clamp(1.0, 100.0) as u8,
            numbered: found.bytes().any(|byte| byte.is_ascii_digit()),
        })
    }
}

/// A part of a text without what is no letter or digit at its ends; `None`: it has none.
pub(super) fn trimmed(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let part = text.get(start..end)?;
    let first = part.find(char::is_alphanumeric)?;
    let last = part.char_indices().rev().find(|(_, letter)| letter.is_alphanumeric())?;
    Some((start + first, start + last.0 + last.1.len_utf8()))
}

/// Whether a piece goes on with the word of the one before: nothing stands between them, both sides of the seam are letters or digits of
/// a script that writes words apart, and the tokenizer doesn't see two words.
fn goes_on(text: &str, last: &Piece, piece: &Piece) -> bool {
    let before = text.get(..last.end).and_then(|head| head.chars().next_back());
    let after = text.get(piece.start..).and_then(|tail| tail.chars().next());
    // Pieces of one character overlap.
    let same = piece.start < last.end;
    let joins = |letter: char| letter.is_alphanumeric() && !is_unspaced(letter);
    let joined = piece.start == last.end && before.is_some_and(joins) && after.is_some_and(joins);
    (same || joined) && piece.word == last.word
}

/// Whether a script puts no spaces between words: Thai to Khmer, kana, ideographs.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: [f32; 4] = [0.0; 4];
    const PERSON: [f32; 4] = [0.9, 0.05, 0.0, 0.0];

    fn piece(text: &str, part: &str, word: u32, labels: [f32; 4], begins: bool) -> Piece {
        let start = text.find(part).unwrap();
        Piece { start, end: start + part.len(), word: Some(word), scores: Scores { labels, begins } }
    }

    fn found<'t>(text: &'t str, pieces: &[Piece], recall: bool) -> Vec<(Label, &'t str, u8)> {
        let mut all = Vec::new();
        names(text, pieces, recall, |name| {
            all.push((name.label, &text[name.start as usize..name.end as usize], name.confidence));
        });
        all
    }

    #[test]
    fn a_words_later_pieces_would_be_cut_off_or_make_a_name_of_their_own() {
        let text = "Dr. Zoë Quillfeather, Bo";
        let pieces = [
            piece(text, "Zoë", 2, PERSON, true),
            piece(text, "Quill", 3, PERSON, false),
            piece(text, "feather", 3, NONE, true),
            piece(text, ",", 4, NONE, false),
            piece(text, "Bo", 5, PERSON, false),
        ];
        let expected = [(Label::Person, "Zoë Quillfeather", 90), (Label::Person, "Bo", 90)];
        assert_eq!(found(text, &pieces, false), expected);
    }

    #[test]
    fn two_names_side_by_side_would_be_one() {
        let text = "Ada Bo Chicago";
        let place = [0.1, 0.8, 0.0, 0.0];
        let pieces = [
            piece(text, "Ada", 0, PERSON, true),
            piece(text, "Bo", 1, PERSON, true),
            piece(text, "Chicago", 2, place, false),
        ];
        let expected = [(Label::Person, "Ada", 90), (Label::Person, "Bo", 90), (Label::Location, "Chicago", 80)];
        assert_eq!(found(text, &pieces, false), expected);
    }

    #[test]
    fn a_doubtful_name_is_found_in_recall_mode_alone() {
        let text = "Hope";
        let pieces = [piece(text, "Hope", 0, [0.2, 0.0, 0.0, 0.0], true)];
        assert_eq!(
            (found(text, &pieces, false), found(text, &pieces, true)),
            (vec![], vec![(Label::Person, "Hope", 20)])
        );
    }

    #[test]
    fn a_name_in_a_script_without_spaces_would_take_the_whole_line() {
        let text = "王伟在家";
        let one = |part, labels, begins| piece(text, part, 0, labels, begins);
        let pieces =
            [one("王", PERSON, true), one("伟", PERSON, false), one("在", NONE, false), one("家", NONE, false)];
        assert_eq!(found(text, &pieces, false), [(Label::Person, "王伟", 90)]);
    }

    #[test]
    fn long_texts_are_read_whole_and_every_token_counts_once() {
        let text = "Zoë went home. ".repeat(10_000);
        let mut end = 0;
        for Stretch { seen, own } in stretches(&text) {
            assert_eq!(own.start, end);
            assert!(own.len() <= STRETCH_BYTES && seen.len() <= STRETCH_BYTES + 2 * AROUND_BYTES && !own.is_empty());
            assert!(
                text.is_char_boundary(own.end) && text.is_char_boundary(seen.start) && text.is_char_boundary(seen.end)
            );
            end = own.end;
        }
        assert_eq!(end, text.len());
    }

    proptest! {
        #[test]
        fn a_token_would_count_twice_or_never(tokens in 0usize..3_000, room in 1usize..600) {
            let mut counted = 0;
            for Stretch { seen, own } in windows(tokens, room) {
                prop_assert_eq!(own.start, counted);
                prop_assert!(seen.start <= own.start && own.end <= seen.end && seen.len() <= room && !own.is_empty());
                counted = own.end;
            }
            prop_assert_eq!(counted, tokens);
        }

        // INVARIANT: names lie on character borders, in order, whatever pieces come.
        #[test]
        fn any_pieces_give_names_in_order_on_character_borders(
            text in "[A-Za-zéß王 .,0-9\\-]{0,40}",
            cuts in proptest::collection::vec((0usize..60, 0usize..9, proptest::option::of(0u32..9), proptest::array::uniform4(0f32..1.0), any::<bool>()), 0..20),
            recall: bool,
        ) {
            let mut cuts = cuts;
            cuts.sort_by_key(|cut| cut.0);
            let pieces: Vec<Piece> = cuts.iter().map(|(start, len, word, labels, begins)| {
                let (start, end) = (floor(&text, *start), ceil(&text, (start + len).min(text.len())));
                Piece { start, end, word: *word, scores: Scores { labels: *labels, begins: *begins } }
            }).collect();
            let mut all = Vec::new();
            names(&text, &pieces, recall, |name| all.push(name));
            for name in &all {
                prop_assert!(text.get(name.start as usize..name.end as usize).is_some_and(|found| !found.is_empty()));
                prop_assert!((1..=100).contains(&name.confidence));
            }
        }
    }
}
