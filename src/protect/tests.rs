//! What would be wrong in the world: a value lost, shown to the wrong one, or taken for another.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::treat::protect_with;
use super::*;
use crate::event::{self, Event, Format, Limits, Position, RawRecord, Selectors, Shape};
use crate::sensitive::Sensitive;

fn record(value: impl AsRef<[u8]>) -> RawRecord {
    RawRecord {
        position: Position { topic: Arc::from("prompts"), partition: 0, offset: 7 },
        timestamp_ms: None,
        key: None,
        value: Some(Sensitive::new(value.as_ref().to_vec())),
        headers: Vec::new(),
    }
}

fn decode(record: &RawRecord) -> Event<'_> {
    event::decode(record, &Shape::new(Format::Json, Selectors::default(), &[], Limits::default())).unwrap()
}

/// A world with one tenant, one subject, one bucket; tests change one thing of it.
struct World {
    keys: SealingKeys,
    tenant_keys: SealingKeys,
    digest_key: DigestKey,
    tenant: TenantId,
    subject: KeyId,
    bucket: BucketId,
    audiences: Vec<Arc<str>>,
    scope: Scope,
}

fn keys(subject: u8, generation: u32, bucket: u8) -> SealingKeys {
    SealingKeys::derive(&Zeroizing::new([subject; 32]), generation, &Zeroizing::new([bucket; 32]))
}

fn world() -> World {
    World {
        keys: keys(1, 1, 1),
        tenant_keys: keys(9, 1, 1),
        digest_key: DigestKey::new(&Zeroizing::new([7; 32])),
        tenant: TenantId::new("acme").unwrap(),
        subject: KeyId([3; 16]),
        bucket: BucketId { class: "30d".into(), index: 5 },
        audiences: vec!["support".into(), "audit".into()],
        scope: Scope::Conversation,
    }
}

impl World {
    fn sealer(&self) -> Sealer<'_> {
        Sealer {
            keys: Some(&self.keys),
            tenant_keys: Some(&self.tenant_keys),
            digest_key: &self.digest_key,
            tenant: Some(&self.tenant),
            subject: Some(self.subject),
            bucket: &self.bucket,
            scope: self.scope,
            scope_id: b"c-1",
            audiences: &self.audiences,
        }
    }

    fn reader(&self, audience: &'static str) -> Reader<'_> {
        Reader { tenant: &self.tenant, subject: self.subject, audience }
    }
}

/// Work on every occurrence of a text in an event.
fn find<'w>(event: &Event<'_>, text: &str, kind: &'w str, action: Action) -> Vec<Work<'w>> {
    let mut work = Vec::new();
    for (slot, found) in event.slots().iter().enumerate() {
        for (start, _) in found.text.reveal().match_indices(text) {
            let range = start..start + text.len();
            work.push(Work { slot, range, kind, action: action.clone(), audiences: 1 });
        }
    }
    work
}

fn text(event: &Event<'_>, edits: &[Edit]) -> String {
    String::from_utf8(event.encode(edits).value).unwrap()
}

/// Sanitises a value by tokens for one text; gives what stands there now and the sidecar.
fn sanitised(world: &World, value: &str, find_text: &str) -> (String, Sidecar) {
    let record = record(value);
    let event = decode(&record);
    let protected = protect(&event, &find(&event, find_text, "EMAIL", Action::Token), &world.sealer());
    (text(&event, &protected.edits), Sidecar::parse(&protected.sidecar.unwrap()).unwrap())
}

const VALUE: &str = r#"{"to":"ada@example.org","text":"Write to ada@example.org, or Ada@Example.org."}"#;

