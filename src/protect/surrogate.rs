//! Stand-ins that read like the real thing and belong to nobody: names from a list, and numbers and addresses from the
//! ranges that are set aside for examples (RFC 2606, RFC 5737, RFC 3849, RFC 7042, the 555-01xx telephone numbers).
//!
//! They are chosen by a keyed digest of the value: equal values, equal stand-ins. A kind without one gets a token.

use fake::locales::{Data, EN};

/// The `attempt`-th stand-in for a value of a kind; `None` where the kind, or the text's form, has none.
pub(super) fn stand_in(kind: &str, text: &str, digest: &[u8; 32], attempt: u64) -> Option<String> {
    let mut draw = Draw::new(digest, attempt);
    match kind {
        "PERSON" => Some(format!("{} {}", draw.of(EN::NAME_FIRST_NAME)?, draw.of(EN::NAME_LAST_NAME)?)),
        "EMAIL" => email(&mut draw),
        "PHONE" => Some(phone(&mut draw)),
        "CREDIT_CARD" => Some(card(&mut draw, text)),
        "IBAN" => Some(iban(&mut draw)),
        "IP_ADDRESS" => Some(if text.contains(':') { ipv6(&mut draw) } else { ipv4(&mut draw) }),
        "MAC_ADDRESS" => Some(format!("00:00:5E:00:53:{:02X}", draw.below(256))),
        "DATE_OF_BIRTH" => shifted_date(&mut draw, text),
        _ => None,
    }
}

/// Numbers from a digest (SplitMix64).
struct Draw(u64);

