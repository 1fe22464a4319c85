//! When two texts are the same value: what tokens, hashes and surrogates are taken from.

use std::borrow::Cow;

/// The value that a text of a kind stands for. Kinds that are not listed are taken as they are written.
pub fn normalise<'t>(kind: &str, text: &'t str) -> Cow<'t, str> {
    match kind {
        "EMAIL" | "IP_ADDRESS" | "MAC_ADDRESS" => lower(text),
        "PHONE" | "CREDIT_CARD" | "US_SSN" => digits(text),
        "IBAN" => compact_upper(text),
        _ => Cow::Borrowed(text),
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// A text without digits (a number in words) stays what it is: otherwise all of them would be one value.
fn digits(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii_digit()) || !text.bytes().any(|b| b.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(char::is_ascii_digit).collect())
}

fn compact_upper(text: &str) -> Cow<'_, str> {
    Cow::Owned(text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_written_in_two_ways_is_one_value() {
        for (kind, text, normal) in [
            ("EMAIL", "Ada@Example.ORG", "ada@example.org"),
            ("PHONE", "+44 (20) 7946-0958", "442079460958"),
            ("PHONE", "five five five", "five five five"),
            ("CREDIT_CARD", "4111 1111-1111 1111", "4111111111111111"),
            ("IBAN", "de89 3704 0044", "DE8937040044"),
            ("PERSON", "Ada L.", "Ada L."),
        ] {
            assert_eq!(normalise(kind, text), normal, "{kind} {text}");
        }
    }
}
