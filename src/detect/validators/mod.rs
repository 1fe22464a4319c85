//! Checks on matched bytes: checksums, number ranges, forms that a regular expression can't say. Each has a name, which
//! users' rules may use too.

use super::rule::Check;
use super::words::in_word;

mod national;
mod wallet;

pub(super) use national::*;
pub(super) use wallet::{BASE58, BECH32, EIP55, ETHEREUM};

/// Passes always.
pub(super) const ANY: Check = Check { name: "any", passes: |_| true };
/// ISO/IEC 7812-1: Luhn digit, a length and an issuer range that card schemes use.
pub(super) const CARD: Check = Check { name: "card", passes: card };
/// Luhn digit alone, ISO/IEC 7812-1 annex B.
pub(super) const LUHN: Check = Check { name: "luhn", passes: |text| luhn(text) };
/// ISO 13616: the country's length and mod 97.
pub(super) const IBAN: Check = Check { name: "iban", passes: iban };
/// SSA: no area 000, 666 or 900 and above, no group 00, no serial 0000.
pub(super) const SSN: Check = Check { name: "us-ssn", passes: ssn };
/// A calendar date in any of the usual orders, years 1900 to 2099.
pub(super) const DATE: Check = Check { name: "date", passes: date };
/// Four decimal octets that are not all alike and don't look like a version.
pub(super) const IPV4: Check = Check { name: "ipv4", passes: ipv4 };
/// The same, and two octets of 100 and above: no version counts so far.
pub(super) const IPV4_LARGE: Check = Check {
    name: "ipv4-large",
    passes: |text| ipv4(text) && text.split(|b| *b == b'.').filter(|part| part.len() == 3).count() > 1,
};
/// RFC 4291 text form.
pub(super) const IPV6: Check = Check { name: "ipv6", passes: ipv6 };
/// Six octets, neither all zero nor broadcast.
pub(super) const MAC: Check = Check { name: "mac", passes: mac };
/// ITU-T E.164: a country code in use and 7 to 15 digits.
pub(super) const PHONE_INTERNATIONAL: Check = Check { name: "phone-international", passes: phone_international };
/// The same behind the international prefix 00.
pub(super) const PHONE_DOUBLE_ZERO: Check =
    Check { name: "phone-double-zero", passes: |text| text.strip_prefix(b"00").is_some_and(phone_international) };
/// North American numbering plan: area and exchange begin with 2 to 9. Areas that end in 11 are no areas, but people make them up.
pub(super) const PHONE_NANP: Check = Check { name: "phone-nanp", passes: phone_nanp };
/// Seven to fifteen digits that are not one repeated.
pub(super) const PHONE_LOOSE: Check = Check { name: "phone", passes: phone_loose };
/// Something a person would use as a secret: no placeholder, no type name, no template.
pub(super) const SECRET: Check = Check { name: "secret", passes: secret };
/// A secret by its look alone: letters with digits or signs, or several short groups.
pub(super) const SECRET_SHAPED: Check = Check { name: "secret-shaped", passes: secret_shaped };
/// No placeholder, as for `secret`, and something: a value under a field that says what it is.
pub(super) const SECRET_VALUE: Check =
    Check { name: "secret-value", passes: |text| text.len() >= 3 && !placeholder(text) };
/// Letters and digits mixed as a generator mixes them.
pub(super) const RANDOM: Check = Check { name: "random", passes: random };
/// At least eight different characters.
pub(super) const VARIED: Check = Check { name: "varied", passes: |text| distinct(text) >= 8 };
/// At least one digit.
pub(super) const HAS_DIGIT: Check = Check { name: "has-digit", passes: |text| text.iter().any(u8::is_ascii_digit) };
/// At least four digits.
pub(super) const HAS_DIGITS: Check =
    Check { name: "has-digits", passes: |text| text.iter().filter(|b| b.is_ascii_digit()).count() > 3 };
/// At least one digit and two letters.
pub(super) const LETTERS_AND_DIGITS: Check = Check {
    name: "letters-and-digits",
    passes: |text| {
        text.iter().any(u8::is_ascii_digit) && text.iter().filter(|b| in_word(**b) && !b.is_ascii_digit()).count() > 1
    },
};

