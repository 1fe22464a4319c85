//! What the engine must find, said as slowly and plainly as possible: every rule at every place where its [`Start`] lets it
//! begin, its form tried with the crate `regex` at every end, words looked for one by one.
//!
//! It is written from what `rule.rs` says of a rule, knows no table, no mask and no block, and serves tests alone. Where a
//! street's name ends is not its business: it takes every word before a number, so that for [`Start::Street`] the engine's
//! candidates must be among its own, and for all other starts both must be equal.

use regex::bytes::{Regex, RegexBuilder};

use super::rule::{Border, Link, Rule, Start};
use super::{Evidence, Finding, names, rules};

/// The longest match; of keys, key blocks and whole texts.
const REACH: usize = 320;
const LONG_REACH: usize = 16384;

/// A rule with its forms ready to be tried.
struct Slow {
    rule: Rule,
    /// The form from its start on, and all of it.
    begins: Regex,
    whole: Regex,
    tails: Vec<Regex>,
}

/// All rules.
pub(super) struct Reference {
    rules: Vec<Slow>,
    names: Vec<String>,
}

fn built(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap()
}

/// Whether a byte belongs to a word: a letter or digit, or a part of one beyond ASCII.
fn wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Case is folded by setting bit 5.
fn folded(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| byte | 0x20).collect()
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

fn back(text: &[u8], at: usize, by: usize) -> u8 {
    at.checked_sub(by).map_or(0, |at| byte(text, at))
}

/// The end of the word at `at`.
fn word_end(text: &[u8], at: usize) -> usize {
    (at..).find(|at| !wordy(byte(text, *at))).unwrap()
}

fn words(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..text.len()).filter(|at| wordy(text[*at]) && !wordy(back(text, *at, 1)))
}

/// Where a phrase that begins at the word at `at` ends: its words joined by one or two of space and signs, or by nothing at all.
fn phrase_ends(text: &[u8], at: usize, phrase: &str) -> Vec<usize> {
    let joins = |byte: u8| b" _-.'/".contains(&byte);
    let mut ends = Vec::new();
    let first_end = word_end(text, at);
    if folded(&text[at..first_end]) == folded(phrase.replace(' ', "").as_bytes()) {
        ends.push(first_end);
    }
    let mut end = at;
    for (i, word) in phrase.split(' ').enumerate() {
        let from = match i {
            0 => at,
            _ if !joins(byte(text, end)) => return ends,
            _ => end + 1 + usize::from(joins(byte(text, end + 1))),
        };
        let to = from + word.len();
        if i == 0 && to != first_end
            || text.get(from..to).is_none_or(|part| folded(part) != folded(word.as_bytes()))
            || wordy(byte(text, to))
        {
            return ends;
        }
        end = to;
    }
    ends.push(end);
    ends
}

fn holds_phrase(text: &[u8], phrases: &[&str]) -> bool {
    words(text).any(|at| phrases.iter().any(|phrase| !phrase_ends(text, at, phrase).is_empty()))
}

fn starts_well(text: &[u8], at: usize, border: Border) -> bool {
    let (one, two) = (back(text, at, 1), back(text, at, 2));
    match border {
        Border::Open => true,
        Border::Word => !wordy(one),
        Border::Dotted => !wordy(one) && (one != b'.' || !two.is_ascii_digit()),
        Border::Token => !wordy(one) && one != b'_' && one != b'-',
        Border::Number | Border::Date => {
            !wordy(one) && one != b'_' && !(b".,-/:".contains(&one) && two.is_ascii_digit())
        }
    }
}

fn ends_well(text: &[u8], at: usize, border: Border) -> bool {
    let (one, two) = (byte(text, at), byte(text, at + 1));
    match border {
        Border::Open => true,
        Border::Word | Border::Dotted => !wordy(one),
        Border::Token => !wordy(one) && one != b'_' && one != b'-',
        Border::Number => !wordy(one) && one != b'_' && !(b".,-/:".contains(&one) && two.is_ascii_digit()),
        Border::Date => ends_well(text, at, Border::Number) || one == b'T' && two.is_ascii_digit(),
    }
}

