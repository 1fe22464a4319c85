//! Text to tokens: words with their shape, folded hash and affixes, numbers, signs, line ends. One pass, nothing allocated.
//!
//! Words are folded: lower case, no diacritics, digits as one. E-mail addresses and URLs become [`Shape::Machine`], letters
//! of other scripts than Latin [`Shape::Script`]: both are never part of a name here, patterns and rules see to them.

use super::letters::{
    BEYOND, Beyond, CAPITAL, DIGIT, Hash, LOWER, NEWLINE, SIGN, SPACE, Short, UPPER, Word, beyond, class, small_letters,
};

/// What a token looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Shape {
    /// A line end, or several; also what lies beyond the text.
    #[default]
    Break,
    /// A sign.
    Sign,
    /// `word`.
    Lower,
    /// `Word`.
    Capital,
    /// `WORD`.
    Upper,
    /// `W`.
    Initial,
    /// `WoRd`, `iWord`.
    Mixed,
    /// `123`.
    Digits,
    /// `a1`.
    Alnum,
    /// `'s`.
    Suffix,
    /// A word in another script than Latin.
    Script,
    /// A part of an e-mail address or a URL.
    Machine,
}

impl Shape {
    /// Whether it begins as names do in cased text.
    pub fn is_capital(self) -> bool {
        matches!(self, Shape::Capital | Shape::Upper | Shape::Initial | Shape::Mixed)
    }
}

/// How the line that a token stands in is cased.
pub(crate) const LINE_LOWER: u8 = 1;
/// No small letters.
pub(crate) const LINE_UPPER: u8 = 2;
/// No white space before the token.
pub(crate) const GLUED: u8 = 4;
/// Two bits: which kind of name of several words it is in, by the lists; 0 none.
pub(crate) const PHRASE_KIND: u8 = 3;
/// Such a name began before.
pub(crate) const PHRASE_INSIDE: u8 = 32;

/// A piece of the text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Hash of the folded letters.
    pub word: u32,
    /// Hash of the letters as they stand.
    pub cased: u32,
    /// The first four folded bytes, first lowest.
    pub head: u32,
    /// The last four folded bytes, last lowest.
    pub tail: u32,
    /// What the lexicon says: see `lexicon`.
    pub lex: u16,
    /// What it looks like.
    pub shape: Shape,
    /// `LINE_LOWER`, `LINE_UPPER`, `GLUED`.
    pub flags: u8,
}

/// Reads tokens one after another. What was read never depends on where the reader stopped before.
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Where the line ends that `line` was made for.
    line_end: usize,
    line: u8,
    glued: bool,
    /// Within a hashtag: capitals divide words.
    tag: bool,
}

/// Tokens before an `@` or `://` that belong to it at most.
const MACHINE_TOKENS: usize = 32;

/// How far into a line its case is looked at.
const LINE_LOOK: usize = 4096;

