//! What stands around a place: the words before and behind it, the field above the text, the header of its column.
//!
//! The words of a text that some rule listens to are noted once, as the engine passes them; a place that asks for its context
//! looks through the few notes around it instead of reading the text again. It says what is there, not what it is worth.

use super::compile::Tables;
use super::words::{Groups, HeadNumber, in_word};

/// How far before a match its context words may stand, bytes.
const NEAR_BYTES: usize = 64;

/// How far behind a match a word that raises may stand, bytes.
const AFTER_BYTES: usize = 14;

/// How far ahead of the start of a match a word that raises may stand, bytes: matches that need one are shorter by
/// [`AFTER_BYTES`].
pub(super) const AHEAD_BYTES: usize = 66;

/// How far back the header of a table may stand, bytes.
const TABLE_BYTES: usize = 2048;

/// A word that some rule listens to.
#[derive(Clone, Copy, Debug)]
struct Note {
    at: u32,
    head: HeadNumber,
    len: u8,
}

/// The words around the places that are looked at, in order.
#[derive(Debug, Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
    /// Index of some note near the place that was asked for last.
    near: usize,
}

impl Notes {
    /// Forgets all words.
    pub fn clear(&mut self) {
        self.notes.clear();
        self.near = 0;
    }

    /// Adds a word. Words come in order.
    #[inline]
    pub fn add(&mut self, at: u32, head: HeadNumber, len: u8) {
        self.notes.push(Note { at, head, len });
    }

    /// Forgets the words that no place from `at` on can have as context.
    pub fn forget(&mut self, at: usize) {
        let gone = self.notes.partition_point(|note| note.at as usize + NEAR_BYTES < at);
        self.notes.drain(..gone);
        self.near = 0;
    }

    /// The index of the first word that begins at `at` or later.
    #[inline]
    fn seek(&mut self, at: usize) -> usize {
        let begins = |index: usize| self.notes.get(index).map_or(usize::MAX, |note| note.at as usize);
        let mut index = self.near;
        while begins(index) < at {
            index += 1;
        }
        while index > 0 && begins(index - 1) >= at {
            index -= 1;
        }
        self.near = index;
        index
    }

    /// The words that begin in `from..to`, last first.
    fn between(&mut self, from: usize, to: usize) -> impl Iterator<Item = Note> + '_ {
        let end = self.seek(to);
        let before = self.notes.get(..end).unwrap_or_default().iter().rev().copied();
        before.take_while(move |note| note.at as usize >= from)
    }
}

/// The context of one text.
pub(super) struct Context<'s> {
    tables: &'s Tables,
    text: &'s [u8],
    /// Context sets named by the field above the text.
    pub field: Groups,
    /// Words that begin before this byte were noted.
    pub noted_to: usize,
    /// Context sets before a position: the last one asked for.
    before: (usize, Groups),
    /// Context sets behind a position: the last one asked for.
    behind: (usize, Groups),
}

impl<'s> Context<'s> {
    /// Nothing noted.
    pub fn new(tables: &'s Tables, text: &'s [u8]) -> Self {
        let none = (usize::MAX, Groups::default());
        Self { tables, text, field: Groups::default(), noted_to: 0, before: none, behind: none }
    }

    /// The bytes before a place in which context words may stand.
    fn window_before(&self, at: usize) -> usize {
        let mut from = at.saturating_sub(NEAR_BYTES);
        while from > 0 && from < at && self.text.get(from - 1).is_some_and(|byte| in_word(*byte)) {
            from += 1;
        }
        from
    }