/// A date and a time of day.
pub(super) const DATE_TIME: Check = Check {
    name: "date-time",
    passes: |text| {
        text.get(..10).is_some_and(date) && text.get(11..13).is_some_and(|hour| Digits::of(hour).number(0, 2) < 24)
    },
};
/// A URL whose host has a dot and a top level of letters.
pub(super) const URL: Check = Check { name: "url", passes: url };
/// A registration plate: letters and digits, not one word.
pub(super) const PLATE: Check = Check {
    name: "plate",
    passes: |text| {
        let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
        let letters = text.iter().filter(|b| b.is_ascii_uppercase()).count();
        digits >= 1 && letters >= 1 && (5..=10).contains(&(digits + letters))
    },
};
/// An account's name that is not a word for one.
pub(super) const USERNAME: Check = Check { name: "username", passes: username };
/// An account's name by its look alone: digits, `_` or `.` within.
pub(super) const USERNAME_SHAPED: Check = Check {
    name: "username-shaped",
    passes: |text| {
        username(text)
            && text.iter().take(text.len().saturating_sub(1)).any(|b| b.is_ascii_digit() || b"_.".contains(b))
    },
};
/// Begins with a capital letter.
pub(super) const CAPITAL_FIRST: Check =
    Check { name: "capital-first", passes: |text| text.first().is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80) };
/// A postal address: a number, words, neither a time nor a date.
pub(super) const POSTAL: Check = Check { name: "postal", passes: postal };
/// Latitude and longitude in degrees.
pub(super) const COORDINATES: Check = Check { name: "coordinates", passes: coordinates };
/// The card number before the `=` of track 2.
pub(super) const TRACK_2: Check =
    Check { name: "track-2", passes: |text| text.split(|b| *b == b'=').next().is_some_and(card) };
/// Capitals, small letters and digits, each more than twice.
pub(super) const MIXED_CASE: Check = Check {
    name: "mixed-case",
    passes: |text| {
        let count = |class: fn(&u8) -> bool| text.iter().filter(|b| class(b)).count();
        count(u8::is_ascii_uppercase) > 2 && count(u8::is_ascii_lowercase) > 2 && count(u8::is_ascii_digit) > 2
    },
};

/// Every check a user may name, by name.
pub(super) fn named(name: &str) -> Option<Check> {
    all().find(|check| check.name == name)
}

/// Every check a user may name.
pub(super) fn all() -> impl Iterator<Item = Check> {
    GENERAL.iter().chain(national::ALL).copied()
}

const GENERAL: &[Check] = &[
    ANY,
    CARD,
    LUHN,
    IBAN,
    SSN,
    DATE,
    IPV4,
    IPV4_LARGE,
    IPV6,
    MAC,
    PHONE_INTERNATIONAL,
    PHONE_DOUBLE_ZERO,
    PHONE_NANP,
    PHONE_LOOSE,
    SECRET,
    SECRET_VALUE,
    SECRET_SHAPED,
    RANDOM,
    HAS_DIGIT,
    HAS_DIGITS,
    LETTERS_AND_DIGITS,
    DATE_TIME,
    URL,
    PLATE,
    USERNAME,
    USERNAME_SHAPED,
    CAPITAL_FIRST,
    POSTAL,
    COORDINATES,
    TRACK_2,
    MIXED_CASE,
    BASE58,
    BECH32,
    ETHEREUM,
    EIP55,
];

/// The decimal digits of a text, at most 32 of them.
pub(super) struct Digits {
    values: [u8; 32],
    len: usize,
}

impl Digits {
    /// Reads the digits and skips all else.
    pub fn of(text: &[u8]) -> Self {
        let (mut values, mut len) = ([0; 32], 0);
        for byte in text {
            // What is no digit is written over by the next.
            let Some(slot) = values.get_mut(len) else { break };
            *slot = byte.wrapping_sub(b'0');
            len += usize::from(byte.is_ascii_digit());
        }
        Self { values, len }
    }

    /// The digits' values.
    pub fn as_slice(&self) -> &[u8] {
        self.values.get(..self.len).unwrap_or_default()
    }

    /// The number that the digits `from..to` write; those past the last are left out.
    pub fn number(&self, from: usize, to: usize) -> u64 {
        self.as_slice().iter().take(to).skip(from).fold(0, |n, d| n * 10 + u64::from(*d))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The last digit.
    pub fn last(&self) -> Option<u8> {
        self.as_slice().last().copied()
    }

    fn uniform(&self) -> bool {
        self.as_slice().windows(2).all(|pair| pair.first() == pair.last())
    }
}

/// Whether a month has this day, leap years taken from the year's last two digits where that is all there is.
fn valid_day(year: u64, month: u64, day: u64) -> bool {
    let most = match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=most).contains(&day)
}

fn luhn(text: &[u8]) -> bool {
    luhn_of(&Digits::of(text))
}

fn luhn_of(digits: &Digits) -> bool {
    let sum = digits.as_slice().iter().fold(LuhnSum::default(), |sum, digit| sum.then(*digit));
    sum.holds() && !digits.uniform()
}