#[test]
fn one_value_has_one_token_and_each_way_of_writing_it_comes_back() {
    let world = world();
    let record = record(VALUE);
    let event = decode(&record);
    let mut work = find(&event, "ada@example.org", "EMAIL", Action::Token);
    work.extend(find(&event, "Ada@Example.org", "EMAIL", Action::Token));
    let protected = protect(&event, &work, &world.sealer());
    assert_eq!(protected.counts, Counts { token: 3, ..Counts::default() });
    let out = text(&event, &protected.edits);
    let tokens: Vec<&str> = token::token_shaped(&out).map(|range| &out[range]).collect();
    let [first, second, third] = tokens.as_slice() else { panic!("{out}") };
    assert_eq!(first, second);
    // The other spelling has the same code, and two symbols more.
    assert!(third.len() == first.len() + 2 && third.starts_with(first.trim_end_matches(']')), "{out}");
    let sidecar = Sidecar::parse(&protected.sidecar.unwrap()).unwrap();
    let second = super::tests::record(&out);
    let event = decode(&second);
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!(text(&event, &restored.edits), VALUE);
    assert_eq!((restored.restored, restored.unresolved, restored.refused.len()), (3, 0, 0));
}

#[test]
fn nothing_is_restored_for_the_wrong_reader_key_or_place() {
    let world = world();
    let (out, sidecar) = sanitised(&world, VALUE, "ada@example.org");
    let sanitised = record(&out);
    let event = decode(&sanitised);
    let other_tenant = TenantId::new("acme2").unwrap();
    let mut moved = sidecar.clone();
    moved.head.tenant = other_tenant.clone();
    let mut relabelled = sidecar.clone();
    relabelled.entries[0].mask = 0xff;
    let mut renamed = sidecar.clone();
    renamed.head.audiences = vec!["intruder".into(), "audit".into()];
    let mut of_kind = sidecar.clone();
    of_kind.entries[0].kind = "PHONE".into();
    let mut of_bucket = sidecar.clone();
    of_bucket.head.bucket.index += 1;
    let mut claimed = sidecar.clone();
    claimed.head.commitment = *keys(2, 1, 1).commitment();
    let (key, wrong_key, renewed) = (&world.keys, &keys(2, 1, 1), &keys(1, 2, 1));
    let reader = |audience| world.reader(audience);
    for (sidecar, key, reader, reason) in [
        (&sidecar, key, reader("audit"), Reason::Audience),
        (&sidecar, key, reader("nobody"), Reason::Audience),
        (&sidecar, key, Reader { tenant: &other_tenant, ..reader("support") }, Reason::Foreign),
        (&sidecar, key, Reader { subject: KeyId([4; 16]), ..reader("support") }, Reason::Foreign),
        (&moved, key, Reader { tenant: &other_tenant, ..reader("support") }, Reason::Altered),
        (&sidecar, wrong_key, reader("support"), Reason::Key),
        (&sidecar, renewed, reader("support"), Reason::Key),
        (&relabelled, key, reader("audit"), Reason::Altered),
        (&renamed, key, reader("intruder"), Reason::Altered),
        (&of_kind, key, reader("support"), Reason::Altered),
        (&of_bucket, key, reader("support"), Reason::Altered),
        (&claimed, key, reader("support"), Reason::Key),
        (&claimed, wrong_key, reader("support"), Reason::Altered),
    ] {
        let restored = restore(&event, &[(sidecar, key)], &reader);
        assert_eq!((restored.restored, restored.edits.len()), (0, 0), "{reason:?}");
        assert_eq!(restored.refused.iter().map(|(_, why)| *why).collect::<Vec<_>>(), [reason]);
    }
}