impl<'t> Reader<'t> {
    /// At the start of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, line_end: 0, line: 0, glued: false, tag: false }
    }

    /// The next token. `tokens` holds those before it: an e-mail address shows late that it is one.
    pub fn next(&mut self, tokens: &mut [Token]) -> Option<Token> {
        self.next_with(tokens, Short::read)
    }

    /// The next token; `read` is asked for short words, folded. Only where it says what the lists say is that in the token.
    #[inline(always)]
    pub fn next_with(&mut self, tokens: &mut [Token], read: impl FnOnce(Short) -> Word) -> Option<Token> {
        let bytes = self.text.as_bytes();
        loop {
            let byte = *bytes.get(self.at)?;
            match class(byte) {
                SPACE => {
                    self.at += 1;
                    self.glued = false;
                    self.tag = false;
                }
                NEWLINE => return Some(self.line_break()),
                class @ (LOWER | UPPER) => {
                    return Some(self.plain_word(class == UPPER, read).unwrap_or_else(|| self.word(self.at)));
                }
                DIGIT => return Some(self.word(self.at)),
                SIGN => return Some(self.sign(byte, tokens)),
                _ => {
                    let c = self.text.get(self.at..).and_then(|rest| rest.chars().next())?;
                    match beyond(c) {
                        Beyond::Letter { .. } => return Some(self.word(self.at)),
                        Beyond::Mark => self.at += c.len_utf8(),
                        Beyond::Space => {
                            self.at += c.len_utf8();
                            self.glued = false;
                        }
                        Beyond::Newline => return Some(self.line_break()),
                        Beyond::Apostrophe => return Some(self.sign(b'\'', tokens)),
                        Beyond::Sign => {
                            let folded = if matches!(c, '“' | '”' | '„' | '«' | '»') { b'"' } else { 0xFF };
                            return Some(self.sign_token(self.at, c.len_utf8(), folded));
                        }
                    }
                }
            }
        }
    }

    fn line_break(&mut self) -> Token {
        let start = self.at;
        let blank = |c: &char| c.is_whitespace() || matches!(beyond(*c), Beyond::Newline);
        let rest = self.text.get(start..).unwrap_or_default();
        self.at += rest.chars().take_while(blank).map(char::len_utf8).sum::<usize>();
        self.glued = false;
        self.tag = false;
        Token { start: start as u32, end: self.at as u32, word: 1, cased: 1, ..Token::default() }
    }

    fn sign(&mut self, byte: u8, tokens: &mut [Token]) -> Token {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let after = |n: usize| bytes.get(start + n).copied().unwrap_or(b' ');
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        if byte == b'\'' {
            let width = if after(0) == b'\'' { 1 } else { self.width(start) };
            if self.glued && is_word(after(width)) {
                let mut token = self.word_from(start, start + width);
                token.shape = Shape::Suffix;
                return token;
            }
            return self.sign_token(start, width, byte);
        }
        let scheme = byte == b':' && self.glued && after(1) == b'/' && after(2) == b'/';
        let address = byte == b'@' && self.glued && is_word(after(1)) && self.is_after_word(start);
        if scheme || address {
            for token in tokens.iter_mut().rev().take(MACHINE_TOKENS) {
                token.shape = Shape::Machine;
                if token.flags & GLUED == 0 {
                    break;
                }
            }
            return self.machine(start);
        }
        let token = self.sign_token(start, 1, byte);
        self.tag = byte == b'#';
        token
    }

    fn is_after_word(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at)).copied().unwrap_or(b' ');
        before.is_ascii_alphanumeric() || before >= 0x80
    }

    /// The rest of an e-mail address or URL.
    fn machine(&mut self, start: usize) -> Token {
        let ends = |byte: &u8| {
            matches!(
                byte,
                0..=b' ' | b'"' | b'<' | b'>' | b'\'' | b'`' | b'\\' | b'{' | b'}' | b'|' | b',' | b';' | b')'
            )
        };
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let mut len = rest.iter().position(ends).unwrap_or(rest.len());
        while len > 1 && rest.get(len - 1).is_some_and(|byte| matches!(byte, b'.' | b':' | b'!' | b'?' | b']' | b'*')) {
            len -= 1;
        }
        let flags = self.flags(start);
        self.at = start + len;
        self.glued = true;
        Token {
            start: start as u32,
            end: self.at as u32,
            word: 2,
            cased: 2,
            shape: Shape::Machine,
            flags,
            ..Token::default()
        }
    }

    fn sign_token(&mut self, start: usize, width: usize, folded: u8) -> Token {
        let flags = self.flags(start);
        self.at = start + width;
        self.glued = true;
        self.tag = false;
        let word = u32::from(folded) + 16;
        Token {
            start: start as u32,
            end: self.at as u32,
            word,
            cased: word,
            shape: Shape::Sign,
            flags,
            ..Token::default()
        }
    }

    fn width(&self, at: usize) -> usize {
        self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    }

    fn word(&mut self, start: usize) -> Token {
        self.word_from(start, start)
    }

    /// A word of plain small letters, the first perhaps a capital: nearly all are. `None` where there is more to it.
    #[inline(always)]
    fn plain_word(&mut self, capital: bool, read: impl FnOnce(Short) -> Word) -> Option<Token> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let rest = bytes.get(start..)?;
        let first = match rest.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            // The end of the text: as if spaces followed.
            None => rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        let first = first | if capital { 0x20 } else { 0 };
        let mut len = small_letters(first);
        if len == 8 {
            len += rest.iter().skip(8).take_while(|byte| byte.is_ascii_lowercase()).count();
        }
        let ends = match class(rest.get(len).copied().unwrap_or(b' ')) {
            SPACE | NEWLINE => true,
            SIGN => len > 2 || rest.get(len) != Some(&b'\''),
            _ => false,
        };
        if !ends {
            return None;
        }
        let short = Short(first & u64::MAX >> (64 - 8 * len.min(8)));
        let shape = match (capital, len) {
            (false, _) => Shape::Lower,
            (true, 1) => Shape::Initial,
            (true, _) => Shape::Capital,
        };
        let (word, cased, lex, tail) = if len <= 8 {
            let Word { word, lower, capital: upper, lex } = read(short);
            (word, if capital { upper } else { lower }, lex, short.tail())
        } else {
            let letters = rest.get(1..len).unwrap_or_default();
            let (first, flip) = (short.0 as u8, if capital { CAPITAL } else { 0 });
            let start = (Hash::new().add(first), Hash::new().add(first ^ flip));
            let (word, cased) = letters.iter().fold(start, |(word, cased), byte| (word.add(*byte), cased.add(*byte)));
            let tail = letters.last_chunk().map_or(0, |four| u32::from_be_bytes(*four));
            (word.end(), cased.add(shape as u8).end(), None, tail)
        };
        let flags = self.flags(start);
        self.at = start + len;
        self.glued = true;
        Some(Token {
            start: start as u32,
            end: self.at as u32,
            word,
            cased,
            head: short.0 as u32,
            tail,
            lex: lex.unwrap_or(0),
            shape,
            flags,
        })
    }

    /// A word whose letters begin at `from`.
    fn word_from(&mut self, start: usize, from: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut at = from;
        let (mut word, mut cased) = (Hash::new(), Hash::new());
        let (mut head, mut tail, mut count) = (0u32, 0u32, 0u32);
        let (mut uppers, mut lowers, mut digits, mut other) = (0u32, 0u32, 0u32, false);
        let mut first_upper = false;
        while let Some(&byte) = bytes.get(at) {
            let folded = match class(byte) {
                LOWER => {
                    lowers += 1;
                    byte
                }
                UPPER => {
                    if self.tag && lowers > 0 {
                        break;
                    }
                    uppers += 1;
                    first_upper |= count == 0;
                    byte | 32
                }
                DIGIT => {
                    digits += 1;
                    b'0'
                }
                BEYOND => {
                    let Some(c) = self.text.get(at..).and_then(|rest| rest.chars().next()) else { break };
                    match beyond(c) {
                        Beyond::Letter { folded, upper, latin } => {
                            at += c.len_utf8() - 1;
                            uppers += u32::from(upper);
                            lowers += u32::from(!upper);
                            first_upper |= upper && count == 0;
                            other |= !latin;
                            folded
                        }
                        Beyond::Mark => {
                            at += c.len_utf8();
                            continue;
                        }
                        Beyond::Apostrophe if joins(count, bytes, at + c.len_utf8()) => {
                            at += c.len_utf8() - 1;
                            b'\''
                        }
                        _ => break,
                    }
                }
                _ if byte == b'\'' && joins(count, bytes, at + 1) => byte,
                _ => break,
            };
            at += 1;
            word = word.add(folded);
            cased = cased.add(if uppers > 0 && lowers == 0 { folded ^ CAPITAL } else { folded });
            if count < 4 {
                head |= u32::from(folded) << (count * 8);
            }
            tail = tail << 8 | u32::from(folded);
            count += 1;
        }
        let shape = match (digits, uppers, lowers) {
            _ if other => Shape::Script,
            (1.., 0, 0) => Shape::Digits,
            (1.., ..) => Shape::Alnum,
            (0, 0, _) => Shape::Lower,
            (0, 1, 0) => Shape::Initial,
            (0, _, 0) => Shape::Upper,
            (0, 1, _) if first_upper => Shape::Capital,
            _ => Shape::Mixed,
        };
        let cased = cased.add(shape as u8).end();
        let flags = self.flags(start);
        self.at = at;
        self.glued = true;
        Token { start: start as u32, end: at as u32, word: word.end(), cased, head, tail, lex: 0, shape, flags }
    }

    fn flags(&mut self, start: usize) -> u8 {
        if start >= self.line_end {
            self.look_at_line(start);
        }
        self.line | if self.glued { GLUED } else { 0 }
    }

    fn look_at_line(&mut self, start: usize) {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let rest = rest.get(..LINE_LOOK).unwrap_or(rest);
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (mut lower, mut upper) = (0u32, 0u32);
        for byte in rest.get(..end).unwrap_or_default() {
            lower += u32::from(byte.is_ascii_lowercase());
            upper += u32::from(byte.is_ascii_uppercase());
        }
        self.line = if upper == 0 {
            LINE_LOWER
        } else if upper > lower * 2 && upper > 3 {
            LINE_UPPER
        } else {
            0
        };
        self.line_end = start + end.max(1);
    }
}

