//! Sentences of our own with places for names, filled by dice: what sets of labelled text lack. Names that are places too,
//! forms, records, posts and code, and plenty of words that name nobody. The sentences stand in `sentences.txt`, one a line (`\n`
//! and `\t` are what they say), what is put into them in `words.txt`.
//!
//! `{P}` a person in any style, `{F}` a first name, `{L}` a surname, `{A}` a person whose name is a place too, `{C}` a place,
//! `{K}` a place whose name is a person's too, `{O}` an organisation, `{R}` a web site, `{H}` a hospital, `{D}` a condition,
//! `{S}` a street address, `{Y}` any of them as a hashtag. Not names: `{T}` a title, `{V}` what people do, `{B}` a business
//! word, `{M}` a field of medicine, `{X}` a medicine, `{J}` a thing with a capital, `{Q}` a heading, `{U}` an everyday word for
//! an organisation or place, `{Z}` a line of a program, `{N}` a number, `{W}` a date, `{G}` and `{I}` codes, `{E}` an address of a machine.

use std::collections::BTreeMap;

use super::super::recognise::decode::Label;
use super::corpus::{Document, Mark};
use super::dice::Dice;
use super::lists::{KNOWN, Lists};

/// `\n` and `\t` are a line's end and a tab.
const SENTENCES: &str = include_str!("sentences.txt");
/// A letter a line, then what it stands for, between bars.
const WORDS: &str = include_str!("words.txt");

/// What the places are filled from.
pub(super) struct Fillings<'l> {
    first: Vec<&'l str>,
    last: Vec<&'l str>,
    place: Vec<&'l str>,
    /// Places that are names too.
    both: Vec<&'l str>,
    organisations: Vec<String>,
    conditions: Vec<String>,
    known_places: Vec<&'static str>,
    known_organisations: Vec<&'static str>,
    known_people: Vec<&'static str>,
    /// Lists of `words.txt` by their letter.
    words: BTreeMap<char, Vec<&'static str>>,
}

impl<'l> Fillings<'l> {
    /// From lists, and from what documents name.
    pub fn new(lists: &'l Lists, documents: &[&Document]) -> Self {
        let take = |list: &'l str, count: usize| list.lines().take(count).collect::<Vec<_>>();
        let (first, last) = (take(&lists.first, 6000), take(&lists.last, 20_000));
        let known: std::collections::HashSet<&str> =
            first.iter().take(3000).chain(last.iter().take(4000)).copied().collect();
        let place = take(&lists.place, 8000);
        let both = place.iter().copied().filter(|place| known.contains(place)).collect();
        let known = |list: &'static str| list.split([',', '\n']).filter(|name| !name.is_empty()).collect::<Vec<_>>();
        let [places, organisations, people] = KNOWN.map(known);
        let words = WORDS.lines().filter_map(|line| line.split_once(' ')).filter(|(letter, _)| *letter != "#");
        let words = words.filter_map(|(letter, list)| Some((letter.chars().next()?, list.split(" | ").collect())));
        let named = |label: Label| {
            let mut texts: Vec<String> = documents
                .iter()
                .flat_map(|document| {
                    let marks = document.marks.iter().filter(move |mark| mark.label == Some(label));
                    marks.filter_map(|mark| document.text.get(mark.start..mark.end)).map(str::to_owned)
                })
                .filter(|text| text.len() < 50 && !text.contains('\n'))
                .collect();
            texts.sort();
            texts.dedup();
            texts
        };
        Self {
            first,
            last,
            place,
            both,
            organisations: named(Label::Organization),
            known_places: places,
            known_organisations: organisations,
            known_people: people,
            conditions: named(Label::Condition),
            words: words.collect(),
        }
    }

    /// One of the words of a letter.
    fn word(&self, letter: char, dice: &mut Dice) -> &'static str {
        self.words.get(&letter).map_or("", |list| word(list, dice))
    }

    fn is_empty(&self) -> bool {
        self.first.is_empty() || self.last.is_empty() || self.place.is_empty()
    }
}

