//! A strict JSON walker (RFC 8259): the tokens of a document with their places, and nothing built from them.
//!
//! It takes exactly what `serde_json` takes where that builds no value: any nesting (up to a limit), duplicate members,
//! numbers of any size, lone surrogates in escapes. It keeps no recursion and no copy. What tokens mean is `decode`'s.

use std::ops::Range;

/// Why a text is not walked to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON from this byte on.
    Syntax(usize),
    /// Arrays and objects nested deeper than the limit.
    TooDeep,
}

/// One token. Ranges are bytes of the document; those of strings leave the quotes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// A member name; its colon is behind the walker too.
    Name {
        inside: Range<usize>,
        escaped: bool,
    },
    Text {
        inside: Range<usize>,
        escaped: bool,
    },
    Number(Range<usize>),
    Null,
    Bool(bool),
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
    /// One entry for each open container: whether it is an object.
    open: Vec<bool>,
    expect: Expect,
    depth: usize,
}

impl<'t> Walker<'t> {
    /// `depth`: how many containers may be open at once.
    pub(super) fn new(text: &'t str, depth: usize) -> Self {
        Self { bytes: text.as_bytes(), at: 0, open: Vec::with_capacity(8), expect: Expect::Value, depth }
    }

    /// The next token; `None` when the document and the white space behind it are walked.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Token>, Fault> {
        self.skip_space();
        let expect = self.expect;
        match expect {
            Expect::Value => self.value().map(Some),
            Expect::ValueOrEnd if self.take(b']') => Ok(Some(self.close(Token::ArrayEnd))),
            Expect::ValueOrEnd => self.value().map(Some),
            Expect::NameOrEnd if self.take(b'}') => Ok(Some(self.close(Token::ObjectEnd))),
            Expect::NameOrEnd => self.name().map(Some),
            Expect::CommaOrEnd => self.comma_or_end().map(Some),
            Expect::Nothing if self.at == self.bytes.len() => Ok(None),
            Expect::Nothing => self.fault(),
        }
    }

    fn comma_or_end(&mut self) -> Result<Token, Fault> {
        let object = self.open.last() == Some(&true);
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
            _ => self.fault(),
        }
    }

    fn value(&mut self) -> Result<Token, Fault> {
        match self.bytes.get(self.at) {
            Some(b'"') => {
                let (inside, escaped) = self.string()?;
                Ok(self.done(Token::Text { inside, escaped }))
            }
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'-' | b'0'..=b'9') => {
                let range = self.number()?;
                Ok(self.done(Token::Number(range)))
            }
            Some(b't') => self.word(b"true", Token::Bool(true)),
            Some(b'f') => self.word(b"false", Token::Bool(false)),
            Some(b'n') => self.word(b"null", Token::Null),
            _ => self.fault(),
        }
    }

    fn name(&mut self) -> Result<Token, Fault> {
        let (inside, escaped) = self.string()?;
        self.skip_space();
        if !self.take(b':') {
            return self.fault();
        }
        self.expect = Expect::Value;
        Ok(Token::Name { inside, escaped })
    }

    fn open(&mut self, object: bool) -> Result<Token, Fault> {
        if self.open.len() >= self.depth {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        self.open.push(object);
        self.expect = if object { Expect::NameOrEnd } else { Expect::ValueOrEnd };
        Ok(if object { Token::ObjectStart } else { Token::ArrayStart })
    }

    fn close(&mut self, token: Token) -> Token {
        self.open.pop();
        self.done(token)
    }

    fn done(&mut self, token: Token) -> Token {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
        token
    }

    fn word(&mut self, word: &[u8], token: Token) -> Result<Token, Fault> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(self.done(token));
        }
        self.fault()
    }

    fn number(&mut self) -> Result<Range<usize>, Fault> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        match number_bytes(rest) {
            Some(length) => {
                self.at += length;
                Ok(start..self.at)
            }
            None => self.fault(),
        }
    }

    /// Past a string; the walker stands on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<(Range<usize>, bool), Fault> {
        if !self.take(b'"') {
            return self.fault();
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = next_special(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start..self.at - 1, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                // A control character, or the end.
                _ => return self.fault(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let long = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => false,
            Some(b'u') => true,
            _ => return self.fault(),
        };
        if long {
            let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or_default();
            if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                return self.fault();
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

    fn fault<T>(&self) -> Result<T, Fault> {
        Err(Fault::Syntax(self.at))
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
                Ok(Some(_)) => {}
                Ok(None) => return true,
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
    fn nesting_beyond_the_limit_stops_there() {
        let mut walker = Walker::new("[[[1]]]", 2);
        assert_eq!(walker.next(), Ok(Some(Token::ArrayStart)));
        assert_eq!(walker.next(), Ok(Some(Token::ArrayStart)));
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
