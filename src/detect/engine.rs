//! A scan of a text: an index says where something may start, gates and automata verify it, checks and context
//! weigh it.
//!
//! It holds no state between texts and allocates nothing but what the findings need. A text is read in stretches: `index` says
//! where something may start, and the second pass, here, tries those places once the words on both sides of them are known.

use super::border::start_holds;
use super::compile::{Gated, Tables};
use super::context::{AHEAD_BYTES, Context};
use super::fields::Field;
use super::gate::Asked;
use super::index::{Lists, Place, Sheet, What};
use super::masks::BLOCK;
use super::rule::{Border, Rule, Start};
use super::streets;
use super::unfold::in_token;
use super::validators::LEAST_PHONE_DIGITS;
use super::value::Value;
use super::words::{Groups, HeadNumber, in_word};
use super::{Evidence, Finding, Hint};

/// The longest local part that RFC 5321 allows.
const LOCAL_BYTES: usize = 64;

/// The longest user name and password of a URL.
const USER_INFO_BYTES: usize = 400;

/// What a telephone number with its country's code is made of.
fn in_phone(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b' ' | b'(' | b')' | b'-' | b'.' | b'/')
}

/// One scan of one text.
pub(super) struct Scan<'s> {
    tables: &'s Tables,
    rules: &'s [Rule],
    text: &'s str,
    out: &'s mut Vec<Finding>,
    sheet: &'s mut Sheet,
    context: Context<'s>,
    /// Numbers before this byte are part of something found already.
    numbers_done: usize,
    groups_done: usize,
    checked: Checked,
    /// What a gate was asked last: of numbers or of words with digits.
    asked: Asked,
}

/// The check that was made last, and what it said: rules of one kind ask the same of the same bytes.
#[derive(Clone, Copy, Default)]
struct Checked {
    name: &'static str,
    start: usize,
    end: usize,
    passed: bool,
}

impl<'s> Scan<'s> {
    pub fn new(
        tables: &'s Tables,
        rules: &'s [Rule],
        text: &'s str,
        sheet: &'s mut Sheet,
        out: &'s mut Vec<Finding>,
    ) -> Self {
        let context = Context::new(tables, text.as_bytes());
        sheet.clear();
        let (checked, asked) = Default::default();
        Self { tables, rules, text, out, sheet, context, numbers_done: 0, groups_done: 0, checked, asked }
    }

    /// Appends every candidate, in no order, overlapping. The sheet then says what is worth a second look.
    pub fn run(mut self, hint: Hint<'_>) {
        if let Some(field) = hint.field {
            self.field(field);
        }
        let (text, tables) = (self.text.as_bytes(), self.tables);
        let lists = Lists { vocabulary: &tables.vocabulary, prefixes: &tables.prefixes };
        let (mut read_to, mut asked_from) = (0, 0);
        while read_to < text.len() {
            read_to = tables.reader.read(self.sheet, read_to, text, lists);
            // The last places wait until the words behind them are known.
            let ready = if read_to < text.len() { read_to - BLOCK - AHEAD_BYTES } else { usize::MAX };
            self.sheet.notes.forget(asked_from);
            self.context.noted_to = read_to;
            let mut places = std::mem::take(&mut self.sheet.places);
            let count = places.iter().take_while(|place| (place.at as usize) < ready).count();
            places.iter().take(count).for_each(|place| self.place(*place));
            places.drain(..count);
            asked_from = places.first().map_or(ready, |place| place.at as usize).saturating_sub(BLOCK);
            self.sheet.places = places;
        }
    }

    /// Something may start here.
    fn place(&mut self, place: Place) {
        let at = place.at as usize;
        match place.what {
            What::Phrase(head, len) => self.phrase(head, at, usize::from(len)),
            What::Name(len) => {
                if self.tables.vocabulary.is_name(self.text.as_bytes(), at, usize::from(len)) {
                    self.singles(&self.tables.starts.first_name, at);
                }
            }
            What::Key => {
                let tables = self.tables;
                tables.prefixes.at(self.text.as_bytes(), at).for_each(|rule| self.single(rule, at));
            }
            What::Number => self.number(at),
            What::Inner => self.mixed(at),
            What::At => self.at_sign(at),
            What::Colon => self.colon(at),
            What::Lead => self.lead(at),
            What::Dash => self.dash(at),
            What::Long => self.long_word(at),
        }
    }

