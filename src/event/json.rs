//! A strict JSON walker (RFC 8259): the tokens of a document with their places, and nothing built from them.
//!
//! It takes exactly what `serde_json` takes where that builds no value: any nesting (up to a limit), duplicate members,
//! numbers of any size, lone surrogates in escapes. It keeps no recursion and no copy. What tokens mean is `decode`'s.

use std::ops::Range;

/// Why a text is not walked to its end. Where: [`Walker::at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON.
    Syntax,
    /// Arrays and objects nested deeper than the limit.
    TooDeep,
}

/// One token. Small on purpose: where it stands is asked of the walker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member name; its colon is behind the walker too.
    Name,
    Text,
    Number,
    Null,
    True,
    False,
    /// The document and the white space behind it are walked.
    End,
}

#[derive(Clone, Copy)]
enum Expect {
    Value,
    /// Just behind `[`.
    ValueOrEnd,
    /// Just behind `{`.
    NameOrEnd,
    /// Behind a value within a container.
    CommaOrEnd,
    /// Behind the document.
    Nothing,
}

/// Walks one document.
pub(super) struct Walker<'t> {
    bytes: &'t [u8],
    at: usize,
    /// How many containers are open.
    level: usize,
    /// For each of them, innermost in the lowest bit, whether it is an object; 64 levels further out in `outer`.
    objects: u64,
    outer: Vec<u64>,
    expect: Expect,
    depth: usize,
    /// The last name, text or number.
    inside: (usize, usize),
    escaped: bool,
}

impl<'t> Walker<'t> {
    /// `depth`: how many containers may be open at once.
    pub(super) fn new(text: &'t str, depth: usize) -> Self {
        let (bytes, expect, outer) = (text.as_bytes(), Expect::Value, Vec::new());
        Self { bytes, at: 0, level: 0, objects: 0, outer, expect, depth, inside: (0, 0), escaped: false }
    }

    /// Where it stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes of the last name, text or number, without quotes.
    #[inline]
    pub(super) fn inside(&self) -> Range<usize> {
        self.inside.0..self.inside.1
    }

    /// Whether the last name or text has escapes.
    #[inline]
    pub(super) fn escaped(&self) -> bool {
        self.escaped
    }

    /// The next token.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token, Fault> {
        self.skip_space();
        let expect = self.expect;
        match expect {
            Expect::CommaOrEnd => self.comma_or_end(),
            Expect::Value => self.value(),
            Expect::NameOrEnd if self.take(b'}') => Ok(self.close(Token::ObjectEnd)),
            Expect::NameOrEnd => self.name(),
            Expect::ValueOrEnd if self.take(b']') => Ok(self.close(Token::ArrayEnd)),
            Expect::ValueOrEnd => self.value(),
            Expect::Nothing if self.at == self.bytes.len() => Ok(Token::End),
            Expect::Nothing => Err(Fault::Syntax),
        }
    }

    fn comma_or_end(&mut self) -> Result<Token, Fault> {
        let object = self.objects & 1 == 1;
        match self.bytes.get(self.at) {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                if object { self.name() } else { self.value() }
            }
            Some(b'}') if object => {
                self.at += 1;
                Ok(self.close(Token::ObjectEnd))
            }
            Some(b']') if !object => {
                self.at += 1;
                Ok(self.close(Token::ArrayEnd))
            }
            _ => Err(Fault::Syntax),
        }
    }

    fn value(&mut self) -> Result<Token, Fault> {
        match self.bytes.get(self.at) {
            Some(b'"') => {
                self.string()?;
                Ok(self.done(Token::Text))
            }
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(self.done(Token::Number))
            }
            Some(b't') => self.word(b"true", Token::True),
            Some(b'f') => self.word(b"false", Token::False),
            Some(b'n') => self.word(b"null", Token::Null),
            _ => Err(Fault::Syntax),
        }
    }

    fn name(&mut self) -> Result<Token, Fault> {
        self.string()?;
        self.skip_space();
        if !self.take(b':') {
            return Err(Fault::Syntax);
        }
        self.expect = Expect::Value;
        Ok(Token::Name)
    }

    fn open(&mut self, object: bool) -> Result<Token, Fault> {
        if self.level >= self.depth {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        if self.level > 0 && self.level.is_multiple_of(64) {
            self.outer.push(self.objects);
        }
        self.level += 1;
        self.objects = self.objects << 1 | u64::from(object);
        self.expect = if object { Expect::NameOrEnd } else { Expect::ValueOrEnd };
        Ok(if object { Token::ObjectStart } else { Token::ArrayStart })
    }

    fn close(&mut self, token: Token) -> Token {
        self.level -= 1;
        self.objects >>= 1;
        if self.level > 0 && self.level.is_multiple_of(64) {
            self.objects = self.outer.pop().unwrap_or_default();
        }
        self.done(token)
    }

    fn done(&mut self, token: Token) -> Token {
        self.expect = if self.level == 0 { Expect::Nothing } else { Expect::CommaOrEnd };
        token
    }

    fn word(&mut self, word: &[u8], token: Token) -> Result<Token, Fault> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(self.done(token));
        }
        Err(Fault::Syntax)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = number_bytes(rest).ok_or(Fault::Syntax)?;
        self.inside = (self.at, self.at + length);
        self.at += length;
        Ok(())
    }

    /// Past a string; the walker stands on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        if !self.take(b'"') {
            return Err(Fault::Syntax);
        }
        let start = self.at;
        self.escaped = false;
        loop {
            self.at = next_special(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.inside = (start, self.at);
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escaped = true;
                    self.escape()?;
                }
                // A control character, or the end.
                _ => return Err(Fault::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let long = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => false,
            Some(b'u') => true,
            _ => return Err(Fault::Syntax),
        };
        if long {
            let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or_default();
            if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err(Fault::Syntax);
            }
        }
        self.at += if long { 6 } else { 2 };
        Ok(())
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }
}