#[test]
fn a_token_that_someone_writes_is_worth_nothing() {
    let world = world();
    let forged = r#"{"text":"[EMAIL_7K3QF2MM] [EMAIL_7K3QF2]"}"#;
    let sanitised = record(forged);
    let event = decode(&sanitised);
    let restored = restore(&event, &[], &world.reader("support"));
    assert_eq!((restored.restored, restored.unresolved), (0, 2));
    // Another event's token, with this event's own sidecar.
    let (_, sidecar) = self::sanitised(&world, r#"{"to":"ada@example.org"}"#, "ada@example.org");
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!((restored.restored, restored.unresolved), (0, 2));
    // A token of another event renamed in the sidecar to the one in the text.
    let mut renamed = sidecar.clone();
    renamed.entries[0].stand_in = "[EMAIL_7K3QF2]".into();
    let restored = restore(&event, &[(&renamed, &world.keys)], &world.reader("support"));
    assert_eq!((restored.restored, restored.refused), (0, vec![("EMAIL".to_owned(), Reason::Altered)]));
}

#[test]
fn a_token_that_stands_in_the_input_is_not_given_to_a_value() {
    let world = world();
    let (out, _) = sanitised(&world, r#"["ada@example.org"]"#, "ada@example.org");
    let token = out.trim_matches(['[', ']']).trim_matches('"').to_owned();
    let value = format!(r#"["ada@example.org","said {token}"]"#);
    let (out, sidecar) = sanitised(&world, &value, "ada@example.org");
    assert!(out.contains(&format!("said {token}")) && out.matches(&token).count() == 1, "{out}");
    let sanitised = record(&out);
    let event = decode(&sanitised);
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!(text(&event, &restored.edits), value);
    assert_eq!((restored.restored, restored.unresolved), (1, 1));
}

#[test]
fn two_sidecars_that_disagree_restore_nothing() {
    let mut world = world();
    world.scope = Scope::Subject;
    let (out, one) = sanitised(&world, r#"["ada@example.org"]"#, "ada@example.org");
    // The same value written otherwise: another event, the same token.
    let (same, two) = sanitised(&world, r#"["ADA@example.org"]"#, "ADA@example.org");
    assert_eq!(out, same);
    let (_, again) = sanitised(&world, r#"{"x":"ada@example.org"}"#, "ada@example.org");
    let sanitised = record(&out);
    let event = decode(&sanitised);
    let key = &world.keys;
    let restored = restore(&event, &[(&one, key), (&two, key)], &world.reader("support"));
    assert_eq!((restored.restored, restored.refused), (0, vec![("EMAIL".to_owned(), Reason::Conflict)]));
    let restored = restore(&event, &[(&one, key), (&again, key)], &world.reader("support"));
    assert_eq!((restored.restored, restored.refused.len()), (1, 0));
}

#[test]
fn without_keys_tenant_or_subject_nothing_reversible_is_made() {
    let world = world();
    let record = record(VALUE);
    let event = decode(&record);
    let sealer = world.sealer();
    for sealer in [
        Sealer { keys: None, ..sealer },
        Sealer { tenant: None, ..sealer },
        Sealer { subject: None, ..sealer },
        Sealer { tenant_keys: None, scope: Scope::Tenant, ..sealer },
    ] {
        for action in [Action::Token, Action::Surrogate] {
            let protected = protect(&event, &find(&event, "ada@example.org", "EMAIL", action), &sealer);
            assert_eq!(text(&event, &protected.edits), VALUE.replace("ada@example.org", "[EMAIL]"));
            assert_eq!((protected.sidecar, protected.counts.redact), (None, 2));
        }
    }
}

#[test]
fn headers_and_keys_are_redacted_for_good_and_numbers_become_one_token() {
    let world = world();
    let mut record = record(r#"{"card":4111111111111111,"name":{"ada@example.org":1}}"#);
    record.key = Some("ada@example.org".into());
    record.headers = vec![event::RawHeader { name: "x-mail".into(), value: Some("ada@example.org".into()) }];
    let event = decode(&record);
    let mut work = find(&event, "ada@example.org", "EMAIL", Action::Token);
    work.extend(find(&event, "4111", "CREDIT_CARD", Action::Token));
    let protected = protect(&event, &work, &world.sealer());
    assert_eq!(protected.counts, Counts { token: 2, redact: 2, ..Counts::default() });
    let out = event.encode(&protected.edits);
    assert_eq!(out.key.unwrap(), b"[EMAIL]");
    assert_eq!(out.headers[0].1.as_deref(), Some(b"[EMAIL]".as_slice()));
    let sidecar = Sidecar::parse(&protected.sidecar.unwrap()).unwrap();
    let sanitised = RawRecord { value: Some(out.value.into()), ..record.clone() };
    let event = decode(&sanitised);
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!(event.encode(&restored.edits).value, record.value.as_ref().unwrap().reveal());
}

#[test]
fn what_is_hashed_or_masked_tells_no_more_than_it_should() {
    let world = world();
    let record = record(r#"["ada@example.org","Ada@example.org","eve@example.org"]"#);
    let event = decode(&record);
    let mut work = Vec::new();
    for slot in 0..3 {
        let range = 0..event.slots()[slot].text.len();
        work.push(Work { slot, range, kind: "EMAIL", action: Action::Hash, audiences: 0 });
    }
    let protected = protect(&event, &work, &world.sealer());
    let out = text(&event, &protected.edits);
    let hashes: Vec<&str> = out.trim_matches(['[', ']']).split(',').collect();
    assert!(hashes[0] == hashes[1] && hashes[0] != hashes[2], "{out}");
    assert_eq!(hashes[0].len(), "\"[EMAIL#0123456789abcdef]\"".len());
    assert_eq!(protected.sidecar, None);
}

#[test]
fn a_surrogate_reads_like_the_real_thing_and_comes_back() {
    let world = world();
    let value = r#"{"text":"Ada Lovelace (ada@example.org, born 1990-12-31), xAda Lovelace, key sk-1, sub u-17."}"#;
    let record = record(value);
    let event = decode(&record);
    let mut work = find(&event, "Ada Lovelace", "PERSON", Action::Surrogate);
    work.extend(find(&event, "ada@example.org", "EMAIL", Action::Surrogate));
    work.extend(find(&event, "1990-12-31", "DATE_OF_BIRTH", Action::Surrogate));
    work.extend(find(&event, "sk-1", "API_KEY", Action::Surrogate));
    work.extend(find(&event, "u-17", "SUBJECT", Action::Reference(world.subject.reference().into())));
    let protected = protect(&event, &work, &world.sealer());
    // A name that runs into other letters, and a kind that has no surrogate, get tokens.
    assert_eq!(protected.counts, Counts { surrogate: 3, token: 2, reference: 1, ..Counts::default() });
    let out = text(&event, &protected.edits);
    assert!(
        !out.contains("Ada") && !out.contains("u-17") && out.contains("@example.") && out.contains("x[PERSON_"),
        "{out}"
    );
    let sidecar = Sidecar::parse(&protected.sidecar.unwrap()).unwrap();
    let sanitised = self::record(&out);
    let event = decode(&sanitised);
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!(text(&event, &restored.edits), value);
}

#[test]
fn values_of_tool_arguments_come_back_to_the_byte() {
    let world = world();
    let value = r#"{"arguments":"{\"to\":\"ada\\u0040example.org\",\"phone\": 4420794609 }"}"#;
    let record = record(value);
    let event = decode(&record);
    let mut work = find(&event, "ada@example.org", "EMAIL", Action::Token);
    work.extend(find(&event, "4420794609", "PHONE", Action::Token));
    let protected = protect(&event, &work, &world.sealer());
    let out = text(&event, &protected.edits);
    let outer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let inner: HashMap<String, String> = serde_json::from_str(outer["arguments"].as_str().unwrap()).unwrap();
    assert!(inner["phone"].starts_with("[PHONE_") && inner["to"].starts_with("[EMAIL_"));
    let sidecar = Sidecar::parse(&protected.sidecar.unwrap()).unwrap();
    let sanitised = self::record(&out);
    let event = decode(&sanitised);
    let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
    assert_eq!(text(&event, &restored.edits), value);
}

const KINDS: [&str; 6] = ["EMAIL", "PERSON", "PHONE", "CREDIT_CARD", "API_KEY", "IBAN"];

/// Works on random spans: (start, end, kind, whether a surrogate) of each slot in turn.
type Picks = Vec<(prop::sample::Index, prop::sample::Index, usize, bool)>;

fn picks() -> impl Strategy<Value = Picks> {
    prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..KINDS.len(), any::<bool>()),
        1..6,
    )
}

fn works(event: &Event<'_>, picks: &Picks) -> Vec<Work<'static>> {
    let mut work = Vec::new();
    for ((slot, found), (start, end, kind, surrogate)) in event.slots().iter().enumerate().zip(picks.iter().cycle()) {
        let text = found.text.reveal();
        let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (start, end) = (borders[start.index(borders.len())], borders[end.index(borders.len())]);
        let range = start.min(end)..start.max(end);
        if !range.is_empty() {
            let action = if *surrogate { Action::Surrogate } else { Action::Token };
            work.push(Work { slot, range, kind: KINDS[*kind], action, audiences: 1 });
        }
    }
    work
}

proptest! {
    #[test]
    fn what_is_protected_and_restored_is_the_same_bytes_and_so_is_a_replay(
        value in crate::event::arbitrary::document(),
        picks in picks(),
        scope in prop::sample::select(vec![Scope::Event, Scope::Conversation, Scope::Subject, Scope::Tenant]),
    ) {
        let world = World { scope, ..world() };
        let first = record(&value);
        let event = decode(&first);
        let mut work = works(&event, &picks);
        let protected = protect(&event, &work, &world.sealer());
        let out = event.encode(&protected.edits).value;
        work.reverse();
        let again = protect(&event, &work, &world.sealer());
        prop_assert_eq!(&again.sidecar, &protected.sidecar);
        prop_assert_eq!(&event.encode(&again.edits).value, &out);
        if let Some(sidecar) = protected.sidecar {
            let sidecar = Sidecar::parse(&sidecar).unwrap();
            let second = record(&out);
            let event = decode(&second);
            let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
            prop_assert_eq!(text(&event, &restored.edits), value);
        }
    }

    #[test]
    fn two_values_never_share_a_token_even_where_their_codes_meet(
        value in crate::event::arbitrary::document(),
        picks in picks(),
        symbols in 0usize..3,
    ) {
        let world = world();
        let first = record(&value);
        let event = decode(&first);
        let protected = protect_with(&event, &works(&event, &picks), &world.sealer(), symbols);
        let mut meanings: HashMap<String, (u8, Sensitive)> = HashMap::new();
        for edit in &protected.edits {
            let crate::event::Replacement::Text(with) = &edit.with else { unreachable!() };
            let original = event.original(edit.slot, edit.range.clone());
            let meaning = (original.form, original.bytes);
            let known = meanings.entry(with.clone()).or_insert_with(|| meaning.clone());
            prop_assert_eq!(&*known, &meaning);
        }
    }

    #[test]
    fn a_sidecar_with_a_flipped_bit_restores_nothing_wrong(at: prop::sample::Index, bit in 0u8..8) {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let world = world();
        let record = record(VALUE);
        let event = decode(&record);
        let protected = protect(&event, &find(&event, "ada@example.org", "EMAIL", Action::Token), &world.sealer());
        let mut bytes = URL_SAFE_NO_PAD.decode(&protected.sidecar.unwrap()[3..]).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let sanitised = self::record(event.encode(&protected.edits).value);
        let event = decode(&sanitised);
        if let Ok(sidecar) = Sidecar::parse(&format!("v1.{}", URL_SAFE_NO_PAD.encode(bytes))) {
            let restored = restore(&event, &[(&sidecar, &world.keys)], &world.reader("support"));
            prop_assert_eq!(restored.restored, 0);
        }
    }
}
