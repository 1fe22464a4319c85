//! The front door: [`Detector`] holds compiled rules and scans texts. It can be shared between threads.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::compile::{self, Tables};
use super::config::{DetectorConfig, DictionaryRule, RuleProblem};
use super::engine::Scan;
use super::fields::Field;
use super::index::{Noticed, Sheet};
use super::naming::{self, Models, Naming, Unread};
use super::own::{Dictionary, OwnRegex};
use super::records::{self, Cell};
use super::rule::{Rule, Start};
use super::unfold::{self, Unfolded};
use super::words::fold;
use super::{Category, Evidence, Finding, Hint, Kind, KindInfo, arbitrate, kinds, names, rules};

/// Findings believed less than this are dropped, unless settings say otherwise.
const THRESHOLD: u8 = 40;

/// What is known about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Stable name: built-in rules in kebab case, users' as `regexes[0]`, `dictionaries[1]`, `deny.KIND`.
    pub name: Cow<'static, str>,
    /// What it finds.
    pub kind: Kind,
    /// What makes the engine try it: `digit`, `prefix`, `value after a word` and so on; `anywhere` for users' rules and
    /// the model of names.
    pub start: &'static str,
    /// The words of that, where it has some.
    pub start_words: &'static [&'static str],
    /// The regular expression that it must fit; empty where words are all there is.
    pub pattern: Cow<'static, str>,
    /// Why a match is believed, without context.
    pub evidence: Evidence,
    /// Belief without context, percent.
    pub confidence: u8,
    /// The name of its validator; `any` where it has none.
    pub validator: &'static str,
    /// Who says that it looks so.
    pub source: &'static str,
    /// Words that raise belief nearby or in the field's name.
    pub near: &'static [&'static str],
    /// Whether one of them must be there.
    pub need: bool,
    /// Words that forbid a match.
    pub against: &'static [&'static str],
    /// Names of fields under which a whole text of its form is a find.
    pub fields: &'static [&'static str],
    /// Texts in which it fires: the find stands between `[[` and `]]`.
    pub examples: &'static [&'static str],
    /// Texts in which it does not fire.
    pub counterexamples: &'static [&'static str],
}

impl RuleInfo {
    /// A rule of which nothing is known.
    pub(super) const BARE: Self = Self {
        name: Cow::Borrowed("unknown"),
        kind: Kind(0),
        start: "anywhere",
        start_words: &[],
        pattern: Cow::Borrowed(""),
        evidence: Evidence::Prior,
        confidence: 0,
        validator: "any",
        source: "",
        near: &[],
        need: false,
        against: &[],
        fields: &[],
        examples: &[],
        counterexamples: &[],
    };
}

/// The built-in rules and their tables, compiled once a process.
struct Builtin {
    rules: Vec<Rule>,
    tables: Tables,
}

// INVARIANT: every built-in rule compiles. A detector that silently lacked one would pass personal data on.
#[expect(
    clippy::panic,
    reason = "the rules are constants: a test that uses any detector fails where one doesn't compile"
)]
static BUILTIN: LazyLock<Builtin> = LazyLock::new(|| {
    let rules: Vec<Rule> = rules::TABLES.iter().flat_map(|table| table.iter().copied()).collect();
    match compile::compile(&rules, &names::first_names()) {
        Ok(tables) => Builtin { rules, tables },
        Err(broken) => panic!("built-in rules don't compile: {broken:?}"),
    }
});

thread_local! {
    #[expect(clippy::vec_box, reason = "a sheet is lent and given back as it lies: most texts are shorter than one")]
    /// Sheets that no scan of this thread uses; a scan within a scan, of a cell or a disguise, takes another.
    static SHEETS: RefCell<Vec<Box<Sheet>>> = const { RefCell::new(Vec::new()) };
}

/// Lends a sheet.
fn with_sheet<R>(work: impl FnOnce(&mut Sheet) -> R) -> R {
    let mut sheet = SHEETS.with_borrow_mut(Vec::pop).unwrap_or_default();
    let result = work(&mut sheet);
    if !sheet.is_large() {
        SHEETS.with_borrow_mut(|sheets| sheets.push(sheet));
    }
    result
}

