//! The log as an attacker meets it: whatever is changed, dropped, repeated or moved is reported.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::detect::Category;
use crate::event::TenantId;
use crate::keys::KeyId;

fn source(partition: i32) -> Source {
    Source { topic: "prompts.raw.eu".into(), partition }
}

fn pipeline() -> PipelineRef {
    PipelineRef { name: Name::new("chat-prompts").unwrap(), digest: Name::new("0f3a").unwrap(), names: None }
}

fn fact(offset: i64) -> Fact {
    Fact::new(offset, Outcome::Sanitized, Moment(1_795_239_102_007 + offset), pipeline())
}

fn full_fact(offset: i64) -> Fact {
    let found = |kind, treatment| Found {
        kind: Name::fixed(kind),
        treatment: Name::fixed(treatment),
        count: 2,
        confidence: 90,
    };
    Fact {
        code: Some(Name::fixed("too_large")),
        tenant: TenantId::new("acme"),
        subject: Some(KeyId([7; 16])),
        event_at: Some(Moment(1_795_239_100_000)),
        class: Some(Classified {
            level: Name::fixed("confidential"),
            categories: vec![Category::Pii, Category::Secret],
        }),
        region: Some(Name::fixed("eu")),
        basis: Some(Name::fixed("scc")),
        retention: Some(Kept { class: Name::fixed("chat"), expires_at: Some(Moment(1_797_000_000_000)) }),
        destination: Some(Name::fixed("prompts.sanitized.eu")),
        findings: vec![found("EMAIL", "token"), found("AWS_KEY", "redact")],
        notes: vec![Name::fixed("erased_subject"), Name::fixed("header_dropped")],
        firewall: Some(Judged {
            score: 61,
            action: Name::fixed("flag"),
            reasons: vec![Name::fixed("instruction_override")],
        }),
        keys: Some(KeysUsed { generation: 1, bucket: 20_778 }),
        restore: Some(RestoreFact { audience: Name::fixed("support"), restored: 1, refused: 2, unresolved: 3 }),
        erasure: Some(ErasureFact {
            request: Name::fixed("erase-0-17"),
            result: Name::fixed("destroyed"),
            certificate: Name::fixed("cert_abc"),
            receipt_sha256: Fingerprint::of(b"receipt"),
            epoch: Some(3),
            erased_through: Some(Moment(1_795_239_102_007)),
        }),
        output_sha256: Some(Fingerprint::of(b"output")),
        ..fact(offset)
    }
}

fn drain(chain: &mut Chain) -> Vec<Segment> {
    std::iter::from_fn(|| chain.take_segment()).collect()
}

/// A log of small segments of both kinds of facts, two source partitions.
fn log(facts: i64) -> (Vec<Segment>, Vec<(Source, Head)>) {
    let (mut segments, mut heads) = (Vec::new(), Vec::new());
    for partition in [0, 1] {
        let mut chain = Chain::genesis(source(partition)).with_budget_bytes(1_000);
        for offset in 0..facts {
            chain.append(&if offset % 3 == 0 { full_fact(offset * 2) } else { fact(offset * 2) });
        }
        segments.extend(drain(&mut chain));
        heads.push((source(partition), chain.head()));
    }
    (segments, heads)
}

fn verify(segments: &[Segment], heads: &[(Source, Head)]) -> Report {
    let mut verifier = Verifier::new();
    for segment in segments {
        verifier.feed(Some(segment.key.as_bytes()), &segment.value);
    }
    for (source, head) in heads {
        verifier.compare_head(source, *head);
    }
    verifier.report()
}

fn kinds(report: &Report) -> Vec<FaultKind> {
    report.sources.iter().flat_map(|source| source.faults.iter().map(|fault| fault.kind)).collect()
}

/// Takes a segment's facts apart and puts others together, bytes of each unchanged.
fn rebuild(segment: &mut Segment, change: impl FnOnce(&mut Vec<String>)) {
    let unpacked: super::segment::Unpacked<'_> = serde_json::from_slice(&segment.value).unwrap();
    let mut facts = unpacked.facts.iter().map(|fact| fact.get().to_owned()).collect();
    change(&mut facts);
    let source = serde_json::to_string(&unpacked.source).unwrap();
    segment.value = format!("{{\"v\":1,\"source\":{source},\"facts\":[{}]}}", facts.join(",")).into_bytes();
}

#[test]
fn an_untouched_log_is_sound_and_its_facts_read_back_as_they_were() {
    let (segments, heads) = log(20);
    assert!(segments.len() > 4);
    let report = verify(&segments, &heads);
    assert!(report.sound, "{report}");
    assert_eq!(report.sources[0].facts, 20);
    assert_eq!(report.sources[0].offsets, Some((0, 38)));
    assert!(report.to_string().ends_with("source partitions"));
    let unpacked: super::segment::Unpacked<'_> = serde_json::from_slice(&segments[0].value).unwrap();
    assert_eq!(serde_json::from_str::<Fact>(unpacked.facts[0].get()).unwrap(), full_fact(0));
}