/// Where the value of a keyword that ends at `at` begins: quotes and brackets that close the keyword, a plural or possessive,
/// a sign or up to two words that say as much, quotes and brackets that open the value.
fn value_after(text: &[u8], at: usize, link: Link) -> Option<usize> {
    let mut at = at;
    let mut skip = |set: &[u8], most: usize| {
        let taken = (0..most).take_while(|i| at + i < text.len() && set.contains(&text[at + i])).count();
        at += taken;
        (taken > 0, at)
    };
    skip(b"\"'`*])s", 3);
    skip(b"'s", 2);
    let mut spaced = skip(b" \t", 40).0;
    skip(b"#.", 2);
    let mark = skip(b":=", 2).0 | skip(b">", 1).0;
    let mut sign = mark;
    if spaced {
        for _ in 0..2 {
            let here = skip(b"", 0).1;
            let word: Vec<u8> = text[here..].iter().take_while(|b| !b" \t:=#.".contains(b)).copied().collect();
            let links: [&str; 15] =
                ["is", "was", "are", "number", "no", "num", "nr", "id", "of", "to", "on", "am", "le", "el", "il"];
            let ends = here + word.len() < text.len();
            if !ends || !links.iter().any(|link| word.eq_ignore_ascii_case(link.as_bytes())) {
                break;
            }
            sign = true;
            for b in &word {
                skip(&[*b], 1);
            }
            skip(b" \t:=#.", usize::MAX);
        }
    }
    skip(b"*", 2);
    spaced |= skip(b" \t", 40).0;
    let at = skip(b"\"'`([", 3).1;
    let allowed = match link {
        Link::Mark => mark,
        Link::Sign => sign,
        Link::Space => sign || spaced,
    };
    (allowed && at < text.len()).then_some(at)
}

/// A field's name as words: humps and signs separate them.
fn field_words(field: &str) -> Vec<u8> {
    let name = field.as_bytes();
    let mut out: Vec<u8> = Vec::new();
    for (i, b) in name.iter().enumerate() {
        let before = back(name, i, 1);
        let hump = b.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && byte(name, i + 1).is_ascii_lowercase());
        if (!wordy(*b) || hump) && !out.is_empty() && wordy(before) {
            out.push(b' ');
        }
        if wordy(*b) {
            out.push(b.to_ascii_lowercase());
        }
    }
    out.truncate(96);
    if out.last() == Some(&b' ') {
        out.pop();
    }
    out
}

/// Whether a start is of one kind.
type Which = fn(&Start) -> bool;

/// Where rules with one kind of start are tried.
#[derive(Default)]
struct Places {
    /// Start of the try, and whether numbers found before count.
    tries: Vec<(usize, Which)>,
}

impl Places {
    fn at(&mut self, place: usize, which: Which) {
        self.tries.push((place, which));
    }

    /// What may start at a number: the digits from `at` on, with no letter or digit before them.
    fn number(&mut self, text: &[u8], at: usize) {
        self.at(at, |start| matches!(start, Start::Digit));
        let before = back(text, at, 2);
        if back(text, at, 1) == b' ' && (before.is_ascii_lowercase() || before >= 0x80) {
            let head = &text[at.saturating_sub(49)..at - 1];
            let len = head.iter().rev().take_while(|b| wordy(**b) || **b == b'-').count();
            if len > 4 {
                self.at(at - 1 - len, |start| matches!(start, Start::Street));
            }
        }
        let capitals = (2..=5).take_while(|by| back(text, at, *by).is_ascii_uppercase()).count();
        if b" -".contains(&back(text, at, 1)) && (1..=3).contains(&capitals) && !wordy(back(text, at, 2 + capitals)) {
            self.at(at - 1 - capitals, |start| matches!(start, Start::Mixed));
        }
    }

