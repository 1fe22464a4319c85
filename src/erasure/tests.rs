//! Requests as they come, crashes at every step, and receipts in the hands of whoever would change them.

use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::audit::{Chain, Moment, Name, Outcome, PipelineRef, Source};
use crate::event::{Position, TenantId};
use crate::keys::SigningKey;
use crate::keys::{DigestKey, Fence, KeyId};

const NOW: Moment = Moment(1_795_239_102_007);
const CANARY: &str = "ada.lovelace@example.org";

fn position() -> Position {
    Position { topic: "erasure.requests".into(), partition: 0, offset: 17 }
}

fn digests() -> DigestKey {
    DigestKey::new(&Zeroizing::new([7; 32]))
}

fn parse(value: &[u8]) -> Result<Request, Rejected> {
    Request::parse(Some(value), &position(), NOW, &digests(), None)
}

fn request() -> Request {
    let value = json!({"request_id": "r-1", "tenant": "acme", "subject": CANARY, "reason": "gdpr_17_1_b",
        "requested_at": "2026-11-20T00:00:00Z", "identity_verification": "email_link"});
    parse(value.to_string().as_bytes()).unwrap()
}

fn destruction(generations: &[u32]) -> Destruction {
    Destruction {
        epoch: 4,
        generations: generations.to_vec(),
        page: Some(Name::fixed("00112233445566aa")),
        root: Some(Name::fixed("00112233445566bb")),
        keeper: RootKeeper { provider: Name::fixed("file"), irreversible: Irreversibility::FileOverwritten },
        tried: Some(Tried { attempts: 3, failed: 3 }),
    }
}

fn key() -> SigningKey {
    SigningKey::new(&Zeroizing::new([5; 32]))
}

/// What a driver would report when it has carried an effect out.
fn answer(effect: &Effect) -> Input {
    match effect {
        Effect::Verify => Input::Verified { method: Name::fixed("document") },
        Effect::Fence { through_ms, .. } => Input::Fenced(Fence { erased_through_ms: *through_ms, generation: 1 }),
        Effect::Destroy { .. } => Input::Destroyed(destruction(&[1])),
        Effect::Wait { for_ms, .. } => Input::Waited { waited_ms: *for_ms },
        Effect::Receipt(_) => Input::Committed,
    }
}

/// Runs a request to its end; gives the receipt and the state.
fn run(machine: &Machine, request: Request) -> (Receipt, State) {
    let (mut step, mut receipt, mut now) = (machine.receive(None, request, NOW).unwrap(), None, NOW);
    while let Some(effect) = step.effect {
        now = Moment(now.0 + 10);
        let input = answer(&effect);
        if let Effect::Receipt(ready) = effect {
            receipt = Some(*ready);
        }
        step = machine.step(step.state, input, now);
    }
    (receipt.unwrap(), step.state)
}

fn machine() -> Machine {
    Machine::new(Settings { controller: Name::new("acme-gmbh"), ..Settings::default() })
}