/// The usual ones more often: names on lists are ordered by how usual they are.
fn usual<'l>(list: &[&'l str], dice: &mut Dice) -> &'l str {
    let reach = match dice.below(4) {
        0 => list.len() / 20,
        1 => list.len() / 4,
        _ => list.len(),
    };
    list.get(dice.below(reach.max(1))).copied().unwrap_or("")
}

fn word(list: &[&'static str], dice: &mut Dice) -> &'static str {
    dice.pick(list).copied().unwrap_or("")
}

fn digits(dice: &mut Dice, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + dice.below(10) as u8)).collect()
}

fn letter_of(dice: &mut Dice) -> char {
    char::from(b'A' + dice.below(26) as u8)
}

fn person(from: &Fillings<'_>, dice: &mut Dice) -> String {
    let (first, last) = (usual(&from.first, dice), usual(&from.last, dice));
    let initial = first.chars().next().unwrap_or('J');
    match dice.below(16) {
        0 => first.to_owned(),
        1 => format!("{last}, {first}"),
        2 => format!("{initial}. {last}"),
        3 => format!("{first} {initial}. {last}"),
        4 => format!("{first} {last}-{}", usual(&from.last, dice)),
        5 => format!("{first} {} {last}", usual(&from.first, dice)),
        6 => format!(
            "{first} {} {last}",
            word(&["de", "van", "von", "da", "del", "bin", "al", "van der", "de la", "O'", "di"], dice)
        ),
        7 => format!("{first} {}", usual(&from.both, dice)),
        8 => format!("{} {last}", usual(&from.both, dice)),
        9 => word(&from.known_people, dice).to_owned(),
        _ => format!("{first} {last}"),
    }
}

fn organisation(from: &Fillings<'_>, dice: &mut Dice) -> String {
    let kind = from.word('o', dice);
    match dice.below(10) {
        0 => format!("{} {kind}", usual(&from.place, dice)),
        1 => format!("{} & {}", usual(&from.last, dice), usual(&from.last, dice)),
        2 => format!(
            "{} of {}",
            word(&["University", "Bank", "City", "Church", "College"], dice),
            usual(&from.place, dice)
        ),
        3 | 4 => format!("{} {kind}", usual(&from.last, dice)),
        5 | 6 => word(&from.known_organisations, dice).to_owned(),
        _ => dice.pick(&from.organisations).cloned().unwrap_or_else(|| format!("{} {kind}", usual(&from.last, dice))),
    }
}

