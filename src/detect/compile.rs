//! Rules as data to tables for one pass: one automaton bank per start, a vocabulary, and prefixes by their first bytes.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::automata::{Automaton64, LONG_REACH, REACH};
use super::rule::{Border, Link, Rule, Start};
use super::simd::Reader;
use super::words::{Builder, Groups, Vocabulary};

/// Several rules that start alike, and the automaton that tries them at once.
pub(super) struct Bank {
    /// The automaton; its pattern i is rule `rules[i]`.
    pub automaton: Automaton64,
    /// Indices into the table of rules.
    pub rules: Vec<u16>,
    /// Which patterns have which border.
    pub borders: Borders,
}

/// How many rules share an automaton. More make fewer walks over tables that grow faster than the walks get fewer: measured.
const BANK_RULES: usize = 12;

/// Sets of a bank's patterns by their border.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Borders {
    pub word: u64,
    pub number: u64,
    pub date: u64,
    pub token: u64,
    pub open: u64,
}

impl Borders {
    fn of(rules: &[&Rule]) -> Self {
        let set = |border| {
            let with = |(i, rule): (usize, &&Rule)| u64::from(rule.border == border) << i;
            rules.iter().enumerate().map(with).fold(0, |all, one| all | one)
        };
        Self {
            word: set(Border::Word),
            number: set(Border::Number),
            date: set(Border::Date),
            token: set(Border::Token),
            open: set(Border::Open),
        }
    }
}

/// The automaton of one rule, made when it is first tried: most keys and keywords never are.
pub(super) struct Single {
    rule: u16,
    bank: OnceLock<Option<Bank>>,
}

impl Single {
    /// The bank of this one rule.
    // INVARIANT: it compiles; each rule's own examples try it.
    pub fn bank(&self, rules: &[Rule]) -> Option<&Bank> {
        self.bank.get_or_init(|| bank(rules, &[self.rule], &mut Vec::new())).as_ref()
    }
}

/// The banks of each start that is not bound to a word.
#[derive(Default)]
pub(super) struct Banks {
    pub digit: Vec<Bank>,
    /// Those of the rules that start at a digit and need a word nearby.
    pub digit_named: Vec<Bank>,
    pub house: Vec<Bank>,
    pub mixed: Vec<Bank>,
    pub plus: Vec<Bank>,
    pub paren: Vec<Bank>,
    pub at: Vec<Bank>,
    pub group: Vec<Bank>,
    pub scheme: Vec<Bank>,
    pub dashes: Vec<Bank>,
    pub first_name: Vec<Bank>,
    pub user_name: Vec<Bank>,
    pub user_password: Vec<Bank>,
    pub street: Vec<Bank>,
}

/// What the engine runs on.
pub(super) struct Tables {
    pub banks: Banks,
    /// For rules with a keyword, a prefix or a field: their own automaton. Indexed by rule.
    pub single: Vec<Option<Single>>,
    /// What may follow: automata by pattern, and for each rule its tails in order.
    pub tails: Vec<Automaton64>,
    pub tails_of: Vec<Vec<u16>>,
    /// Context sets: what `near`, `against` and `column` of each rule are in the vocabulary. Indexed by rule.
    pub near: Vec<Groups>,
    pub against: Vec<Groups>,
    pub column: Vec<Groups>,
    /// Prefixes by hash of their first three bytes.
    pub prefixes: Prefixes,
    pub vocabulary: Vocabulary,
    /// How this machine reads blocks.
    pub reader: Reader,
}

impl Tables {
    /// Bytes that the tables take.
    pub fn memory_bytes(&self) -> usize {
        let b = &self.banks;
        let words = [&b.digit_named, &b.first_name, &b.user_name, &b.user_password, &b.street];
        let starts = [&b.digit, &b.mixed, &b.plus, &b.paren, &b.at, &b.group, &b.scheme, &b.dashes, &b.house];
        let made = self.single.iter().flatten().filter_map(|single| single.bank.get()?.as_ref());
        let banks = starts.into_iter().chain(words).flatten().chain(made);
        banks.map(|bank| &bank.automaton).chain(&self.tails).map(Automaton64::memory_bytes).sum::<usize>()
            + self.vocabulary.memory_bytes()
    }
}

/// Literal beginnings of keys, by a hash of their first three bytes.
pub(super) struct Prefixes {
    /// One bit a slot: whether it has entries.
    filter: Box<[u64; 64]>,
    /// Start of each slot's entries in `entries`; one more than slots.
    slots: Box<[u16]>,
    entries: Vec<(&'static [u8], u16)>,
}

impl Prefixes {
    const SLOTS: usize = 4096;

    #[inline]
    fn slot(head: &[u8]) -> Option<usize> {
        let [a, b, c] = *head.first_chunk::<3>()?;
        Some(Self::slot_of(u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16))
    }

