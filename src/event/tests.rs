//! What would be wrong in the world: an event changed where nobody meant to, restored to other bytes, or passed unread.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::arbitrary;

fn record(value: impl AsRef<[u8]>) -> RawRecord {
    RawRecord {
        position: Position { topic: Arc::from("prompts"), partition: 0, offset: 7 },
        timestamp_ms: None,
        key: None,
        value: Some(Sensitive::new(value.as_ref().to_vec())),
        headers: Vec::new(),
    }
}

fn with_headers(value: impl AsRef<[u8]>, headers: &[(&str, &[u8])]) -> RawRecord {
    let header = |(name, value): &(&str, &[u8])| RawHeader {
        name: Sensitive::from(*name),
        value: Some(Sensitive::new(value.to_vec())),
    };
    RawRecord { headers: headers.iter().map(header).collect(), ..record(value) }
}

fn texts<'e>(event: &'e Event<'_>) -> Vec<&'e str> {
    event.slots().iter().map(|slot| slot.text.reveal()).collect()
}

fn selectors(attribute: Attribute, list: &[&str]) -> Shape {
    let list = list.iter().map(|text| text.parse().unwrap()).collect();
    let mut selectors = Selectors::default();
    match attribute {
        Attribute::Subject => selectors.subject = list,
        Attribute::Tenant => selectors.tenant = list,
        Attribute::Conversation => selectors.conversation = list,
        Attribute::Region => selectors.region = list,
        Attribute::Time => selectors.time = list,
    }
    Shape::new(Format::Auto, selectors, &[], Limits::default())
}

const CLOUD_EVENT: &[(&str, &[u8])] = &[("content-type", b"application/cloudevents+json; charset=UTF-8")];

