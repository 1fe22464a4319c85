//! Tables and members within a text: what a value means shows from its name, from the head of its column, or from the cells
//! beside it.
//!
//! A name in the text counts as the name of a field does; a date between a person's name and their number is
//! when they were born. It reads lines that one sign divides into cells, and knows nothing of quoting beyond a pair of quotes
//! around a cell.

use super::kinds::{ADDRESS, DATE, DATE_OF_BIRTH, EMAIL, PERSON, PHONE, US_NPI, US_SSN};
use super::rule::{Rule, Start};
use super::{Category, Evidence, Finding, Kind, KindInfo, validators};

/// Signs that divide cells. A comma or semicolon does so only with no space behind it, since prose has them too.
const SIGNS: &[u8] = b";|\t,";

/// A line that is longer is no row of a table.
const LINE_BYTES: usize = 1024;

/// A head, or a member's name, that is longer is none.
const HEAD_BYTES: usize = 32;

/// The first sign of a line of heads stands within so many bytes.
pub(super) const SIGN_BYTES: usize = HEAD_BYTES + 8;

/// A member's value that is longer says by itself what it holds.
const VALUE_BYTES: usize = 256;

/// A cell of a row under a head: both as they stand in the text, without space and quotes around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Where the head stands.
    pub head: (usize, usize),
    /// Where the cell stands.
    pub value: (usize, usize),
}

/// Calls back for every cell under a head that `speaks` of every table whose first line looks like heads, words without digits, of which some
/// tell something. `starts` are those of the lines that may be heads, in order. Gives the line of heads of the table that is open at the end.
pub(super) fn cells(
    text: &str,
    starts: impl Iterator<Item = usize>,
    tells: impl Fn(&str) -> bool,
    speaks: impl Fn(&str) -> bool,
    mut each: impl FnMut(Cell),
) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut done = 0;
    for start in starts {
        if start < done {
            continue;
        }
        let Some((line, sign, heads)) = heads(text, start, &tells) else { continue };
        let below = start + line.len() + 1;
        let spoken: Vec<bool> = heads.iter().map(|(from, to)| text.get(*from..*to).is_some_and(&speaks)).collect();
        let ended = lines(bytes, below).find(|(from, to)| {
            let row = parts(bytes, *from, *to, sign);
            if heads.len() < 2 || row.clone().count() != heads.len() {
                return !is_rule(bytes.get(*from..*to).unwrap_or_default());
            }
            let filled = row.zip(heads.iter().zip(&spoken)).filter(|((from, to), (_, spoken))| from < to && **spoken);
            filled.for_each(|(value, (head, _))| each(Cell { head: *head, value }));
            false
        });
        match ended {
            Some((from, _)) => done = from,
            None => return Some(line),
        }
    }
    None
}

/// A line of heads, the sign that divides it, and where its cells stand.
type Heads<'t> = (&'t str, u8, Vec<(usize, usize)>);

/// The line at `start`, if it is one of heads.
fn heads(text: &str, start: usize, tells: impl Fn(&str) -> bool) -> Option<Heads<'_>> {
    let bytes = text.as_bytes();
    let (start, end) = lines(bytes, start).next().filter(|(from, _)| *from == start)?;
    let sign = first_sign(bytes.get(start..end)?)?;
    let row = || parts(bytes, start, end, sign);
    let telling = |(from, to): (usize, usize)| text.get(from..to).is_some_and(&tells);
    let telling = row().all(|(from, to)| is_head(bytes.get(from..to))) && row().any(telling);
    telling.then(|| (text.get(start..end).unwrap_or_default(), sign, row().collect()))
}

/// The sign that divides a line which may be one of heads: it stands within the bytes that a head may take.
#[inline]
fn first_sign(line: &[u8]) -> Option<u8> {
    let head = line.get(..SIGN_BYTES).unwrap_or(line);
    let at = memchr::memchr3(b';', b'|', b'\t', head).or_else(|| memchr::memchr(b',', head))?;
    let sign = head.get(at).copied()?;
    let prose = b",;".contains(&sign) && line.get(at + 1).is_none_or(|byte| *byte == b' ');
    (!prose && may_be_heads(line, sign)).then_some(sign)
}

