//! One pass over a text: masks say where something may start, automata verify it, checks and context weigh it.
//!
//! It holds no state between texts and allocates nothing but what the findings need.

use super::automata::Ends;
use super::compile::{Bank, Borders, Tables, value_start};
use super::masks::{BLOCK, Masks};
use super::rule::{Border, Rule, Start};
use super::sift::Sieve;
use super::simd::Reader;
use super::words::{Groups, in_word, word_len};
use super::{Evidence, Finding, Hint};

/// How far before a match its context words may stand, bytes.
const NEAR_BYTES: usize = 64;

/// How far behind a match a word that raises may stand, bytes.
const AFTER_BYTES: usize = 14;

/// How far back the header of a table may stand, bytes.
const TABLE_BYTES: usize = 2048;

/// The longest local part that RFC 5321 allows.
const LOCAL_BYTES: usize = 64;

/// How words for streets end in languages that write them as one word.
const STREETS: &[&str] = &[
    "straße", "strasse", "weg", "gasse", "platz", "allee", "damm", "ufer", "gatan", "vägen", "gata", "vägen", "vej",
    "gade", "veien", "gate", "vegen", "katu", "tie", "kuja", "straat", "laan", "plein", "dreef", "kade", "stræde",
    "utca", "gränd", "allé", "torg", "torget", "polku", "hof", "steig", "chaussee", "markt", "dijk", "singel",
    "gracht", "bakken", "gata", "stigen", "backen", "plads", "toftir", "vegur", "braut",
];

/// The longest user name and password of a URL.
const USER_INFO_BYTES: usize = 400;

/// One scan of one text.
pub(super) struct Scan<'s> {
    pub tables: &'s Tables,
    pub rules: &'s [Rule],
    pub text: &'s str,
    pub out: &'s mut Vec<Finding>,
    ends: Ends,
    /// Context sets named by the field above the text.
    field_groups: Groups,
    /// Context sets before a position: the last one asked for.
    near: (usize, Groups),
    /// Context sets behind a position: the last one asked for.
    behind: (usize, Groups),
    /// Numbers before this byte are part of something found already.
    numbers_done: usize,
    groups_done: usize,
    /// Tokens so long that they may be Base64: start and end.
    pub tokens: Vec<(usize, usize)>,
}

impl<'s> Scan<'s> {
    pub fn new(tables: &'s Tables, rules: &'s [Rule], text: &'s str, out: &'s mut Vec<Finding>) -> Self {
        Self {
            tables,
            rules,
            text,
            out,
            ends: Ends::new(),
            field_groups: Groups::default(),
            near: (usize::MAX, Groups::default()),
            behind: (usize::MAX, Groups::default()),
            numbers_done: 0,
            groups_done: 0,
            tokens: Vec::new(),
        }
    }

    /// Appends every candidate, in no order, overlapping.
    pub fn run(&mut self, hint: Hint<'_>) {
        if let Some(field) = hint.field {
            self.field(field);
        }
        let text = self.text.as_bytes();
        let mut carry = Carry::default();
        let reader = self.tables.reader;
        let mut block = block_at(reader, text, 0);
        let mut at = 0;
        while at < text.len() {
            let next = block_at(reader, text, at + BLOCK);
            self.block(at, &block, &next, carry);
            carry = Carry {
                word: block.word() >> 63,
                letter: block.letter >> 63,
                dash: block.dash >> 63,
                letters: block.letter != 0,
            };
            block = next;
            at += BLOCK;
        }
    }

