//! Check digits of numbers that states give. Each function reads digits (and letters where the number has them) and skips
//! separators; the form is the pattern's affair. Sources stand beside the rules that use them.

use super::super::rule::Check;
use super::{Digits, luhn, valid_day};

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident $text:literal $function:expr;)*) => {
        $($(#[$doc])* pub(in super::super) const $name: Check = Check { name: $text, passes: $function };)*
        /// Every check of this file.
        pub(in super::super) const ALL: &[Check] = &[$($name),*];
    };
}

checks! {
    /// US individual taxpayer number: 9xx, group 50 to 65, 70 to 88, 90 to 92, 94 to 99.
    ITIN "us-itin" itin;
    /// US employer number: a prefix that the IRS gives out.
    EIN "us-ein" |t| matches!(Digits::of(t).number(0, 2), 1..=6 | 10..=16 | 20..=27 | 30..=48 | 50..=68 | 71..=77 | 80..=88 | 90..=95 | 98 | 99);
    /// UK NHS number, mod 11.
    NHS "uk-nhs" nhs;
    /// UK national insurance number: prefixes that are never given.
    NINO "uk-nino" nino;
    /// German tax id, ISO 7064 mod 11,10, one digit repeated.
    STEUER_ID "de-steuer-id" steuer_id;
    /// French NIR, key mod 97.
    NIR "fr-nir" nir;
    /// Spanish DNI and NIE letter, mod 23.
    DNI "es-dni" dni;
    /// Italian fiscal code, check letter.
    CODICE_FISCALE "it-codice-fiscale" codice_fiscale;
    /// Dutch citizen number, eleven test.
    BSN "nl-bsn" |t| weighted(t, &[9, 8, 7, 6, 5, 4, 3, 2, -1]) == Some(0);
    /// Polish PESEL.
    PESEL "pl-pesel" |t| weighted_mod(t, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10) == Some(0) && pesel_date(t);
    /// Swedish personal number, Luhn over the last ten digits and a date.
    PERSONNUMMER "se-personnummer" personnummer;
    /// Norwegian birth number, two check digits.
    FODSELSNUMMER "no-fodselsnummer" fodselsnummer;
    /// Finnish personal code, mod 31.
    HETU "fi-hetu" hetu;
    /// Danish CPR: a date (numbers since 2007 have no check digit).
    CPR "dk-cpr" |t| { let d = Digits::of(t); d.len() == 10 && valid_day(2000 + d.number(4, 6), d.number(2, 4), d.number(0, 2)) };
    /// Portuguese tax number, mod 11.
    PT_NIF "pt-nif" |t| pt_nif(t);
    /// Belgian national number, 97 minus remainder.
    BE_NN "be-nn" be_nn;
    /// Swiss AHV number, EAN-13.
    AHV "ch-ahv" |t| weighted_mod(t, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1], 10) == Some(0);
    /// Austrian insurance number.
    SVNR "at-svnr" svnr;
    /// Irish PPS number, check letter.
    PPS "ie-pps" pps;
    /// Czech and Slovak birth number, mod 11.
    RODNE_CISLO "cz-rodne-cislo" |t| { let d = Digits::of(t); d.len() == 10 && d.number(0, 10).is_multiple_of(11) && birth_number_date(&d) };
    /// Romanian CNP.
    CNP "ro-cnp" |t| check_digit_11(t, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]);
    /// Bulgarian EGN.
    EGN "bg-egn" egn;
    /// Greek AMKA: a date and Luhn.
    AMKA "gr-amka" |t| { let d = Digits::of(t); d.len() == 11 && luhn(t) && valid_day(2000 + d.number(4, 6), d.number(2, 4), d.number(0, 2)) };
    /// Croatian OIB, ISO 7064 mod 11,10.
    OIB "hr-oib" |t| Digits::of(t).len() == 11 && iso_11_10(t);
    /// Turkish identity number.
    KIMLIK "tr-kimlik" kimlik;
    /// Israeli identity number, Luhn over nine digits.
    IL_ID "il-id" |t| Digits::of(t).len() == 9 && luhn(t);
    /// Estonian and Lithuanian personal code.
    ISIKUKOOD "ee-isikukood" isikukood;
    /// Icelandic kennitala.
    KENNITALA "is-kennitala" |t| { let d = Digits::of(t); weighted_mod(t, &[3, 2, 7, 6, 5, 4, 3, 2, 1, 0], 11) == Some(0) && valid_day(2000 + d.number(4, 6), d.number(2, 4), d.number(0, 2)) };
    /// Indian Aadhaar, Verhoeff.
    AADHAAR "in-aadhaar" |t| { let d = Digits::of(t); d.len() == 12 && d.number(0, 1) > 1 && verhoeff(&d) };
    /// Brazilian CPF, two check digits.
    CPF "br-cpf" cpf;
    /// Brazilian CNPJ, two check digits.
    CNPJ "br-cnpj" cnpj;
    /// Canadian SIN: Luhn, first digit given out.
    SIN "ca-sin" |t| { let d = Digits::of(t); d.len() == 9 && luhn(t) && !matches!(d.number(0, 1), 0 | 8) };
    /// Australian tax file number, mod 11.
    TFN "au-tfn" |t| weighted_mod(t, &[1, 4, 3, 7, 5, 8, 6, 9, 10], 11) == Some(0);
    /// Australian Medicare number, mod 10.
    MEDICARE_AU "au-medicare" medicare_au;
    /// Singapore NRIC and FIN, check letter.
    NRIC "sg-nric" nric;
    /// Japanese My Number, mod 11.
    MY_NUMBER "jp-my-number" my_number;
    /// Korean resident number: a date and mod 11.
    RRN "kr-rrn" |t| { let d = Digits::of(t); check_digit_from_11(t, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) && valid_day(2000 + d.number(0, 2), d.number(2, 4), d.number(4, 6)) };
    /// Chinese resident number, ISO 7064 mod 11-2, with a date.
    RESIDENT_CN "cn-resident-id" resident_cn;
    /// South African identity number: a date and Luhn.
    ZA_ID "za-id" |t| { let d = Digits::of(t); d.len() == 13 && luhn(t) && valid_day(2000 + d.number(0, 2), d.number(2, 4), d.number(4, 6)) };
    /// Mexican CURP, check digit.
    CURP "mx-curp" curp;
    /// Chilean RUT, mod 11.
    RUT "cl-rut" rut;
    /// Argentine CUIT and CUIL, mod 11.
    CUIT "ar-cuit" |t| check_digit_from_11(t, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    /// Taiwanese identity number.
    TW_ID "tw-id" tw_id;
    /// Hong Kong identity card.
    HKID "hk-id" hkid;
    /// Thai identity number, mod 11.
    TH_ID "th-id" |t| check_digit_from_11(t, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    /// Malaysian identity number: a date.
    MY_KAD "my-nric" |t| { let d = Digits::of(t); d.len() == 12 && valid_day(2000 + d.number(0, 2), d.number(2, 4), d.number(4, 6)) };
    /// New Zealand tax number, mod 11.
    IRD "nz-ird" ird;
    /// US provider number: Luhn with the prefix 80840.
    NPI "us-npi" npi;
    /// US drug registration: letters by registrant, check digit.
    DEA "us-dea" dea;
    /// US routing number, 3-7-1 mod 10, in a range given out.
    ROUTING "us-routing" |t| weighted_mod(t, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10) == Some(0) && matches!(Digits::of(t).number(0, 2), 1..=12 | 21..=32 | 61..=72 | 80);
    /// Vehicle number of ISO 3779 with the check digit of 49 CFR 565.
    VIN "vin" vin;
    /// Device number: Luhn over 15 digits, a reporting body in use.
    IMEI "imei" |t| { let d = Digits::of(t); d.len() == 15 && luhn(t) && matches!(d.number(0, 2), 1 | 10 | 30 | 33 | 35 | 44 | 45 | 49..=54 | 86 | 91 | 97..=99) };
    /// Machine-readable zone: the check digits of ICAO Doc 9303 over number, birth and expiry.
    MRZ "mrz" mrz;
}

/// Sum of digits times weights; `None` where there are not as many digits as weights.
fn sum(text: &[u8], weights: &[i64]) -> Option<i64> {
    let digits = Digits::of(text);
    (digits.len() == weights.len()).then(|| digits.as_slice().iter().zip(weights).map(|(d, w)| i64::from(*d) * w).sum())
}

fn weighted_mod(text: &[u8], weights: &[i64], modulus: i64) -> Option<i64> {
    let varied = !Digits::of(text).uniform();
    sum(text, weights).filter(|_| varied).map(|sum| sum.rem_euclid(modulus))
}

fn weighted(text: &[u8], weights: &[i64]) -> Option<i64> {
    weighted_mod(text, weights, 11)
}

/// The head's weighted sum, mod 11 (10 reads as 1), is the last digit.
fn check_digit_11(text: &[u8], weights: &[i64]) -> bool {
    let digits = Digits::of(text);
    let sum: i64 = digits.as_slice().iter().zip(weights).map(|(d, w)| i64::from(*d) * w).sum();
    let check = if sum % 11 == 10 { 1 } else { sum % 11 };
    digits.len() == weights.len() + 1 && digits.last() == Some(check as u8)
}

/// 11 less the head's weighted sum, mod 11 (then mod 10), is the last digit.
fn check_digit_from_11(text: &[u8], weights: &[i64]) -> bool {
    let digits = Digits::of(text);
    let sum: i64 = digits.as_slice().iter().zip(weights).map(|(d, w)| i64::from(*d) * w).sum();
    digits.len() == weights.len() + 1 && digits.last() == Some(((11 - sum % 11) % 10) as u8) && !digits.uniform()
}

/// ISO 7064 mod 11,10 over all digits.
fn iso_11_10(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let Some((check, head)) = digits.as_slice().split_last() else { return false };
    let product = head.iter().fold(10u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

fn itin(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    digits.number(0, 1) == 9 && matches!(digits.number(3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

fn nhs(text: &[u8]) -> bool {
    weighted_mod(text, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 11) == Some(0)
}

fn nino(text: &[u8]) -> bool {
    let head = text.first_chunk::<2>().map(|head| head.map(|b| b.to_ascii_uppercase()));
    head.is_some_and(|head| ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&head))
}

fn steuer_id(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let mut counts = [0u8; 10];
    for digit in digits.as_slice().iter().take(10) {
        if let Some(count) = counts.get_mut(usize::from(*digit)) {
            *count += 1;
        }
    }
    // Of the first ten digits one stands twice or three times, the others once or never.
    let repeated = counts.iter().filter(|count| **count > 1).count();
    digits.len() == 11
        && digits.number(0, 1) != 0
        && repeated == 1
        && counts.iter().all(|count| *count <= 3)
        && iso_11_10(text)
}

fn nir(text: &[u8]) -> bool {
    let mut number = 0u64;
    let mut count = 0;
    for byte in text.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        // Corsica: 2A counts as 19, 2B as 18.
        let digit = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => u64::from(digit - b'0'),
            letter => {
                number = number.saturating_sub(1);
                if letter == b'A' { 9 } else { 8 }
            }
        };
        number = number.wrapping_mul(10).wrapping_add(digit);
        count += 1;
    }
    count == 15 && 97 - (number / 100) % 97 == number % 100
}

fn dni(text: &[u8]) -> bool {
    let letter = text.last().map_or(0, u8::to_ascii_uppercase);
    let lead = match text.first().map(u8::to_ascii_uppercase) {
        Some(b'Y') => 10_000_000,
        Some(b'Z') => 20_000_000,
        _ => 0,
    };
    let digits = Digits::of(text);
    let number = digits.number(0, 8) + lead;
    b"TRWAGMYFPDXBNJZSQVHLCKE".get((number % 23) as usize) == Some(&letter) && digits.len() >= 7
}

fn codice_fiscale(text: &[u8]) -> bool {
    static ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let Some((check, head)) = text.split_last() else { return false };
    let total: u32 = head
        .iter()
        .enumerate()
        .map(|(i, byte)| {
            let value = match byte.to_ascii_uppercase() {
                digit @ b'0'..=b'9' => u32::from(digit - b'0'),
                letter => u32::from(letter.wrapping_sub(b'A')) + 10,
            };
            let odd = ODD.get(value as usize).copied().unwrap_or(0);
            if i % 2 == 0 {
                odd
            } else if value >= 10 {
                value - 10
            } else {
                value
            }
        })
        .sum();
    text.len() == 16 && u32::from(check.to_ascii_uppercase()) == u32::from(b'A') + total % 26
}

fn pesel_date(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    matches!(digits.number(2, 4) % 20, 1..=12) && (1..=31).contains(&digits.number(4, 6))
}

fn personnummer(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let skip = digits.len().saturating_sub(10);
    let last: Vec<u8> = digits.as_slice().iter().skip(skip).map(|d| d + b'0').collect();
    // A coordination number adds 60 to the day.
    let day = digits.number(skip + 4, skip + 6) % 60;
    matches!(digits.len(), 10 | 12) && luhn(&last) && valid_day(2000, digits.number(skip + 2, skip + 4), day)
}

fn fodselsnummer(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let head: Vec<u8> = digits.as_slice().iter().take(10).map(|d| d + b'0').collect();
    weighted_mod(&head, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1], 11) == Some(0)
        && weighted_mod(text, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11) == Some(0)
        && valid_day(2000, digits.number(2, 4) % 40, digits.number(0, 2) % 40)
}

fn hetu(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let number = digits.number(0, 6) * 1000 + digits.number(6, 9);
    let check = text.last().map_or(0, u8::to_ascii_uppercase);
    let date = valid_day(2000 + digits.number(4, 6), digits.number(2, 4), digits.number(0, 2));
    date && b"0123456789ABCDEFHJKLMNPRSTUVWXY".get((number % 31) as usize) == Some(&check)
}

fn pt_nif(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum: u64 = digits.as_slice().iter().zip((2..=9).rev()).map(|(d, w)| u64::from(*d) * w).sum();
    let check = if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    digits.len() == 9
        && u64::from(digits.last().unwrap_or(10)) == check
        && matches!(digits.number(0, 1), 1..=3 | 5 | 6 | 8 | 9)
}

fn be_nn(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let (head, check) = (digits.number(0, 9), digits.number(9, 11));
    let before_2000 = 97 - head % 97 == check;
    let since_2000 = 97 - (2_000_000_000 + head) % 97 == check;
    digits.len() == 11 && (before_2000 || since_2000) && digits.number(2, 4) <= 12 && digits.number(4, 6) <= 31
}

fn svnr(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum: u64 =
        digits.as_slice().iter().zip([3u64, 7, 9, 0, 5, 8, 4, 2, 1, 6]).map(|(d, w)| u64::from(*d) * w).sum();
    digits.len() == 10
        && digits.number(0, 1) != 0
        && sum % 11 == digits.number(3, 4)
        && matches!(digits.number(6, 8), 1..=15)
}

fn pps(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let letters: Vec<u8> = text.iter().filter(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_uppercase).collect();
    let second = letters.get(1).map_or(0, |b| if *b == b'W' { 0 } else { u64::from(b - b'A') + 1 });
    let sum: u64 =
        digits.as_slice().iter().zip((2..=8).rev()).map(|(d, w)| u64::from(*d) * w).sum::<u64>() + second * 9;
    let check = b"WABCDEFGHIJKLMNOPQRSTUV".get((sum % 23) as usize);
    digits.len() == 7 && letters.first() == check
}

fn birth_number_date(digits: &Digits) -> bool {
    matches!(digits.number(2, 4) % 50 % 20, 1..=12) && (1..=31).contains(&digits.number(4, 6))
}

fn egn(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum: i64 = digits.as_slice().iter().zip([2i64, 4, 8, 5, 10, 9, 7, 3, 6]).map(|(d, w)| i64::from(*d) * w).sum();
    let date = matches!(digits.number(2, 4) % 20, 1..=12) && (1..=31).contains(&digits.number(4, 6));
    digits.len() == 10 && date && digits.last() == Some((sum % 11 % 10) as u8)
}

fn kimlik(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let d: Vec<i64> = digits.as_slice().iter().map(|d| i64::from(*d)).collect();
    let odd: i64 = d.iter().take(9).step_by(2).sum();
    let even: i64 = d.iter().take(8).skip(1).step_by(2).sum();
    let all: i64 = d.iter().take(10).sum();
    d.len() == 11
        && d.first() != Some(&0)
        && d.get(9) == Some(&(odd * 7 - even).rem_euclid(10))
        && d.get(10) == Some(&(all % 10))
}

fn isikukood(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum =
        |weights: [u64; 10]| digits.as_slice().iter().zip(weights).map(|(d, w)| u64::from(*d) * w).sum::<u64>() % 11;
    let first = sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
    let second = sum([3, 4, 5, 6, 7, 8, 9, 1, 2, 3]);
    let check = if first < 10 { first } else { second % 10 };
    let date = matches!(digits.number(3, 5), 1..=12) && matches!(digits.number(5, 7), 1..=31);
    digits.len() == 11 && date && matches!(digits.number(0, 1), 1..=8) && digits.number(10, 11) == check
}

/// Verhoeff's dihedral check (1969).
fn verhoeff(digits: &Digits) -> bool {
    static P: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let multiply = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a - b + 5) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted =
        |times: usize, digit: u8| (0..times % 8).fold(digit, |d, _| P.get(usize::from(d)).copied().unwrap_or(0));
    digits.as_slice().iter().rev().enumerate().fold(0, |c, (i, digit)| multiply(c, permuted(i, *digit))) == 0
}

fn cpf(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let check = |n: usize| {
        let sum: u64 =
            digits.as_slice().iter().take(n).zip((2..=n as u64 + 1).rev()).map(|(d, w)| u64::from(*d) * w).sum();
        sum * 10 % 11 % 10 == digits.number(n, n + 1)
    };
    digits.len() == 11 && !digits.uniform() && check(9) && check(10)
}

fn cnpj(text: &[u8]) -> bool {
    static WEIGHTS: [u64; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let digits = Digits::of(text);
    let check = |n: usize| {
        let sum: u64 =
            digits.as_slice().iter().take(n).zip(WEIGHTS.iter().skip(13 - n)).map(|(d, w)| u64::from(*d) * w).sum();
        let rest = sum % 11;
        (if rest < 2 { 0 } else { 11 - rest }) == digits.number(n, n + 1)
    };
    digits.len() == 14 && !digits.uniform() && check(12) && check(13)
}

fn medicare_au(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum: u64 = digits.as_slice().iter().zip([1u64, 3, 7, 9, 1, 3, 7, 9]).map(|(d, w)| u64::from(*d) * w).sum();
    matches!(digits.len(), 10 | 11) && matches!(digits.number(0, 1), 2..=6) && sum % 10 == digits.number(8, 9)
}

fn nric(text: &[u8]) -> bool {
    let upper: Vec<u8> = text.iter().map(u8::to_ascii_uppercase).collect();
    let (Some(first), Some(last)) = (upper.first(), upper.last()) else { return false };
    let sum: u64 =
        Digits::of(text).as_slice().iter().zip([2u64, 7, 6, 5, 4, 3, 2]).map(|(d, w)| u64::from(*d) * w).sum();
    let (letters, extra): (&[u8], u64) = match first {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => return false,
    };
    letters.get(((sum + extra) % 11) as usize) == Some(last)
}

fn my_number(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let sum: u64 =
        digits.as_slice().iter().zip([6u64, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]).map(|(d, w)| u64::from(*d) * w).sum();
    let check = if sum % 11 <= 1 { 0 } else { 11 - sum % 11 };
    digits.len() == 12 && !digits.uniform() && digits.number(11, 12) == check
}

fn resident_cn(text: &[u8]) -> bool {
    static WEIGHTS: [u64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = Digits::of(text);
    let sum: u64 = digits.as_slice().iter().zip(WEIGHTS).map(|(d, w)| u64::from(*d) * w).sum();
    let check = text.last().map_or(0, u8::to_ascii_uppercase);
    let date = valid_day(digits.number(6, 10), digits.number(10, 12), digits.number(12, 14));
    text.len() == 18
        && date
        && (1900..2100).contains(&digits.number(6, 10))
        && b"10X98765432".get((sum % 11) as usize) == Some(&check)
}

fn curp(text: &[u8]) -> bool {
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u64::from(digit - b'0'),
        letter @ b'A'..=b'N' => u64::from(letter - b'A') + 10,
        // Ñ is 24.
        letter => u64::from(letter.wrapping_sub(b'A')) + 11,
    };
    let sum: u64 = text.iter().take(17).zip((2..=18).rev()).map(|(byte, weight)| value(*byte) * weight).sum();
    text.len() == 18 && text.last().is_some_and(|check| value(*check) == (10 - sum % 10) % 10)
}

fn rut(text: &[u8]) -> bool {
    let check = text.last().map_or(0, u8::to_ascii_uppercase);
    let digits = Digits::of(text);
    let body = if check == b'K' { digits.len() } else { digits.len().saturating_sub(1) };
    let sum: u64 = digits
        .as_slice()
        .iter()
        .take(body)
        .rev()
        .zip([2u64, 3, 4, 5, 6, 7].iter().cycle())
        .map(|(d, w)| u64::from(*d) * w)
        .sum();
    (7..=8).contains(&body) && b"0123456789K0".get((11 - sum % 11) as usize).is_some_and(|c| *c == check)
}

fn tw_id(text: &[u8]) -> bool {
    static CODES: [u64; 26] =
        [10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33];
    let letter = text.first().map_or(0, |b| b.to_ascii_uppercase().wrapping_sub(b'A'));
    let Some(code) = CODES.get(usize::from(letter)) else { return false };
    let digits = Digits::of(text);
    let sum: u64 = digits.as_slice().iter().zip([8u64, 7, 6, 5, 4, 3, 2, 1, 1]).map(|(d, w)| u64::from(*d) * w).sum();
    digits.len() == 9
        && matches!(digits.number(0, 1), 1 | 2 | 8 | 9)
        && (code / 10 + code % 10 * 9 + sum).is_multiple_of(10)
}

fn hkid(text: &[u8]) -> bool {
    let chars: Vec<u64> = text
        .iter()
        .filter(|b| b.is_ascii_alphanumeric())
        .map(|b| if b.is_ascii_digit() { u64::from(b - b'0') } else { u64::from(b.to_ascii_uppercase() - b'A') + 10 })
        .collect();
    // One letter reads as if a space (36) stood before it; the check character counts once, `A` as 10.
    let lead = if chars.len() == 8 { 36 * 9 } else { 0 };
    let sum: u64 = lead + chars.iter().rev().zip(1..).map(|(c, w)| c * w).sum::<u64>();
    matches!(chars.len(), 8 | 9) && sum.is_multiple_of(11)
}

fn ird(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let skip = 9usize.saturating_sub(digits.len());
    let sum = |weights: [u64; 8]| {
        let head = digits.as_slice().iter().take(digits.len().saturating_sub(1));
        head.zip(weights.iter().skip(skip)).map(|(d, w)| u64::from(*d) * w).sum::<u64>() % 11
    };
    let (first, second) = (sum([3, 2, 7, 6, 5, 4, 3, 2]), sum([7, 4, 3, 2, 5, 2, 7, 6]));
    let check = |rest: u64| if rest == 0 { 0 } else { 11 - rest };
    let expected = if check(first) < 10 { check(first) } else { check(second) };
    matches!(digits.len(), 8 | 9) && digits.number(0, 9) > 10_000_000 && digits.last().map(u64::from) == Some(expected)
}

fn npi(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let prefixed: Vec<u8> = b"80840".iter().copied().chain(digits.as_slice().iter().map(|d| d + b'0')).collect();
    digits.len() == 10 && matches!(digits.number(0, 1), 1 | 2) && luhn(&prefixed)
}

fn dea(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let d = |i: usize| digits.number(i, i + 1);
    digits.len() == 7 && (d(0) + d(2) + d(4) + 2 * (d(1) + d(3) + d(5))) % 10 == d(6)
}

fn vin(text: &[u8]) -> bool {
    static WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u32::from(digit - b'0'),
        letter @ b'A'..=b'H' => u32::from(letter - b'A') + 1,
        letter @ b'J'..=b'R' => u32::from(letter - b'J') + 1,
        letter @ b'S'..=b'Z' => u32::from(letter - b'S') + 2,
        _ => 0,
    };
    let sum: u32 = text.iter().zip(WEIGHTS).map(|(byte, weight)| value(*byte) * weight).sum();
    let varied = text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic);
    text.len() == 17
        && varied
        && b"0123456789X".get((sum % 11) as usize) == text.get(8).map(u8::to_ascii_uppercase).as_ref()
}

fn mrz(text: &[u8]) -> bool {
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u64::from(byte - b'0'),
        b'A'..=b'Z' => u64::from(byte - b'A') + 10,
        _ => 0,
    };
    let holds = |from: usize, to: usize| {
        let field = text.get(from..to).unwrap_or_default();
        let sum: u64 = field.iter().zip([7u64, 3, 1].iter().cycle()).map(|(byte, weight)| value(*byte) * weight).sum();
        text.get(to).is_some_and(|check| value(*check) == sum % 10)
    };
    holds(0, 9) && holds(13, 19) && holds(21, 27)
}