/// Whether a line has nothing but short cells of words; wrongly yes where space around cells was counted.
fn may_be_heads(line: &[u8], sign: u8) -> bool {
    let (mut len, mut spaces) = (0, 0);
    line.iter().all(|byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b'/' | b'#' | b'.' | b'"' | b'\'' | b'\r' | 0x80.. => len += 1,
            b' ' => (len, spaces) = (len + 1, spaces + 1),
            _ if *byte == sign => (len, spaces) = (0, 0),
            _ => return false,
        }
        // Room for what is trimmed.
        len <= HEAD_BYTES + 8 && spaces <= 3 + 4
    })
}

/// Calls back for every member of JSON (or of its like in code) in the text: `"name": "value"`, `'name': 12`. `colons` are those that
/// stand behind a quote.
pub(super) fn members(text: &str, colons: &[u32], tells: impl Fn(&str) -> bool, mut each: impl FnMut(Cell)) {
    let bytes = text.as_bytes();
    for colon in colons.iter().map(|colon| *colon as usize) {
        let Some(quote) = colon.checked_sub(1).and_then(|at| bytes.get(at)) else { continue };
        let name = bytes.get(colon.saturating_sub(HEAD_BYTES + 2)..colon - 1).unwrap_or_default();
        let Some(open) = name.iter().rposition(|byte| byte == quote) else { continue };
        let head = (colon - 1 - (name.len() - open - 1), colon - 1);
        if !text.get(head.0..head.1).is_some_and(&tells) {
            continue;
        }
        let from = colon + 1 + usize::from(bytes.get(colon + 1) == Some(&b' '));
        let rest = bytes.get(from..bytes.len().min(from + VALUE_BYTES)).unwrap_or_default();
        let value = match rest.first() {
            Some(mark) if mark == quote => {
                let inner = rest.get(1..).unwrap_or_default();
                inner.iter().position(|byte| byte == mark).map(|len| (from + 1, from + 1 + len))
            }
            Some(b'0'..=b'9') => {
                let number = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
                Some((from, from + rest.iter().take_while(number).count()))
            }
            _ => None,
        };
        if let Some(value) = value.filter(|(from, to)| from < to) {
            each(Cell { head, value });
        }
    }
}

/// The lines from `start` on that have something in them and could be rows of a table.
fn lines(bytes: &[u8], start: usize) -> impl Iterator<Item = (usize, usize)> {
    let rest = bytes.get(start..).unwrap_or_default();
    let ends = memchr::memchr_iter(b'\n', rest).map(move |at| start + at).chain(std::iter::once(bytes.len()));
    ends.scan(start, |start, end| {
        let line = (*start, end);
        *start = end + 1;
        Some(line)
    })
    .filter(|(start, end)| end > start && end - start <= LINE_BYTES)
}

/// The cells of a line, trimmed; those outside a leading and a trailing `|` are left out.
fn parts(bytes: &[u8], start: usize, end: usize, sign: u8) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (mut from, mut to) = trimmed(bytes, start, end, b" \r");
    if sign == b'|' {
        from += usize::from(bytes.get(from) == Some(&b'|'));
        to -= usize::from(to > from && bytes.get(to - 1) == Some(&b'|'));
    }
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let at = next?;
        let rest = bytes.get(at..to).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == sign).unwrap_or(rest.len());
        next = (at + len < to).then_some(at + len + 1);
        Some(trimmed(bytes, at, at + len, b" \t\r\"'"))
    })
}

fn trimmed(bytes: &[u8], mut from: usize, mut to: usize, around: &[u8]) -> (usize, usize) {
    while from < to && bytes.get(from).is_some_and(|byte| around.contains(byte)) {
        from += 1;
    }
    while to > from && bytes.get(to - 1).is_some_and(|byte| around.contains(byte)) {
        to -= 1;
    }
    (from, to)
}

/// One to four words of letters.
fn is_head(cell: Option<&[u8]>) -> bool {
    let cell = cell.unwrap_or_default();
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80 || b" _-/#.".contains(byte);
    !cell.is_empty()
        && cell.len() <= HEAD_BYTES
        && cell.iter().all(letter)
        && cell.iter().any(u8::is_ascii_alphabetic)
        && cell.iter().filter(|byte| **byte == b' ').count() < 4
}

/// `---|---`
fn is_rule(line: &[u8]) -> bool {
    line.iter().all(|byte| b"-=+:| \r".contains(byte))
}