    fn block(&mut self, at: usize, block: &Masks, next: &Masks, carry: Carry) {
        let word = block.word();
        let starts = word & !(word << 1 | carry.word);
        self.long_words(at, word, next.word());
        self.words(at, starts & block.letter, block, next);
        // Words that name a number stand at most a block away.
        let named = carry.letters || block.letter | next.letter != 0 || !self.field_groups.is_empty();
        let numbers = starts & block.digit;
        let inner = block.digit & (block.letter << 1 | carry.letter);
        let dashes = block.dash & !(block.dash << 1 | carry.dash);
        let mut bits = numbers | inner | block.at | block.colon | block.lead | dashes;
        while bits != 0 {
            let bit = bits.trailing_zeros();
            bits &= bits - 1;
            let here = at + bit as usize;
            let one = 1u64 << bit;
            if one & numbers != 0 {
                let ahead = if bit == 0 { block.digit } else { block.digit >> bit | next.digit << (64 - bit) };
                self.number(here, ahead.trailing_ones() as usize, named);
            } else if one & inner != 0 {
                self.mixed(here);
            } else if one & block.at != 0 {
                self.at_sign(here);
            } else if one & block.colon != 0 {
                self.colon(here);
            } else if one & block.lead != 0 {
                self.lead(here);
            } else {
                self.dash(here);
            }
        }
    }