/// Finds personal data and secrets in text.
pub struct Detector {
    builtin: &'static Builtin,
    kinds: Vec<KindInfo>,
    rules: Vec<RuleInfo>,
    by_name: HashMap<String, Kind>,
    regexes: Vec<OwnRegex>,
    dictionary: Dictionary,
    allow: HashSet<Box<[u8]>>,
    /// The least confidence of each kind; above 100 where the kind is not reported.
    thresholds: Vec<u8>,
    naming: Option<Naming>,
}

impl Detector {
    /// All built-in rules, and no other; names in free text are not looked for.
    pub fn builtin() -> Self {
        let builtin = &*BUILTIN;
        let rules = builtin.rules.iter().map(|rule| RuleInfo {
            name: Cow::Borrowed(rule.name),
            kind: rule.kind,
            start: rule.start.told().0,
            start_words: rule.start.told().1,
            pattern: Cow::Borrowed(rule.pattern),
            evidence: rule.evidence,
            confidence: rule.confidence,
            validator: rule.check.name,
            source: rule.source,
            near: rule.near,
            need: rule.need,
            against: rule.against,
            fields: rule.fields,
            examples: rule.hits,
            counterexamples: rule.misses,
        });
        let kinds = kinds::BUILTIN.to_vec();
        Self {
            builtin,
            rules: rules.chain(naming::rules(false)).collect(),
            by_name: kinds.iter().enumerate().map(|(i, kind)| (kind.name.to_string(), Kind(i as u16))).collect(),
            thresholds: vec![THRESHOLD; kinds.len()],
            kinds,
            regexes: Vec::new(),
            dictionary: Dictionary::default(),
            allow: HashSet::new(),
            naming: None,
        }
    }

    /// The built-in rules and the user's, and the model of names.
    ///
    /// # Errors
    /// Every mistake in the settings.
    pub fn new(config: &DetectorConfig) -> Result<Self, Vec<RuleProblem>> {
        Self::with_models(config, &Models::new())
    }

    /// The same; `models` are the users' models of names that were read, by their path.
    ///
    /// # Errors
    /// Every mistake in the settings.
    pub fn with_models(config: &DetectorConfig, models: &Models) -> Result<Self, Vec<RuleProblem>> {
        let mut detector = Self::builtin();
        let mut problems = Vec::new();
        detector.naming = Naming::new(&config.names, models, detector.builtin.rules.len(), &mut problems);
        if config.names.model.is_some() {
            detector.rules.truncate(detector.builtin.rules.len());
            detector.rules.extend(naming::rules(true));
        }
        for (i, rule) in config.regexes.iter().enumerate() {
            let at = format!("regexes[{i}]");
            let Some(kind) = detector.own_kind(&rule.kind, rule.category, &at, &mut problems) else { continue };
            check_percent(rule.confidence, 1, &at, &mut problems);
            let validator = rule.validator.as_deref().unwrap_or("any");
            let id = detector.own_rule(&at, kind, &rule.pattern, rule.confidence, validator);
            detector.regexes.extend(OwnRegex::new(rule, &at, kind, id, &mut problems));
        }
        let denied = config.deny.iter().map(|(kind, words)| {
            let rule =
                DictionaryRule { kind: kind.clone(), category: None, words: words.clone(), confidence: Some(100) };
            (format!("deny.{kind}"), Cow::Owned(rule))
        });
        let listed =
            config.dictionaries.iter().enumerate().map(|(i, rule)| (format!("dictionaries[{i}]"), Cow::Borrowed(rule)));
        for (at, rule) in listed.chain(denied) {
            let Some(kind) = detector.own_kind(&rule.kind, rule.category, &at, &mut problems) else { continue };
            check_percent(rule.confidence, 1, &at, &mut problems);
            let id = detector.own_rule(&at, kind, "", rule.confidence, "any");
            detector.dictionary.add(&rule, &at, kind, id, &mut problems);
        }
        detector.dictionary.freeze();
        detector.allow = config.allow.iter().map(|text| fold(text.trim().as_bytes())).collect();
        detector.set_thresholds(config, &mut problems);
        problems.extend(config.contradictions());
        if problems.is_empty() { Ok(detector) } else { Err(problems) }
    }