impl Draw {
    fn new(digest: &[u8; 32], attempt: u64) -> Self {
        // The last word: the first two are the token's code.
        let seed = digest.last_chunk::<8>().map_or(0, |word| u64::from_be_bytes(*word));
        Self(seed.wrapping_add(attempt.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn of<'l>(&mut self, list: &[&'l str]) -> Option<&'l str> {
        let index = self.below(list.len().max(1) as u64);
        list.get(index as usize).copied()
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

fn email(draw: &mut Draw) -> Option<String> {
    let (first, last) = (draw.of(EN::NAME_FIRST_NAME)?, draw.of(EN::NAME_LAST_NAME)?);
    let letters = |name: &str| name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    let host = draw.of(&["example.com", "example.org", "example.net"])?;
    Some(format!("{}.{}{}@{host}", letters(first), letters(last), draw.below(100)))
}

fn phone(draw: &mut Draw) -> String {
    let area = 200 + draw.below(790);
    // Codes that end in 11 are services.
    let area = if area % 100 == 11 { area + 1 } else { area };
    format!("+1 {area} 555 01{:02}", draw.below(100))
}

/// 4000 00 is a range that payment providers use for tests; the check digit holds (ISO/IEC 7812).
fn card(draw: &mut Draw, text: &str) -> String {
    let mut digits = format!("400000{}", draw.digits(9));
    let sum: u32 = digits.bytes().rev().zip(0u32..).map(|(digit, place)| luhn(u32::from(digit - b'0'), place)).sum();
    digits.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    match text.chars().find(|c| matches!(c, ' ' | '-')) {
        None => digits,
        Some(between) => {
            let (groups, mut grouped) = (digits.as_bytes().chunks(4), String::with_capacity(19));
            for group in groups {
                if !grouped.is_empty() {
                    grouped.push(between);
                }
                grouped.extend(group.iter().map(|digit| char::from(*digit)));
            }
            grouped
        }
    }
}

fn luhn(digit: u32, place_before_check: u32) -> u32 {
    let doubled = if place_before_check.is_multiple_of(2) { digit * 2 } else { digit };
    if doubled > 9 { doubled - 9 } else { doubled }
}

/// No German bank has a code that starts with 0; the check digits hold (ISO 13616).
fn iban(draw: &mut Draw) -> String {
    let account = format!("00000000{}", draw.digits(10));
    // `DE00` behind the account, letters as numbers: D is 13, E is 14.
    let remainder =
        account.bytes().chain(*b"131400").fold(0u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

fn ipv4(draw: &mut Draw) -> String {
    let network = draw.of(&["192.0.2", "198.51.100", "203.0.113"]).unwrap_or("192.0.2");
    format!("{network}.{}", 1 + draw.below(254))
}

fn ipv6(draw: &mut Draw) -> String {
    let mut group = || 1 + draw.below(0xffff);
    format!("2001:db8:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}", group(), group(), group(), group(), group(), group())
}

/// Another day within a year of it, in the same form: `1990-12-31`, `31.12.1990`, `12/31/1990`, `31/12/1990`.
fn shifted_date(draw: &mut Draw, text: &str) -> Option<String> {
    let between = text.chars().find(|c| matches!(c, '-' | '.' | '/'))?;
    let parts: Vec<&str> = text.split(between).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let number = |part: &str| part.parse::<i16>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
    let date = |year: &str, month: &str, day: &str| {
        let (month, day) = (i8::try_from(number(month)?).ok()?, i8::try_from(number(day)?).ok()?);
        jiff::civil::Date::new(number(year).filter(|_| year.len() == 4)?, month, day).ok()
    };
    let days = 1 + draw.below(364) as i64;
    let days = if draw.below(2) == 0 { days } else { -days };
    let shift = |date: jiff::civil::Date| date.checked_add(jiff::Span::new().try_days(days).ok()?).ok();
    let (day_first, month_first) = (date(third, second, first), date(third, first, second));
    match between {
        '-' => {
            shift(date(first, second, third)?).map(|to| format!("{:04}-{:02}-{:02}", to.year(), to.month(), to.day()))
        }
        '.' => shift(day_first?).map(|to| format!("{:02}.{:02}.{:04}", to.day(), to.month(), to.year())),
        _ => match month_first {
            Some(from) => shift(from).map(|to| format!("{:02}/{:02}/{:04}", to.month(), to.day(), to.year())),
            None => shift(day_first?).map(|to| format!("{:02}/{:02}/{:04}", to.day(), to.month(), to.year())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stand_ins_are_of_their_kind_and_of_nobody(digest: [u8; 32], attempt in 0u64..8) {
            let stand_in = |kind: &str, text: &str| stand_in(kind, text, &digest, attempt);
            let card = stand_in("CREDIT_CARD", "4111 1111 1111 1111").unwrap();
            let sum: u32 = card.bytes().filter(u8::is_ascii_digit).rev().zip(1u32..).map(|(d, at)| luhn(u32::from(d - b'0'), at)).sum();
            prop_assert!(card.starts_with("4000 00") && card.len() == 19 && sum.is_multiple_of(10), "{}", card);
            let iban = stand_in("IBAN", "").unwrap();
            let moved = format!("{}1314{}", &iban[4..], &iban[2..4]);
            prop_assert_eq!(moved.parse::<u128>().unwrap() % 97, 1);
            let email = stand_in("EMAIL", "").unwrap();
            prop_assert!(email.split_once("@example.").is_some_and(|(user, _)| !user.contains(' ')), "{}", email);
            prop_assert!(stand_in("PHONE", "").unwrap().contains(" 555 01"));
            let v4: core::net::Ipv4Addr = stand_in("IP_ADDRESS", "1.2.3.4").unwrap().parse().unwrap();
            prop_assert!(matches!(v4.octets(), [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _]));
            let v6: core::net::Ipv6Addr = stand_in("IP_ADDRESS", "::1").unwrap().parse().unwrap();
            prop_assert!(v6.to_string().starts_with("2001:db8:"));
            for (text, form) in [("1990-12-31", "-"), ("31.12.1990", "."), ("12/31/1990", "/"), ("31/12/1990", "/")] {
                let date = stand_in("DATE_OF_BIRTH", text).unwrap();
                prop_assert!(date != text && date.len() == 10 && date.split(form).count() == 3, "{}", date);
            }
            prop_assert_eq!(stand_in("DATE_OF_BIRTH", "31 December"), None);
            prop_assert_eq!(stand_in("API_KEY", "x"), None);
        }
    }
}