    /// Notes the tokens that have a run of twenty letters and digits.
    #[inline]
    fn long_words(&mut self, at: usize, word: u64, next: u64) {
        let mut runs = runs_of_20(word, next);
        while runs != 0 {
            let here = at + runs.trailing_zeros() as usize;
            runs &= runs - 1;
            let text = self.text.as_bytes();
            let done = self.tokens.last().map_or(0, |(_, end)| *end);
            if here >= done {
                let in_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
                let back = text.get(done..here).unwrap_or_default().iter().rev().take_while(in_token).count();
                let ahead = text.get(here..).unwrap_or_default().iter().take_while(in_token).count();
                self.tokens.push((here - back, here + ahead));
            }
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn before(&self, at: usize, back: usize) -> u8 {
        at.checked_sub(back).map_or(0, |at| self.byte(at))
    }

    /// The words that begin with a letter in a block: sifts all of them, then looks at few.
    fn words(&mut self, at: usize, starts: u64, block: &Masks, next: &Masks) {
        let tables = self.tables;
        let text = self.text.as_bytes();
        let mut sieve = Sieve::new();
        tables.reader.sift(&mut sieve, text, at, starts, block, next.word(), &tables.vocabulary, &tables.prefixes);
        for word in sieve.passed() {
            let (start, len) = (at + usize::from(word.bit), usize::from(word.len));
            if word.phrase && tables.vocabulary.starts(text, start, len) {
                self.keyword(start, len);
            }
            if word.prefix {
                tables.prefixes.at(text, start).for_each(|rule| self.single(rule, start));
            }
        }
    }

    fn keyword(&mut self, at: usize, len: usize) {
        let tables = self.tables;
        let text = self.text.as_bytes();
        for (end, role) in tables.vocabulary.phrases(text, at, len) {
            for rule in &role.leads {
                let Some(Start::After(_, link)) = self.rules.get(usize::from(*rule)).map(|rule| rule.start) else {
                    continue;
                };
                if let Some(value) = value_start(text, end, link) {
                    self.single(*rule, value);
                }
            }
            for id in &role.starts {
                match self.rules.get(usize::from(*id)) {
                    Some(rule) if rule.pattern.is_empty() => {
                        self.candidate(rule, *id, at, end);
                    }
                    _ => self.single(*id, at),
                }
            }
            if role.first_name && self.byte(at).is_ascii_uppercase() | (self.byte(at) >= 0x80) {
                self.banks(&tables.banks.first_name, at);
            }
        }
    }

    /// A number of `len` digits begins here, if the block shows all of them; `named` says whether words stand around.
    fn number(&mut self, at: usize, len: usize, named: bool) {
        if at < self.numbers_done {
            return;
        }
        let tables = self.tables;
        let (next, beyond) = (self.byte(at + len), self.byte(at + len + 1));
        let goes_on = b" -./:,=".contains(&next) && (beyond.is_ascii_digit() || b" (-".contains(&beyond));
        if len >= 7 || goes_on || in_word(next) {
            self.banks(&tables.banks.digit, at);
            if named {
                self.banks(&tables.banks.digit_named, at);
            }
        }
        let words = b" ,".contains(&next)
            || in_word(next)
            || next == b'-'
            || next == b'/'
            || next == b'.' && !beyond.is_ascii_digit();
        if len <= 6 && words && (goes_on || in_word(beyond) || beyond == b' ') {
            self.banks(&tables.banks.house, at);
        }
        // `Hauptstraße 12`, `Storgatan 5`
        if self.before(at, 1) == b' ' && self.before(at, 2).is_ascii_lowercase() | (self.before(at, 2) >= 0x80) {
            self.street(at - 1);
        }
        // One to three capitals and a space or dash before a number are often part of it: `AB 12 34 56 C`.
        if matches!(self.before(at, 1), b' ' | b'-') && self.before(at, 2).is_ascii_uppercase() {
            let capitals = (2..=5).take_while(|back| self.before(at, *back).is_ascii_uppercase()).count();
            if capitals <= 3 && !in_word(self.before(at, 2 + capitals)) {
                self.banks(&tables.banks.mixed, at - 1 - capitals);
            }
        }
    }

    /// A number follows the word that ends here: tries it as a street.
    fn street(&mut self, end: usize) {
        let tables = self.tables;
        let head = self.text.as_bytes().get(end.saturating_sub(48)..end).unwrap_or_default();
        let len = head.iter().rev().take_while(|byte| in_word(**byte) || **byte == b'-').count();
        let word = head.get(head.len() - len..).unwrap_or_default();
        if len > 4 && STREETS.iter().any(|suffix| word.ends_with(suffix.as_bytes())) {
            self.banks(&tables.banks.street, end - len);
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
        let tables = self.tables;
        self.banks(&tables.banks.mixed, start);
    }

    fn at_sign(&mut self, at: usize) {
        let head = self.text.as_bytes().get(at.saturating_sub(LOCAL_BYTES)..at).unwrap_or_default();
        let local = |byte: &u8| in_word(*byte) || b"._%+-'&".contains(byte);
        let mut start = at - head.iter().rev().take_while(|byte| local(byte)).count();
        while start < at && b"._%+-'&".contains(&self.byte(start)) || !self.text.is_char_boundary(start) {
            start += 1;
        }
        if start < at {
            let tables = self.tables;
            self.banks(&tables.banks.at, start);
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
                self.banks(&tables.banks.scheme, at - scheme);
            }
        } else if self.byte(at + 1).is_ascii_hexdigit() || self.byte(at + 1) == b':' {
            self.group(at);
        }
    }

    /// The name and the password in front of a URL's host, if they are there.
    fn user_info(&mut self, at: usize) {
        let tables = self.tables;
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        let authority =
            rest.iter().take(USER_INFO_BYTES).position(|byte| b" \t\r\n/?#\"'<>@".contains(byte)).unwrap_or(0);
        if rest.get(authority) != Some(&b'@') {
            return;
        }
        let Some(colon) = rest.iter().take(authority).position(|byte| *byte == b':') else { return };
        self.exact(&tables.banks.user_name, at, at + colon);
        self.exact(&tables.banks.user_password, at + colon + 1, at + authority);
    }

    /// Tries rules on exactly this part of the text.
    fn exact(&mut self, banks: &'s [Bank], start: usize, end: usize) {
        for bank in banks {
            bank.automaton.walk(self.text.as_bytes(), start, &mut self.ends, |all, at| if at == end { all } else { 0 });
            self.candidates(bank, start);
        }
    }

    /// A `:` or `-` between hexadecimal groups: tries the first group of the chain, once.
    fn group(&mut self, at: usize) {
        if at < self.groups_done {
            return;
        }
        let head = self.text.as_bytes().get(at.saturating_sub(4)..at).unwrap_or_default();
        let start = at - head.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if in_word(self.before(start, 1)) || self.before(start, 1) == b':' {
            return;
        }
        let tables = self.tables;
        self.banks(&tables.banks.group, start);
        let chain = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':' || **byte == b'-';
        self.groups_done =
            at + self.text.as_bytes().get(at..).unwrap_or_default().iter().take(64).take_while(chain).count();
    }

    fn lead(&mut self, at: usize) {
        let tables = self.tables;
        if !(self.byte(at + 1).is_ascii_digit() || self.byte(at + 1) == b'(' || self.byte(at + 1) == b'+')
            || at < self.numbers_done
        {
            return;
        }
        if self.byte(at) == b'+' {
            self.banks(&tables.banks.plus, at);
        } else {
            self.banks(&tables.banks.paren, at);
        }
    }

    fn dash(&mut self, at: usize) {
        let tables = self.tables;
        if self.byte(at + 1) == b'-' {
            if self.text.as_bytes().get(at..at + 5) == Some(b"-----") {
                self.banks(&tables.banks.dashes, at);
            }
        } else if self.byte(at + 1).is_ascii_hexdigit()
            && self.before(at, 1).is_ascii_hexdigit()
            && self.before(at, 2).is_ascii_hexdigit()
            && self.byte(at + 3) == b'-'
        {
            self.group(at);
        }
    }

    /// Tries all rules of some banks at one place.
    fn banks(&mut self, banks: &'s [Bank], at: usize) {
        for bank in banks {
            self.bank(bank, at);
        }
    }

    fn single(&mut self, rule: u16, at: usize) {
        let tables = self.tables;
        let border = self.rules.get(usize::from(rule)).map_or(Border::Open, |rule| rule.border);
        if !start_holds(self.text.as_bytes(), at, border) {
            return;
        }
        if let Some(bank) = tables.single.get(usize::from(rule)).and_then(|single| single.as_ref()?.bank(self.rules)) {
            self.bank(bank, at);
        }
    }

    fn bank(&mut self, bank: &'s Bank, at: usize) {
        let text = self.text.as_bytes();
        // Most tries match nothing: what stands before is looked at when something does.
        let mut allowed = None;
        bank.automaton.walk(text, at, &mut self.ends, |patterns, end| {
            let allowed = *allowed.get_or_insert_with(|| allowed_at_start(text, at, &bank.borders));
            if patterns & allowed == 0 { 0 } else { patterns & allowed & allowed_at_end(text, end, &bank.borders) }
        });
        self.candidates(bank, at);
    }

    /// Weighs what the last walk matched.
    fn candidates(&mut self, bank: &'s Bank, at: usize) {
        let rules = self.rules;
        let mut matched = self.ends.matched;
        while matched != 0 {
            let pattern = matched.trailing_zeros() as usize;
            matched &= matched - 1;
            let id = bank.rules.get(pattern).copied().unwrap_or(u16::MAX);
            if let (Some(rule), Some([last, before])) = (rules.get(usize::from(id)), self.ends.of(pattern)) {
                // A number may end where a shorter one checks out; all else ends where it ends.
                let number = matches!(rule.border, Border::Number | Border::Date);
                if !self.candidate(rule, id, at, last) && number && before > at {
                    self.candidate(rule, id, at, before);
                }
            }
        }
    }

    /// A form has matched: weighs its context, checks it, and appends it if it is believed. Says whether it did.
    fn candidate(&mut self, rule: &Rule, id: u16, start: usize, end: usize) -> bool {
        let cut = |found: &str| found.bytes().position(|byte| rule.cut == byte && byte != 0).map_or(0, |at| at + 1);
        let start = start + self.text.get(start..end).map_or(0, cut);
        let Some(found) = self.text.get(start..end).filter(|found| !found.is_empty()) else { return false };
        // Context first where it must be there: it is read once for all rules that start here.
        if !rule.need && !(rule.check.passes)(found.as_bytes()) {
            return false;
        }
        let (near, against) = self.context(id, start);
        let near = near || !rule.column.is_empty() && self.heads_column(id, start);
        let near = near || rule.need && self.followed(id, end);
        if against || rule.need && !(near && (rule.check.passes)(found.as_bytes())) {
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

    /// Where a match ends once what may follow it is taken in.
    fn with_tails(&mut self, id: u16, rule: &Rule, end: usize) -> usize {
        let tables = self.tables;
        let text = self.text.as_bytes();
        let tails = tables.tails_of.get(usize::from(id)).map(Vec::as_slice).unwrap_or_default();
        tails.iter().filter_map(|tail| tables.tails.get(usize::from(*tail))).fold(end, |end, tail| {
            let mut ends = Ends::new();
            tail.walk(text, end, &mut ends, |all, at| if end_holds(text, at, rule.border) { all } else { 0 });
            ends.of(0).map_or(end, |[last, _]| last)
        })
    }

    /// Whether words that raise, or that forbid, stand before a place.
    fn context(&mut self, rule: u16, at: usize) -> (bool, bool) {
        let near = self.tables.near.get(usize::from(rule)).copied().unwrap_or_default();
        let against = self.tables.against.get(usize::from(rule)).copied().unwrap_or_default();
        let wanted = near | against;
        if wanted.is_empty() {
            return (false, false);
        }
        let mut from = at.saturating_sub(NEAR_BYTES);
        while from > 0 && from < at && in_word(self.before(from, 1)) {
            from += 1;
        }
        let window = self.text.as_bytes().get(from..at).unwrap_or_default();
        if self.near.0 != at {
            self.near = (at, self.tables.vocabulary.groups(window));
        }
        let nearest = if !self.near.1.meets(wanted) {
            self.field_groups
        } else if self.near.1.meets(near) && self.near.1.meets(against) {
            self.tables.vocabulary.nearest(window, wanted)
        } else {
            self.near.1
        };
        (nearest.meets(near), nearest.meets(against))
    }

    /// Whether a word that raises stands right behind, on the same line: `030 901820 (mobile)`.
    fn followed(&mut self, rule: u16, end: usize) -> bool {
        let near = self.tables.near.get(usize::from(rule)).copied().unwrap_or_default();
        if self.behind.0 == end {
            return self.behind.1.meets(near);
        }
        let ahead = self.text.as_bytes().get(end..).unwrap_or_default();
        let line =
            ahead.iter().take(AFTER_BYTES).position(|byte| *byte == b'\n').unwrap_or(AFTER_BYTES.min(ahead.len()));
        // A word cut in two by the window's end is no word.
        let whole = (0..=line).rev().find(|at| ahead.get(*at).is_none_or(|byte| !in_word(*byte))).unwrap_or(0);
        self.behind = (end, self.tables.vocabulary.groups(ahead.get(..whole).unwrap_or_default()));
        self.behind.1.meets(near)
    }

    /// Whether the header of the table that a place stands in names its column so: `Name | NPI | Phone`, then rows.
    fn heads_column(&self, rule: u16, at: usize) -> bool {
        let wanted = self.tables.column.get(usize::from(rule)).copied().unwrap_or_default();
        let head = self.text.as_bytes().get(at.saturating_sub(TABLE_BYTES)..at).unwrap_or_default();
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

    /// What the field above the text says: its words are context, and some make the whole text a find.
    fn field(&mut self, field: &str) {
        let mut buffer = [0u8; 96];
        let words = spaced(field.as_bytes(), &mut buffer);
        let tables = self.tables;
        self.field_groups = tables.vocabulary.groups(words);
        let value = self.text.trim();
        if value.is_empty() || value.len() > 512 {
            return;
        }
        let start = self.text.len() - self.text.trim_start().len();
        let end = start + value.len();
        let mut at = 0;
        while at < words.len() {
            let len = word_len(words, at);
            let roles =
                tables.vocabulary.phrases(words, at, len.max(1)).filter(|(phrase_end, _)| *phrase_end == words.len());
            for (_, role) in roles {
                for rule in role.fields.iter().chain(&role.leads) {
                    self.whole(*rule, start, end);
                }
            }
            at += len + 1;
        }
    }

    /// A rule on all of a text under a telling field.
    fn whole(&mut self, id: u16, start: usize, end: usize) {
        let (tables, rules) = (self.tables, self.rules);
        let bank = tables.single.get(usize::from(id)).and_then(|single| single.as_ref()?.bank(rules));
        let (Some(bank), Some(rule)) = (bank, rules.get(usize::from(id))) else { return };
        bank.automaton.walk(self.text.as_bytes(), start, &mut self.ends, |all, at| if at == end { all } else { 0 });
        let found = self.text.as_bytes().get(start..end).unwrap_or_default();
        if self.ends.matched != 0 && (rule.check.passes)(found) {
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

/// Where runs of twenty letters and digits start in a block, and the run that goes on into the next.
#[inline]
fn runs_of_20(word: u64, next: u64) -> u64 {
    let two = word & word >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let inside = eight & eight >> 8 & four >> 16;
    let tail = word.leading_ones();
    let beyond = tail > 0 && tail + next.trailing_ones() >= 20;
    inside | u64::from(beyond) << (64 - tail).min(63)
}

#[derive(Clone, Copy, Default)]
struct Carry {
    word: u64,
    letter: u64,
    dash: u64,
    /// Whether the block before had a letter.
    letters: bool,
}

#[inline]
fn block_at(reader: Reader, text: &[u8], at: usize) -> Masks {
    let rest = text.get(at..).unwrap_or_default();
    match rest.first_chunk::<BLOCK>() {
        Some(block) => reader.masks(block),
        None if rest.is_empty() => Masks::default(),
        None => {
            let mut block = [0u8; BLOCK];
            block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            reader.masks(&block)
        }
    }
}

/// Which patterns may start at `at`, given what stands before it.
fn allowed_at_start(text: &[u8], at: usize, borders: &Borders) -> u64 {
    let set = |border, patterns: u64| if patterns != 0 && start_holds(text, at, border) { patterns } else { 0 };
    borders.open
        | set(Border::Word, borders.word)
        | set(Border::Number, borders.number | borders.date)
        | set(Border::Token, borders.token)
}

/// Which patterns may end at `end`, given what stands there.
#[inline]
fn allowed_at_end(text: &[u8], end: usize, borders: &Borders) -> u64 {
    let next = text.get(end).copied().unwrap_or(0);
    if in_word(next) && borders.date == 0 {
        return borders.open;
    }
    let set = |border, patterns: u64| if patterns != 0 && end_holds(text, end, border) { patterns } else { 0 };
    borders.open
        | set(Border::Word, borders.word)
        | set(Border::Number, borders.number)
        | set(Border::Date, borders.date)
        | set(Border::Token, borders.token)
}

fn solid(byte: u8) -> bool {
    in_word(byte) || byte == b'_'
}

/// Whether what stands before `start` allows a match.
fn start_holds(text: &[u8], start: usize, border: Border) -> bool {
    let back = |n: usize| start.checked_sub(n).and_then(|at| text.get(at)).copied().unwrap_or(0);
    match border {
        Border::Open => true,
        Border::Date => start_holds(text, start, Border::Number),
        Border::Word => !in_word(back(1)),
        Border::Token => !solid(back(1)) && back(1) != b'-',
        Border::Number => !(solid(back(1)) || b".,-/:".contains(&back(1)) && back(2).is_ascii_digit()),
    }
}

/// Whether what stands at `end` allows a match.
fn end_holds(text: &[u8], end: usize, border: Border) -> bool {
    let ahead = |n: usize| text.get(end + n).copied().unwrap_or(0);
    match border {
        Border::Open => true,
        Border::Date => end_holds(text, end, Border::Number) || ahead(0) == b'T' && ahead(1).is_ascii_digit(),
        Border::Word => !in_word(ahead(0)),
        Border::Token => !solid(ahead(0)) && ahead(0) != b'-',
        Border::Number => !(solid(ahead(0)) || b".,-/:".contains(&ahead(0)) && ahead(1).is_ascii_digit()),
    }
}

/// A field name as lower-case words with single spaces: `patientDOB`, `patient_dob` and `patient-dob` alike.
fn spaced<'b>(name: &[u8], buffer: &'b mut [u8; 96]) -> &'b [u8] {
    let mut len = 0;
    let mut push = |byte: u8, len: &mut usize| {
        if let Some(slot) = buffer.get_mut(*len) {
            *slot = byte;
            *len += 1;
        }
    };
    let mut before = 0u8;
    for (i, byte) in name.iter().enumerate() {
        let hump = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_uppercase() && name.get(i + 1).is_some_and(u8::is_ascii_lowercase));
        if (!in_word(*byte) || hump) && len > 0 && in_word(before) {
            push(b' ', &mut len);
        }
        if in_word(*byte) {
            push(byte.to_ascii_lowercase(), &mut len);
        }
        before = *byte;
    }
    let all = buffer.get(..len).unwrap_or_default();
    all.strip_suffix(b" ").unwrap_or(all)
}