#[test]
fn the_published_schema_describes_what_is_written() {
    let schema: Value = serde_json::from_str(include_str!("../../schemas/audit-segment.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for segment in log(5).0 {
        let value: Value = serde_json::from_slice(&segment.value).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut foreign = value;
        foreign["facts"][0]["text"] = "ada@example.org".into();
        assert!(!validator.is_valid(&foreign), "a fact with free text passes the schema");
    }
    let mut chain = Chain::genesis(source(0));
    chain.append(&full_fact(0));
    let value: Value = serde_json::from_slice(&chain.take_segment().unwrap().value).unwrap();
    let listed = schema["$defs"]["fact"]["properties"].as_object().unwrap();
    let written = value["facts"][0].as_object().unwrap();
    assert_eq!(written.keys().collect::<Vec<_>>(), listed.keys().collect::<Vec<_>>(), "a member is never tested");
}

#[test]
fn prose_has_no_way_into_a_name() {
    for text in ["", "call me", "ada@example.org", "a\n", "née", &"x".repeat(321)] {
        assert_eq!(Name::new(text), None, "{text}");
    }
    assert_eq!(Name::new("prompts.sanitized.eu").unwrap().as_str(), "prompts.sanitized.eu");
}

#[test]
fn a_restart_from_metadata_verifies_without_a_gap() {
    let mut first = Chain::genesis(source(0));
    (0..5).for_each(|offset| first.append(&fact(offset)));
    let mut segments = drain(&mut first);
    let metadata = first.head().to_metadata();
    let mut second = Chain::resume(source(0), Head::parse(&metadata).unwrap());
    (5..9).for_each(|offset| second.append(&fact(offset)));
    segments.extend(drain(&mut second));
    let report = verify(&segments, &[(source(0), second.head())]);
    assert!(report.sound, "{report}");
    assert_eq!((report.sources[0].facts, report.sources[0].head.seq), (9, 9));
}

#[test]
fn an_aborted_batch_leaves_no_trace_in_the_chain() {
    let mut kept = Chain::genesis(source(0));
    kept.append(&fact(0));
    let mut segments = drain(&mut kept);
    let mut aborted = kept.clone();
    aborted.append(&full_fact(1));
    drop(aborted);
    assert!(!kept.is_pending());
    kept.append(&fact(1));
    segments.extend(drain(&mut kept));
    assert!(verify(&segments, &[(source(0), kept.head())]).sound);
}

#[test]
fn a_segment_stays_within_its_budget_save_for_one_large_fact() {
    let mut chain = Chain::genesis(source(0)).with_budget_bytes(2_000);
    (0..50).for_each(|offset| chain.append(&fact(offset)));
    let segments = drain(&mut chain);
    assert!(segments.len() > 3 && segments.iter().all(|segment| segment.value.len() <= 2_000));
    let mut narrow = Chain::genesis(source(0)).with_budget_bytes(1);
    (0..3).for_each(|offset| narrow.append(&full_fact(offset)));
    assert_eq!(drain(&mut narrow).len(), 3);
}

#[test]
fn each_fault_is_called_by_its_name() {
    let (whole, heads) = log(12);
    type Change = fn(&mut Vec<Segment>);
    let cases: [(&str, Change, FaultKind); 6] = [
        ("first segment gone", |log| drop(log.remove(0)), FaultKind::MissingStart),
        ("a segment in the middle gone", |log| drop(log.remove(1)), FaultKind::Gap),
        ("last segment gone", |log| drop(log.pop()), FaultKind::MissingEnd),
        ("a segment twice", |log| log.insert(1, log[1].clone()), FaultKind::Fork),
        (
            "a fact changed",
            |log| rebuild(&mut log[0], |facts| facts[0] = facts[0].replacen("sanitized", "blocked", 1)),
            FaultKind::BrokenPrev,
        ),
        (
            "last fact changed",
            |log| {
                let last = log.len() - 1;
                rebuild(&mut log[last], |facts| {
                    let changed = facts.pop().unwrap().replacen("sanitized", "blocked", 1);
                    facts.push(changed);
                });
            },
            FaultKind::HeadDiffers,
        ),
    ];
    for (name, change, kind) in cases {
        let mut segments = whole.clone();
        change(&mut segments);
        let report = verify(&segments, &heads);
        assert!(!report.sound && kinds(&report).contains(&kind), "{name}: {report}");
        assert!(report.to_string().contains("FAULT") && report.to_string().contains("NOT SOUND"));
    }
}

#[test]
fn an_input_with_two_outcomes_is_reported_unless_a_resumption_says_why() {
    let chain_of = |facts: &[Fact]| {
        let mut chain = Chain::genesis(source(0));
        facts.iter().for_each(|fact| chain.append(fact));
        drain(&mut chain)
    };
    let twice = verify(&chain_of(&[fact(4), fact(5), fact(5)]), &[]);
    assert_eq!(kinds(&twice), [FaultKind::RepeatedOffset]);
    let resumed = Fact::new(4, Outcome::Resumed, Moment(0), pipeline());
    let again = verify(&chain_of(&[fact(4), fact(5), resumed, fact(4), fact(5), fact(6)]), &[]);
    assert!(again.sound, "{again}");
    assert_eq!((again.sources[0].resumptions, again.sources[0].reprocessed), (1, 2));
}

#[test]
fn a_growing_log_is_compared_with_the_head_that_was_committed_before() {
    let mut chain = Chain::genesis(source(0));
    chain.append(&fact(0));
    let early = chain.head();
    chain.append(&fact(1));
    let segment = chain.take_segment().unwrap();
    let verdict = |head: Head, before: bool| {
        let mut verifier = Verifier::new();
        if before {
            verifier.compare_head(&source(0), head);
        }
        verifier.feed(Some(segment.key.as_bytes()), &segment.value);
        if !before {
            verifier.compare_head(&source(0), head);
        }
        kinds(&verifier.report())
    };
    assert_eq!(verdict(early, true), []);
    assert_eq!(verdict(Head { hash: Fingerprint::ZERO, ..early }, true), [FaultKind::HeadDiffers]);
    assert_eq!(verdict(early, false), [FaultKind::BeyondHead]);
}

#[test]
fn a_chain_whose_beginning_has_expired_verifies_when_that_is_allowed() {
    let (segments, heads) = log(12);
    let mut verifier = Verifier::new().allow_late_start();
    for segment in &segments[1..] {
        verifier.feed(Some(segment.key.as_bytes()), &segment.value);
    }
    heads.iter().for_each(|(source, head)| verifier.compare_head(source, *head));
    let report = verifier.report();
    assert!(report.sound && report.sources[0].first_seq > 1, "{report}");
}

#[test]
fn what_is_no_segment_is_counted_and_stops_nothing() {
    let (segments, _) = log(3);
    let mut verifier = Verifier::new();
    for value in [
        b"".as_slice(),
        b"null",
        b"{}",
        b"\xff",
        b"{\"v\":1,\"source\":{\"topic\":\"t\",\"partition\":0},\"facts\":[]}",
    ] {
        verifier.feed(Some(b"t-0"), value);
    }
    verifier.feed(None, &segments[0].value);
    verifier.feed(Some(b"prompts.raw.eu-1"), &segments[0].value);
    let report = verifier.report();
    assert_eq!((report.unreadable_segments, report.sound), (7, false));
}

proptest! {
    #[test]
    fn any_flipped_bit_is_reported(at: prop::sample::Index, bit in 0..8u8, in_key in prop::bool::weighted(0.05)) {
        let (mut segments, heads) = log(7);
        let which = at.index(segments.len());
        let segment = &mut segments[which];
        let mut key = segment.key.clone().into_bytes();
        let bytes = if in_key { &mut key } else { &mut segment.value };
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let mut verifier = Verifier::new();
        for (index, segment) in segments.iter().enumerate() {
            verifier.feed(Some(if index == which { &key } else { segment.key.as_bytes() }), &segment.value);
        }
        heads.iter().for_each(|(source, head)| verifier.compare_head(source, *head));
        prop_assert!(!verifier.report().sound);
    }

    #[test]
    fn any_dropped_repeated_or_swapped_segment_is_reported(a: prop::sample::Index, b: prop::sample::Index, how in 0..3) {
        let (mut segments, heads) = log(9);
        let half = segments.len() / 2;
        let (a, b) = (a.index(half), b.index(half));
        match how {
            0 => drop(segments.remove(a)),
            1 => segments.insert(b, segments[a].clone()),
            _ if a != b => segments.swap(a, b),
            _ => return Ok(()),
        }
        prop_assert!(!verify(&segments, &heads).sound);
    }

    #[test]
    fn any_dropped_repeated_or_swapped_fact_is_reported(
        at: prop::sample::Index, a: prop::sample::Index, b: prop::sample::Index, how in 0..3,
    ) {
        let mut chain = Chain::genesis(source(0)).with_budget_bytes(4_000);
        (0..30).for_each(|offset| chain.append(&fact(offset)));
        let mut segments = drain(&mut chain);
        let which = at.index(segments.len());
        let mut changed = true;
        rebuild(&mut segments[which], |facts| {
            let (a, b) = (a.index(facts.len()), b.index(facts.len()));
            match how {
                0 => drop(facts.remove(a)),
                1 => facts.insert(b, facts[a].clone()),
                _ => {
                    facts.swap(a, b);
                    changed = a != b;
                }
            }
        });
        prop_assume!(changed);
        prop_assert!(!verify(&segments, &[(source(0), chain.head())]).sound);
    }
}
