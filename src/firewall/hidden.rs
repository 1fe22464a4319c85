//! Characters that a model reads and a person does not see.
//!
//! Some have honest uses, which are left alone: a byte-order mark at the start, joiners in emoji and in Persian or Indic
//! words, tag characters in the flags of England, Scotland and Wales, one variation selector behind a character,
//! directional isolates and embeddings (weak evidence only).

use super::rules::Reason;

/// A flag of tag characters: U+1F3F4, then tags, then U+E007F.
const BLACK_FLAG: char = '\u{1F3F4}';
const CANCEL_TAG: char = '\u{E007F}';
/// The longest subdivision code in a flag, with its end.
const FLAG_TAGS: usize = 7;
/// So many invisible characters in a row carry a message; fewer join or break words.
const INVISIBLE_RUN: usize = 4;
/// So many words split by an invisible character are no accident.
const SPLIT_WORDS: usize = 2;

/// What is hidden in one text.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    tags: usize,
    overrides: usize,
    embeddings: usize,
    longest_invisible: usize,
    split_words: usize,
    longest_selectors: usize,
    plain: String,
}

/// The first bytes of all these characters, for the automaton: a superset, sorted out by [`Hidden::of`].
pub(super) fn prefixes() -> Vec<Vec<u8>> {
    let mut out = vec![b"\xF3\xA0".to_vec(), b"\xEF\xBB\xBF".to_vec()];
    let singles = ('\u{200B}'..='\u{200D}').chain('\u{202A}'..='\u{202E}').chain('\u{2060}'..='\u{2069}');
    out.extend(singles.chain('\u{FE00}'..='\u{FE0F}').map(|c| c.to_string().into_bytes()));
    out
}

impl Hidden {
    pub fn of(text: &str) -> Self {
        let mut hidden = Self::default();
        let (mut invisible, mut selectors, mut before) = (0, 0, ' ');
        let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(text).chars();
        while let Some(c) = rest.next() {
            let (was_invisible, was_selector) = (invisible, selectors);
            (invisible, selectors) = (0, 0);
            match c {
                BLACK_FLAG => skip_flag(&mut rest),
                '\u{E0000}'..='\u{E007F}' => {
                    hidden.tags += 1;
                    hidden.plain.extend(char::from_u32(u32::from(c) & 0x7F).filter(|c| !c.is_control()));
                    continue;
                }
                '\u{202D}' | '\u{202E}' => hidden.overrides += 1,
                '\u{202A}'..='\u{202C}' | '\u{2066}'..='\u{2069}' => hidden.embeddings += 1,
                '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}' => {
                    invisible = was_invisible + 1;
                    hidden.longest_invisible = hidden.longest_invisible.max(invisible);
                    continue;
                }
                '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
                    selectors = was_selector + 1;
                    hidden.longest_selectors = hidden.longest_selectors.max(selectors);
                }
                _ => {
                    if was_invisible > 0 && before.is_ascii_alphabetic() && c.is_ascii_alphabetic() {
                        hidden.split_words += 1;
                    }
                    hidden.plain.push(c);
                    before = c;
                }
            }
        }
        hidden
    }

    /// What to think of it.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u8)> {
        let bidi = if self.overrides > 0 { 60 } else { 15 };
        let run = if self.longest_invisible >= INVISIBLE_RUN { 70 } else { 45 };
        let split = self.longest_invisible >= INVISIBLE_RUN || self.split_words >= SPLIT_WORDS;
        [
            (self.tags > 0, Reason::HiddenTags, 90),
            (self.overrides + self.embeddings > 0, Reason::BidiControls, bidi),
            (split, Reason::InvisibleRun, run),
            (self.longest_selectors > 1, Reason::VariationSmuggling, 80),
        ]
        .into_iter()
        .filter(|(seen, _, _)| *seen)
        .map(|(_, reason, weight)| (reason, weight))
    }

    /// The text as a model may read it, tags as letters; `None` where nothing was hidden between words.
    pub fn into_plain(self) -> Option<String> {
        let changed = self.tags > 0 || self.split_words > 0 || self.overrides + self.embeddings > 0;
        changed.then_some(self.plain)
    }
}

fn skip_flag(rest: &mut std::str::Chars<'_>) {
    let end = rest.clone().take(FLAG_TAGS).position(|c| c == CANCEL_TAG);
    if let Some(end) = end
        && rest.clone().take(end).all(|c| ('\u{E0020}'..='\u{E007E}').contains(&c))
    {
        rest.nth(end);
    }
}
