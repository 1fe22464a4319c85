//! What the whole engine must hold: the rules' own examples, and properties on any text.

use proptest::prelude::*;

use super::*;

fn scan(detector: &Detector, text: &str, field: Option<&str>) -> Vec<Finding> {
    let mut out = Vec::new();
    detector.scan(text, Hint { field }, &mut out);
    out
}

fn found<'t>(detector: &Detector, text: &'t str, field: Option<&str>) -> Vec<(String, &'t str)> {
    let name = |f: &Finding| detector.info(f.kind).name.to_string();
    scan(detector, text, field).iter().map(|f| (name(f), &text[f.start as usize..f.end as usize])).collect()
}

#[test]
fn every_rule_finds_its_examples_and_leaves_its_counterexamples() {
    let detector = Detector::builtin();
    let mut wrong = Vec::new();
    for (id, rule) in detector.rules().iter().enumerate() {
        for example in rule.examples {
            let start = example.rfind("[[").unwrap();
            let end = example.find("]]").unwrap() - 2;
            let text = example.replacen("]]", "", 1);
            let text = format!("{}{}", &text[..start], &text[start + 2..]);
            let all = scan(&detector, &text, None);
            if !all.iter().any(|f| (f.kind, f.start as usize, f.end as usize) == (rule.kind, start, end)) {
                wrong.push(format!("{} misses {example:?}: {:?}", rule.name, found(&detector, &text, None)));
            }
        }
        for text in rule.counterexamples {
            if scan(&detector, text, None).iter().any(|f| usize::from(f.rule) == id) {
                wrong.push(format!("{} finds {text:?}: {:?}", rule.name, found(&detector, text, None)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_rule_without_a_name_source_or_example_would_be_unexplained() {
    let detector = Detector::builtin();
    let mut names = std::collections::HashSet::new();
    for rule in detector.rules() {
        assert!(names.insert(rule.name.clone()), "{} twice", rule.name);
        assert!(!rule.source.is_empty(), "{}", rule.name);
        // What the model finds is explained by its card and by `Recogniser::explain`.
        let on_fields_only = rule.name.contains("-field") || rule.name == "uuid" || rule.name.starts_with("model-");
        assert!(on_fields_only || !rule.examples.is_empty() && !rule.counterexamples.is_empty(), "{}", rule.name);
    }
    for (index, kind) in detector.kinds().iter().enumerate() {
        assert_eq!(detector.kind(&kind.name), Some(Kind(index as u16)));
        assert!(detector.rules().iter().any(|rule| rule.kind == Kind(index as u16)), "nothing finds {}", kind.name);
    }
}

#[test]
fn a_uuid_is_found_where_its_threshold_is_lowered() {
    let config = DetectorConfig { thresholds: [("UUID".into(), 30)].into(), ..DetectorConfig::default() };
    let detector = Detector::new(&config).unwrap();
    for (text, uuid) in [
        ("ref:7c4456ad-dfe3-0802-4372-3214c2a3dd97)", Some("7c4456ad-dfe3-0802-4372-3214c2a3dd97")),
        ("at 7C4456AD-DFE3-0802-4372-3214C2A3DD97", Some("7C4456AD-DFE3-0802-4372-3214C2A3DD97")),
        ("x7c4456ad-dfe3-0802-4372-3214c2a3dd97", None),
        ("7c4456ad-dfe3-0802-4372-3214c2a3dd9", None),
    ] {
        let found = found(&detector, text, None);
        assert_eq!(found.iter().find(|(kind, _)| kind == "UUID").map(|(_, text)| *text), uuid, "{text}");
    }
}

#[test]
fn a_value_under_a_telling_field_is_found_though_its_form_says_little() {
    let detector = Detector::builtin();
    for (field, value, kind) in [
        ("ssn", "536228741", "US_SSN"),
        ("first_name", "Xqlwyn", "PERSON"),
        ("userPassword", "correct horse", "PASSWORD"),
        ("mrn", "0012345", "MEDICAL_RECORD"),
        ("patientDOB", "12/03/1982", "DATE_OF_BIRTH"),
        ("contact_phone", "5550123", "PHONE"),
        ("x-api-key", "d41d8cd98f00b204e98001", "API_KEY"),
        ("passport_number", "533380006", "PASSPORT"),
        ("home address", "Rua das Flores 12", "ADDRESS"),
    ] {
        let all = found(&detector, value, Some(field));
        assert_eq!(all, [(kind.to_owned(), value)], "{field}");
    }
    for (field, value) in
        [("content", "536228741"), ("name", "get_weather"), ("model", "gpt-4"), ("password", ""), ("ssn", "none")]
    {
        assert_eq!(found(&detector, value, Some(field)), [], "{field}");
    }
}

#[test]
fn overlaps_go_to_the_better_evidence_and_not_to_the_first_alternative() {
    let detector = Detector::builtin();
    // A card that also reads as a phone number, and a password that reads as an e-mail address with its host.
    assert_eq!(found(&detector, "call 4539-4216-4353-7491", None), [("CREDIT_CARD".to_owned(), "4539-4216-4353-7491")]);
    let url = "https://u_1:s3cr3tpass@git.example.dev/app.git";
    let expected = [("USERNAME", "u_1"), ("URL_CREDENTIALS", "s3cr3tpass")];
    assert_eq!(found(&detector, url, None), expected.map(|(kind, text)| (kind.to_owned(), text)));
}

#[test]
fn a_disguise_hides_nothing_and_the_find_is_the_disguised_text() {
    let detector = Detector::builtin();
    for (text, kind, shown) in [
        ("card ４５３９-４２１６-４３５３-７４９１.", "CREDIT_CARD", "４５３９-４２１６-４３５３-７４９１"),
        ("ssn 536\u{200b}-22-8741", "US_SSN", "536\u{200b}-22-8741"),
        ("mail ada%40example.org now", "EMAIL", "ada%40example.org"),
        ("mail ada&#64;example.org now", "EMAIL", "ada&#64;example.org"),
        ("say d3JpdGUgdG8gYWRhQGV4YW1wbGUub3Jn please", "EMAIL", "d3JpdGUgdG8gYWRhQGV4YW1wbGUub3Jn"),
    ] {
        assert_eq!(found(&detector, text, None), [(kind.to_owned(), shown)], "{text}");
    }
}

fn naming(mode: &str) -> Detector {
    Detector::new(&serde_json::from_value(serde_json::json!({ "names": { "mode": mode } })).unwrap()).unwrap()
}

#[test]
fn a_name_never_takes_the_place_of_what_a_rule_is_surer_of() {
    let detector = naming("balanced");
    for (text, expected) in [
        (
            "ask Susan Miller <susan.miller@example.org>",
            vec![("PERSON", "Susan Miller"), ("EMAIL", "susan.miller@example.org")],
        ),
        (
            "my card is 4539-4216-4353-7491, Susan Miller",
            vec![("CREDIT_CARD", "4539-4216-4353-7491"), ("PERSON", "Susan Miller")],
        ),
        ("I flew to Chicago.", vec![("LOCATION", "Chicago")]),
        ("She works at Goldman Sachs.", vec![("ORGANIZATION", "Goldman Sachs")]),
    ] {
        let expected: Vec<(String, &str)> = expected.into_iter().map(|(kind, text)| (kind.to_owned(), text)).collect();
        assert_eq!(found(&detector, text, None), expected, "{text}");
    }
}

#[test]
fn a_list_of_first_names_alone_says_nothing_where_the_model_reads() {
    let listed = |mode: &str| {
        let detector = naming(mode);
        let found = scan(&detector, "then Olivia Lindqvist wrote", None);
        found.iter().map(|f| detector.rule(f.rule).name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed("off"), ["person-listed"]);
    assert_eq!(listed("balanced"), ["model-person"]);
}

#[test]
fn names_that_are_switched_off_disabled_or_allowed_are_not_found() {
    let text = "I flew to Chicago.";
    assert_eq!(found(&naming("off"), text, None), []);
    assert_eq!(found(&Detector::builtin(), text, None), []);
    let kept = |config| found(&Detector::new(&serde_json::from_value(config).unwrap()).unwrap(), text, None);
    assert_eq!(kept(serde_json::json!({ "disabled": ["LOCATION"] })), []);
    assert_eq!(kept(serde_json::json!({ "allow": ["chicago"] })), []);
    assert_eq!(kept(serde_json::json!({ "thresholds": { "LOCATION": 100 } })), []);
    assert_eq!(kept(serde_json::json!({})), [("LOCATION".to_owned(), "Chicago")]);
}

#[test]
fn a_model_that_was_not_read_is_a_problem_and_a_users_own_is_used() {
    let config: DetectorConfig =
        serde_json::from_value(serde_json::json!({ "names": { "model": "ours.bin" } })).unwrap();
    let problems = Detector::new(&config).err().unwrap();
    assert!(problems.len() == 1 && problems[0].rule == "names.model" && problems[0].to_string().contains("help: "));
    let model = include_bytes!("../../models/names.bin");
    let models =
        Models::from([("ours.bin".to_owned(), std::sync::Arc::new(Recogniser::from_bytes(model).unwrap()) as _)]);
    let detector = Detector::with_models(&config, &models).unwrap();
    let digest = detector.naming().unwrap().digest().to_owned();
    assert!(
        digest.len() == 64
            && model.ends_with(
                &(0..32).map(|i| u8::from_str_radix(&digest[i * 2..i * 2 + 2], 16).unwrap()).collect::<Vec<_>>()
            )
    );
}

/// A model that fails on texts with a `!`, and finds nothing in others.
struct Failing;

impl NameReader for Failing {
    fn read(&self, text: &str, _: bool, _: &mut Vec<Name>) -> Result<(), Unread> {
        if text.contains('!') { Err(Unread) } else { Ok(()) }
    }

    fn digest(&self) -> &str {
        "none"
    }
}

#[test]
fn a_text_on_which_the_model_fails_is_found_whole_whatever_settings_say() {
    let config = serde_json::json!({
        "names": { "model": "ours.onnx" }, "disabled": ["PERSON"], "allow": ["ada@example.org!"], "thresholds": { "EMAIL": 100 }
    });
    let models = Models::from([("ours.onnx".to_owned(), std::sync::Arc::new(Failing) as _)]);
    let detector = Detector::with_models(&serde_json::from_value(config).unwrap(), &models).unwrap();
    let text = "ada@example.org!";
    let all = scan(&detector, text, None);
    assert!(all.len() == 1 && detector.is_unread(&all[0]), "{all:?}");
    assert_eq!((all[0].start, all[0].end as usize), (0, text.len()));
    assert_eq!(scan(&detector, "ada", None), []);
    let told = explain::text(&detector, text, &detector.explain(text, Hint::default()));
    assert!(told.contains("FOUND 0..16") && told.contains("model-unread"), "{told}");
    // In a stream, from the stretch that could not be read; each piece of it once.
    let (mut chunks, mut out) = (Chunks::new(&detector), Vec::new());
    let long = format!("{}\n\nno{}", "quiet words\n".repeat(20_000), " words!".repeat(20_000));
    chunks.push(&long, &mut out);
    chunks.finish(&mut out);
    let failed = long.find('!').unwrap() as u64;
    assert!(out[0].start <= failed && out.last().unwrap().end == long.len() as u64);
    assert!(out.windows(2).all(|pair| pair[0].end == pair[1].start), "{out:?}");
}

#[test]
fn recall_finds_what_balanced_leaves_out() {
    let text = "met up w mason and kev at stoke, then lindfield w/ the smiths";
    let covered = |mode| found(&naming(mode), text, None).iter().map(|(_, name)| name.len()).sum::<usize>();
    assert!(covered("recall") > covered("balanced"));
}

fn own() -> DetectorConfig {
    let config = serde_json::json!({
        "regexes": [{
            "kind": "EMPLOYEE_ID", "category": "pii", "pattern": "\\bE-[0-9]{6}\\b", "near": ["badge"],
            "examples": ["badge E-123456"], "counterexamples": ["E-12"]
        }],
        "dictionaries": [{ "kind": "PROJECT", "category": "privileged", "words": ["Blue Heron", "Ørsted"] }],
        "allow": ["support@example.org"],
        "deny": { "PERSON": ["the Duke"] },
        "thresholds": { "PHONE": 99 },
        "disabled": ["IBAN"],
        "names": { "mode": "off" }
    });
    serde_json::from_value(config).unwrap()
}

#[test]
fn users_rules_lists_and_thresholds_hold() {
    let detector = Detector::new(&own()).unwrap();
    let text = "E-123456 on blue heron for THE DUKE at ørsted, support@example.org, a@example.org, 415-555-2671, DE89370400440532013000";
    let expected = [
        ("EMPLOYEE_ID", "E-123456"),
        ("PROJECT", "blue heron"),
        ("PERSON", "THE DUKE"),
        ("PROJECT", "ørsted"),
        ("EMAIL", "a@example.org"),
    ];
    assert_eq!(found(&detector, text, None), expected.map(|(kind, text)| (kind.to_owned(), text)));
    assert_eq!(detector.info(detector.kind("PROJECT").unwrap()).category, Category::Privileged);
}

#[test]
fn every_mistake_in_users_rules_is_told_at_once_with_a_remedy() {
    let config = serde_json::json!({
        "regexes": [
            { "kind": "A", "category": "pii", "pattern": "(" },
            { "kind": "B", "category": "pii", "pattern": "x*" },
            { "kind": "C", "category": "pii", "pattern": "(?:\\w{1000}){1000}" },
            { "kind": "D", "pattern": "d" },
            { "kind": "lower", "category": "pii", "pattern": "l" },
            { "kind": "E", "category": "pii", "pattern": "e", "validator": "luhm" },
            { "kind": "F", "category": "pii", "pattern": "f", "examples": ["g"], "counterexamples": ["f"] },
            { "kind": "EMAIL", "category": "phi", "pattern": "g" },
            { "kind": "H", "category": "pii", "pattern": "(a)\\1" }
        ],
        "dictionaries": [{ "kind": "I", "category": "pii", "words": ["--"] }],
        "thresholds": { "EMIAL": 50, "PHONE": 101 }
    });
    let problems = Detector::new(&serde_json::from_value(config).unwrap()).err().unwrap();
    let places: Vec<&str> = problems.iter().map(|problem| problem.rule.as_str()).collect();
    let expected: Vec<String> = [0, 1, 2, 3, 4, 5, 6, 6, 7, 8].iter().map(|i| format!("regexes[{i}]")).collect();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.extend(["dictionaries[0]", "thresholds.EMIAL", "thresholds.PHONE"]);
    assert_eq!(places, expected);
    assert!(problems.iter().all(|problem| problem.to_string().contains("\nhelp: ")));
}

#[test]
fn rules_that_contradict_each_other_would_be_taken_as_they_stand() {
    let config = serde_json::json!({
        "regexes": [
            { "kind": "A", "category": "pii", "pattern": "a[0-9]" },
            { "kind": "B", "category": "pii", "pattern": "a[0-9]" }
        ],
        "dictionaries": [
            { "kind": "C", "category": "pii", "words": ["Apollo", "Heron"] },
            { "kind": "D", "category": "pii", "words": ["heron", "apollo 11"] },
            { "kind": "C", "words": ["apollo"] }
        ],
        "allow": ["APOLLO", "other"],
        "deny": { "PERSON": ["other", "Heron"] }
    });
    let problems = Detector::new(&serde_json::from_value(config).unwrap()).err().unwrap();
    let places: Vec<&str> = problems.iter().map(|problem| problem.rule.as_str()).collect();
    assert_eq!(places, ["regexes[1]", "dictionaries[1]", "deny.PERSON", "allow[0]", "allow[1]"]);
    assert!(problems.iter().all(|problem| !problem.to_string().to_lowercase().contains("heron")));
}

#[test]
fn a_dictionary_of_a_hundred_thousand_entries_is_searched_whole() {
    let words: Vec<String> = (0..100_000).map(|i| format!("entry {i}x")).collect();
    let rule = DictionaryRule { kind: "PART".into(), category: Some(Category::Pii), words, confidence: None };
    let detector = Detector::new(&DetectorConfig { dictionaries: vec![rule], ..DetectorConfig::default() }).unwrap();
    assert_eq!(found(&detector, "an Entry 99999X, an entry 100000x", None), [("PART".to_owned(), "Entry 99999X")]);
}

/// Texts made of what rules listen to, so that random ones reach deep.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,6}",
        "[A-Z]{1,3}",
        "[a-z]{1,9}",
        "[-. :/@+(),_='\"\n]",
        "\\PC",
        "[\u{80}-\u{2ff}\u{ff10}-\u{ff19}\u{200b}]",
        Just("password: ".to_owned()),
        Just("ssn ".to_owned()),
        Just("@example.org".to_owned()),
        Just("https://".to_owned()),
        Just("4539-4216-4353-7491".to_owned()),
        Just("Daniel Hartmann".to_owned()),
        Just("+44 20 7946 0958".to_owned()),
        Just("2001:db8::8a2e:370".to_owned()),
        Just("7c4456ad-dfe3-0802-4372-3214c2a3dd97".to_owned()),
        Just("-----BEGIN ".to_owned()),
        Just("eyJ".to_owned()),
        Just("DOB ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_shape(text: &str, found: &[Finding]) -> Result<(), TestCaseError> {
    let mut end = 0;
    for f in found {
        prop_assert!(f.start >= end && f.end > f.start && f.end as usize <= text.len());
        prop_assert!(text.is_char_boundary(f.start as usize) && text.is_char_boundary(f.end as usize));
        prop_assert!((1..=100).contains(&f.confidence));
        end = f.end;
    }
    Ok(())
}

proptest! {
    // INVARIANT: findings are sorted, disjoint, not empty, on character borders; nothing panics.
    #[test]
    fn any_text_gives_findings_in_order_on_character_borders(text in pieces(), field in proptest::option::of("[a-zA-Z_ ]{0,12}|ssn|dob|name")) {
        let detector = Detector::new(&own()).unwrap();
        let all = scan(&detector, &text, field.as_deref());
        check_shape(&text, &all)?;
        let mut again = vec![Finding::NONE];
        detector.scan(&text, Hint { field: field.as_deref() }, &mut again);
        prop_assert_eq!(&again[1..], &all[..]);
    }

    // INVARIANT: where a text starts, and where blocks of 64 bytes fall, says nothing about what it holds.
    #[test]
    fn a_text_holds_the_same_wherever_it_stands(text in pieces(), before in 0usize..130, after in 0usize..130) {
        let detector = Detector::builtin();
        let alone = scan(&detector, &text, None);
        let text = format!("{}{}{}", "\n".repeat(before), text, "\n".repeat(after));
        let moved = scan(&detector, &text, None);
        check_shape(&text, &moved)?;
        let shift = |f: &Finding| Finding { start: f.start - before as u32, end: f.end - before as u32, ..*f };
        prop_assert_eq!(moved.iter().map(shift).collect::<Vec<_>>(), alone);
    }
}

/// The plain text of a rule's example.
pub(super) fn plain(example: &str) -> String {
    example.replacen("[[", "", 1).replacen("]]", "", 1)
}

/// Texts that begin as the rules' own examples and are then cut, joined, and changed here and there.
fn mutated() -> impl Strategy<Value = String> {
    let detector = Detector::builtin();
    let examples: Vec<String> = detector
        .rules()
        .iter()
        .flat_map(|rule| rule.examples.iter().chain(rule.counterexamples))
        .map(|e| plain(e))
        .collect();
    let change =
        (0u8..7, any::<proptest::sample::Index>(), "[0-9A-Za-z]{1,3}|[-. :/@+(),_='\"\n|]|\\PC", any::<bool>());
    let one = (proptest::sample::select(examples), proptest::collection::vec(change, 0..4));
    let one = one.prop_map(|(mut text, changes)| {
        for (what, place, piece, _) in changes {
            let mut at = place.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let next = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            match what {
                0 => text.insert_str(at, &piece),
                1 => text.replace_range(at..next, &piece),
                2 => text.replace_range(at..next, ""),
                3 => text.truncate(at),
                4 => text.replace_range(..at, ""),
                5 => text = text.to_uppercase(),
                _ => text.insert(at, ' '),
            }
        }
        text
    });
    let joint = prop_oneof![Just(" "), Just("\n"), Just(", "), Just(""), Just(" | "), Just(": ")];
    proptest::collection::vec((one, joint), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(text, joint)| text + joint).collect())
}

static REFERENCE: std::sync::LazyLock<reference::Reference> = std::sync::LazyLock::new(reference::Reference::new);

/// Where the engine and the plain reading of the rules differ: candidates that only one of them has.
pub(super) fn differences(detector: &Detector, text: &str, field: Option<&str>) -> Vec<String> {
    let mut engine = Vec::new();
    detector.candidates(text, Hint { field }, &mut engine);
    reference::sort(&mut engine);
    let slow = REFERENCE.candidates(text, field);
    let show = |who: &str, f: &Finding| {
        let found = &text[f.start as usize..f.end as usize];
        format!(
            "only {who}: {} {found:?} at {} ({} %, {:?})",
            detector.rule(f.rule).name,
            f.start,
            f.confidence,
            f.evidence
        )
    };
    let extra = engine.iter().filter(|f| !slow.contains(f)).map(|f| show("the engine", f));
    let lacking = slow.iter().filter(|f| !engine.contains(f) && !REFERENCE.knows_more(f.rule));
    extra.chain(lacking.map(|f| show("the reference", f))).collect()
}

#[test]
fn the_engine_reads_an_example_otherwise_than_its_rule_says() {
    let detector = Detector::builtin();
    let examples = detector.rules().iter().flat_map(|rule| rule.examples.iter().chain(rule.counterexamples));
    let wrong = examples.filter_map(|example| {
        let text = plain(example);
        let differences = differences(&detector, &text, None);
        (!differences.is_empty()).then(|| format!("{text:?}: {differences:#?}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The comparison is not one of nothing with nothing.
    let hits = detector.rules().iter().flat_map(|rule| rule.examples);
    let unclaimed = hits.filter(|example| REFERENCE.candidates(&plain(example), None).is_empty());
    assert_eq!(unclaimed.collect::<Vec<_>>(), Vec::<&&str>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // INVARIANT: the engine finds what the rules say, no more and no less, on texts of any shape.
    #[test]
    fn the_engine_is_quick_but_wrong_on_mutated_examples(text in mutated(), field in proptest::option::of("ssn|dob|npi|phone|full name|userPassword|[a-z_ ]{0,9}")) {
        let wrong = differences(&Detector::builtin(), &text, field.as_deref());
        prop_assert!(wrong.is_empty(), "{text:?}\n{}", wrong.join("\n"));
    }

    #[test]
    fn the_engine_is_quick_but_wrong_on_random_text(text in pieces()) {
        let wrong = differences(&Detector::builtin(), &text, None);
        prop_assert!(wrong.is_empty(), "{text:?}\n{}", wrong.join("\n"));
    }
}
