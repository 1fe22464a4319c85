//! Disguises of plain text: other digits and letters that read as ASCII, characters that take no room, escapes of URLs, HTML
//! and JSON. [`unfold`] gives the plain text around them and where each of its bytes came from; [`base64_text`] opens one level of Base64.
//!
//! It normalises no more than detection needs: it is no NFKC, and what it makes is never written anywhere.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// Plain text and its origin.
pub(super) struct Unfolded {
    /// The text without its disguise.
    pub text: String,
    /// For each byte of `text`: where the character that it came from starts in the original.
    from: Vec<u32>,
    /// The same for where it ends.
    to: Vec<u32>,
}

impl Unfolded {
    /// The original's range of a range of `text`, and whether anything in it was disguised.
    pub fn original(&self, start: usize, end: usize) -> Option<(u32, u32, bool)> {
        let (from, to) = (*self.from.get(start)?, *self.to.get(end.checked_sub(1)?)?);
        Some((from, to, (to - from) as usize != end - start || self.differs(start, end)))
    }

    fn differs(&self, start: usize, end: usize) -> bool {
        let steps = self.from.get(start..end).unwrap_or_default();
        steps.windows(2).any(|pair| matches!(pair, [a, b] if b - a > 1))
    }

    fn push(&mut self, c: char, from: usize, to: usize) {
        self.text.push(c);
        self.from.resize(self.text.len(), from as u32);
        self.to.resize(self.text.len(), to as u32);
    }
}

/// How much text around a disguised character is looked at, bytes.
const AROUND: usize = 96;

/// The plain forms of the parts of a text around what is disguised; empty where nothing is. `odd` are the places, in order,
/// where a disguise may begin: those that `Masks::odd` shows.
pub(super) fn unfold(text: &str, odd: &[u32]) -> Vec<Unfolded> {
    let mut parts = Vec::new();
    let mut done = 0;
    let odd = odd.iter().map(|at| *at as usize);
    let mut signs = odd.filter(|at| is_disguise(text, *at)).peekable();
    while let Some(at) = signs.next() {
        let start = border_before(text, at.saturating_sub(AROUND).max(done)).max(done);
        // A part goes on while disguised characters do.
        let mut end = at;
        while let Some(next) = signs.next_if(|next| *next <= end + AROUND) {
            end = next;
        }
        done = border_behind(text, end + AROUND);
        while signs.next_if(|next| *next < done).is_some() {}
        parts.extend(text.get(start..done).map(|part| plain(part, start)));
    }
    parts
}