    /// Notes the token that a run of twenty letters and digits is part of.
    fn long_word(&mut self, at: usize) {
        let text = self.text.as_bytes();
        let done = self.sheet.noticed.tokens.last().map_or(0, |(_, end)| *end);
        if at >= done {
            let back = text.get(done..at).unwrap_or_default().iter().rev().take_while(|byte| in_token(**byte)).count();
            let ahead = text.get(at..).unwrap_or_default().iter().take_while(|byte| in_token(**byte)).count();
            self.sheet.noticed.tokens.push((at - back, at + ahead));
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn before(&self, at: usize, back: usize) -> u8 {
        at.checked_sub(back).map_or(0, |at| self.byte(at))
    }

    /// A word with which phrases begin.
    fn phrase(&mut self, head: HeadNumber, at: usize, len: usize) {
        let tables = self.tables;
        let text = self.text.as_bytes();
        let head = tables.vocabulary.head(head);
        for (end, role) in tables.vocabulary.phrases_of(head, text, at, len) {
            if !role.leads.is_empty()
                && let Some(value) = Value::after(text, end)
            {
                role.leads.iter().for_each(|rule| self.lead_to(*rule, value));
            }
            for id in &role.starts {
                match self.rules.get(usize::from(*id)) {
                    Some(rule) if rule.pattern.is_empty() => {
                        self.candidate(rule, *id, at, end);
                    }
                    _ => self.single(*id, at),
                }
            }
        }
    }

    /// Tries what stands behind a keyword, where it is tied to it as a rule asks.
    fn lead_to(&mut self, rule: u16, value: Value) {
        if let Some(Start::After(_, link)) = self.rules.get(usize::from(rule)).map(|rule| rule.start)
            && value.is_tied(link)
        {
            self.single(rule, value.at);
        }
    }

    /// A number begins here.
    fn number(&mut self, at: usize) {
        if at < self.numbers_done {
            return;
        }
        let tables = self.tables;
        self.gated(&tables.digit, at);
        let (before, beyond) = (self.before(at, 1), self.before(at, 2));
        // `Hauptstraße 12`, `Storgatan 5`
        if before == b' ' && (beyond.is_ascii_lowercase() || beyond >= 0x80) {
            self.street(at - 1);
        }
        // One to three capitals and a space or dash before a number are often part of it: `AB 12 34 56 C`.
        if beyond.is_ascii_uppercase() && matches!(before, b' ' | b'-') {
            let capitals = (2..=5).take_while(|back| self.before(at, *back).is_ascii_uppercase()).count();
            if capitals <= 3 && !in_word(self.before(at, 2 + capitals)) {
                self.mixed_word(at - 1 - capitals);
            }
        }
    }

    /// Tries the rules that a gate lets through.
    fn gated(&mut self, gated: &'s Gated, at: usize) {
        let quiet = self.context.is_quiet(&mut self.sheet.notes, at);
        let mut possible = gated.gate.possible(self.text.as_bytes(), at, quiet, &mut self.asked);
        if possible == 0 {
            return;
        }
        let around = if quiet { Groups::default() } else { self.context.around(&mut self.sheet.notes, at) };
        while possible != 0 {
            let pattern = possible.trailing_zeros() as usize;
            possible &= possible - 1;
            let Some(id) = gated.rules.get(pattern).copied() else { continue };
            let Some(rule) = self.rules.get(usize::from(id)) else { continue };
            let near = || self.tables.near.get(usize::from(id)).is_some_and(|near| around.meets(*near));
            if !rule.need || !rule.column.is_empty() || near() {
                self.attempt(rule, id, at);
            }
        }
    }

    /// A number follows the word that ends here: tries it as a street.
    fn street(&mut self, end: usize) {
        let head = self.text.as_bytes().get(end.saturating_sub(48)..end).unwrap_or_default();
        if !streets::may_end(head) {
            return;
        }
        let len = head.iter().rev().take_while(|byte| in_word(**byte) || **byte == b'-').count();
        let word = head.get(head.len() - len..).unwrap_or_default();
        if len > 4 && streets::ends(word) {
            let tables = self.tables;
            self.singles(&tables.starts.street, end - len);
        }
    }

    /// The first digit after a letter: tries the word that it stands in, once.
    fn mixed(&mut self, at: usize) {
        let text = self.text.as_bytes();
        let head = text.get(at.saturating_sub(16)..at).unwrap_or_default();
        let letters = head.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let start = at - letters;
        if letters == 0 || letters == 16 || in_word(self.before(start, 1)) {
            return;
        }
        self.mixed_word(start);
    }

    /// Tries the rules of words with digits at one.
    fn mixed_word(&mut self, at: usize) {
        let tables = self.tables;
        self.gated(&tables.mixed, at);
    }

    fn at_sign(&mut self, at: usize) {
        let rest = self.text.as_bytes().get(at + 1..).unwrap_or_default();
        let label = rest.iter().take_while(|byte| in_word(**byte) || **byte == b'-').count();
        if label == 0 || rest.get(label) != Some(&b'.') {
            return;
        }
        let head = self.text.as_bytes().get(at.saturating_sub(LOCAL_BYTES)..at).unwrap_or_default();
        let sign = |byte: u8| matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&');
        let mut start = at - head.iter().rev().take_while(|byte| in_word(**byte) || sign(**byte)).count();
        while start < at && sign(self.byte(start)) || !self.text.is_char_boundary(start) {
            start += 1;
        }
        if start < at {
            let tables = self.tables;
            self.singles(&tables.starts.at, start);
        }
    }

    fn colon(&mut self, at: usize) {
        let tables = self.tables;
        if self.byte(at + 1) == b'/' && self.byte(at + 2) == b'/' {
            self.user_info(at + 3);
            let head = self.text.as_bytes().get(at.saturating_sub(16)..at).unwrap_or_default();
            let scheme =
                head.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte)).count();
            if scheme > 0 {
                self.singles(&tables.starts.scheme, at - scheme);
            }
        } else if self.byte(at + 1).is_ascii_hexdigit() || self.byte(at + 1) == b':' {
            self.group(at);
        }
    }

