//! Rules as data to tables for one pass: an automaton for each, gates for what starts alike, a vocabulary, and prefixes by their first bytes.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::automata::{Automaton, LONG_REACH, REACH};
use super::border::Borders;
use super::gate::Gate;
use super::rule::{Rule, Start};
use super::simd::Reader;
use super::words::{Builder, Groups, Vocabulary};

/// The automaton of one rule, made when it is first tried: most keys and keywords never are.
pub(super) struct Single {
    reach: usize,
    automaton: OnceLock<Option<Automaton>>,
}

impl Single {
    fn of(rule: &Rule) -> Self {
        let long = matches!(rule.start, Start::Prefix(_) | Start::Dashes | Start::Field);
        Self { reach: if long { LONG_REACH } else { REACH }, automaton: OnceLock::new() }
    }

    /// The automaton of this rule.
    // INVARIANT: it compiles; each rule's own examples try it.
    #[inline]
    fn automaton(&self, rule: &Rule) -> Option<&Automaton> {
        self.automaton.get_or_init(|| Automaton::new(rule.pattern, self.reach).ok()).as_ref()
    }
}

/// Many rules that start alike, behind a gate.
pub(super) struct Gated {
    /// Its pattern i is rule `rules[i]`.
    pub gate: Gate,
    /// Indices into the table of rules.
    pub rules: Vec<u16>,
}

/// The rules of each start that is not bound to a word, by their indices.
#[derive(Default)]
pub(super) struct Starts {
    pub plus: Vec<u16>,
    pub paren: Vec<u16>,
    pub at: Vec<u16>,
    pub group: Vec<u16>,
    pub uuid: Vec<u16>,
    pub scheme: Vec<u16>,
    pub dashes: Vec<u16>,
    pub first_name: Vec<u16>,
    pub user_name: Vec<u16>,
    pub user_password: Vec<u16>,
    pub street: Vec<u16>,
}

/// What the engine runs on.
pub(super) struct Tables {
    pub starts: Starts,
    /// The rules that start at a number.
    pub digit: Gated,
    /// Those that start at a word with digits.
    pub mixed: Gated,
    /// By rule: its automaton, where it has a pattern.
    single: Vec<Option<Single>>,
    /// What may follow: automata by pattern, and for each rule its tails in order.
    pub tails: Vec<Automaton>,
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
    /// The automaton of a rule, where it has a pattern.
    #[inline]
    pub fn automaton(&self, id: u16, rule: &Rule) -> Option<&Automaton> {
        self.single.get(usize::from(id))?.as_ref()?.automaton(rule)
    }

    /// Bytes that the tables take.
    pub fn memory_bytes(&self) -> usize {
        let made = self.single.iter().flatten().filter_map(|single| single.automaton.get()?.as_ref());
        made.chain(&self.tails).map(Automaton::memory_bytes).sum::<usize>()
            + self.digit.gate.memory_bytes()
            + self.mixed.gate.memory_bytes()
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
    let (mut starts, mut digit, mut mixed) = (Starts::default(), Vec::new(), Vec::new());
    let mut single = Vec::with_capacity(rules.len());
    let mut prefixes = Vec::new();
    let mut sets: HashMap<&[&str], Groups> = HashMap::new();
    let mut tails: Vec<(&str, Automaton)> = Vec::new();
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
        for field in rule.fields {
            builder.add(field, |role| role.fields.push(id));
            builder.add_telling(field);
        }
        single.push((!rule.pattern.is_empty()).then(|| Single::of(rule)));
        let place = match rule.start {
            Start::After(words, _) => {
                for word in words {
                    builder.add(word, |role| role.leads.push(id));
                    builder.add_telling(word);
                }
                continue;
            }
            Start::Word(words) => {
                words.iter().for_each(|word| builder.add(word, |role| role.starts.push(id)));
                continue;
            }
            Start::Prefix(heads) => {
                prefixes.extend(heads.iter().map(|head| (head.as_bytes(), id)));
                continue;
            }
            Start::Field => continue,
            Start::Digit => &mut digit,
            Start::Mixed => &mut mixed,
            Start::Plus => &mut starts.plus,
            Start::Paren => &mut starts.paren,
            Start::At => &mut starts.at,
            Start::Group => &mut starts.group,
            Start::Uuid => &mut starts.uuid,
            Start::Scheme => &mut starts.scheme,
            Start::Dashes => &mut starts.dashes,
            Start::FirstName => &mut starts.first_name,
            Start::UserName => &mut starts.user_name,
            Start::UserPassword => &mut starts.user_password,
            Start::Street => &mut starts.street,
        };
        place.push(id);
    }
    for name in first_names {
        builder.add(name, |role| role.first_name = true);
    }
    let mut gated = |ids: Vec<u16>| match gated(rules, ids) {
        Ok(gated) => Some(gated),
        Err(what) => {
            problems.push(("gate".into(), what));
            None
        }
    };
    let (digit, mixed) = (gated(digit), gated(mixed));
    if sets.len() > Groups::MOST {
        problems.push(("near, against".into(), format!("more than {} context sets", Groups::MOST)));
    }
    match (digit, mixed) {
        (Some(digit), Some(mixed)) if problems.is_empty() => Ok(Tables {
            starts,
            digit,
            mixed,
            single,
            tails: tails.into_iter().map(|(_, tail)| tail).collect(),
            tails_of,
            near,
            against,
            column,
            prefixes: Prefixes::new(prefixes),
            vocabulary: builder.build(),
            reader: Reader::new(),
        }),
        _ => Err(problems),
    }
}

fn gated(rules: &[Rule], ids: Vec<u16>) -> Result<Gated, String> {
    let members: Vec<&Rule> = ids.iter().filter_map(|id| rules.get(usize::from(*id))).collect();
    let patterns: Vec<&str> = members.iter().map(|rule| rule.pattern).collect();
    let quiet = members.iter().enumerate().filter(|(_, rule)| !rule.need || !rule.column.is_empty());
    let quiet = quiet.fold(0, |all, (index, _)| all | 1 << index);
    let gate = Gate::new(&patterns, Borders::of(members.iter().map(|rule| rule.border)), quiet)?;
    Ok(Gated { gate, rules: ids })
}

/// The automaton of a tail: one for all rules that share it.
fn tail<'r>(
    rule: &Rule,
    pattern: &'r str,
    tails: &mut Vec<(&'r str, Automaton)>,
    problems: &mut Vec<(String, String)>,
) -> Option<u16> {
    let known = tails.iter().position(|(other, _)| *other == pattern);
    let index = known.or_else(|| match Automaton::new(pattern, REACH) {
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
