//! Which tokens are worth scoring: the gate. Everyday words in small letters, signs away from names, addresses of machines
//! and other scripts are never part of a name; runs of what is left ([`segments`](next)) are decided one by one.

use super::features::{ASK, BANG, DOT};
use super::lexicon::{COMMON, FIRST, GATE, KNOWN_ORGANISATION, KNOWN_PERSON, LAST, LINK, PLACE};
use super::tokens::{GLUED, Shape, Token};

/// The longest run that is decided as one. Longer ones are cut, whatever stands there.
pub(crate) const LONGEST: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Never,
    Beside,
    Between,
    Always,
}

fn pass(tokens: &[Token], at: usize) -> Pass {
    let Some(token) = tokens.get(at) else { return Pass::Never };
    match token.shape {
        Shape::Break | Shape::Script | Shape::Machine => Pass::Never,
        Shape::Sign | Shape::Suffix | Shape::Digits => Pass::Beside,
        Shape::Lower if token.lex & GATE != 0 => Pass::Never,
        Shape::Lower if token.lex & LINK != 0 => Pass::Between,
        Shape::Capital | Shape::Initial if token.lex & GATE != 0 && opens_plainly(tokens, at, token) => Pass::Never,
        _ => Pass::Always,
    }
}

/// Whether an everyday word has its capital from the sentence that it begins: it is on no list of names, and what follows is
/// in small letters.
fn opens_plainly(tokens: &[Token], at: usize, token: &Token) -> bool {
    const NAMES: u16 = 3 << FIRST | 3 << LAST | 3 << PLACE | KNOWN_ORGANISATION | KNOWN_PERSON;
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let opens = before.is_none_or(|before| {
        before.shape == Shape::Break || (before.shape == Shape::Sign && matches!(before.word, DOT | BANG | ASK))
    });
    let follows = tokens.get(at + 1).is_some_and(|next| next.shape == Shape::Lower && next.flags & GLUED == 0);
    opens && follows && token.lex >> COMMON & 3 == 3 && token.lex & NAMES == 0
}

/// Whether a token may be scored, wherever it stands: most are everyday words.
#[inline(always)]
fn may_open(token: &Token) -> bool {
    (token.shape != Shape::Lower || token.lex & GATE == 0) && token.shape != Shape::Break
}

/// Whether `tokens[at]` is scored. Looks three tokens back and two ahead.
pub(crate) fn is_open(tokens: &[Token], at: usize) -> bool {
    let near = |steps: usize| at.checked_sub(steps).map_or(Pass::Never, |at| pass(tokens, at));
    let after = || pass(tokens, at + 1);
    match pass(tokens, at) {
        Pass::Never => false,
        Pass::Always => true,
        Pass::Between => near(1) == Pass::Always && after() != Pass::Never,
        Pass::Beside => {
            let digits = tokens.get(at).is_some_and(|token| token.shape == Shape::Digits);
            near(1) == Pass::Always
                || (near(1) == Pass::Beside && near(2) == Pass::Always)
                || (digits && after() == Pass::Always)
        }
    }
}

/// The next run of open tokens at `from` or behind it, before `end`.
#[inline]
pub(crate) fn next(tokens: &[Token], from: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let start = (from..end).find(|at| tokens.get(*at).is_some_and(may_open) && is_open(tokens, *at))?;
    let most = end.min(start + LONGEST);
    let stop = (start + 1..most).find(|at| !is_open(tokens, *at)).unwrap_or(most);
    Some(start..stop)
}