    /// A word of up to 15 letters, then the digit at `at`.
    fn mixed(&mut self, text: &[u8], at: usize) {
        let letters = (1..=16).take_while(|by| back(text, at, *by).is_ascii_alphabetic()).count();
        if (1..16).contains(&letters) && !wordy(back(text, at, letters + 1)) {
            self.at(at - letters, |start| matches!(start, Start::Mixed));
        }
    }

    /// Up to 64 bytes of a local part, from its first letter or digit or `_`.
    fn at_sign(&mut self, text: &str, at: usize) {
        let (all, local) = (text.as_bytes(), |b: u8| wordy(b) || b"._%+-'&".contains(&b));
        let len = (1..=64usize.min(at)).take_while(|by| local(back(all, at, *by))).count();
        let signs = |at: &usize| !b"._%+-'&".contains(&byte(all, *at)) && text.is_char_boundary(*at);
        if let Some(start) = (at - len..at).find(signs) {
            self.at(start, |start| matches!(start, Start::At));
        }
    }

    fn scheme(&mut self, text: &[u8], at: usize) {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"+.-".contains(&b);
        let len = (1..=16usize.min(at)).take_while(|by| letter(back(text, at, *by))).count();
        if len > 0 {
            self.at(at - len, |start| matches!(start, Start::Scheme));
        }
    }

    /// Up to four hexadecimal digits before `at`, the first group of its chain. Says whether it is tried.
    fn group(&mut self, text: &[u8], at: usize) -> bool {
        let len = (1..=4usize.min(at)).take_while(|by| back(text, at, *by).is_ascii_hexdigit()).count();
        let before = back(text, at - len, 1);
        // `mac:2c:dc:…`: a word of five and more, or one that is no hexadecimal number, names what follows its colon.
        let word: Vec<u8> = (1..=5).map(|by| back(text, at - len, by + 1)).take_while(|b| wordy(*b)).collect();
        let named = word.len() > 4 || word.iter().any(|b| !b.is_ascii_hexdigit());
        let first = !wordy(before) && (before != b':' || named);
        if first {
            self.at(at - len, |start| matches!(start, Start::Group));
        }
        first
    }
}

impl Reference {
    pub fn new() -> Self {
        let all = rules::TABLES.iter().flat_map(|table| table.iter().copied());
        let slow = |rule: Rule| Slow {
            begins: built(&format!(r"\A(?:{})", rule.pattern)),
            whole: built(&format!(r"\A(?:{})\z", rule.pattern)),
            tails: rule.tails.iter().map(|tail| built(&format!(r"\A(?:{tail})\z"))).collect(),
            rule,
        };
        Self { rules: all.map(slow).collect(), names: names::first_names().into_iter().map(str::to_owned).collect() }
    }

    /// Every candidate, sorted, each once.
    pub fn candidates(&self, text: &str, field: Option<&str>) -> Vec<Finding> {
        let mut try_all = Try { reference: self, text, field: field.map(field_words), found: Vec::new(), done: 0 };
        try_all.run();
        let mut found = try_all.found;
        sort(&mut found);
        found
    }

    /// Whether a rule's candidates are compared by inclusion only.
    pub fn knows_more(&self, rule: u16) -> bool {
        self.rules.get(usize::from(rule)).is_some_and(|slow| matches!(slow.rule.start, Start::Street))
    }
}

/// Sorts candidates and drops those that stand twice.
pub(super) fn sort(found: &mut Vec<Finding>) {
    found.sort_by_key(|f| (f.start, f.end, f.rule, f.confidence, f.evidence));
    found.dedup();
}

/// One text.
struct Try<'r> {
    reference: &'r Reference,
    text: &'r str,
    field: Option<Vec<u8>>,
    found: Vec<Finding>,
    /// Numbers before this byte belong to one that is believed.
    done: usize,
}

