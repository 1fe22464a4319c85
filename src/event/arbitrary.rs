//! Documents for property tests: every kind of value, spacing and escape that publishers write.

use proptest::prelude::*;

/// A JSON string with its quotes, escaped in one of many ways.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "ada",
        "@",
        "example.org",
        "é",
        "😀",
        " ",
        r"\n",
        r"\u00e9",
        r"\ud83d\ude00",
        r"\/",
        r#"\""#,
        r"\\",
        r"\t",
        r"\u0041",
        "[",
        "{",
        "4111",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// A JSON document as a publisher might write it.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec!["0", "-1", "12.50", "1e5", "4111111111111111", "-0.0000001", "123456"]);
    let word = prop::sample::select(vec!["true", "false", "null"]);
    let leaf = prop_oneof![4 => string(), 2 => number.prop_map(str::to_owned), 1 => word.prop_map(str::to_owned)];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let nested = inner.clone().prop_map(|inner| serde_json::to_string(&inner).unwrap());
        let slashes = inner.clone().prop_map(|inner| serde_json::to_string(&inner).unwrap().replace('/', "\\/"));
        let members = prop::collection::vec((string(), inner.clone()), 0..5).prop_map(|all| {
            all.into_iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(",")
        });
        let elements = prop::collection::vec(inner, 0..5).prop_map(|all| all.join(" , "));
        prop_oneof![
            3 => members.prop_map(|members| format!("{{{members}}}")),
            2 => elements.prop_map(|elements| format!("[ {elements}]")),
            1 => nested,
            1 => slashes,
        ]
    })
}