/// What the cells of a record say of each other: findings in order, settled. Dates of birth are named so; numbers that check out as a
/// provider's are put in their places.
pub(super) fn read(text: &str, kinds: &[KindInfo], rules: &[Rule], out: &mut Vec<Finding>, from: usize) {
    let bytes = text.as_bytes();
    let mut added: Vec<Finding> = Vec::new();
    let mut at = from;
    while let Some(finding) = out.get(at).copied() {
        at += 1;
        if finding.kind != DATE {
            continue;
        }
        let (start, end) = (finding.start as usize, finding.end as usize);
        let (Some(sign), Some(line)) = (divider(bytes, start, end), line(bytes, start, end)) else { continue };
        let settled = out.get(from..).unwrap_or_default();
        let before = settled.get(..at - 1 - from).and_then(<[_]>::last);
        if !is_name(bytes, line.0, start, sign) && !before.is_some_and(|other| ends_cell(bytes, other, start, sign)) {
            continue;
        }
        let first = settled.partition_point(|f| (f.start as usize) < line.0);
        let past = settled.partition_point(|f| (f.start as usize) < line.1);
        let others = settled.get(first..past).unwrap_or_default();
        let reached = others.iter().filter(|other| [EMAIL, PHONE, ADDRESS].contains(&other.kind)).count();
        if reached > 1 || others.iter().any(|other| is_identity(kinds, other.kind)) {
            // A row is read for more once, at its first date.
            if others.iter().all(|other| other.kind != DATE_OF_BIRTH) {
                added.extend(providers(bytes, line, sign, rules, others));
            }
            if let (Some(rule), Some(slot)) = (rule_of(rules, DATE_OF_BIRTH), out.get_mut(at - 1)) {
                *slot = Finding { kind: DATE_OF_BIRTH, rule, evidence: Evidence::Context, confidence: 85, ..finding };
            }
        }
    }
    if !added.is_empty() {
        out.append(&mut added);
        let all = out.get_mut(from..).unwrap_or_default();
        all.sort_by_key(|f| f.start);
    }
}

/// Numbers in a record that are a provider's by their check digit, and nothing else yet.
fn providers(bytes: &[u8], line: (usize, usize), sign: u8, rules: &[Rule], others: &[Finding]) -> Vec<Finding> {
    let Some(rule) = rule_of(rules, US_NPI) else { return Vec::new() };
    let is_provider = |(start, end): &(usize, usize)| {
        let cell = bytes.get(*start..*end).unwrap_or_default();
        let free = |f: &Finding| f.end as usize <= *start || *end <= f.start as usize;
        let whole = cell.len() == 10 && cell.iter().all(u8::is_ascii_digit) && (validators::NPI.passes)(cell);
        whole && others.iter().all(free)
    };
    let found = |(start, end): (usize, usize)| {
        let (start, end) = (start as u32, end as u32);
        Finding { kind: US_NPI, start, end, confidence: 60, evidence: Evidence::Context, rule }
    };
    parts(bytes, line.0, line.1, sign).filter(is_provider).map(found).collect()
}

/// The rule that names a kind by words: what is read here counts as its.
fn rule_of(rules: &[Rule], kind: Kind) -> Option<u16> {
    let named = |rule: &Rule| rule.kind == kind && matches!(rule.start, Start::After(..));
    rules.iter().position(named).and_then(|at| u16::try_from(at).ok())
}

/// The sign on both sides of a cell; the line's end will do on one of them.
fn divider(bytes: &[u8], start: usize, end: usize) -> Option<u8> {
    let before = bytes.get(..start)?.iter().rev().find(|byte| !b" \"'".contains(byte));
    let behind = bytes.get(end..)?.iter().find(|byte| !b" \"'".contains(byte));
    let sign = *before.filter(|sign| SIGNS.contains(sign))?;
    let closed = behind.is_none_or(|byte| *byte == sign || *byte == b'\n');
    let prose = sign == b',' && bytes.get(start.checked_sub(1)?) == Some(&b' ');
    (closed && !prose).then_some(sign)
}

fn line(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let from = start.saturating_sub(LINE_BYTES);
    let first = memchr::memrchr(b'\n', bytes.get(from..start)?).map_or(from, |at| from + at + 1);
    let ahead = bytes.get(end..bytes.len().min(end + LINE_BYTES))?;
    Some((first, end + memchr::memchr(b'\n', ahead).unwrap_or(ahead.len())))
}

fn is_identity(kinds: &[KindInfo], kind: Kind) -> bool {
    let state = |name: &str| name.get(2..3) == Some("_") && name.get(..2).is_some_and(|land| land != "IP");
    kind == US_SSN
        || kinds.get(usize::from(kind.0)).is_some_and(|info| info.category <= Category::Phi && state(&info.name))
}