impl<'r> Try<'r> {
    fn run(&mut self) {
        let text = self.text.as_bytes();
        self.whole_text();
        let mut chain = 0;
        for at in 0..text.len() {
            let mut places = Places::default();
            let first = wordy(text[at]) && !wordy(back(text, at, 1));
            match text[at] {
                b'0'..=b'9' if first && at >= self.done => places.number(text, at),
                b'0'..=b'9' if !first && !back(text, at, 1).is_ascii_digit() => places.mixed(text, at),
                b'@' => places.at_sign(self.text, at),
                b':' if text[at + 1..].starts_with(b"//") => {
                    places.scheme(text, at);
                    self.user_info(at + 3);
                }
                b':' if byte(text, at + 1).is_ascii_hexdigit() || byte(text, at + 1) == b':' => {
                    chain = self.chain(&mut places, at, chain);
                }
                b'-' if back(text, at, 1) != b'-' => {
                    if text[at..].starts_with(b"-----") {
                        places.at(at, |start| matches!(start, Start::Dashes));
                    } else if byte(text, at + 1).is_ascii_hexdigit()
                        && back(text, at, 1).is_ascii_hexdigit()
                        && back(text, at, 2).is_ascii_hexdigit()
                        && byte(text, at + 3) == b'-'
                    {
                        chain = self.chain(&mut places, at, chain);
                    } else if byte(text, at + 5) == b'-' && at >= 8 {
                        places.at(at - 8, |start| matches!(start, Start::Uuid));
                    }
                }
                b'+' if at >= self.done => places.at(at, |start| matches!(start, Start::Plus)),
                b'(' if at >= self.done => places.at(at, |start| matches!(start, Start::Paren)),
                _ if first => self.word(at),
                _ => {}
            }
            for (start, which) in places.tries {
                for id in 0..self.reference.rules.len() {
                    if which(&self.reference.rules[id].rule.start) {
                        self.at(id, start);
                    }
                }
            }
        }
    }

    /// One try for each chain of groups, up to 64 bytes of it.
    fn chain(&self, places: &mut Places, at: usize, done: usize) -> usize {
        let text = self.text.as_bytes();
        if at < done || !places.group(text, at) {
            return done;
        }
        let part = |b: &&u8| b.is_ascii_hexdigit() || **b == b':' || **b == b'-';
        at + text[at..].iter().take(64).take_while(part).count()
    }

    /// What begins at a word that begins with a letter.
    fn word(&mut self, at: usize) {
        let text = self.text.as_bytes();
        let end = word_end(text, at);
        let first_name = (text[at].is_ascii_uppercase() || text[at] >= 0x80)
            && self.reference.names.iter().any(|name| folded(name.as_bytes()) == folded(&text[at..end]));
        for id in 0..self.reference.rules.len() {
            let rule = self.reference.rules[id].rule;
            match rule.start {
                // A key is written in one, or a sign follows its first word.
                Start::Prefix(heads) => {
                    let one = end - at >= 12 || b"_-.".contains(&byte(text, end));
                    if one && heads.iter().any(|head| text[at..].starts_with(head.as_bytes())) {
                        self.at(id, at);
                    }
                }
                Start::Word(phrases) if rule.pattern.is_empty() => {
                    let ends = phrases.iter().flat_map(|phrase| phrase_ends(text, at, phrase));
                    for end in ends {
                        self.candidate(id, at, end);
                    }
                }
                Start::Word(phrases) if phrases.iter().any(|phrase| !phrase_ends(text, at, phrase).is_empty()) => {
                    self.at(id, at);
                }
                Start::After(phrases, link) => {
                    let ends = phrases.iter().flat_map(|phrase| phrase_ends(text, at, phrase));
                    for value in ends.filter_map(|end| value_after(text, end, link)) {
                        self.at(id, value);
                    }
                }
                Start::FirstName if first_name => self.at(id, at),
                _ => {}
            }
        }
    }