/// The sum of ISO/IEC 7812-1 annex B over digits as they come: each may be the last, which decides what all others count. In the low
/// half, where the last digit counts once; in the high half, where it counts twice, its digits added.
#[derive(Clone, Copy, Default)]
struct LuhnSum(u64);

/// What each digit adds to both halves of a [`LuhnSum`].
static LUHN_ADDS: [u64; 16] = luhn_adds();

const fn luhn_adds() -> [u64; 16] {
    let mut adds = [0; 16];
    let mut digit = 0;
    while digit < 10 {
        let twice = if digit < 5 { 2 * digit } else { 2 * digit - 9 };
        #[expect(clippy::indexing_slicing, reason = "computed when compiled: below ten")]
        {
            adds[digit] = digit as u64 | (twice as u64) << 32;
        }
        digit += 1;
    }
    adds
}

impl LuhnSum {
    /// With one more digit, below ten.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "hot: four bits in a table of sixteen")]
    fn then(self, digit: u8) -> Self {
        Self(self.0.rotate_left(32) + LUHN_ADDS[usize::from(digit & 15)])
    }

    fn holds(self) -> bool {
        (self.0 as u32).is_multiple_of(10)
    }
}

fn card(text: &[u8]) -> bool {
    // The sum without a copy of the digits: every number of this form comes here, and few pass.
    let (mut sum, mut len) = (LuhnSum::default(), 0usize);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            sum = sum.then(digit);
            len += 1;
        }
    }
    if !sum.holds() {
        return false;
    }
    let digits = Digits::of(text);
    let iin = digits.number(0, 4);
    let lengths: &[usize] = match iin {
        3400..=3499 | 3700..=3799 => &[15],
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => &[14, 16, 19],
        3528..=3589 => &[16, 17, 18, 19],
        4000..=4999 => &[13, 16, 19],
        5100..=5599 | 2221..=2720 => &[16],
        6011 | 6440..=6599 | 6000..=6010 | 6012..=6099 => &[16, 19],
        5018 | 5020 | 5038 | 5600..=5899 | 6100..=6199 | 6300..=6399 | 6700..=6799 => &[12, 13, 14, 15, 16, 17, 18, 19],
        6200..=6299 | 8100..=8171 => &[16, 17, 18, 19],
        2200..=2204 => &[16, 17, 18, 19],
        _ => &[],
    };
    lengths.contains(&len) && !digits.uniform()
}

/// Country and total length, ISO 13616 registry (SWIFT, release 99).
const IBAN_LENGTHS: &[u8] = b"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18\
FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30\
NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// Total length of an IBAN of this country.
pub(super) fn iban_length(country: &[u8]) -> Option<usize> {
    let entry = IBAN_LENGTHS.chunks_exact(4).find(|entry| entry.starts_with(country))?;
    Some(Digits::of(entry).number(0, 2) as usize)
}

fn iban(text: &[u8]) -> bool {
    let mut chars = [0u8; 34];
    let mut len = 0;
    for byte in text.iter().filter(|b| b.is_ascii_alphanumeric()) {
        let Some(slot) = chars.get_mut(len) else { return false };
        *slot = byte.to_ascii_uppercase();
        len += 1;
    }
    let chars = chars.get(..len).unwrap_or_default();
    let (Some(country), Some(head), Some(tail)) = (chars.get(..2), chars.get(..4), chars.get(4..)) else {
        return false;
    };
    iban_length(country) == Some(len) && mod_97(tail.iter().chain(head)) == 1
}

/// ISO 7064 mod 97-10 over letters (A = 10) and digits.
fn mod_97<'a>(chars: impl Iterator<Item = &'a u8>) -> u32 {
    chars.fold(0, |rest, c| match c {
        b'0'..=b'9' => (rest * 10 + u32::from(c - b'0')) % 97,
        _ => (rest * 100 + u32::from(c - b'A') + 10) % 97,
    })
}

fn ssn(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let (area, group, serial) = (digits.number(0, 3), digits.number(3, 5), digits.number(5, 9));
    digits.as_slice().len() == 9
        && area != 0
        && area != 666
        && area < 900
        && group != 0
        && serial != 0
        && !digits.uniform()
        && ![123_456_789, 78_051_120, 219_099_999].contains(&digits.number(0, 9))
}