/// The last white space before `at`, or the text's start, if it is near; else a character border.
fn border_before(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let near = at.saturating_sub(AROUND)..at;
    let space = near.rev().find(|at| bytes.get(*at).is_some_and(u8::is_ascii_whitespace));
    let space = space.or_else(|| (at < AROUND).then_some(0));
    (0..=space.unwrap_or(at)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The next white space from `at` on, or the text's end, if it is near; else a character border.
fn border_behind(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let at = at.min(text.len());
    let space = (at..text.len().min(at + AROUND)).find(|at| bytes.get(*at).is_some_and(u8::is_ascii_whitespace));
    let space = space.or_else(|| (text.len() < at + AROUND).then_some(text.len()));
    (space.unwrap_or(at)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The plain form of a part that starts at `base`.
fn plain(part: &str, base: usize) -> Unfolded {
    let mut plain = Unfolded { text: String::with_capacity(part.len()), from: Vec::new(), to: Vec::new() };
    let mut at = 0;
    let mut latin = false;
    while let Some(c) = part.get(at..).and_then(|rest| rest.chars().next()) {
        let (read, len) = match escape(part, at) {
            Some((c, len)) => (Some(c), len),
            None => (plain_form(c, latin), c.len_utf8()),
        };
        if let Some(c) = read {
            plain.push(c, base + at, base + at + len);
            latin = c.is_ascii_alphanumeric() || latin && !c.is_whitespace();
        }
        at += len;
    }
    plain
}

/// Whether a character stands here that reads as another, or an escape of what numbers, names and addresses are made of.
fn is_disguise(text: &str, at: usize) -> bool {
    // By far the most signs are none: U+2018 to U+2027, quotation marks and bullets among them, and escapes of other things.
    match text.as_bytes().get(at..) {
        Some([0xE2, 0x80, 0x98..=0xA3 | 0xA5..=0xA7, ..]) => return false,
        Some([b'\\', next, ..]) if !b"ux".contains(next) => return false,
        Some([b'%', next, ..]) if !next.is_ascii_hexdigit() => return false,
        Some([b'&', next, ..]) if *next != b'#' => return false,
        _ => {}
    }
    let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { return false };
    if c.is_ascii() {
        return escape(text, at).is_some_and(|(c, _)| c.is_ascii_alphanumeric() || "@-.+".contains(c));
    }
    let byte = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).copied().unwrap_or(0);
    let (before, next) = (byte(at.checked_sub(1)), byte(Some(at + c.len_utf8())));
    // Dashes and wide spaces are disguises only within numbers.
    match plain_form(c, before.is_ascii_graphic()) {
        Some('-' | ' ' | '.') => before.is_ascii_digit() && next.is_ascii_digit(),
        None => before.is_ascii_graphic() && next.is_ascii_graphic(),
        read => read != Some(c),
    }
}

/// The character that an escape at `at` stands for, and the escape's length.
fn escape(text: &str, at: usize) -> Option<(char, usize)> {
    let rest = text.get(at..)?;
    let hex = |from: usize, to: usize| {
        let code = u32::from_str_radix(rest.get(from..to)?, 16).ok()?;
        char::from_u32(code).filter(|c| !c.is_control())
    };
    match rest.as_bytes() {
        // Only ASCII: what is beyond takes several escapes, and no rule asks for it.
        [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            hex(1, 3).filter(char::is_ascii).map(|c| (c, 3))
        }
        [b'\\', b'u', ..] => hex(2, 6).map(|c| (c, 6)),
        [b'\\', b'x', ..] => hex(2, 4).filter(char::is_ascii).map(|c| (c, 4)),
        [b'&', b'#', ..] => {
            let end = rest.bytes().take(10).position(|byte| byte == b';')?;
            let body = rest.get(2..end)?;
            let code = match body.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => body.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control()).map(|c| (c, end + 1))
        }
        _ => None,
    }
}

/// Letters of other scripts that look like Latin ones: read so only within words that have Latin letters or digits.
const LOOK_ALIKES: &[(&str, &str)] = &[
    ("аеорсухіјѕԁһԛԝ", "aeopcyxijsdhqw"),
    ("АВЕКМНОРСТУХІЈЅ", "ABEKMHOPCTYXIJS"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo"),
];

/// How a character reads; `None` where it takes no room.
fn plain_form(c: char, latin: bool) -> Option<char> {
    let code = u32::from(c);
    let offset = |base: u32, zero: char| char::from_u32(u32::from(zero) + code - base);
    match code {
        0..0x80 => Some(c),
        // Soft hyphen, zero-width characters, directions, joiners, byte order mark, variation selectors.
        0xAD | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xFEFF | 0xFE00..=0xFE0F | 0xE0000..=0xE007F => {
            None
        }
        0xA0 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Some(' '),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => Some('-'),
        0x2024 => Some('.'),
        0xFF01..=0xFF5E => offset(0xFF01, '!'),
        0x660..=0x669 => offset(0x660, '0'),
        0x6F0..=0x6F9 => offset(0x6F0, '0'),
        0x966..=0x96F => offset(0x966, '0'),
        0x9E6..=0x9EF => offset(0x9E6, '0'),
        0xE50..=0xE59 => offset(0xE50, '0'),
        // Mathematical letters and digits: runs of both cases, then of digits.
        0x1D400..=0x1D6A3 => {
            let letter = (code - 0x1D400) % 52;
            char::from_u32(if letter < 26 { 0x41 + letter } else { 0x61 + letter - 26 })
        }
        0x1D7CE..=0x1D7FF => char::from_u32(0x30 + (code - 0x1D7CE) % 10),
        0x370..=0x52F if latin => {
            let alike = LOOK_ALIKES
                .iter()
                .find_map(|(from, to)| from.chars().position(|other| other == c).and_then(|at| to.chars().nth(at)));
            Some(alike.unwrap_or(c))
        }
        _ => Some(c),
    }
}

/// The shortest Base64 that could hold something worth finding.
const BASE64_BYTES: usize = 24;

/// Padding or none, and whatever bits are left over: what writers of Base64 do.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether a byte can be in a token of Base64, of either alphabet.
pub(super) fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The text that a Base64 token at `at` holds, and the token's length: readable text only, one level.
pub(super) fn base64_text(text: &[u8], at: usize) -> Option<(String, usize)> {
    let rest = text.get(at..)?;
    let body = rest.iter().take_while(|byte| in_token(**byte)).count();
    let len = body + rest.iter().skip(body).take(2).take_while(|byte| **byte == b'=').count();
    if body < BASE64_BYTES {
        return None;
    }
    let token = rest.get(..len)?;
    let base64 = if token.iter().any(|b| matches!(b, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    let decoded = base64.decode(token).ok()?;
    let inner = String::from_utf8(decoded).ok()?;
    let readable = inner.chars().all(|c| !c.is_control() || c.is_whitespace());
    readable.then_some((inner, len))
}

#[cfg(test)]
mod tests {
    use super::super::masks::{BLOCK, portable};
    use super::*;

    fn unfold(text: &str) -> Vec<Unfolded> {
        let masks = text.as_bytes().chunks(BLOCK).map(|chunk| {
            let mut block = [0u8; BLOCK];
            block[..chunk.len()].copy_from_slice(chunk);
            portable(&block)
        });
        let odd = masks.enumerate().flat_map(|(i, masks)| {
            (0..64).filter(move |bit| masks.odd >> bit & 1 == 1).map(move |bit| (i * BLOCK) as u32 + bit)
        });
        super::unfold(text, &odd.collect::<Vec<u32>>())
    }

    #[test]
    fn disguised_text_reads_plain_and_knows_where_it_came_from() {
        for (text, plain) in [
            ("４１５-555", "415-555"),
            ("a\u{200b}b", "ab"),
            ("ada%40example.org", "ada@example.org"),
            ("ada&#64;example&#x2e;org", "ada@example.org"),
            ("ada\\u0040example.org", "ada@example.org"),
            ("٤١٥", "415"),
            ("pаypal", "paypal"),
            ("𝐚𝐛𝟏", "ab1"),
            ("1\u{2011}2\u{a0}3", "1-2 3"),
        ] {
            let unfolded = unfold(text);
            assert_eq!(unfolded.len(), 1, "{text}");
            assert_eq!(unfolded[0].text, plain);
            assert_eq!(unfolded[0].original(0, plain.len()), Some((0, text.len() as u32, true)), "{text}");
        }
        for text in ["plain", "100 % of & so \\n", "Ärger über Москва", "a – b, it’s 20%20", ""] {
            assert!(unfold(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn far_apart_disguises_are_parts_of_their_own_with_their_own_places() {
        let text = format!("a４ {} b%40 {}", "x ".repeat(400), "y ".repeat(400));
        let parts = unfold(&text);
        assert_eq!(parts.len(), 2);
        for (part, sign, shown) in [(&parts[0], "a4", "a４"), (&parts[1], "b@", "b%40")] {
            let at = part.text.find(sign).unwrap();
            let (from, to, disguised) = part.original(at, at + sign.len()).unwrap();
            assert_eq!((&text[from as usize..to as usize], disguised), (shown, true));
        }
    }

    #[test]
    fn the_ends_of_a_text_would_cut_a_part_where_white_space_does_not() {
        let token = "x-".repeat(AROUND / 2 + 8);
        let long = format!("{token}４{token}");
        for (before, behind) in [("", ""), ("\n", ""), ("", "\n"), ("\n", "\n")] {
            let text = format!("{before}{long}{behind}");
            let parts = unfold(&text);
            let plain: Vec<&str> = parts.iter().map(|part| part.text.trim()).collect();
            assert_eq!(plain, [long.replace('４', "4")], "{text:?}");
        }
    }

    #[test]
    fn base64_of_readable_text_is_opened_and_other_tokens_are_not() {
        let token = base64::engine::general_purpose::STANDARD.encode("write to ada@example.org");
        assert_eq!(base64_text(token.as_bytes(), 0), Some(("write to ada@example.org".to_owned(), token.len())));
        assert_eq!(base64_text(b"d41d8cd98f00b204e9800998ecf8427e", 0), None);
        assert_eq!(base64_text(b"short", 0), None);
    }
}
