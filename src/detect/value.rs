//! The value of a keyword: where it begins, and how it is tied to the word.

use super::rule::Link;

/// What stands behind a keyword: read once for all rules that listen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Where it begins.
    pub at: usize,
    marked: bool,
    signed: bool,
    spaced: bool,
}

impl Value {
    /// The value of the keyword that ends at `end`; none where the text ends: `"key": "value"`, `key = value`, `**Key:** value`,
    /// `Key #: value`, `key is value`.
    #[inline]
    pub fn after(text: &[u8], end: usize) -> Option<Self> {
        let mut at = end;
        skip(text, &mut at, 3, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'*' | b']' | b')' | b's'));
        skip(text, &mut at, 2, |byte| matches!(byte, b'\'' | b's'));
        let space = |byte| matches!(byte, b' ' | b'\t');
        let mut spaced = skip(text, &mut at, 40, space);
        skip(text, &mut at, 2, |byte| matches!(byte, b'#' | b'.'));
        let marked =
            skip(text, &mut at, 2, |byte| matches!(byte, b':' | b'=')) | skip(text, &mut at, 1, |byte| byte == b'>');
        let signed = marked | (spaced && skip_words(text, &mut at));
        skip(text, &mut at, 2, |byte| byte == b'*');
        spaced |= skip(text, &mut at, 40, space);
        skip(text, &mut at, 3, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'(' | b'['));
        (at < text.len()).then_some(Self { at, marked, signed, spaced })
    }

    /// Whether it is tied to its keyword as a rule asks.
    #[inline]
    pub fn is_tied(&self, link: Link) -> bool {
        match link {
            Link::Mark => self.marked,
            Link::Sign => self.signed,
            Link::Space => self.signed || self.spaced,
        }
    }
}

/// Goes past at most `most` bytes of a set. Says whether there were any.
#[inline]
fn skip(text: &[u8], at: &mut usize, most: usize, set: impl Fn(u8) -> bool) -> bool {
    let rest = text.get(*at..).unwrap_or_default();
    let len = rest.iter().take(most).take_while(|byte| set(**byte)).count();
    *at += len;
    len > 0
}

/// The longest word of [`links`], bytes.
const LINK_BYTES: usize = 6;

/// Whether a word between a keyword and its value says as much as a sign.
fn links(word: &[u8]) -> bool {
    let mut folded = [0u8; LINK_BYTES];
    let Some(folded) = folded.get_mut(..word.len()) else { return false };
    folded.copy_from_slice(word);
    folded.make_ascii_lowercase();
    matches!(
        &*folded,
        b"is"
            | b"was"
            | b"are"
            | b"number"
            | b"no"
            | b"num"
            | b"nr"
            | b"id"
            | b"of"
            | b"to"
            | b"on"
            | b"am"
            | b"le"
            | b"el"
            | b"il"
    )
}

/// Goes past one or two such words and what divides them.
fn skip_words(text: &[u8], at: &mut usize) -> bool {
    let divides = |byte: u8| matches!(byte, b' ' | b'\t' | b':' | b'=' | b'#' | b'.');
    let mut found = false;
    for _ in 0..2 {
        let rest = text.get(*at..).unwrap_or_default();
        let Some(len) = rest.iter().take(LINK_BYTES + 1).position(|byte| divides(*byte)) else { break };
        if !rest.get(..len).is_some_and(links) {
            break;
        }
        *at += len;
        skip(text, at, usize::MAX, divides);
        found = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_begins_where_what_ties_it_ends() {
        for (text, value, links) in [
            ("\": \"x", "x", "mark sign space"),
            (" = x", "x", "mark sign space"),
            (":** x", "x", "mark sign space"),
            (" #: x", "x", "mark sign space"),
            ("s => x", "x", "mark sign space"),
            (" is x", "x", "sign space"),
            (" Number is: (x", "x", "sign space"),
            (" x", "x", "space"),
            ("(x", "x", ""),
            (" isx", "isx", "space"),
            (" numbers x", "numbers x", "space"),
        ] {
            let found = Value::after(text.as_bytes(), 0).unwrap();
            assert_eq!(text.get(found.at..), Some(value), "{text}");
            let tied = [(Link::Mark, "mark"), (Link::Sign, "sign"), (Link::Space, "space")];
            let tied: Vec<&str> = tied.iter().filter(|(link, _)| found.is_tied(*link)).map(|(_, name)| *name).collect();
            assert_eq!(tied.join(" "), links, "{text}");
        }
        assert_eq!(Value::after(b": ", 0), None);
    }
}