    /// The name and the password in front of a URL's host, if they are there.
    fn user_info(&mut self, at: usize) {
        let tables = self.tables;
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let ends = |byte: u8| {
            matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'@')
        };
        let authority = rest.iter().take(USER_INFO_BYTES).position(|byte| ends(*byte)).unwrap_or(0);
        if rest.get(authority) != Some(&b'@') {
            return;
        }
        let Some(colon) = rest.iter().take(authority).position(|byte| *byte == b':') else { return };
        self.exact(&tables.starts.user_name, at, at + colon);
        self.exact(&tables.starts.user_password, at + colon + 1, at + authority);
    }

    /// Tries rules on exactly this part of the text.
    fn exact(&mut self, rules: &'s [u16], start: usize, end: usize) {
        let tables = self.tables;
        for id in rules {
            let Some(rule) = self.rules.get(usize::from(*id)) else { continue };
            let Some(automaton) = tables.automaton(*id, rule) else { continue };
            if automaton.walk(self.text.as_bytes(), start, |at| at == end).is_some() {
                self.candidate(rule, *id, start, end);
            }
        }
    }

    /// A `:` or `-` between hexadecimal groups: tries the first group of the chain, once.
    fn group(&mut self, at: usize) {
        if at < self.groups_done {
            return;
        }
        let head = self.text.as_bytes().get(at.saturating_sub(4)..at).unwrap_or_default();
        let start = at - head.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if in_word(self.before(start, 1)) || self.before(start, 1) == b':' && !self.names(start - 1) {
            return;
        }
        let tables = self.tables;
        self.singles(&tables.starts.group, start);
        let chain = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':' || **byte == b'-';
        self.groups_done =
            at + self.text.as_bytes().get(at..).unwrap_or_default().iter().take(64).take_while(chain).count();
    }

    /// Whether the word before a `:` is a name for what follows (`mac:2c:dc:…`), not a group of hexadecimal digits itself.
    fn names(&self, colon: usize) -> bool {
        let head = self.text.as_bytes().get(colon.saturating_sub(5)..colon).unwrap_or_default();
        let word = head.iter().rev().take_while(|byte| in_word(**byte));
        let (len, hex) = word.fold((0, true), |(len, hex), byte| (len + 1, hex && byte.is_ascii_hexdigit()));
        len > 4 || len > 0 && !hex
    }

    fn lead(&mut self, at: usize) {
        let tables = self.tables;
        if !(self.byte(at + 1).is_ascii_digit() || self.byte(at + 1) == b'(' || self.byte(at + 1) == b'+')
            || at < self.numbers_done
        {
            return;
        }
        if self.byte(at) == b'+' {
            // Only numbers of telephones begin so, and of what begins with a plus, most is none: the check wants so many digits.
            let ahead = self.text.as_bytes().get(at + 1..at + 1 + LEAST_PHONE_DIGITS);
            if ahead.is_some_and(|ahead| ahead.iter().all(|byte| in_phone(*byte))) {
                self.singles(&tables.starts.plus, at);
            }
        } else {
            self.singles(&tables.starts.paren, at);
        }
    }

    fn dash(&mut self, at: usize) {
        let tables = self.tables;
        if self.byte(at + 1) == b'-' {
            if self.text.as_bytes().get(at..at + 5) == Some(b"-----") {
                self.singles(&tables.starts.dashes, at);
            }
        } else if self.byte(at + 1).is_ascii_hexdigit()
            && self.before(at, 1).is_ascii_hexdigit()
            && self.before(at, 2).is_ascii_hexdigit()
        {
            if self.byte(at + 3) == b'-' {
                self.group(at);
            } else if self.byte(at + 5) == b'-' && (3..=8).all(|back| self.before(at, back).is_ascii_hexdigit()) {
                self.singles(&tables.starts.uuid, at - 8);
            }
        }
    }

    /// Tries rules at one place.
    fn singles(&mut self, rules: &'s [u16], at: usize) {
        rules.iter().for_each(|rule| self.single(*rule, at));
    }

    /// Tries a rule at one place.
    fn single(&mut self, id: u16, at: usize) {
        if let Some(rule) = self.rules.get(usize::from(id))
            && start_holds(self.text.as_bytes(), at, rule.border)
        {
            self.attempt(rule, id, at);
        }
    }

    /// Walks a rule's automaton at a place where it may start, and weighs what matches.
    fn attempt(&mut self, rule: &'s Rule, id: u16, at: usize) {
        let tables = self.tables;
        let text = self.text.as_bytes();
        let Some(automaton) = tables.automaton(id, rule) else { return };
        if let Some([last, before]) = automaton.walk_to(text, at, rule.border) {
            // A number may end where a shorter one checks out; all else ends where it ends.
            let number = matches!(rule.border, Border::Number | Border::Date);
            if !self.candidate(rule, id, at, last) && number && before > at {
                self.candidate(rule, id, at, before);
            }
        }
    }

    /// A form has matched: weighs its context, checks it, and appends it if it is believed. Says whether it did.
    fn candidate(&mut self, rule: &Rule, id: u16, start: usize, end: usize) -> bool {
        let cut = match rule.cut {
            0 => None,
            sign => self.text.as_bytes().get(start..end).and_then(|found| found.iter().position(|byte| *byte == sign)),
        };
        let start = start + cut.map_or(0, |at| at + 1);
        // Context first where it must be there: it is read once for all rules that start here.
        if !rule.need && !self.passes(rule, start, end) {
            return false;
        }
        let (near, against) = self.context.near(&mut self.sheet.notes, id, start);
        let near = near || !rule.column.is_empty() && self.context.heads_column(id, start);
        let near = near || rule.need && self.context.followed(&mut self.sheet.notes, id, end);
        if against || rule.need && !(near && self.passes(rule, start, end)) {
            return false;
        }
        let end = self.with_tails(id, rule, end);
        if !self.text.is_char_boundary(end) {
            return false;
        }
        let keyed = matches!(rule.start, Start::After(..));
        let evidence = if near && !keyed { rule.evidence.max(Evidence::Context) } else { rule.evidence };
        let sure = rule.confidence.max(60);
        let confidence = if near { sure + (100 - sure) * 3 / 4 } else { rule.confidence };
        // Words of a block are read before its numbers: only what numbers start says that numbers are done.
        let counts = matches!(rule.start, Start::Digit | Start::Plus | Start::Paren);
        if counts && evidence >= Evidence::Format && confidence >= 90 {
            self.numbers_done = self.numbers_done.max(end);
        }
        self.out.push(Finding {
            kind: rule.kind,
            start: start as u32,
            end: end as u32,
            confidence,
            evidence,
            rule: id,
        });
        true
    }

    /// Whether a rule's check holds for a part of the text that is not empty.
    fn passes(&mut self, rule: &Rule, start: usize, end: usize) -> bool {
        let Checked { name, start: from, end: to, passed } = self.checked;
        if (from, to) == (start, end) && std::ptr::eq(name, rule.check.name) {
            return passed;
        }
        let found = self.text.get(start..end).filter(|found| !found.is_empty());
        let passed = found.is_some_and(|found| (rule.check.passes)(found.as_bytes()));
        self.checked = Checked { name: rule.check.name, start, end, passed };
        passed
    }

    /// Where a match ends once what may follow it is taken in.
    fn with_tails(&mut self, id: u16, rule: &Rule, end: usize) -> usize {
        let tables = self.tables;
        let text = self.text.as_bytes();
        let tails = tables.tails_of.get(usize::from(id)).map(Vec::as_slice).unwrap_or_default();
        tails
            .iter()
            .filter_map(|tail| tables.tails.get(usize::from(*tail)))
            .fold(end, |end, tail| tail.walk_to(text, end, rule.border).map_or(end, |[last, _]| last))
    }

    /// What the field above the text says: its words are context, and some make the whole text a find.
    fn field(&mut self, field: &str) {
        let value = self.text.trim();
        let start = self.text.len() - self.text.trim_start().len();
        let end = start + value.len();
        let slot = self.sheet.fields.slot(field);
        let mut known = std::mem::take(slot);
        if !known.is(field) {
            let read = Field::new(field, &self.tables.vocabulary);
            let other = std::mem::replace(&mut known, read);
            *slot = if known.is_kept() { Field::default() } else { other };
        }
        self.context.field = known.groups;
        if !value.is_empty() && value.len() <= 512 {
            known.rules.iter().for_each(|rule| self.whole(*rule, start, end));
        }
        if known.is_kept() {
            *self.sheet.fields.slot(field) = known;
        }
    }

    /// A rule on all of a text under a telling field.
    fn whole(&mut self, id: u16, start: usize, end: usize) {
        let tables = self.tables;
        let Some(rule) = self.rules.get(usize::from(id)) else { return };
        let Some(automaton) = tables.automaton(id, rule) else { return };
        let found = self.text.as_bytes().get(start..end).unwrap_or_default();
        let fits = automaton.walk(self.text.as_bytes(), start, |at| at == end).is_some();
        if fits && (rule.check.passes)(found) {
            let evidence = rule.evidence.max(Evidence::Context);
            let confidence = rule.confidence.max(90);
            self.out.push(Finding {
                kind: rule.kind,
                start: start as u32,
                end: end as u32,
                confidence,
                evidence,
                rule: id,
            });
        }
    }
}