    /// The sets of the phrases before a place, nearest first, from the notes.
    fn sets_before<'n>(
        &self,
        notes: &'n mut Notes,
        from: usize,
        at: usize,
    ) -> impl Iterator<Item = Groups> + use<'n, 's> {
        let vocabulary = &self.tables.vocabulary;
        let text = self.text.get(..at).unwrap_or_default();
        let whole = notes.between(from, at).filter(move |note| note.at as usize + usize::from(note.len) <= at);
        whole.map(move |note| {
            let (start, len) = (note.at as usize, usize::from(note.len));
            let phrases = vocabulary.phrases_of(vocabulary.head(note.head), text, start, len);
            phrases.fold(Groups::default(), |all, (_, role)| all | role.groups)
        })
    }

    /// The sets before a place, from the notes where they reach it.
    fn groups_before(&mut self, notes: &mut Notes, at: usize) -> Groups {
        if self.before.0 != at {
            let from = self.window_before(at);
            let groups = if at <= self.noted_to {
                self.sets_before(notes, from, at).fold(Groups::default(), |all, sets| all | sets)
            } else {
                self.tables.vocabulary.groups(self.text.get(from..at).unwrap_or_default())
            };
            self.before = (at, groups);
        }
        self.before.1
    }

    /// The sets of the nearest phrase before a place that is in one of `wanted`.
    fn nearest(&self, notes: &mut Notes, at: usize, wanted: Groups) -> Groups {
        let from = self.window_before(at);
        if at > self.noted_to {
            return self.tables.vocabulary.nearest(self.text.get(from..at).unwrap_or_default(), wanted);
        }
        self.sets_before(notes, from, at).find(|groups| groups.meets(wanted)).unwrap_or_default()
    }

    /// Whether words that raise, or that forbid, stand before a place: the nearest decides.
    pub fn near(&mut self, notes: &mut Notes, rule: u16, at: usize) -> (bool, bool) {
        let near = self.tables.near.get(usize::from(rule)).copied().unwrap_or_default();
        let against = self.tables.against.get(usize::from(rule)).copied().unwrap_or_default();
        let wanted = near | against;
        if wanted.is_empty() {
            return (false, false);
        }
        let before = self.groups_before(notes, at);
        let nearest = if !before.meets(wanted) {
            self.field
        } else if before.meets(near) && before.meets(against) {
            self.nearest(notes, at, wanted)
        } else {
            before
        };
        (nearest.meets(near), nearest.meets(against))
    }

    /// Whether no word that some rule listens to stands anywhere around a match that starts here.
    #[inline]
    pub fn is_quiet(&self, notes: &mut Notes, at: usize) -> bool {
        notes.between(at.saturating_sub(NEAR_BYTES), at + AHEAD_BYTES).next().is_none() && self.field.is_empty()
    }

    /// Context sets of which a word may stand anywhere around a match that starts here; some wrongly, none left out.
    pub fn around(&self, notes: &mut Notes, at: usize) -> Groups {
        let vocabulary = &self.tables.vocabulary;
        let around = notes.between(at.saturating_sub(NEAR_BYTES), at + AHEAD_BYTES);
        around.fold(self.field, |all, note| all | vocabulary.groups_of(note.head))
    }

    /// Whether a word that raises stands right behind, on the same line: `030 901820 (mobile)`.
    pub fn followed(&mut self, notes: &mut Notes, rule: u16, end: usize) -> bool {
        let near = self.tables.near.get(usize::from(rule)).copied().unwrap_or_default();
        if self.behind.0 != end {
            self.behind = (end, self.groups_behind(notes, end));
        }
        self.behind.1.meets(near)
    }

    fn groups_behind(&self, notes: &mut Notes, end: usize) -> Groups {
        let reach = end + AFTER_BYTES;
        if reach <= self.noted_to && notes.between(end, reach).next().is_none() {
            return Groups::default();
        }
        let ahead = self.text.get(end..).unwrap_or_default();
        let line =
            ahead.iter().take(AFTER_BYTES).position(|byte| *byte == b'\n').unwrap_or(AFTER_BYTES.min(ahead.len()));
        // A word cut in two by the window's end is no word.
        let whole = (0..=line).rev().find(|at| ahead.get(*at).is_none_or(|byte| !in_word(*byte))).unwrap_or(0);
        self.tables.vocabulary.groups(ahead.get(..whole).unwrap_or_default())
    }

    /// Whether the header of the table that a place stands in names its column so: `Name | NPI | Phone`, then rows.
    pub fn heads_column(&self, rule: u16, at: usize) -> bool {
        let wanted = self.tables.column.get(usize::from(rule)).copied().unwrap_or_default();
        let head = self.text.get(at.saturating_sub(TABLE_BYTES)..at).unwrap_or_default();
        let mut lines = head.rsplit(|byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default();
        let Some(sign) = b"|\t;,".iter().find(|sign| line.contains(sign)) else { return false };
        let column = line.iter().filter(|byte| *byte == sign).count();
        // Rules between header and rows (`---|---`) are part of the table.
        let header =
            lines.take_while(|line| line.contains(sign) || line.starts_with(b"--") || line.starts_with(b"==")).last();
        let cell = header.and_then(|header| header.split(|byte| byte == sign).nth(column));
        cell.is_some_and(|cell| self.tables.vocabulary.groups(cell).meets(wanted))
    }
}