    fn set_thresholds(&mut self, config: &DetectorConfig, problems: &mut Vec<RuleProblem>) {
        check_percent(config.threshold, 0, "threshold", problems);
        self.thresholds = vec![config.threshold.unwrap_or(THRESHOLD); self.kinds.len()];
        if config.threshold.is_none() {
            for (kind, least) in naming::thresholds(config.names.mode) {
                if let Some(slot) = self.thresholds.get_mut(usize::from(kind.0)) {
                    *slot = least;
                }
            }
        }
        let floors = config.thresholds.iter().map(|(name, least)| ("thresholds", name, *least));
        let disabled = config.disabled.iter().map(|name| ("disabled", name, u8::MAX));
        for (list, name, least) in floors.chain(disabled) {
            let at = format!("{list}.{name}");
            if least != u8::MAX || list == "thresholds" {
                check_percent(Some(least), 0, &at, problems);
            }
            match self.kind(name).and_then(|kind| self.thresholds.get_mut(usize::from(kind.0))) {
                Some(slot) => *slot = least,
                None => problems.push(RuleProblem {
                    rule: at,
                    what: format!("no kind is named `{name}`"),
                    help: "name a built-in kind or one that a rule of yours defines".into(),
                }),
            }
        }
    }

    /// The kind of a user's rule: a built-in one, one seen before, or a new one.
    fn own_kind(
        &mut self,
        name: &str,
        category: Option<Category>,
        at: &str,
        problems: &mut Vec<RuleProblem>,
    ) -> Option<Kind> {
        let mut problem = |what: String, help: String| {
            problems.push(RuleProblem { rule: at.to_owned(), what, help });
            None
        };
        if let Some(kind) = self.kind(name) {
            let known = self.info(kind).category;
            return match category {
                Some(category) if category != known => problem(
                    format!("kind `{name}` already has another category"),
                    "leave `category` out, or give the kind another name".into(),
                ),
                _ => Some(kind),
            };
        }
        let well_formed = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !well_formed {
            return problem(
                format!("`{name}` can't name a kind"),
                "use up to 64 of A to Z, 0 to 9 and `_`, a letter first".into(),
            );
        }
        let Some(category) = category else {
            return problem(
                format!("kind `{name}` is new and has no category"),
                "add `category`: pii, phi, pci, secret or privileged".into(),
            );
        };
        let kind = Kind(u16::try_from(self.kinds.len()).ok()?);
        self.kinds.push(KindInfo {
            name: Cow::Owned(name.to_owned()),
            category,
            description: Cow::Borrowed("defined by the pipeline"),
        });
        self.by_name.insert(name.to_owned(), kind);
        Some(kind)
    }

    fn own_rule(&mut self, at: &str, kind: Kind, pattern: &str, confidence: Option<u8>, validator: &str) -> u16 {
        let known = super::validators::named(validator);
        self.rules.push(RuleInfo {
            name: Cow::Owned(at.to_owned()),
            kind,
            pattern: Cow::Owned(pattern.to_owned()),
            evidence: Evidence::Format,
            confidence: confidence.unwrap_or(80),
            validator: known.map_or("any", |check| check.name),
            source: "the pipeline",
            ..RuleInfo::BARE
        });
        u16::try_from(self.rules.len() - 1).unwrap_or(u16::MAX)
    }

    /// Appends what `text` holds: sorted by start, not overlapping, on character borders. A text longer than 4 GiB is read
    /// as far as that.
    ///
    /// INVARIANT: a text on which the model of names failed is one find whole ([`Self::is_unread`]), whatever settings say: who
    /// takes out what was found lets nothing of it through.
    pub fn scan(&self, text: &str, hint: Hint<'_>, out: &mut Vec<Finding>) {
        let from = out.len();
        let text = if text.len() > u32::MAX as usize {
            text.get(..floor(text, u32::MAX as usize)).unwrap_or("")
        } else {
            text
        };
        if let Err(whole) = self.claims(text, hint, out) {
            out.truncate(from);
            out.push(whole);
            return;
        }
        if out.len() == from {
            return;
        }
        // What is not believed enough takes no place from what is.
        keep(out, from, |finding| self.is_decoy(finding) || self.is_believed(finding));
        arbitrate::settle(out, from);
        records::read(text, &self.kinds, &self.builtin.rules, out, from);
        keep(out, from, |finding| self.is_reported(text, finding));
    }