    #[inline]
    fn slot_of(three: u32) -> usize {
        (three.wrapping_mul(0x9E37_79B1) >> 20) as usize
    }

    /// Whether a prefix may begin with these bytes: three of them count.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the loop over all words")]
    #[expect(clippy::indexing_slicing, reason = "hot loop: a slot has twelve bits, the filter 64 words of 64")]
    pub fn may_start(&self, head: u64) -> bool {
        let slot = Self::slot_of(head as u32 & 0x00FF_FFFF);
        self.filter[slot >> 6] >> (slot & 63) & 1 == 1
    }

    fn new(mut entries: Vec<(&'static [u8], u16)>) -> Self {
        entries.sort_by_key(|(prefix, rule)| (Self::slot(prefix), *rule));
        let before = |slot| entries.partition_point(|(prefix, _)| Self::slot(prefix) < Some(slot)) as u16;
        let mut filter = Box::new([0u64; 64]);
        for slot in entries.iter().filter_map(|(prefix, _)| Self::slot(prefix)) {
            if let Some(cell) = filter.get_mut(slot >> 6) {
                *cell |= 1 << (slot & 63);
            }
        }
        Self { filter, slots: (0..=Self::SLOTS).map(before).collect(), entries }
    }

    /// The rules whose prefix stands at `at`.
    #[inline]
    pub fn at<'a>(&'a self, text: &'a [u8], at: usize) -> impl Iterator<Item = u16> + 'a {
        let rest = text.get(at..).unwrap_or_default();
        let slot = Self::slot(rest).and_then(|slot| self.slots.get(slot..slot + 2));
        let entries = match slot {
            Some([from, to]) => self.entries.get(usize::from(*from)..usize::from(*to)).unwrap_or_default(),
            _ => &[],
        };
        entries.iter().filter(move |(prefix, _)| rest.starts_with(prefix)).map(|(_, rule)| *rule)
    }
}

/// Compiles the table.
///
/// # Errors
/// The name of each rule whose pattern can't be compiled, and why.
pub(super) fn compile(rules: &[Rule], first_names: &[&str]) -> Result<Tables, Vec<(String, String)>> {
    let mut problems = Vec::new();
    let mut builder = Builder::default();
    let mut starts: Vec<(Start, bool, Vec<u16>)> = Vec::new();
    let mut single = Vec::with_capacity(rules.len());
    let mut prefixes = Vec::new();
    let mut sets: HashMap<&[&str], Groups> = HashMap::new();
    let mut tails: Vec<(&str, Automaton64)> = Vec::new();
    let mut tails_of = Vec::with_capacity(rules.len());
    let mut near = Vec::with_capacity(rules.len());
    let mut against = Vec::with_capacity(rules.len());
    let mut column = Vec::with_capacity(rules.len());

    for (index, rule) in rules.iter().enumerate() {
        let id = index as u16;
        let mut group = |words: &'static [&'static str]| -> Groups {
            if words.is_empty() {
                return Groups::default();
            }
            let next = sets.len();
            *sets.entry(words).or_insert_with(|| {
                let set = Groups::one(next);
                words.iter().for_each(|word| builder.add(word, |role| role.groups = role.groups | set));
                set
            })
        };
        tails_of.push(rule.tails.iter().filter_map(|pattern| tail(rule, pattern, &mut tails, &mut problems)).collect());
        near.push(group(rule.near));
        against.push(group(rule.against));
        column.push(group(rule.column));
        rule.fields.iter().for_each(|field| builder.add(field, |role| role.fields.push(id)));
        let mut own = !rule.fields.is_empty() && !rule.pattern.is_empty();
        match rule.start {
            Start::After(words, _) => {
                own = true;
                words.iter().for_each(|word| builder.add(word, |role| role.leads.push(id)));
            }
            Start::Word(words) => {
                own = !rule.pattern.is_empty();
                words.iter().for_each(|word| builder.add(word, |role| role.starts.push(id)));
            }
            Start::Prefix(heads) => {
                own = true;
                prefixes.extend(heads.iter().map(|head| (head.as_bytes(), id)));
            }
            start => {
                let named = rule.need && rule.column.is_empty();
                let alike = |(other, with, _): &&mut (Start, bool, Vec<u16>)| {
                    std::mem::discriminant(other) == std::mem::discriminant(&start) && *with == named
                };
                match starts.iter_mut().find(alike) {
                    Some((_, _, ids)) => ids.push(id),
                    None => starts.push((start, named, vec![id])),
                }
            }
        }
        single.push(own.then(|| Single { rule: id, bank: OnceLock::new() }));
    }
    for name in first_names {
        builder.add(name, |role| role.first_name = true);
    }
    let mut banks = Banks::default();
    for (start, named, ids) in starts {
        let place = match start {
            Start::Digit if named => &mut banks.digit_named,
            Start::Digit => &mut banks.digit,
            Start::House => &mut banks.house,
            Start::Mixed => &mut banks.mixed,
            Start::Plus => &mut banks.plus,
            Start::Paren => &mut banks.paren,
            Start::At => &mut banks.at,
            Start::Group => &mut banks.group,
            Start::Scheme => &mut banks.scheme,
            Start::Dashes => &mut banks.dashes,
            Start::FirstName => &mut banks.first_name,
            Start::UserName => &mut banks.user_name,
            Start::UserPassword => &mut banks.user_password,
            Start::Street => &mut banks.street,
            Start::Prefix(_) | Start::Word(_) | Start::After(..) | Start::Field => continue,
        };
        let most = if matches!(start, Start::House) { 1 } else { BANK_RULES };
        place.extend(ids.chunks(most).filter_map(|ids| bank(rules, ids, &mut problems)));
    }
    if sets.len() > Groups::MOST {
        problems.push(("near, against".into(), format!("more than {} context sets", Groups::MOST)));
    }
    if problems.is_empty() {
        Ok(Tables {
            banks,
            single,
            tails: tails.into_iter().map(|(_, tail)| tail).collect(),
            tails_of,
            near,
            against,
            column,
            prefixes: Prefixes::new(prefixes),
            vocabulary: builder.build(),
            reader: Reader::new(),
        })
    } else {
        Err(problems)
    }
}

/// The automaton of a tail: one for all rules that share it.
fn tail<'r>(
    rule: &Rule,
    pattern: &'r str,
    tails: &mut Vec<(&'r str, Automaton64)>,
    problems: &mut Vec<(String, String)>,
) -> Option<u16> {
    let known = tails.iter().position(|(other, _)| *other == pattern);
    let index = known.or_else(|| match Automaton64::new(&[pattern], REACH) {
        Ok(automaton) => {
            tails.push((pattern, automaton));
            Some(tails.len() - 1)
        }
        Err(what) => {
            problems.push((rule.name.to_owned(), what));
            None
        }
    });
    index.map(|index| index as u16)
}

fn bank(rules: &[Rule], ids: &[u16], problems: &mut Vec<(String, String)>) -> Option<Bank> {
    let members: Vec<&Rule> = ids.iter().filter_map(|id| rules.get(usize::from(*id))).collect();
    let patterns: Vec<&str> = members.iter().map(|rule| rule.pattern).collect();
    let long = members.iter().all(|rule| matches!(rule.start, Start::Prefix(_) | Start::Dashes | Start::Field));
    match Automaton64::new(&patterns, if long { LONG_REACH } else { REACH }) {
        Ok(automaton) => Some(Bank { automaton, rules: ids.to_vec(), borders: Borders::of(&members) }),
        Err(what) => {
            let names: Vec<&str> = members.iter().map(|rule| rule.name).collect();
            problems.push((names.join(", "), what));
            None
        }
    }
}

/// Where the value of a keyword that ends at `at` begins, if `link` allows what stands between.
pub(super) fn value_start(text: &[u8], at: usize, link: Link) -> Option<usize> {
    let mut at = at;
    let skip = |at: &mut usize, set: &[u8], most: usize| {
        let from = *at;
        while *at < from + most && text.get(*at).is_some_and(|byte| set.contains(byte)) {
            *at += 1;
        }
        *at > from
    };
    // `"key": "value"`, `key = value`, `**Key:** value`, `Key #: value`, `key is value`
    skip(&mut at, b"\"'`*])s", 3);
    skip(&mut at, b"'s", 2);
    let mut spaced = skip(&mut at, b" \t", 40);
    skip(&mut at, b"#.", 2);
    let mut signed = skip(&mut at, b":=", 2) | skip(&mut at, b">", 1);
    let marked = signed;
    signed |= spaced && skip_word(text, &mut at);
    skip(&mut at, b"*", 2);
    spaced |= skip(&mut at, b" \t", 40);
    skip(&mut at, b"\"'`([", 3);
    let allowed = match link {
        Link::Mark => marked,
        Link::Sign => signed,
        Link::Space => signed || spaced,
    };
    (allowed && at < text.len()).then_some(at)
}

/// Words between a keyword and its value that say as much as a sign.
const LINKS: &[&str] =
    &["is", "was", "are", "number", "no", "num", "nr", "id", "of", "to", "on", "am", "le", "el", "il"];

fn skip_word(text: &[u8], at: &mut usize) -> bool {
    let mut found = false;
    for _ in 0..2 {
        let rest = text.get(*at..).unwrap_or_default();
        let Some(word) = LINKS.iter().find(|word| {
            rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
                && rest.get(word.len()).is_some_and(|byte| b" \t:=#.".contains(byte))
        }) else {
            break;
        };
        *at += word.len();
        while text.get(*at).is_some_and(|byte| b" \t:=#.".contains(byte)) {
            *at += 1;
        }
        found = true;
    }
    found
}