fn date(text: &[u8]) -> bool {
    let mut parts = text
        .split(|b| !b.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| (part.len(), Digits::of(part).number(0, 8)));
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let day = |n: u64| (1..=31).contains(&n);
    let month = |n: u64| (1..=12).contains(&n);
    let year = |(len, n): (usize, u64)| len == 2 || (1900..2100).contains(&n);
    match (first, second, third) {
        (Some((8, n)), None, None) => (1900..2100).contains(&(n / 10_000)) && month(n / 100 % 100) && day(n % 100),
        (Some(y @ (4, _)), Some((_, m)), Some((_, d))) => year(y) && month(m) && day(d),
        (Some((_, a)), Some((_, b)), Some(y)) => year(y) && ((day(a) && month(b)) || (month(a) && day(b))),
        // The month is a word.
        (Some((_, a)), Some(y), None) => day(a) && year(y) || day(y.1) && year((4, a)),
        _ => false,
    }
}

fn ipv4(text: &[u8]) -> bool {
    let mut octets = [0u32; 4];
    let (mut part, mut len) = (0, 0);
    for byte in text {
        if *byte == b'.' {
            (part, len) = (part + 1, 0);
            continue;
        }
        let Some(octet) = octets.get_mut(part).filter(|octet| len < 3 && (len == 0 || **octet > 0)) else {
            return false;
        };
        *octet = *octet * 10 + u32::from(byte & 15);
        len += 1;
    }
    // Small numbers alone are versions and sections.
    let small = octets.iter().all(|octet| *octet < 10);
    part == 3
        && octets.iter().all(|octet| *octet <= 255)
        && octets.first() != Some(&0)
        && (!small || text == b"8.8.8.8" || text == b"1.1.1.1")
}

fn ipv6(text: &[u8]) -> bool {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<core::net::Ipv6Addr>().ok());
    // `::`, `::1` and the like name no one; `a::b` is how code writes paths.
    parsed.is_some_and(|address| address.segments().iter().filter(|s| **s != 0).count() >= 2)
        && text.iter().filter(|b| b.is_ascii_digit()).count() >= 2
}

fn mac(text: &[u8]) -> bool {
    let hex = || text.iter().filter(|b| b.is_ascii_hexdigit());
    hex().any(|b| *b != b'0') && hex().any(|b| !b.eq_ignore_ascii_case(&b'f')) && hex().any(|b| b.is_ascii_digit())
}

/// Country calling codes in use, ITU-T E.164 list of assigned codes. `+1` and `+7` stand for all below them.
const CALLING_CODES: &[u64] = &[
    1, 7, 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60,
    61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98, 211, 212, 213, 216, 218, 220, 221, 222, 223,
    224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246,
    247, 248, 249, 250, 251, 252, 253, 254, 255, 256, 257, 258, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 290,
    291, 297, 298, 299, 350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375, 376, 377, 378,
    380, 381, 382, 383, 385, 386, 387, 389, 420, 421, 423, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591,
    592, 593, 594, 595, 596, 597, 598, 599, 670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686,
    687, 688, 689, 690, 691, 692, 850, 852, 853, 855, 856, 870, 880, 886, 960, 961, 962, 963, 964, 965, 966, 967, 968,
    970, 971, 972, 973, 974, 975, 976, 977, 979, 992, 993, 994, 995, 996, 998,
];

/// The fewest digits of a telephone number with its country's code.
pub(super) const LEAST_PHONE_DIGITS: usize = 8;

fn phone_international(text: &[u8]) -> bool {
    // An extension is no part of the number.
    let digits = Digits::of(text.split(|b| b.is_ascii_alphabetic()).next().unwrap_or_default());
    let known = || (1..=3).any(|n| CALLING_CODES.binary_search(&digits.number(0, n)).is_ok());
    (LEAST_PHONE_DIGITS..=15).contains(&digits.as_slice().len()) && !digits.uniform() && known()
}

fn phone_nanp(text: &[u8]) -> bool {
    let digits = Digits::of(text.split(|b| b.is_ascii_alphabetic()).next().unwrap_or_default());
    let skip = usize::from(digits.as_slice().len() == 11 && digits.as_slice().first() == Some(&1));
    let (area, exchange) = (digits.number(skip, skip + 3), digits.number(skip + 3, skip + 6));
    digits.as_slice().len() == 10 + skip && area >= 200 && exchange >= 200 && !digits.uniform()
}

fn phone_loose(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let round = digits.number(0, 15).is_multiple_of(100_000);
    (7..=15).contains(&digits.as_slice().len()) && !digits.uniform() && !round
}