#[test]
fn a_malformed_request_is_carried_out_or_quoted() {
    let big = format!("{{\"subject\":\"{}\"}}", "x".repeat(REQUEST_LIMIT_BYTES));
    #[rustfmt::skip]
    let cases: &[(&str, Refusal)] = &[
        ("", Refusal::RequestEmpty),
        (&big, Refusal::RequestTooLarge),
        ("ada.lovelace@example.org", Refusal::RequestNotJson),
        ("[\"ada.lovelace@example.org\"]", Refusal::RequestNotJson),
        (r#"{"tenant":"acme","subject":"ada.lovelace@example.org","request_id":"ada.lovelace@example.org"}"#, Refusal::RequestBadId),
        (r#"{"subject":"ada.lovelace@example.org"}"#, Refusal::RequestMissingTenant),
        (r#"{"tenant":"ada.lovelace@example.org","subject":"u"}"#, Refusal::RequestBadTenant),
        (r#"{"tenant":"acme"}"#, Refusal::RequestMissingSubject),
        (r#"{"tenant":"acme","subject":""}"#, Refusal::RequestBadSubject),
        (r#"{"tenant":"acme","subject":17}"#, Refusal::RequestBadSubject),
        (r#"{"tenant":"acme","subject":"u","reason":"ada.lovelace@example.org asked"}"#, Refusal::RequestUnknownReason),
        (r#"{"tenant":"acme","subject":"u","legal_ground":"gdpr_17_1_g"}"#, Refusal::RequestUnknownReason),
        (r#"{"tenant":"acme","subject":"u","requested_at":"yesterday"}"#, Refusal::RequestBadTime),
        (r#"{"tenant":"acme","subject":"u","erase_through":"2100-01-01T00:00:00Z"}"#, Refusal::RequestFutureFence),
        (r#"{"tenant":"acme","subject":"u","identity_verification":"saw the passport"}"#, Refusal::RequestBadVerification),
    ];
    for (value, code) in cases {
        let rejected = parse(value.as_bytes()).unwrap_err();
        assert_eq!(rejected.code, *code, "{code:?}");
        assert_eq!(serde_json::to_value(code).unwrap(), code.code());
        let receipt = Receipt::refusal(&rejected, NOW, machine().settings());
        let signed = String::from_utf8(sign(&receipt, &key())).unwrap();
        assert!(!signed.contains("ada.lovelace") && !format!("{rejected:?}").contains("ada.lovelace"), "{signed}");
        assert_eq!(receipt.code, Some(Name::fixed(code.code())));
    }
    assert_eq!(Request::parse(None, &position(), NOW, &digests(), None).unwrap_err().code, Refusal::RequestEmpty);
}

#[test]
fn a_request_and_its_reference_name_different_keys() {
    let tenant = TenantId::new("acme").unwrap();
    let id = digests().key_id(&tenant, CANARY.as_bytes());
    let by_reference = json!({"tenant": "acme", "subject": id.reference(), "note": "unknown members are ignored"});
    let by_reference = parse(by_reference.to_string().as_bytes()).unwrap();
    assert_eq!((request().subject, by_reference.subject), (id, id));
    assert_eq!(by_reference.id.as_str(), "erasure.requests-0-17");
    assert_eq!((by_reference.reason, request().legal_ground), (Ground::Unspecified, Ground::ConsentWithdrawn));
    let untold = Request::parse(Some(br#"{"subject":"u"}"#), &position(), NOW, &digests(), Some(&tenant)).unwrap();
    assert_eq!(untold.tenant, tenant);
}

#[test]
fn what_is_remembered_or_certified_tells_the_subject() {
    let (receipt, state) = run(&machine(), request());
    let bytes = String::from_utf8(state.to_bytes()).unwrap();
    let fact = receipt.fact(b"signed", &position(), NOW, pipeline());
    for text in [bytes, format!("{state:?} {receipt:?} {fact:?}"), String::from_utf8(sign(&receipt, &key())).unwrap()] {
        assert!(!text.contains("lovelace"), "{text}");
        assert!(text.contains("sub_"));
    }
}

fn pipeline() -> PipelineRef {
    PipelineRef { name: Name::fixed("erasure"), digest: Name::fixed("0f3a"), names: None }
}

#[test]
fn a_request_ends_without_saying_what_was_done() {
    let (receipt, state) = run(&machine(), request());
    assert_eq!((state.phase(), receipt.outcome), (Phase::Receipted, ReceiptOutcome::Destroyed));
    let done = receipt.destroyed.clone().unwrap();
    assert_eq!((done.epoch, done.generations, done.fence.erased_through), (4, vec![1], NOW));
    assert_eq!(done.caches, Caches { lease_ms: 30_000, waited_ms: 32_000 });
    assert_eq!(receipt.request.deadline.to_string(), "2026-12-21T05:31:42.007Z");
    assert!(receipt.not_covered.contains(&NotCovered::RootBackups));
    let fact = receipt.fact(&sign(&receipt, &key()), &position(), NOW, pipeline());
    assert_eq!((fact.outcome, fact.erasure.unwrap().epoch), (Outcome::Erased, Some(4)));
}

#[test]
fn a_root_that_can_still_come_back_is_passed_over_in_silence() {
    let machine = machine();
    let mut step = machine.receive(None, request(), NOW).unwrap();
    let pending = Irreversibility::Pending { until: Moment(NOW.0 + 7 * 86_400_000) };
    while let Some(effect) = step.effect.clone().filter(|effect| !matches!(effect, Effect::Receipt(_))) {
        let mut input = answer(&effect);
        if let Input::Destroyed(destruction) = &mut input {
            *destruction = Destruction {
                keeper: RootKeeper { provider: Name::fixed("aws_kms"), irreversible: pending },
                generations: Vec::new(),
                ..destruction.clone()
            };
        }
        step = machine.step(step.state, input, NOW);
    }
    let Some(Effect::Receipt(receipt)) = step.effect else { panic!("no receipt") };
    assert!(receipt.not_covered.contains(&NotCovered::PendingRoot));
    assert_eq!(receipt.outcome, ReceiptOutcome::NothingHeld);
    assert_valid(&sign(&receipt, &key()));
}

#[test]
fn a_legal_hold_is_ignored_before_the_fence_or_undoes_one() {
    let machine = Machine::new(Settings { publisher_verifies: false, ..Settings::default() });
    let hold = || Input::Hold { reference: Name::fixed("case-9") };
    let step = machine.receive(None, request(), NOW).unwrap();
    assert_eq!(step.effect, Some(Effect::Verify));
    let held = machine.step(step.state, hold(), NOW);
    assert_eq!((held.state.phase(), held.effect.as_ref(), held.state.hold().is_some()), (Phase::Held, None, true));
    let fence = Input::Fenced(Fence { erased_through_ms: NOW.0, generation: 1 });
    assert_eq!(machine.step(held.state.clone(), fence.clone(), NOW), held);
    let released = machine.step(held.state, Input::Release, NOW);
    assert_eq!(released.effect, Some(Effect::Verify));
    let verified = machine.step(released.state, answer(&Effect::Verify), NOW);
    let fenced = machine.step(verified.state, fence, NOW);
    assert_eq!(machine.step(fenced.state.clone(), hold(), NOW), fenced);
}

#[test]
fn a_receipt_is_given_too_early_or_for_too_little() {
    let machine = machine();
    let received = machine.receive(None, request(), NOW).unwrap();
    let short = Input::Fenced(Fence { erased_through_ms: NOW.0 - 1, generation: 1 });
    assert_eq!(machine.step(received.state.clone(), short, NOW), received, "a fence that reaches less far");
    assert_eq!(machine.step(received.state.clone(), Input::Destroyed(destruction(&[1])), NOW), received, "no fence");
    let fenced = machine.step(received.state, answer(&received.effect.unwrap()), NOW);
    let destroyed = machine.step(fenced.state, Input::Destroyed(destruction(&[1])), NOW);
    let later = Moment(NOW.0 + 86_400_000);
    let early = machine.step(destroyed.state.clone(), Input::Waited { waited_ms: machine.settle_ms() - 1 }, later);
    assert_eq!(early, destroyed, "the lease has not passed, whatever the wall clock says");
    let settled = machine.step(destroyed.state, Input::Waited { waited_ms: machine.settle_ms() }, Moment(0));
    assert!(settled.state.times().settled >= settled.state.times().destroyed, "time runs backwards in a receipt");
}

#[test]
fn a_duplicate_gets_another_receipt_or_a_reused_id_another_subjects() {
    let machine = machine();
    let (receipt, state) = run(&machine, request());
    let changed = Machine::new(Settings { lease_ms: 1, controller: None, ..Settings::default() });
    let joined = changed.receive(Some(state.clone()), request(), Moment(NOW.0 + 1)).unwrap();
    assert_eq!(joined, Step { state: state.clone(), effect: Some(Effect::Receipt(Box::new(receipt))) });
    let other = Request { subject: KeyId([9; 16]), ..request() };
    let rejected = machine.receive(Some(state), other, NOW).unwrap_err();
    assert_eq!(rejected.code, Refusal::RequestIdReused);
    let other_tenant = TenantId::new("other").unwrap();
    assert_ne!(State::key(&request().tenant, &request().id), State::key(&other_tenant, &request().id));
}

#[test]
fn a_state_of_another_version_is_read_as_this_one() {
    let state = run(&machine(), request()).1;
    assert_eq!(State::from_bytes(&state.to_bytes()), Some(state.clone()));
    let mut value: Value = serde_json::from_slice(&state.to_bytes()).unwrap();
    value["v"] = 2.into();
    assert_eq!(State::from_bytes(value.to_string().as_bytes()), None);
    assert_eq!(State::from_bytes(b"{}"), None);
}

fn assert_valid(signed: &[u8]) {
    let schema: Value = serde_json::from_str(include_str!("../../schemas/erasure-receipt.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let value: Value = serde_json::from_slice(signed).unwrap();
    let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut foreign = value;
    foreign["receipt"]["subject_id"] = CANARY.into();
    assert!(!validator.is_valid(&foreign), "a receipt with free text passes the schema");
}

#[test]
fn the_published_schema_describes_another_receipt() {
    let receipt = run(&machine(), request()).0;
    assert_valid(&sign(&receipt, &key()));
    let rejected = parse(b"{}").unwrap_err();
    assert_valid(&sign(&Receipt::refusal(&rejected, NOW, machine().settings()), &key()));
}

#[test]
fn a_receipt_of_another_key_or_form_is_believed() {
    let receipt = run(&machine(), request()).0;
    let (key, other) = (key(), SigningKey::new(&Zeroizing::new([6; 32])));
    let signed = sign(&receipt, &key);
    assert_eq!(signed, sign(&receipt, &key), "the same receipt gives other bytes");
    let read = verify(&signed, &key.public_key()).unwrap();
    assert_eq!(read, Receipt { signer: Some(key_id(&key.public_key())), ..receipt });
    assert_eq!(verify(&signed, &other.public_key()), Err(Unverified::BadSignature));
    assert_eq!(verify(b"{}", &key.public_key()), Err(Unverified::NotSigned));
    assert_eq!(verify(&signed, b"short"), Err(Unverified::BadSignature));
}

#[test]
fn a_fact_of_an_erasure_does_not_fit_the_audit_log() {
    let receipt = run(&machine(), request()).0;
    let mut chain = Chain::genesis(Source::of(&position()));
    chain.append(&receipt.fact(&sign(&receipt, &key()), &position(), NOW, pipeline()));
    let schema: Value = serde_json::from_str(include_str!("../../schemas/audit-segment.schema.json")).unwrap();
    let segment: Value = serde_json::from_slice(&chain.take_segment().unwrap().value).unwrap();
    assert!(jsonschema::draft202012::is_valid(&schema, &segment), "{segment}");
}

proptest! {
    #[test]
    fn a_changed_bit_of_a_receipt_goes_unnoticed(at: prop::sample::Index, bit in 0..8u8) {
        let key = key();
        let mut signed = sign(&run(&machine(), request()).0, &key);
        let place = at.index(signed.len());
        signed[place] ^= 1 << bit;
        prop_assert!(verify(&signed, &key.public_key()).is_err());
    }

    /// A driver that crashes anywhere: before it persists a step, after it did and before the effect, or after the effect and
    /// before it reports. Records come again, several times, and inputs come late.
    #[test]
    fn a_crash_skips_a_step_or_gives_a_second_receipt(moves in prop::collection::vec((0..6u8, 0..5usize), 1..60)) {
        let machine = machine();
        let late = [
            Input::Verified { method: Name::fixed("again") },
            Input::Release,
            Input::Fenced(Fence { erased_through_ms: NOW.0 + 500_000, generation: 1 }),
            Input::Waited { waited_ms: 5 },
            Input::Committed,
        ];
        // What is durable: the state, what the store did (1 fenced, 2 destroyed), and receipts committed to Kafka.
        let (mut durable, mut store, mut receipts): (Option<State>, u8, Vec<Vec<u8>>) = (None, 0, Vec::new());
        let mut pending: Option<Effect> = None;
        let mut now = NOW;
        let finish = std::iter::repeat_n((0, 0), 12);
        for (what, which) in moves.into_iter().chain(finish) {
            now = Moment(now.0 + 7);
            let before = durable.as_ref().map(State::phase);
            match (what, durable.clone()) {
                // A record comes (again), as after every crash.
                (1, known) => {
                    let step = machine.receive(known, request(), now).unwrap();
                    (durable, pending) = (Some(step.state), step.effect);
                }
                (0, None) => {
                    let step = machine.receive(None, request(), now).unwrap();
                    (durable, pending) = (Some(step.state), step.effect);
                }
                // A crash: what is due follows from the durable state alone.
                (2, Some(state)) => pending = machine.due(&state),
                // An effect is carried out, and the crash comes before it is reported.
                (3, Some(_)) | (0, Some(_)) | (4, Some(_)) => {
                    let Some(effect) = pending.clone() else {
                        pending = durable.as_ref().and_then(|state| machine.due(state));
                        continue;
                    };
                    match &effect {
                        Effect::Fence { .. } => store = store.max(1),
                        Effect::Destroy { .. } => {
                            prop_assert!(store >= 1, "destroyed before the fence stood");
                            store = 2;
                        }
                        Effect::Wait { .. } => prop_assert!(store == 2, "waiting for nothing"),
                        Effect::Receipt(receipt) => {
                            prop_assert!(store == 2);
                            receipts.push(sign(receipt, &key()));
                        }
                        Effect::Verify => prop_assert!(false, "the publisher verifies"),
                    }
                    if what != 3 {
                        let step = machine.step(durable.take().unwrap(), answer(&effect), now);
                        (durable, pending) = (Some(step.state), step.effect);
                    }
                }
                // An input of another time.
                (_, Some(state)) => {
                    let step = machine.step(state.clone(), late[which % late.len()].clone(), now);
                    // One of them fits by chance: a fence that reaches further than was asked.
                    let fence_came = state.phase() == Phase::Verified && step.state.phase() == Phase::Fenced;
                    if fence_came {
                        store = store.max(1);
                    }
                    // That a receipt is committed is never reported before it is.
                    if !(state.phase() == Phase::Settled && step.state.phase() == Phase::Receipted) {
                        (durable, pending) = (Some(step.state), step.effect);
                    }
                }
                (_, None) => {}
            }
            let after = durable.as_ref().map(State::phase);
            prop_assert!(after >= before, "a request went back from {before:?} to {after:?}");
            let bytes = durable.as_ref().map(State::to_bytes);
            prop_assert_eq!(bytes.as_deref().and_then(State::from_bytes), durable.clone());
        }
        prop_assert_eq!(durable.unwrap().phase(), Phase::Receipted);
        prop_assert!(!receipts.is_empty());
        prop_assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "two receipts for one request");
    }
}

#[test]
fn the_published_schema_describes_another_request() {
    let schema: Value = serde_json::from_str(include_str!("../../schemas/deletion-request.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let whole = json!({"tenant": "acme", "subject": "u", "reason": "gdpr_17_1_b", "legal_ground": "ccpa", "request_id": "r-1",
        "requested_at": "2026-11-21T05:31:42Z", "erase_through": "2026-11-21T05:31:42Z", "identity_verification": "email_link"});
    assert!(parse(whole.to_string().as_bytes()).is_ok() && validator.is_valid(&whole));
    for (member, wrong) in [
        ("tenant", json!("a b")),
        ("subject", json!(17)),
        ("subject", json!("")),
        ("reason", json!("17.1.b")),
        ("legal_ground", json!("because")),
        ("request_id", json!("r 1")),
        ("requested_at", json!(5)),
        ("identity_verification", json!("saw the passport")),
    ] {
        let mut request = whole.clone();
        request[member] = wrong;
        assert!(parse(request.to_string().as_bytes()).is_err(), "{request}");
        assert!(!validator.is_valid(&request), "the schema lets through what is refused: {request}");
    }
}