/// Whether an apostrophe after `count` letters stands within the word: `O'Brien` and `d'Arc`, not `John's`.
fn joins(count: u32, bytes: &[u8], after: usize) -> bool {
    let letters = |n: usize| bytes.get(after + n).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    (1..=2).contains(&count) && letters(0) && letters(1) && letters(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // INVARIANT: a plain word read eight letters at once is what it is letter by letter.
        #[test]
        fn a_plain_word_is_the_same_read_at_once_and_letter_by_letter(
            word in "[A-Z]?[a-z]{0,20}",
            behind in "([ \n.,'@-]|'[a-z]{0,4}|[0-9A-Zé]|\u{301}|\u{2019}s)?[a-zé ]{0,9}",
            tag in any::<bool>(),
        ) {
            let text = word + &behind;
            let at = |text| Reader { tag, ..Reader::new(text) };
            let first = text.bytes().next().map_or(SPACE, class);
            prop_assume!(first == LOWER || first == UPPER);
            if let Some(token) = at(&text).plain_word(first == UPPER, Short::read) {
                let (mut quick, mut slow) = (at(&text), at(&text));
                quick.plain_word(first == UPPER, Short::read);
                prop_assert_eq!(format!("{token:?}"), format!("{:?}", slow.word(0)));
                prop_assert_eq!((quick.at, quick.glued, quick.tag), (slow.at, slow.glued, slow.tag));
            }
        }
    }
}
