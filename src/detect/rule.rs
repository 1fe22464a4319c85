//! A rule is data: what starts it, the form it must have, what must check out, which words raise belief in it, and examples
//! that must and must not match. The engine knows no kind by name; adding one touches one table.

use super::{Evidence, Kind};

/// What makes the engine try a rule, and where the pattern is anchored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// At a digit with no letter or digit before it.
    Digit,
    /// At a word that begins with a letter and in which a digit follows a letter, or a digit stands one space or dash behind it.
    Mixed,
    /// At a `+` before a digit.
    Plus,
    /// At a `(` before a digit.
    Paren,
    /// At the local part before an `@` and a name with a point.
    At,
    /// At the group of hexadecimal digits before a `:` or `-` (or at a `::`).
    Group,
    /// At eight hexadecimal digits before a `-`, four more and a `-`.
    Uuid,
    /// At the scheme before a `://`.
    Scheme,
    /// At `-----`.
    Dashes,
    /// At a word that starts with one of these, written so. At least three bytes each.
    Prefix(&'static [&'static str]),
    /// At one of these words or phrases itself. Without a pattern, the phrase is the find.
    Word(&'static [&'static str]),
    /// At the user's name in a URL: the pattern must fit all of it.
    UserName,
    /// At the password in a URL: the pattern must fit all of it.
    UserPassword,
    /// At a word that ends as streets do (`…straße`, `…gatan`) and that a number follows.
    Street,
    /// At the value after one of these words (any case, `_`, `-`, `.` or nothing between the parts of one).
    After(&'static [&'static str], Link),
    /// At a capitalised word that is a first name in the lists.
    FirstName,
    /// At nothing: the rule fires on whole texts under a telling field only.
    Field,
}

impl Start {
    /// Its name, and its words, if it has some.
    pub fn told(&self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Digit => ("digit", &[]),
            Self::Mixed => ("letters and digits", &[]),
            Self::Plus => ("plus", &[]),
            Self::Paren => ("parenthesis", &[]),
            Self::At => ("at sign", &[]),
            Self::Group => ("hexadecimal group", &[]),
            Self::Uuid => ("hexadecimal groups of a UUID", &[]),
            Self::Scheme => ("scheme of a URL", &[]),
            Self::Dashes => ("dashes", &[]),
            Self::Prefix(words) => ("prefix", words),
            Self::Word(words) => ("word", words),
            Self::UserName => ("user name of a URL", &[]),
            Self::UserPassword => ("password of a URL", &[]),
            Self::Street => ("street", &[]),
            Self::After(words, _) => ("value after a word", words),
            Self::FirstName => ("first name", &[]),
            Self::Field => ("field", &[]),
        }
    }
}

/// What must stand between a keyword and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// `:`, `=` or `=>`.
    Mark,
    /// A mark, or a word like `is`.
    Sign,
    /// A sign, or a space alone.
    Space,
}

/// What may stand beside a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// No letter or digit.
    Word,
    /// No letter or digit; and no digit and point before it: the fifth of five numbers with points between is no address.
    Dotted,
    /// No letter or digit, and no further part of a longer number (`.5`, `-5`, `/5`).
    Number,
    /// As `Number`, but a time may follow: `T20:15`.
    Date,
    /// No letter, digit, `_` or `-`: keys stand alone.
    Token,
    /// Anything.
    Open,
}

impl Border {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Word, Self::Dotted, Self::Number, Self::Date, Self::Token, Self::Open];
}

/// One way to find one kind.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// Stable name, kebab case.
    pub name: &'static str,
    /// What it finds.
    pub kind: Kind,
    /// What makes the engine try it.
    pub start: Start,
    /// The form: a linear-time regular expression on bytes, anchored at the start.
    pub pattern: &'static str,
    /// What may follow the form, each once and in this order, and then belongs to the find.
    pub tails: &'static [&'static str],
    /// Where not zero: the find is only what follows this byte in the match.
    pub cut: u8,
    /// What may stand on both sides.
    pub border: Border,
    /// What must check out once the form matches. See `validators`.
    pub check: Check,
    /// Words that raise belief when they stand shortly before the match or in the field's name.
    pub near: &'static [&'static str],
    /// Whether one of `near` must be there.
    pub need: bool,
    /// Words that count as `near` when they head the match's column in a table of the text.
    pub column: &'static [&'static str],
    /// Words that forbid the match when they stand shortly before it.
    pub against: &'static [&'static str],
    /// Field names (see `near` for their form) under which a whole text of this form is a find.
    pub fields: &'static [&'static str],
    /// Why a match is believed.
    pub evidence: Evidence,
    /// Belief without context, percent.
    pub confidence: u8,
    /// Whether it takes its place from weaker rules even where it is not believed enough to be reported.
    pub decoy: bool,
    /// Texts in which it must fire: the find stands between `[[` and `]]`; pieces are joined, so that no text here looks live.
    pub hits: &'static [&'static str],
    /// Texts in which it must not fire.
    pub misses: &'static [&'static str],
    /// Who says that it looks so.
    pub source: &'static str,
}

/// A named check on the matched bytes. The name is what users write in their own rules.
#[derive(Clone, Copy)]
pub(super) struct Check {
    /// Name, kebab case.
    pub name: &'static str,
    /// Whether the bytes pass.
    pub passes: fn(&[u8]) -> bool,
}

impl Rule {
    /// What most rules share.
    pub const BASE: Rule = Rule {
        name: "",
        kind: Kind(0),
        start: Start::Field,
        pattern: "",
        tails: &[],
        cut: 0,
        border: Border::Word,
        check: super::validators::ANY,
        near: &[],
        need: false,
        column: &[],
        against: &[],
        fields: &[],
        evidence: Evidence::Format,
        confidence: 80,
        decoy: false,
        hits: &[],
        misses: &[],
        source: "",
    };
}