/// Words that stand where a secret would, in documentation and code.
const PLACEHOLDERS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "string",
    "str",
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "example",
    "changeme",
    "your",
    "xxx",
    "yes",
    "no",
    "required",
    "optional",
    "hidden",
    "redacted",
    "masked",
    "placeholder",
    "input",
    "value",
    "text",
    "type",
    "empty",
    "the",
    "and",
    "for",
    "not",
    "incorrect",
    "wrong",
    "invalid",
    "reset",
    "correct",
    "expired",
    "field",
    "manager",
    "protected",
];

fn placeholder(text: &[u8]) -> bool {
    let listed = PLACEHOLDERS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
        || text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"your"));
    let repeated = text.windows(2).all(|pair| pair.first() == pair.last());
    let template =
        text.first().is_some_and(|b| b"<{$%[(*".contains(b)) && text.last().is_some_and(|b| b">})]%*".contains(b));
    listed || repeated || template
}

fn secret(text: &[u8]) -> bool {
    text.len() >= 4 && !placeholder(text)
}

fn secret_shaped(text: &[u8]) -> bool {
    let sign = |b: &u8| matches!(b, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'~');
    let mixed = || {
        let signed = || text.iter().take(text.len().saturating_sub(1)).any(sign);
        text.iter().any(u8::is_ascii_alphabetic) && (text.iter().any(u8::is_ascii_digit) || signed())
    };
    let humps =
        || text.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    let groups = || text.split(|b| *b == b'-').filter(|group| (3..=6).contains(&group.len()));
    (mixed() || humps().count() >= 2 || text.contains(&b'-') && groups().count() >= 3) && secret(text)
}

/// How many different bytes there are.
fn distinct(text: &[u8]) -> usize {
    let mut seen = [false; 256];
    text.iter().filter(|b| !std::mem::replace(seen.get_mut(usize::from(**b)).unwrap_or(&mut false), true)).count()
}

fn random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    // A generator leaves digits out now and then (one key of 300 among 36 letters and digits); it still mixes cases.
    let turns =
        text.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_uppercase() != b.is_ascii_uppercase()));
    (digits >= 1 || turns.count() * 4 >= text.len()) && distinct(text) >= (text.len() / 3).clamp(6, 12)
}

fn url(text: &[u8]) -> bool {
    let rest = text.iter().position(|b| *b == b'/').and_then(|at| text.get(at + 2..)).unwrap_or_default();
    let host = rest.split(|b| b"/?#:".contains(b)).next().unwrap_or_default();
    let top = host.rsplit(|b| *b == b'.').next().unwrap_or_default();
    host.contains(&b'.') && top.len() >= 2 && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80) || ipv4(host)
}

/// Names that stand for a role, not a person.
const ROLES: &[&str] = &[
    "admin",
    "root",
    "user",
    "username",
    "login",
    "guest",
    "test",
    "null",
    "none",
    "true",
    "false",
    "name",
    "string",
    "password",
    "postgres",
    "mysql",
    "sa",
    "system",
    "default",
    "anonymous",
    "id",
    "and",
    "or",
    "the",
    "with",
    "git",
    "not",
    "required",
    "page",
    "field",
    "form",
    "failed",
    "current_user",
    "your",
    "email",
    "example",
    "foo",
    "bar",
    "to",
    "in",
    "on",
    "for",
    "is",
    "was",
    "a",
    "an",
    "as",
    "at",
    "by",
    "can",
    "will",
    "must",
    "should",
    "could",
];

fn username(text: &[u8]) -> bool {
    let role = ROLES.iter().any(|role| text.eq_ignore_ascii_case(role.as_bytes()));
    !role && !placeholder(text) && text.iter().any(u8::is_ascii_alphabetic)
}

/// Words that make a number a time, a date or an amount.
const NOT_POSTAL: &[&str] = &[
    "am",
    "pm",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "usd",
    "eur",
    "gbp",
];

fn postal(text: &[u8]) -> bool {
    let words = || text.split(|b| b" ,\n.".contains(b)).filter(|word| !word.is_empty());
    let names = words()
        .filter(|word| word.len() > 2 && word.first().is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80))
        .count();
    let other = words().any(|word| NOT_POSTAL.iter().any(|not| word.eq_ignore_ascii_case(not.as_bytes())));
    let corner = text.starts_with(b"the corner");
    names >= 1 && words().count() >= 3 && !other && (corner || text.iter().any(u8::is_ascii_digit))
}

fn coordinates(text: &[u8]) -> bool {
    let mut parts =
        text.split(|b| *b == b',').map(|part| Digits::of(part.split(|b| *b == b'.').next().unwrap_or_default()));
    let (latitude, longitude) = (parts.next(), parts.next());
    latitude.is_some_and(|d| d.number(0, 3) <= 90) && longitude.is_some_and(|d| d.number(0, 3) <= 180)
}