    /// Whether a find says that the model of names failed, and not what the text holds.
    pub fn is_unread(&self, finding: &Finding) -> bool {
        self.naming.as_ref().is_some_and(|naming| naming.is_unread(finding))
    }

    /// Appends every candidate, disguised ones and those of tables and members too, in no order.
    ///
    /// # Errors
    /// The model of names failed; this find is all that can be said.
    pub(super) fn claims(&self, text: &str, hint: Hint<'_>, out: &mut Vec<Finding>) -> Result<(), Finding> {
        let from = out.len();
        with_sheet(|sheet| {
            self.candidates_on(sheet, text, hint, out);
            if self.naming.as_ref().is_some_and(|naming| !naming.is_recall()) {
                // The model knows first names too, and where a name ends: a list alone adds only what it thought better of.
                keep(out, from, |finding| !self.is_listed_name(finding));
            }
            let Noticed { tokens, odd, colons, lines } = &sheet.noticed;
            for (start, _) in tokens {
                self.open_base64(text, *start, out);
            }
            for unfolded in unfold::unfold(text, odd) {
                self.candidates_unfolded(&unfolded, hint, out);
            }
            if let Some(naming) = &self.naming {
                naming.candidates(text, out).map_err(|Unread| naming.unread(text))?;
            }
            let tells = |name: &str| self.builtin.tables.vocabulary.tells(name);
            let lines = lines.iter().map(|line| *line as usize);
            let speaks =
                |name: &str| !self.regexes.is_empty() || !Field::new(name, &self.builtin.tables.vocabulary).is_silent();
            records::cells(text, lines, tells, speaks, |cell| self.candidates_cell(text, cell, out));
            records::members(text, colons, tells, |cell| self.candidates_cell(text, cell, out));
            Ok(())
        })
    }

    /// The line of heads of the table that is open at a text's end, with the end of its line; empty where none is.
    pub(super) fn open_head(&self, text: &str) -> String {
        if !text.ends_with('\n') {
            return String::new();
        }
        let tells = |name: &str| self.builtin.tables.vocabulary.tells(name);
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        records::cells(text, lines, tells, |_| false, |_| {}).map_or(String::new(), |line| format!("{line}\n"))
    }

    /// Appends what a cell of a table is under its column's head, where that makes the whole cell a find.
    fn candidates_cell(&self, text: &str, cell: Cell, out: &mut Vec<Finding>) {
        let part = |(start, end)| text.get(start..end);
        let (Some(head), Some(value)) = (part(cell.head), part(cell.value)) else { return };
        let (from, shift) = (out.len(), cell.value.0 as u32);
        self.candidates(value, Hint { field: Some(head) }, out);
        keep(out, from, |finding| finding.start == 0 && finding.end as usize == value.len());
        out.iter_mut().skip(from).for_each(|f| (f.start, f.end) = (f.start + shift, f.end + shift));
    }

    /// Appends every candidate of all rules, in no order.
    pub(super) fn candidates(&self, text: &str, hint: Hint<'_>, out: &mut Vec<Finding>) {
        with_sheet(|sheet| self.candidates_on(sheet, text, hint, out));
    }

    /// The same; the sheet then says what is worth a second look.
    fn candidates_on(&self, sheet: &mut Sheet, text: &str, hint: Hint<'_>, out: &mut Vec<Finding>) {
        Scan::new(&self.builtin.tables, &self.builtin.rules, text, sheet, out).run(hint);
        for regex in &self.regexes {
            regex.scan(text, hint, out);
        }
        self.dictionary.scan(text, out);
    }

    /// Appends what shows once a disguise is off, where the disguise is part of it.
    fn candidates_unfolded(&self, unfolded: &Unfolded, hint: Hint<'_>, out: &mut Vec<Finding>) {
        let mut inner = Vec::new();
        self.candidates(&unfolded.text, hint, &mut inner);
        out.extend(inner.iter().filter_map(|finding| {
            let (start, end, disguised) = unfolded.original(finding.start as usize, finding.end as usize)?;
            disguised.then_some(Finding { start, end, ..*finding })
        }));
    }