/// A filling for one letter, and what it is.
fn fill(letter: char, from: &Fillings<'_>, dice: &mut Dice) -> (String, Option<Label>) {
    let plain = |text: &str| (text.to_owned(), None);
    match letter {
        'P' => (person(from, dice), Some(Label::Person)),
        'F' => (usual(&from.first, dice).to_owned(), Some(Label::Person)),
        'L' => (usual(&from.last, dice).to_owned(), Some(Label::Person)),
        'A' => (dice.pick(&from.both).copied().unwrap_or("Jordan").to_owned(), Some(Label::Person)),
        'C' if dice.percent(20) => (word(&from.known_places, dice).to_owned(), Some(Label::Location)),
        'C' => (usual(&from.place, dice).to_owned(), Some(Label::Location)),
        'K' => (dice.pick(&from.both).copied().unwrap_or("Jordan").to_owned(), Some(Label::Location)),
        'O' => (organisation(from, dice), Some(Label::Organization)),
        'H' => {
            let name = if dice.percent(50) { usual(&from.last, dice) } else { usual(&from.place, dice) };
            let saint = if dice.percent(20) { "St. " } else { "" };
            (format!("{saint}{name} {}", from.word('h', dice)), Some(Label::Location))
        }
        'D' => (dice.pick(&from.conditions).cloned().unwrap_or_else(|| "asthma".into()), Some(Label::Condition)),
        'S' => {
            let length = dice.below(4);
            let (number, zip) = (digits(dice, length), digits(dice, 5));
            let street = format!("{} {}", usual(&from.last, dice), from.word('s', dice));
            let state = word(&["CA", "TX", "NY", "FL", "OH", "WA", "VA", "NC", "IL", "GA"], dice);
            (
                format!("{}{number} {street}, {}, {state} {zip}", 1 + dice.below(9), usual(&from.place, dice)),
                Some(Label::Location),
            )
        }
        'R' => (from.word('R', dice).to_owned(), Some(Label::Organization)),
        'Y' => {
            let (name, label) = match dice.below(3) {
                0 => (format!("{} {}", usual(&from.first, dice), usual(&from.last, dice)), Label::Person),
                1 => (word(&from.known_places, dice).to_owned(), Label::Location),
                _ => (word(&from.known_organisations, dice).to_owned(), Label::Organization),
            };
            (name.chars().filter(|c| c.is_alphanumeric()).collect(), Some(label))
        }
        'T' | 'V' | 'B' | 'M' | 'J' | 'Q' | 'U' | 'X' | 'Z' => plain(from.word(letter, dice)),
        'I' => {
            let prefix: String = (0..2 + dice.below(3)).map(|_| letter_of(dice)).collect();
            (format!("{prefix}-{}", digits(dice, 6)), None)
        }
        'G' => (format!("{}{}{}", letter_of(dice), letter_of(dice), digits(dice, 7)), None),
        'N' => {
            let length = 1 + dice.below(9);
            (digits(dice, length), None)
        }
        'W' => match dice.below(4) {
            0 => (format!("{}/{}/20{}", 1 + dice.below(12), 1 + dice.below(28), digits(dice, 2)), None),
            1 => (format!("20{}-0{}-1{}", digits(dice, 2), 1 + dice.below(9), dice.below(9)), None),
            2 => (format!("{} {}", word(&["March", "June", "July", "Dec", "Sept"], dice), 1 + dice.below(28)), None),
            _ => plain(word(&["Monday", "Tuesday", "Friday", "tomorrow", "next week", "Sunday"], dice)),
        },
        _ => {
            let user = usual(&from.last, dice).to_lowercase();
            (format!("{user}{}@example.{}", dice.below(100), word(&["com", "org", "net"], dice)), None)
        }
    }
}

/// Documents made of the sentences above: each `rounds` times, every time filled anew.
pub(super) fn documents(from: &Fillings<'_>, rounds: usize, source: usize, dice: &mut Dice) -> Vec<Document> {
    let mut documents = Vec::new();
    if from.is_empty() {
        return documents;
    }
    let all: Vec<String> =
        SENTENCES.lines().map(|sentence| sentence.replace("\\n", "\n").replace("\\t", "\t")).collect();
    for _ in 0..rounds {
        for sentence in &all {
            let mut document = Document { text: String::new(), marks: Vec::new(), source };
            append(sentence, from, dice, &mut document);
            // Some stand in longer texts.
            while dice.percent(35) {
                document.text.push_str(word(&[" ", "\n", "\n\n", " "], dice));
                let next = dice.pick(&all).map_or("", String::as_str);
                append(next, from, dice, &mut document);
            }
            documents.push(document);
        }
    }
    documents
}

fn append(sentence: &str, from: &Fillings<'_>, dice: &mut Dice, document: &mut Document) {
    let mut rest = sentence;
    while let Some(open) = rest.find('{') {
        let (before, tail) = rest.split_at(open);
        document.text.push_str(before);
        let mut chars = tail.chars();
        let slot = (chars.next(), chars.next(), chars.next());
        let (Some('{'), Some(letter), Some('}')) = slot else {
            document.text.push('{');
            rest = tail.get(1..).unwrap_or_default();
            continue;
        };
        let (text, label) = fill(letter, from, dice);
        let start = document.text.len();
        document.text.push_str(&text);
        if label.is_some() {
            document.marks.push(Mark { start, end: document.text.len(), label });
        }
        rest = chars.as_str();
    }
    document.text.push_str(rest);
}
