//! JSON string content to text and back, and where each character of the text stands in the raw bytes.
//!
//! The canonical escape is the shortest that JSON knows: `\"`, `\\`, `\b \f \n \r \t`, `\u00xx` for other control
//! characters, everything else as it is. A lone surrogate decodes to U+FFFD; whoever keeps the raw bytes loses nothing.

use std::borrow::Cow;

use super::json;

/// A point from which text and raw bytes run in step again: behind each escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// Byte in the decoded text.
    pub(super) text: u32,
    /// The same point in the raw bytes.
    pub(super) raw: u32,
}

/// Where the bytes of a text stand in its document: in step from `start`, then from each break. Exact on character borders.
#[derive(Clone, Copy)]
pub(super) struct Course<'b> {
    pub(super) start: u32,
    pub(super) breaks: &'b [Break],
}

impl Course<'_> {
    /// Raw bytes in step with the text from `start` on, to the end.
    pub(super) fn straight(start: u32) -> Self {
        Self { start, breaks: &[] }
    }

    /// Where byte `offset` of the text stands.
    #[inline]
    pub(super) fn locate(&self, offset: u32) -> u32 {
        if self.breaks.is_empty() {
            return self.start + offset;
        }
        let before = self.breaks.partition_point(|at| at.text <= offset);
        match before.checked_sub(1).and_then(|last| self.breaks.get(last)) {
            Some(last) => last.raw + (offset - last.text),
            None => self.start + offset,
        }
    }
}

/// Decodes valid string content `inside`, which begins at byte `at` of a text that itself has a `course`; appends the
/// breaks of the decoded text to `breaks`: they lead through both levels at once.
pub(super) fn unescape(inside: &str, at: u32, course: Course<'_>, breaks: &mut Vec<Break>) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    loop {
        let plain = memchr::memchr(b'\\', rest.as_bytes());
        let (run, from) = rest.split_at(plain.unwrap_or(rest.len()));
        let begins = at + (inside.len() - rest.len()) as u32;
        let ends = begins + run.len() as u32;
        let first = course.breaks.partition_point(|point| point.text <= begins);
        for point in course.breaks.iter().skip(first).take_while(|point| point.text <= ends) {
            breaks.push(Break { text: text.len() as u32 + (point.text - begins), raw: point.raw });
        }
        text.push_str(run);
        if from.is_empty() {
            return text;
        }
        let (character, length) = escape_at(from);
        text.push(character);
        rest = from.get(length..).unwrap_or_default();
        breaks.push(Break { text: text.len() as u32, raw: course.locate(ends + length as u32) });
    }
}

/// The character that the escape at the start of `from` means, and the length of the escape.
fn escape_at(from: &str) -> (char, usize) {
    let simple = match from.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unit_at(from),
        Some(same) => char::from(*same),
        None => return ('\\', 1),
    };
    (simple, 2)
}

fn unit_at(from: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = from.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = unit(0).unwrap_or(0xfffd);
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// Escapes canonically, `depth` times over.
pub(super) fn escape(text: &str, depth: u8) -> Cow<'_, str> {
    let mut escaped = Cow::Borrowed(text);
    for _ in 0..depth {
        if escaped.bytes().any(needs_escape) {
            escaped = Cow::Owned(escape_once(&escaped));
        }
    }
    escaped
}

/// Undoes [`escape`], and any other valid escaping, `depth` times; `None` where `raw` is no valid content at that depth.
pub(super) fn unescape_all(raw: &str, depth: u8) -> Option<Cow<'_, str>> {
    let mut text = Cow::Borrowed(raw);
    for _ in 0..depth {
        if !json::is_content(&text) {
            return None;
        }
        if memchr::memchr(b'\\', text.as_bytes()).is_some() {
            text = Cow::Owned(unescape(&text, 0, Course::straight(0), &mut Vec::new()));
        }
    }
    Some(text)
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape_once(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        let short = match character {
            '"' => '"',
            '\\' => '\\',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            control if control < ' ' => {
                escaped.push_str("\\u00");
                escaped.push(if control < '\u{10}' { '0' } else { '1' });
                escaped.push(char::from_digit(u32::from(control) & 15, 16).unwrap_or('0'));
                continue;
            }
            plain => {
                escaped.push(plain);
                continue;
            }
        };
        escaped.push('\\');
        escaped.push(short);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_mean_what_json_says_they_mean() {
        for (raw, text) in [
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u0040", "é@"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00\ud83dx", "\u{fffd}\u{fffd}x"),
            (r"\ud83d\u0041", "\u{fffd}A"),
        ] {
            assert_eq!(unescape_all(raw, 1).as_deref(), Some(text), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_what_another_parser_reads(text: String) {
            let quoted = format!("\"{}\"", escape(&text, 1));
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
            prop_assert_eq!(serde_json::to_string(&text).unwrap(), quoted);
            let twice = escape(&text, 2);
            prop_assert_eq!(unescape_all(&twice, 2).unwrap(), text.as_str());
        }

        #[test]
        fn every_character_is_found_again_in_the_raw_bytes_of_two_levels(
            pieces in prop::collection::vec(prop::sample::select(vec!["a", "é", r"\n", r"\u00e9", r"\ud83d\ude00", r#"\""#, "/"]), 0..12),
            lead in r"[a\n]{0,3}",
        ) {
            let inner = pieces.concat();
            let outer = format!("{lead}{inner}");
            let raw = escape(&outer, 1).into_owned();
            let mut first = Vec::new();
            let decoded = unescape(&raw, 0, Course::straight(0), &mut first);
            prop_assert_eq!(&decoded, &outer);
            let course = Course { start: 0, breaks: &first };
            let mut both = Vec::new();
            let text = unescape(&inner, lead.len() as u32, course, &mut both);
            let through = Course { start: course.locate(lead.len() as u32), breaks: &both };
            let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            for pair in borders.windows(2) {
                let (from, to) = (through.locate(pair[0] as u32) as usize, through.locate(pair[1] as u32) as usize);
                prop_assert_eq!(unescape_all(&raw[from..to], 2).unwrap(), &text[pair[0]..pair[1]]);
            }
        }
    }
}