    /// Appends a token of Base64 whose text holds something: all of it is what the strongest find in it is.
    fn open_base64(&self, text: &str, start: usize, out: &mut Vec<Finding>) {
        let Some((inner, len)) = unfold::base64_text(text.as_bytes(), start) else { return };
        let mut found = Vec::new();
        self.candidates(&inner, Hint::default(), &mut found);
        let strongest = found.iter().filter(|f| f.evidence >= Evidence::Format).max_by_key(|f| arbitrate::rank(f));
        out.extend(strongest.map(|f| Finding { start: start as u32, end: (start + len) as u32, ..*f }));
    }

    fn is_listed_name(&self, finding: &Finding) -> bool {
        let rule = self.builtin.rules.get(usize::from(finding.rule));
        rule.is_some_and(|rule| matches!(rule.start, Start::FirstName))
    }

    pub(super) fn is_decoy(&self, finding: &Finding) -> bool {
        let least = self.thresholds.get(usize::from(finding.kind.0)).copied().unwrap_or(THRESHOLD);
        least > 100 || self.builtin.rules.get(usize::from(finding.rule)).is_some_and(|rule| rule.decoy)
    }

    pub(super) fn is_believed(&self, finding: &Finding) -> bool {
        finding.confidence >= self.least(finding.kind)
    }

    /// The least belief with which a kind is reported; above 100 where it is not.
    pub(super) fn least(&self, kind: Kind) -> u8 {
        self.thresholds.get(usize::from(kind.0)).copied().unwrap_or(THRESHOLD)
    }

    pub(super) fn builtin_rules(&self) -> &[Rule] {
        &self.builtin.rules
    }

    pub(super) fn is_reported(&self, text: &str, finding: &Finding) -> bool {
        let allowed = || {
            let found = text.get(finding.start as usize..finding.end as usize).unwrap_or_default();
            !self.allow.is_empty() && self.allow.contains(&fold(found.trim().as_bytes()))
        };
        self.is_believed(finding) && !allowed()
    }

    /// The model of names, where names are looked for.
    pub fn naming(&self) -> Option<&Naming> {
        self.naming.as_ref()
    }

    /// Bytes that the compiled built-in rules take.
    pub fn memory_bytes(&self) -> usize {
        self.builtin.tables.memory_bytes()
    }

    /// The kind of this name.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.by_name.get(name).copied()
    }

    /// What is known about a kind. A kind of another detector that this one doesn't have reads as the first.
    pub fn info(&self, kind: Kind) -> &KindInfo {
        self.kinds.get(usize::from(kind.0)).or(self.kinds.first()).unwrap_or(&UNKNOWN_KIND)
    }

    /// Every kind: built-in ones first, in a fixed order. A [`Kind`] is an index into it.
    pub fn kinds(&self) -> &[KindInfo] {
        &self.kinds
    }

    /// What is known about a rule.
    pub fn rule(&self, rule: u16) -> &RuleInfo {
        self.rules.get(usize::from(rule)).or(self.rules.first()).unwrap_or(&UNKNOWN_RULE)
    }

    /// Every rule; [`Finding::rule`] is an index into it.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }
}

static UNKNOWN_KIND: KindInfo =
    KindInfo { name: Cow::Borrowed("UNKNOWN"), category: Category::Pii, description: Cow::Borrowed("no such kind") };

static UNKNOWN_RULE: RuleInfo = RuleInfo::BARE;

/// The last character border at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn check_percent(value: Option<u8>, least: u8, at: &str, problems: &mut Vec<RuleProblem>) {
    if value.is_some_and(|value| value < least || value > 100) {
        problems.push(RuleProblem {
            rule: at.to_owned(),
            what: format!("a percentage must lie between {least} and 100"),
            help: "correct the number".into(),
        });
    }
}

/// Keeps those of `out[from..]` that `stays` says.
fn keep(out: &mut Vec<Finding>, from: usize, stays: impl Fn(&Finding) -> bool) {
    let mut kept = from;
    for i in from..out.len() {
        let Some(finding) = out.get(i).copied() else { break };
        if stays(&finding)
            && let Some(slot) = out.get_mut(kept)
        {
            *slot = finding;
            kept += 1;
        }
    }
    out.truncate(kept);
}