#[test]
fn every_text_of_a_chat_event_is_a_slot_and_the_free_ones_are_listed() {
    let value = r#"{"user":{"id":12345},"messages":[{"role":"user","content":"Hi Ada\n"},
        {"role":"assistant","content":[{"type":"text","text":"Hello"}],"tool_calls":[{"function":{"name":"mail",
        "arguments":"{\"to\":\"ada@example.org\",\"cc\":[\"b\\n\"],\"phone\":5550100}"}}]}],"n":1,"card":4111111111111111,"x":{"k é":true}}"#;
    let record = record(value);
    let event = decode(&record, &Shape::default()).unwrap();
    let found: Vec<_> = event
        .slots()
        .iter()
        .map(|slot| (slot.text.reveal(), slot.field.as_ref().map(|field| field.reveal().to_owned()), slot.listed))
        .collect();
    let expected = [
        ("12345", Some("id"), false),
        ("user", Some("role"), false),
        ("Hi Ada\n", Some("content"), true),
        ("assistant", Some("role"), false),
        ("text", Some("type"), false),
        ("Hello", Some("text"), true),
        ("mail", Some("name"), false),
        ("ada@example.org", Some("to"), true),
        ("cc", Some("arguments"), true),
        ("b\n", Some("cc"), true),
        ("5550100", Some("phone"), false),
        ("card", None, false),
        ("4111111111111111", Some("card"), false),
        ("x", None, false),
        ("k é", Some("x"), false),
    ];
    for (text, field, listed) in expected {
        let listed = listed && text != "cc";
        assert!(found.contains(&(text, field.map(str::to_owned), listed)), "{text} in {found:?}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn text_without_escapes_is_borrowed_even_within_tool_arguments() {
    let record = record(r#"{"arguments":"{\"to\":\"ada@example.org\",\"n\":1234567}"}"#);
    let bytes = record.value.as_ref().unwrap().reveal().as_ptr_range();
    let event = decode(&record, &Shape::default()).unwrap();
    assert_eq!(texts(&event), ["ada@example.org", "1234567"]);
    for slot in event.slots() {
        assert!(bytes.contains(&slot.text.reveal().as_ptr()));
    }
}

fn edit(event: &Event<'_>, find: &str, with: &str) -> Edit {
    let slot = event.slots().iter().position(|slot| slot.text.reveal().contains(find)).unwrap();
    let start = event.slots()[slot].text.reveal().find(find).unwrap();
    Edit { slot, range: start..start + find.len(), with: Replacement::Text(with.into()) }
}

#[test]
fn an_edit_is_escaped_as_its_place_demands_and_touches_nothing_else() {
    for (value, find, with, expected) in [
        (r#"{"a" : "x\u0040y\/z", "b":1.50e0}"#, "@y", "\"", r#"{"a" : "x\"\/z", "b":1.50e0}"#),
        (r#"[12345678 ,2]"#, "12345678", "[CARD_2]", r#"["[CARD_2]" ,2]"#),
        (r#"{"ada@x.org":1}"#, "ada@x.org", "a\nb", r#"{"a\nb":1}"#),
        (r#"{"arguments":"{\"to\":\"ada\"}"}"#, "ada", "a\"b", r#"{"arguments":"{\"to\":\"a\\\"b\"}"}"#),
        (r#"{"arguments":"{\"to\":7654321 }"}"#, "7654321", "[X]", r#"{"arguments":"{\"to\":\"[X]\" }"}"#),
        (
            r#"{"arguments":"{\u0022to\u0022:\u0022a\\nda\u0022}"}"#,
            "\n",
            "-",
            r#"{"arguments":"{\u0022to\u0022:\u0022a-da\u0022}"}"#,
        ),
        ("plain \\n \"text\" ada", "ada", "\n\"", "plain \\n \"text\" \n\""),
        (r#""😀 \ud83d\ude00 ada""#, "😀 ada", "x", r#""😀 x""#),
    ] {
        let record = record(value);
        let event = decode(&record, &Shape::default()).unwrap();
        let encoded = event.encode(&[edit(&event, find, with)]);
        assert_eq!(String::from_utf8(encoded.value).unwrap(), expected);
    }
}

#[test]
fn a_number_that_became_a_token_is_a_number_again() {
    for (value, number) in [
        (r#"{"card": 4111111111111111.0e1 }"#, "4111111111111111.0e1"),
        (r#"{"arguments":"{\"phone\": -7654321}"}"#, "-7654321"),
    ] {
        let first = record(value);
        let event = decode(&first, &Shape::default()).unwrap();
        let slot = event.slots().iter().position(|slot| slot.text.reveal() == number).unwrap();
        let original = event.original(slot, 0..number.len());
        assert_eq!(original.form, Original::NUMBER);
        let token = event.encode(&[Edit { slot, range: 0..number.len(), with: Replacement::Text("[N_2]".into()) }]);
        let second = record(&token.value);
        let event = decode(&second, &Shape::default()).unwrap();
        let slot = event.slots().iter().position(|slot| slot.text.reveal() == "[N_2]").unwrap();
        let back = event.encode(&[Edit { slot, range: 0..5, with: Replacement::Original(original.clone()) }]);
        assert_eq!(String::from_utf8(back.value).unwrap(), value);
        // Within longer text it is digits, and a member name keeps its quotes.
        let third = record(r#"{"[N_2]":"call [N_2] now"}"#);
        let event = decode(&third, &Shape::default()).unwrap();
        let put = |slot, range| Edit { slot, range, with: Replacement::Original(original.clone()) };
        let back = event.encode(&[put(1, 5..10), put(0, 0..5)]);
        assert_eq!(String::from_utf8(back.value).unwrap(), format!(r#"{{"{number}":"call {number} now"}}"#));
    }
}

#[test]
fn what_cannot_be_handled_safely_has_a_code() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let nested = format!(r#"{{"arguments":"{deep}"}}"#);
    let large = "a".repeat((1 << 20) + 1);
    let many = format!("[{}\"\"]", "\"a\",".repeat(1 << 16));
    let structured = |value: &str| with_headers(value, CLOUD_EVENT);
    let cases: Vec<(RawRecord, &str)> = vec![
        (RawRecord { value: None, ..record("") }, "tombstone"),
        (record(""), "empty"),
        (record(b"\xff\xfe{}"), "not_utf8"),
        (record("{\"a\":1"), "not_json"),
        (record("{\"a\":1} x"), "not_json"),
        (record("\u{feff}{\"a\":1}"), "not_json"),
        (record(b"\0\0\0\0\x01{\"a\":\"ada\\u0040x.org\"}"), "not_json"),
        (with_headers("ada", &[("Content-Type", b"application/json")]), "not_json"),
        (record(&deep), "too_deep"),
        (record(&nested), "too_deep"),
        (record(&large), "too_large"),
        (with_headers("{}", &[("x", large.as_bytes())]), "too_large"),
        (record(&many), "too_many_slots"),
        (
            RawRecord { headers: vec![RawHeader { name: Sensitive::new(vec![0xff]), value: None }], ..record("{}") },
            "bad_header",
        ),
        (with_headers("{}", &[("content-type", b"\xff")]), "bad_header"),
        (structured("[]"), "bad_cloudevent"),
        (structured(r#"{"specversion":"1.0","id":"1","source":"/a"}"#), "bad_cloudevent"),
        (
            structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1,"data_base64":"MQ=="}"#),
            "bad_cloudevent",
        ),
        (
            structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"MR=="}"#),
            "bad_cloudevent",
        ),
        (
            structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"e30"}"#),
            "bad_cloudevent",
        ),
        (structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"/w=="}"#), "not_utf8"),
        (structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"ew=="}"#), "not_json"),
        (structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":{}}"#), "bad_cloudevent"),
        (structured(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","id":"2"}"#), "bad_cloudevent"),
        (with_headers("[]", &[("content-type", b"application/cloudevents-batch+json")]), "bad_cloudevent"),
        (with_headers("[]", &[("content-type", b"application/cloudevents+avro")]), "bad_cloudevent"),
    ];
    for (record, code) in cases {
        let why = decode(&record, &Shape::default()).map(|event| event.slots().len()).unwrap_err();
        assert_eq!(why.code(), code, "{why}");
        assert!(why.to_string().contains("\nhelp: "), "{why}");
    }
}

#[test]
fn an_event_says_of_itself_what_its_selectors_find_or_is_refused() {
    use Attribute::{Subject, Tenant, Time};
    let value = r#"{"u":"ada","v":"","w":"eve","o":{"id":7},"d":1,"d":2,"e":1,"e":1,"b":true,"t":"a b","z":null}"#;
    for (attribute, list, expected) in [
        (Subject, vec!["$.v", "$.z", "$.none", "$.u", "$.w"], Ok("ada")),
        (Subject, vec!["$.o.id"], Ok("7")),
        (Subject, vec!["$.d"], Err("ambiguous_attribute")),
        (Subject, vec!["$.u", "$.d"], Ok("ada")),
        (Subject, vec!["$.e"], Ok("1")),
        (Subject, vec!["$.o"], Err("bad_attribute")),
        (Subject, vec!["$.b"], Err("bad_attribute")),
        (Subject, vec!["$..id"], Ok("7")),
        (Subject, vec!["$['u','w']"], Ok("")),
        (Subject, vec!["header:X-User"], Ok("h")),
        (Subject, vec!["header:twice"], Err("ambiguous_attribute")),
        (Subject, vec!["header:binary"], Err("bad_header")),
        (Subject, vec!["ce:subject"], Ok("c")),
        (Subject, vec!["key"], Ok("k")),
        (Subject, vec!["const:x"], Ok("x")),
        (Tenant, vec!["$.t"], Err("bad_attribute")),
        (Time, vec!["$.u"], Err("bad_attribute")),
    ] {
        if list[0].contains(',') {
            assert!(list[0].parse::<Selector>().is_err());
            continue;
        }
        let headers: &[(&str, &[u8])] =
            &[("x-user", b"h"), ("twice", b"1"), ("TWICE", b"2"), ("binary", b"\xff"), ("ce_subject", b"c")];
        let record = RawRecord { key: Some(Sensitive::from("k")), ..with_headers(value, headers) };
        let shape = selectors(attribute, &list);
        let found = decode(&record, &shape).map_err(|why| why.code());
        match (found, expected) {
            (Ok(event), Ok(expected)) => {
                assert_eq!(event.subject().unwrap().reveal(), expected, "{list:?}");
                let marked = event.slots().iter().filter(|slot| slot.attribute == Some(Subject));
                let marked: Vec<_> = marked.map(|slot| slot.text.reveal()).collect();
                assert!(!marked.is_empty() || list[0].starts_with("const"), "{list:?}");
                assert!(marked.iter().all(|text| *text == expected), "{list:?}");
            }
            (found, expected) => assert_eq!(found.map(|_| "").unwrap_err(), expected.unwrap_err(), "{list:?}"),
        }
    }
}

#[test]
fn cloud_events_are_read_the_same_in_both_modes() {
    let data = r#"{"user":"u-1","prompt":"Hi \u0041da"}"#;
    let shape = Shape::new(
        Format::CloudEvents,
        Selectors {
            subject: vec!["$.user".parse().unwrap()],
            tenant: vec!["ce:tenantid".parse().unwrap()],
            time: vec!["ce:time".parse().unwrap()],
            ..Selectors::default()
        },
        &[],
        Limits::default(),
    );
    let envelope =
        r#""specversion":"1.0","id":"1","source":"/a","type":"t","tenantid":"acme","time":"2026-01-02T03:04:05Z""#;
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, data);
    let binary: &[(&str, &[u8])] = &[
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/a"),
        ("ce_type", b"t"),
        ("ce_tenantid", b"acme"),
        ("ce_time", b"2026-01-02T03:04:05Z"),
        ("content-type", b"application/json"),
    ];
    for record in [
        with_headers(data, binary),
        with_headers(format!(r#"{{{envelope},"data":{data}}}"#), CLOUD_EVENT),
        with_headers(format!(r#"{{"data_base64":"{base64}",{envelope}}}"#), CLOUD_EVENT),
        with_headers(format!(r#"{{"data_base64":"{}",{envelope}}}"#, base64.replace('/', "\\/")), CLOUD_EVENT),
    ] {
        let event = decode(&record, &shape).unwrap();
        assert_eq!(event.subject().unwrap().reveal(), "u-1");
        assert_eq!(event.tenant().unwrap().as_str(), "acme");
        assert_eq!(event.time_ms(), Some(1_767_323_045_000));
        assert_eq!(event.cloud_event("type"), Some("t"));
        let slot = event.slots().iter().position(|slot| slot.listed).unwrap();
        assert_eq!(event.slots()[slot].text.reveal(), "Hi Ada");
        assert_eq!(event.encode(&[]).value, record.value.as_ref().unwrap().reveal());
        let original = event.original(slot, 3..6);
        let out = event.encode(&[Edit { slot, range: 3..6, with: Replacement::Text("[N_2]".into()) }]);
        let sanitised = RawRecord { value: Some(out.value.into()), ..record.clone() };
        let event = decode(&sanitised, &shape).unwrap();
        assert_eq!(event.slots()[slot].text.reveal(), "Hi [N_2]");
        let back = event.encode(&[Edit { slot, range: 3..8, with: Replacement::Original(original) }]);
        assert_eq!(back.value, record.value.as_ref().unwrap().reveal());
    }
    assert_eq!(decode(&record(data), &shape).unwrap_err().code(), "bad_cloudevent");
}

#[test]
fn what_is_no_text_in_headers_and_key_does_not_pass() {
    let headers: &[(&str, &[u8])] = &[("a", b"1"), ("b", b"\xff"), ("a", b"{\"m\":\"x\\u0040y\"}")];
    let mut record = RawRecord { key: Some(Sensitive::new(vec![0xfe])), ..with_headers("{}", headers) };
    record.headers.push(RawHeader { name: "n".into(), value: None });
    let event = decode(&record, &Shape::default()).unwrap();
    assert_eq!((event.dropped_headers(), event.has_binary_key()), (1, true));
    assert_eq!(texts(&event), ["1", "a", "m", "x@y", "a", "n"]);
    let encoded = event.encode(&[edit(&event, "x@y", "[E]")]);
    assert_eq!(encoded.key, None);
    let value = |text: &str| Some(text.as_bytes().to_vec());
    let expected = [("a", value("1")), ("a", value("{\"m\":\"[E]\"}")), ("n", None)];
    assert_eq!(encoded.headers, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn edits_that_overlap_are_never_written() {
    let record = record(r#""ada@example.org""#);
    let event = decode(&record, &Shape::default()).unwrap();
    let edit = |range| Edit { slot: 0, range, with: Replacement::Text(String::new()) };
    let write = |edits: Vec<Edit>| std::panic::catch_unwind(|| event.encode(&edits).value.len()).is_err();
    assert!(write(vec![edit(0..4), edit(3..5)]));
    assert!(write(vec![edit(0..99)]));
    assert!(!write(vec![edit(3..5), edit(0..3)]));
}

/// Borders of up to `count` separate spans of a text, chosen by `picks`.
fn spans(text: &str, picks: &[prop::sample::Index]) -> Vec<Range<usize>> {
    let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut chosen: Vec<usize> = picks.iter().map(|pick| borders[pick.index(borders.len())]).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Replaces random spans by tokens: the edits, and what each token stands for.
fn tokenise(event: &Event<'_>, picks: &[Vec<prop::sample::Index>]) -> (Vec<Edit>, Vec<(String, Original)>) {
    let (mut edits, mut originals) = (Vec::new(), Vec::new());
    for (slot, picks) in (0..event.slots().len()).zip(picks.iter().cycle()) {
        let text = event.slots()[slot].text.reveal();
        let ranges = match event.slots()[slot].place {
            Place::Number => std::iter::once(0..text.len()).collect(),
            _ => spans(text, picks),
        };
        for range in ranges {
            let token = format!("[X_{}]", originals.len());
            originals.push((token.clone(), event.original(slot, range.clone())));
            edits.push(Edit { slot, range, with: Replacement::Text(token) });
        }
    }
    (edits, originals)
}

fn restore(event: &Event<'_>, originals: &[(String, Original)]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (slot, text) in texts(event).into_iter().enumerate() {
        for (token, original) in originals {
            for (start, _) in text.match_indices(token.as_str()) {
                let original = Original::from_bytes(original.to_bytes().reveal()).unwrap();
                edits.push(Edit { slot, range: start..start + token.len(), with: Replacement::Original(original) });
            }
        }
    }
    edits
}

fn json() -> Shape {
    Shape::new(Format::Json, Selectors::default(), &[], Limits::default())
}

proptest! {
    #[test]
    fn an_event_without_edits_leaves_as_it_came(value in arbitrary::document()) {
        let record = with_headers(&value, &[("x", value.as_bytes())]);
        let record = RawRecord { key: Some(Sensitive::from(value.as_str())), ..record };
        let encoded = decode(&record, &Shape::default()).unwrap().encode(&[]);
        prop_assert_eq!(encoded.value, value.as_bytes());
        prop_assert_eq!(encoded.key.unwrap(), value.as_bytes());
        prop_assert_eq!(encoded.headers[0].1.as_deref(), Some(value.as_bytes()));
    }

    #[test]
    fn what_is_taken_out_and_put_back_is_the_same_bytes(
        value in arbitrary::document(),
        picks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..5), 1..5),
    ) {
        let first = record(&value);
        let event = decode(&first, &json()).unwrap();
        let (edits, originals) = tokenise(&event, &picks);
        let sanitised = event.encode(&edits).value;
        prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&sanitised).is_ok());
        let second = record(&sanitised);
        let event = decode(&second, &json()).unwrap();
        let back = event.encode(&restore(&event, &originals)).value;
        prop_assert_eq!(String::from_utf8(back).unwrap(), value);
    }

    #[test]
    fn an_edit_changes_the_slot_it_names_and_no_other(
        value in arbitrary::document(),
        picks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..5), 1..5),
    ) {
        let first = record(&value);
        let event = decode(&first, &json()).unwrap();
        let (mut edits, _) = tokenise(&event, &picks);
        edits.reverse();
        let mut expected: Vec<String> = texts(&event).into_iter().map(str::to_owned).collect();
        for edit in &edits {
            let Replacement::Text(with) = &edit.with else { unreachable!() };
            expected[edit.slot].replace_range(edit.range.clone(), with);
        }
        let second = record(event.encode(&edits).value);
        let after = decode(&second, &json()).unwrap();
        prop_assert_eq!(texts(&after), expected);
    }
}