/// How many bytes at the start are a number, if they are one: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
pub(super) fn number_bytes(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}

/// Whether a text is valid between two quotes.
pub(super) fn is_content(text: &str) -> bool {
    let mut walker = Walker::new(text, 0);
    loop {
        walker.at = next_special(walker.bytes, walker.at);
        match walker.bytes.get(walker.at) {
            None => return true,
            Some(b'\\') if walker.escape().is_ok() => {}
            Some(_) => return false,
        }
    }
}

/// Index of the next quote, backslash or control character, or the end: eight bytes at a step.
#[inline]
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        // A borrow can mark a byte above a true hit, never one below the first.
        let hits = (control | zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5c))) & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn walks(text: &str) -> bool {
        let mut walker = Walker::new(text, 1_000);
        loop {
            match walker.next() {
                Ok(Token::End) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn agrees(text: &str) {
        assert_eq!(walks(text), serde_json::from_slice::<IgnoredAny>(text.as_bytes()).is_ok(), "{text:?}");
    }

    #[test]
    fn what_another_parser_takes_is_taken_and_what_it_refuses_is_refused() {
        for text in [
            "",
            " ",
            "{}",
            "[]",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "-",
            "-0",
            "1.",
            ".5",
            "1e",
            "1e+5",
            "1E400",
            "\"\\ud83d\"",
            "\"\\u12g4\"",
            "\"\\x\"",
            "\"\n\"",
            "\"\u{7f}\"",
            "nul",
            "null ",
            "null x",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1}{",
            "\u{feff}{}",
            "\"",
            "\"\\",
            "\"\\u00",
            "[[[]]]",
            "[[[]]",
            "truex",
            "\"a\"b",
            "{\"a\" : [ 1 , {} ] }",
        ] {
            agrees(text);
        }
    }

    #[test]
    fn deep_nesting_is_followed_to_its_end_and_back() {
        for depth in [63, 64, 65, 127, 128, 129, 300] {
            let (open, close): (String, String) =
                (0..depth).map(|level| if level % 3 == 0 { ("[", "]") } else { ("{\"a\":", "}") }).unzip();
            let close: String = close.chars().rev().collect();
            agrees(&format!("{open}1{close}"));
            agrees(&format!("{open}1{}", close.replacen("]}", "}]", 1)));
        }
    }

    #[test]
    fn nesting_beyond_the_limit_stops_there() {
        let mut walker = Walker::new("[[[1]]]", 2);
        assert_eq!(walker.next(), Ok(Token::ArrayStart));
        assert_eq!(walker.next(), Ok(Token::ArrayStart));
        assert_eq!(walker.next(), Err(Fault::TooDeep));
    }

    proptest! {
        #[test]
        fn any_text_of_json_letters_is_judged_as_another_parser_judges_it(
            text in r#"[\[\]{},:"\\0-2.eE+\-ntrufalsd \n\u{e9}\u{1f600}]{0,24}"#,
        ) {
            agrees(&text);
        }

        #[test]
        fn a_document_with_bytes_changed_is_judged_as_another_parser_judges_it(
            value in crate::event::arbitrary::document(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), r#"[\[\]{},:"\\0a\n ]"#), 0..3),
        ) {
            let mut text: Vec<char> = value.chars().collect();
            for (at, change) in changes {
                let at = at.index(text.len());
                text[at] = change.chars().next().unwrap();
            }
            agrees(&text.into_iter().collect::<String>());
        }
    }
}
