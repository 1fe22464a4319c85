//! Sample traffic: chat-like prompt and response events with planted personal data, the same for the same seed. The demo, the
//! benchmarks and the tests against a real broker all run on it.
//!
//! Planted values carry valid check digits and are put together here, so no literal in the source looks like a live secret.

use serde_json::json;

/// A value that must not come out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// What the detector should call it.
    pub kind: &'static str,
    /// The value as it stands in the event.
    pub value: String,
}

/// One sample event.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Tenant.
    pub tenant: &'static str,
    /// Subject id.
    pub subject: String,
    /// `eu` or `us`.
    pub region: &'static str,
    /// The JSON payload.
    pub value: Vec<u8>,
    /// Values planted in it, the subject id included.
    pub planted: Vec<Planted>,
}

/// xorshift64*: enough for samples, the same everywhere.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    /// Seeded dice; one seed gives one run.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound` (at least 1).
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.roll() >> 11) % bound.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        #[expect(clippy::indexing_slicing, reason = "the index is below the length, and every list here has entries")]
        from[self.below(from.len() as u64) as usize]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    fn letters(&mut self, count: usize, alphabet: &str) -> String {
        let symbols: Vec<char> = alphabet.chars().collect();
        (0..count).filter_map(|_| symbols.get(self.below(symbols.len() as u64) as usize)).collect()
    }
}

const FIRST: &[&str] = &["Maria", "James", "Sofia", "Daniel", "Laura", "Peter", "Julia", "Thomas", "Elena", "Robert"];
const LAST: &[&str] =
    &["Keller", "Novak", "Fischer", "Moreau", "Sullivan", "Bennett", "Hoffmann", "Castillo", "Larsen"];
const ALNUM: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

type Maker = fn(&mut Dice) -> (String, Planted);

/// Sentences with one planted value each.
const PLANTS: &[Maker] = &[
    |dice| {
        let value = format!(
            "{}.{}{}@{}",
            dice.pick(FIRST).to_lowercase(),
            dice.pick(LAST).to_lowercase(),
            dice.below(900) + 100,
            dice.pick(&["example.org", "example.com", "mail.example.net"])
        );
        (format!("You can write to {value} about the invoice."), Planted { kind: "EMAIL", value })
    },
    |dice| {
        let value = format!("+49 30 {} {}", dice.digits(4).replace('0', "3"), dice.digits(4));
        (format!("Call me back on {value} after lunch."), Planted { kind: "PHONE", value })
    },
    |dice| {
        let value = card(dice);
        (format!("Please charge the card {value} for the second order."), Planted { kind: "CREDIT_CARD", value })
    },
    |dice| {
        let value = iban(dice);
        (format!("Refund it to the account {value} as agreed."), Planted { kind: "IBAN", value })
    },
    |dice| {
        let value = format!("{:03}-{:02}-{:04}", dice.below(500) + 101, dice.below(98) + 1, dice.below(9_998) + 1);
        (format!("My social security number is {value}, is that enough?"), Planted { kind: "US_SSN", value })
    },
    |dice| {
        let value = format!("{}.{}.{}.{}", dice.below(100) + 60, dice.below(255), dice.below(255), dice.below(253) + 1);
        (format!("The log shows a login from {value} at night."), Planted { kind: "IP_ADDRESS", value })
    },
    |dice| {
        let value = format!("{}{}", concat!("gh", "p_"), dice.letters(36, ALNUM));
        (format!("It worked with the token {value} yesterday."), Planted { kind: "API_KEY", value })
    },
    |dice| {
        let value = format!("{} {}", dice.pick(FIRST), dice.pick(LAST));
        (format!("My name is {value} and I need help."), Planted { kind: "PERSON", value })
    },
];

/// Ordinary sentences: what most traffic is made of.
const FILLER: &[&str] = &[
    "Could you summarise the attached meeting notes in three bullet points and keep the tone friendly?",
    "The second paragraph should explain why the migration was postponed until the next quarter.",
    "Rewrite this so that a customer without technical background understands what went wrong.",
    "We compared four vendors on price, support and delivery time, and the cheapest was not the best.",
    "Add a short table with the columns item, quantity and status, sorted by status.",
    "If the answer depends on the contract version, say so and ask which one applies.",
    "The build fails with exit code 1 after 43 seconds, and only on the slower machine.",
    "Please translate the greeting into French and Spanish, and leave the product names as they are.",
];

/// Makes sample events.
pub struct Sampler {
    dice: Dice,
    subjects: u64,
    count: u64,
    start_ms: i64,
}

impl Sampler {
    /// Events of `subjects` different people; times start at `start_ms` (Unix milliseconds) and step by one millisecond.
    pub fn new(seed: u64, subjects: u64, start_ms: i64) -> Self {
        Self { dice: Dice::new(seed), subjects, count: 0, start_ms }
    }

    /// The next event: about 1 KB with 2.5 planted values besides the subject id.
    pub fn next_event(&mut self) -> Sample {
        let dice = &mut self.dice;
        let subject_number = dice.below(self.subjects);
        let region = if subject_number.is_multiple_of(2) { "eu" } else { "us" };
        let subject = format!("user-{subject_number:07}");
        let mut planted = Vec::new();
        let mut sentences = Vec::new();
        for _ in 0..(2 + dice.below(2)) {
            let (sentence, value) = dice.pick(&PLANTS.iter().collect::<Vec<_>>())(dice);
            sentences.push(sentence);
            planted.push(value);
        }
        while sentences.iter().map(String::len).sum::<usize>() < 720 {
            let place = dice.below(sentences.len() as u64 + 1) as usize;
            sentences.insert(place, dice.pick(FILLER).to_owned());
        }
        planted.push(Planted { kind: "SUBJECT", value: subject.clone() });
        let question = sentences.pop().unwrap_or_default();
        let event = json!({
            "tenant": "acme",
            "user": { "id": subject },
            "conversation_id": format!("c-{:05}", subject_number * 7 + self.count % 3),
            "region": region,
            "time_ms": self.start_ms + self.count as i64,
            "model": "gpt-large-2",
            "temperature": 0.7,
            "messages": [
                { "role": "system", "content": "You are a helpful assistant." },
                { "role": "user", "content": sentences.join(" ") },
                { "role": "user", "content": question },
            ],
        });
        self.count += 1;
        Sample { tenant: "acme", subject, region, value: event.to_string().into_bytes(), planted }
    }
}

/// A card number from a test range with its Luhn digit (ISO/IEC 7812-1, annex B).
fn card(dice: &mut Dice) -> String {
    let body = format!("4{}", dice.digits(14));
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A German IBAN with its check digits (ISO 13616-1, mod 97).
fn iban(dice: &mut Dice) -> String {
    let account = dice.digits(18);
    // `DE00` moved to the end: D = 13, E = 14.
    let remainder = format!("{account}131400").bytes().fold(0u64, |r, digit| (r * 10 + u64::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_run_and_every_planted_value_is_in_its_event() {
        let (mut one, mut other) = (Sampler::new(7, 50, 0), Sampler::new(7, 50, 0));
        let mut bytes = 0;
        for _ in 0..500 {
            let sample = one.next_event();
            assert_eq!(sample.value, other.next_event().value);
            let text = String::from_utf8(sample.value.clone()).unwrap();
            for planted in &sample.planted {
                assert!(text.contains(&planted.value), "{}", planted.kind);
            }
            bytes += sample.value.len();
        }
        assert!((900..1_300).contains(&(bytes / 500)), "{} bytes an event", bytes / 500);
    }
}