    /// The name and the password before a URL's host.
    fn user_info(&mut self, at: usize) {
        let text = self.text.as_bytes();
        let ends = |b: &u8| b" \t\r\n/?#\"'<>@".contains(b);
        let Some(len) = text[at..].iter().take(400).position(ends).filter(|len| text[at + len] == b'@') else { return };
        let Some(colon) = text[at..at + len].iter().position(|b| *b == b':') else { return };
        for id in 0..self.reference.rules.len() {
            match self.reference.rules[id].rule.start {
                Start::UserName => self.exactly(id, at, at + colon),
                Start::UserPassword => self.exactly(id, at + colon + 1, at + len),
                _ => {}
            }
        }
    }

    fn exactly(&mut self, id: usize, start: usize, end: usize) {
        let found = self.text.as_bytes().get(start..end).unwrap_or_default();
        if found.len() <= REACH && self.reference.rules[id].whole.is_match(found) {
            self.candidate(id, start, end);
        }
    }

    /// Tries a rule: its form ends where it is longest; a number may end where the next shorter one checks out.
    fn at(&mut self, id: usize, start: usize) {
        let slow = &self.reference.rules[id];
        let (rule, text) = (slow.rule, self.text.as_bytes());
        let Some(rest) =
            text.get(start..).filter(|rest| starts_well(text, start, rule.border) && slow.begins.is_match(rest))
        else {
            return;
        };
        let long = matches!(rule.start, Start::Prefix(_) | Start::Dashes | Start::Field);
        let most = rest.len().min(if long { LONG_REACH } else { REACH });
        let fits = |len: &usize| ends_well(text, start + len, rule.border) && slow.whole.is_match(&rest[..*len]);
        let mut lengths = (1..=most).rev().filter(fits);
        let (Some(longest), next) = (lengths.next(), lengths.next()) else { return };
        let number = matches!(rule.border, Border::Number | Border::Date);
        if !self.candidate(id, start, start + longest)
            && number
            && let Some(next) = next
        {
            self.candidate(id, start, start + next);
        }
    }

    /// A form has matched: what must hold besides.
    fn candidate(&mut self, id: usize, start: usize, end: usize) -> bool {
        let slow = &self.reference.rules[id];
        let (rule, text) = (slow.rule, self.text.as_bytes());
        let cut = text[start..end].iter().position(|b| rule.cut != 0 && *b == rule.cut).map_or(0, |at| at + 1);
        let start = start + cut;
        let Some(found) = self.text.get(start..end).filter(|found| !found.is_empty()) else { return false };
        let (near, against) = self.context(&rule, start);
        let near = near || self.column(&rule, start) || rule.need && self.followed(&rule, end);
        if against || rule.need && !near || !(rule.check.passes)(found.as_bytes()) {
            return false;
        }
        let mut end = end;
        for tail in &slow.tails {
            let rest = &text[end..];
            let fits = |len: &usize| ends_well(text, end + len, rule.border) && tail.is_match(&rest[..*len]);
            end += (1..=rest.len().min(REACH)).rev().find(fits).unwrap_or(0);
        }
        if !self.text.is_char_boundary(end) {
            return false;
        }
        let keyed = matches!(rule.start, Start::After(..));
        let evidence = if near && !keyed { rule.evidence.max(Evidence::Context) } else { rule.evidence };
        let sure = rule.confidence.max(60);
        let confidence = if near { sure + (100 - sure) * 3 / 4 } else { rule.confidence };
        if matches!(rule.start, Start::Digit | Start::Plus | Start::Paren)
            && evidence >= Evidence::Format
            && confidence >= 90
        {
            self.done = self.done.max(end);
        }
        self.push(id, start, end, confidence, evidence);
        true
    }