/// Whether the cell before ends in two or more words with capitals: `Hughes, Ulrike`, `…: Ian Page`.
fn is_name(bytes: &[u8], from: usize, start: usize, sign: u8) -> bool {
    let Some(cell) = bytes.get(from..start).and_then(|head| head.rsplit(|byte| *byte == sign).nth(1)) else {
        return false;
    };
    let mut words = cell.rsplit(|byte| b" ,".contains(byte)).filter(|word| !word.is_empty());
    let name = |word: &[u8]| {
        word.len() > 1
            && word.first().is_some_and(|byte| byte.is_ascii_uppercase() || *byte >= 0x80)
            && word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || b"'-.".contains(byte))
    };
    words.next().is_some_and(name) && words.next().is_some_and(name)
}

/// Whether a person's name ends the cell before.
fn ends_cell(bytes: &[u8], name: &Finding, start: usize, sign: u8) -> bool {
    let between = bytes.get(name.end as usize..start).unwrap_or_default();
    name.kind == PERSON
        && !between.is_empty()
        && between.len() < 5
        && between.contains(&sign)
        && between.iter().all(|byte| *byte == sign || b" \"'".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::super::{Detector, Hint};

    fn found(text: &str) -> Vec<(String, &str)> {
        let detector = Detector::builtin();
        let mut out = Vec::new();
        detector.scan(text, Hint::default(), &mut out);
        out.iter().map(|f| (detector.info(f.kind).name.to_string(), &text[f.start as usize..f.end as usize])).collect()
    }

    fn kind_of(text: &str, value: &str) -> Option<String> {
        found(text).into_iter().find(|(_, found)| *found == value).map(|(kind, _)| kind)
    }

    #[test]
    fn a_birthday_in_a_row_would_pass_for_any_date() {
        let row = "make a table: Ian Page; 22 January 2012; AB 12 34 56 C; 631.555.5874";
        assert_eq!(kind_of(row, "22 January 2012").as_deref(), Some("DATE_OF_BIRTH"));
        let row = "Jane Roe,1962-12-06,AB123456C,jane@example.org";
        assert_eq!(kind_of(row, "1962-12-06").as_deref(), Some("DATE_OF_BIRTH"));
        for other in [
            "order 12; 2024-01-05; a@example.org; 415-555-2671",
            "seen by Jane Roe, 5 May 2020, at 415-555-2671 and a@example.org",
            "Jane Roe; 2024-01-05; shipped",
        ] {
            assert!(found(other).iter().all(|(kind, _)| kind != "DATE_OF_BIRTH"), "{other}");
        }
    }

    #[test]
    fn a_providers_number_in_a_row_would_be_seen_only_under_its_name() {
        let row = "Ian Page; 22 January 2012; 1234567893; 631.555.5874; ian@example.org";
        assert_eq!(kind_of(row, "1234567893").as_deref(), Some("US_NPI"));
        assert_eq!(kind_of(&row.replace("893", "894"), "1234567894"), None);
    }

    #[test]
    fn a_column_or_a_member_in_a_text_would_say_less_than_a_field() {
        let table = "id,first_name,ssn,dob,mrn\n7,Xqlwyn,536228741,1982-12-03,0012345\n8,Abrrt,,,\n";
        let expected = [
            ("PERSON", "Xqlwyn"),
            ("US_SSN", "536228741"),
            ("DATE_OF_BIRTH", "1982-12-03"),
            ("MEDICAL_RECORD", "0012345"),
        ];
        for (kind, value) in expected {
            assert_eq!(kind_of(table, value).as_deref(), Some(kind), "{value}");
        }
        assert_eq!(kind_of(table, "Abrrt").as_deref(), Some("PERSON"));
        let table = "| Name | Password |\n|------|----------|\n| build | gyxab-uowar |\n";
        assert_eq!(kind_of(table, "gyxab-uowar").as_deref(), Some("PASSWORD"));
        let code = "user = {\"first_name\": \"Xqlwyn\", 'ssn': '536228741', \"pages\": 12, \"mrn\": 12345678}";
        for (kind, value) in [("PERSON", "Xqlwyn"), ("US_SSN", "536228741"), ("MEDICAL_RECORD", "12345678")] {
            assert_eq!(kind_of(code, value).as_deref(), Some(kind), "{value}");
        }
        assert_eq!(found("Apples, pears, plums\n1, 2, 3\nname, ssn\nnone, none\n"), []);
    }
}
