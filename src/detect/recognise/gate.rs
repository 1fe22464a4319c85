//! Which tokens are worth scoring: the gate. Everyday words in small letters, signs away from names, addresses of machines
//! and other scripts are never part of a name; runs of what is left ([`segments`](next)) are decided one by one.

use super::lexicon::{GATE, LINK};
use super::tokens::{Shape, Token};

/// The longest run that is decided as one. Longer ones are cut, whatever stands there.
pub(crate) const LONGEST: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Never,
    Beside,
    Between,
    Always,
}

fn pass(token: Option<&Token>) -> Pass {
    let Some(token) = token else { return Pass::Never };
    match token.shape {
        Shape::Break | Shape::Script | Shape::Machine => Pass::Never,
        Shape::Sign | Shape::Suffix | Shape::Digits => Pass::Beside,
        Shape::Lower if token.lex & GATE != 0 => Pass::Never,
        Shape::Lower if token.lex & LINK != 0 => Pass::Between,
        _ => Pass::Always,
    }
}

/// Whether `tokens[at]` is scored. Looks two tokens back and one ahead.
pub(crate) fn is_open(tokens: &[Token], at: usize) -> bool {
    let near = |steps: usize| pass(at.checked_sub(steps).and_then(|at| tokens.get(at)));
    let after = || pass(tokens.get(at + 1));
    match pass(tokens.get(at)) {
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
pub(crate) fn next(tokens: &[Token], from: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let start = (from..end).find(|at| is_open(tokens, *at))?;
    let most = end.min(start + LONGEST);
    let stop = (start + 1..most).find(|at| !is_open(tokens, *at)).unwrap_or(most);
    Some(start..stop)
}