    fn push(&mut self, id: usize, start: usize, end: usize, confidence: u8, evidence: Evidence) {
        let kind = self.reference.rules[id].rule.kind;
        let (start, end, rule) = (start as u32, end as u32, id as u16);
        self.found.push(Finding { kind, start, end, confidence, evidence, rule });
    }

    /// Whether words that raise, or forbid, stand up to 64 bytes before; where both do, the nearest decides; where none does,
    /// the field's name.
    fn context(&self, rule: &Rule, at: usize) -> (bool, bool) {
        let text = self.text.as_bytes();
        let mut from = at.saturating_sub(64);
        while from > 0 && from < at && wordy(text[from - 1]) {
            from += 1;
        }
        let window = &text[from..at];
        let begins = |at: usize, phrases: &[&str]| phrases.iter().any(|p| !phrase_ends(window, at, p).is_empty());
        let said: Vec<(bool, bool)> = words(window)
            .map(|at| (begins(at, rule.near), begins(at, rule.against)))
            .filter(|(near, against)| *near || *against)
            .collect();
        let (near, against) = (said.iter().any(|said| said.0), said.iter().any(|said| said.1));
        match (near, against, &self.field) {
            (true, true, _) => *said.last().unwrap(),
            (false, false, Some(field)) => (holds_phrase(field, rule.near), holds_phrase(field, rule.against)),
            _ => (near, against),
        }
    }

    /// Whether the top of the table that `at` stands in names its column so.
    fn column(&self, rule: &Rule, at: usize) -> bool {
        if rule.column.is_empty() {
            return false;
        }
        let text = self.text.as_bytes();
        let mut lines: Vec<&[u8]> = text[at.saturating_sub(2048)..at].split(|b| *b == b'\n').collect();
        let line = lines.pop().unwrap();
        let Some(sign) = b"|\t;,".iter().find(|sign| line.contains(sign)) else { return false };
        let column = line.iter().filter(|b| *b == sign).count();
        let in_table = |line: &&&[u8]| line.contains(sign) || line.starts_with(b"--") || line.starts_with(b"==");
        let top = lines.iter().rev().take_while(in_table).last();
        top.and_then(|line| line.split(|b| b == sign).nth(column)).is_some_and(|cell| holds_phrase(cell, rule.column))
    }

    /// Whether a word that raises stands within 14 bytes behind, on the same line.
    fn followed(&self, rule: &Rule, end: usize) -> bool {
        let behind = &self.text.as_bytes()[end..];
        let line = behind.iter().take(14).position(|b| *b == b'\n').unwrap_or(behind.len().min(14));
        let whole = (0..=line).rev().find(|at| !wordy(byte(behind, *at))).unwrap_or(0);
        holds_phrase(&behind[..whole], rule.near)
    }

    /// Rules that fire on whole texts under a telling field: one whose name ends in one of their words.
    fn whole_text(&mut self) {
        let Some(field) = self.field.clone() else { return };
        let value = self.text.trim();
        if value.is_empty() || value.len() > 512 {
            return;
        }
        let start = self.text.len() - self.text.trim_start().len();
        for id in 0..self.reference.rules.len() {
            let slow = &self.reference.rules[id];
            let rule = slow.rule;
            let leads = if let Start::After(words, _) = rule.start { words } else { &[] };
            let mut telling = rule.fields.iter().chain(leads);
            let told =
                telling.any(|phrase| words(&field).any(|at| phrase_ends(&field, at, phrase).contains(&field.len())));
            let most =
                if matches!(rule.start, Start::Prefix(_) | Start::Dashes | Start::Field) { LONG_REACH } else { REACH };
            let fits = !rule.pattern.is_empty() && value.len() <= most && slow.whole.is_match(value.as_bytes());
            if told && fits && (rule.check.passes)(value.as_bytes()) {
                self.push(
                    id,
                    start,
                    start + value.len(),
                    rule.confidence.max(90),
                    rule.evidence.max(Evidence::Context),
                );
            }
        }
    }
}
