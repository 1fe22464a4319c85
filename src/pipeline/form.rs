//! Whether a file has the form that its JSON Schema says: every deviation at once, each at its line and with its remedy.
//!
//! What is malformed is cut out of the value that comes back, so that the rest can still be asked for its meaning.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use super::problem::{choose, meant};
use super::report::Report;
use super::yaml::Node;

/// Checks a file against a schema; gives its value back without what was malformed.
pub(super) fn check(root: &Node, schema: &Value, report: &mut Report<'_>) -> Value {
    let mut value = root.to_json();
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let at = root.mark.clone();
            report.malformed(&[], &at, format!("the schema itself is broken: {error}"), "report this as a bug".into());
            return value;
        }
    };
    for error in validator.iter_errors(&root.to_json()) {
        explain(root, schema, &error, report);
    }
    while cut(&mut value, &validator) {}
    value
}

/// Takes everything out to which the schema objects; whether anything was taken. What then misses a part goes the next time.
fn cut(value: &mut Value, validator: &Validator) -> bool {
    let mut cuts: Vec<Vec<String>> = Vec::new();
    for error in validator.iter_errors(value) {
        let path = steps(error.instance_path().as_str());
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                cuts.extend(unexpected.iter().map(|key| path.iter().chain([key]).cloned().collect()));
            }
            Kind::PropertyNames { error: inner } => {
                let key = inner.instance().as_str().unwrap_or_default();
                cuts.push(path.iter().map(String::as_str).chain([key]).map(str::to_owned).collect());
            }
            _ => cuts.push(path),
        }
    }
    let before = cuts.len();
    cuts.retain(|path| !remove(value, path));
    cuts.len() < before
}

/// Removes a member; of a list with a malformed entry nothing stays, so that the positions of others go on being right.
fn remove(value: &mut Value, path: &[String]) -> bool {
    let Some((step, rest)) = path.split_first() else { return false };
    let Value::Object(members) = value else { return false };
    let gone = match members.get_mut(step) {
        None => return false,
        Some(_) if rest.is_empty() => true,
        Some(Value::Array(_)) => true,
        Some(inner) => return remove(inner, rest),
    };
    members.shift_remove(step);
    gone
}

fn explain(root: &Node, schema: &Value, error: &ValidationError<'_>, report: &mut Report<'_>) {
    let path = steps(error.instance_path().as_str());
    let here = describe(schema, error);
    let mut bad = |what: String, help: String| {
        let at = root.value_mark(&path);
        report.malformed(&path, &at, what, help);
    };
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            explain_branch(root, schema, error, context, report);
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for key in unexpected {
                let known = known_keys(schema, error);
                let help = choose(key, known.iter().map(String::as_str), "keys here");
                let mut whole = path.clone();
                whole.push(key.clone());
                let at = root.key_mark(&whole);
                report.malformed(&whole, &at, format!("unknown key `{key}`"), help);
            }
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            // A misspelt key is answered where it stands.
            let known = known_keys(schema, error);
            let stray = error.instance().as_object().into_iter().flat_map(|members| members.keys());
            let misspelt =
                |key: &String| !known.contains(key) && meant(key, known.iter().map(String::as_str)) == Some(name);
            if stray.into_iter().any(misspelt) {
                return;
            }
            let help = property_description(schema, error, name).unwrap_or_else(|| format!("add `{name}: …`"));
            let at = root.key_mark(&path);
            report.malformed(&path, &at, format!("`{name}` is missing"), help);
        }
        Kind::Enum { options } => {
            let words = words(options);
            bad(format!("{} is none of the choices", shown(error.instance())), wanted(error.instance(), &words));
        }
        Kind::Constant { expected_value } => {
            let word = plain(expected_value);
            bad(format!("{} is not `{word}`", shown(error.instance())), format!("write `{word}`"));
        }
        Kind::Type { kind } => {
            bad(format!("expected {}, found {}", expected(kind), a_type(error.instance())), here);
        }
        Kind::Pattern { .. } => bad(format!("{} has the wrong form", shown(error.instance())), here),
        Kind::PropertyNames { error: inner } => {
            let key = inner.instance().as_str().unwrap_or_default().to_owned();
            let mut whole = path.clone();
            whole.push(key.clone());
            let at = root.key_mark(&whole);
            let help = match inner.kind() {
                Kind::Enum { options } => choose(&key, words(options).iter().map(String::as_str), "choices"),
                _ => describe(schema, inner),
            };
            report.malformed(&whole, &at, format!("`{key}` can't be a name here"), help);
        }
        Kind::Minimum { limit } | Kind::ExclusiveMinimum { limit } => bad(format!("less than {limit}"), here),
        Kind::Maximum { limit } | Kind::ExclusiveMaximum { limit } => bad(format!("more than {limit}"), here),
        Kind::MinItems { limit } | Kind::MinProperties { limit } => bad(format!("fewer than {limit} entries"), here),
        Kind::MaxItems { limit } | Kind::MaxProperties { limit } => bad(format!("more than {limit} entries"), here),
        Kind::MinLength { limit } => bad(format!("shorter than {limit} characters"), here),
        Kind::MaxLength { limit } => bad(format!("longer than {limit} characters"), here),
        Kind::UniqueItems => bad("an entry stands twice".into(), "keep one of them".into()),
        other => bad(format!("does not satisfy `{}`", other.keyword()), here),
    }
}

/// Of several shapes that a value may have, explains the one that was meant: the one whose type the value has.
fn explain_branch(
    root: &Node,
    schema: &Value,
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    report: &mut Report<'_>,
) {
    let own = error.instance_path().as_str();
    let off_type = |e: &ValidationError<'_>| matches!(e.kind(), Kind::Type { .. }) && e.instance_path().as_str() == own;
    // Choices that each carry a description of their own come as one constant a branch.
    let choices: Option<Vec<String>> = context
        .iter()
        .map(|branch| match branch.as_slice() {
            [only] => match only.kind() {
                Kind::Constant { expected_value } => Some(vec![plain(expected_value)]),
                Kind::Enum { options } => Some(words(options)),
                _ => None,
            },
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|lists| lists.concat());
    if let Some(choices) = choices {
        let path = steps(own);
        let at = root.value_mark(&path);
        let what = format!("{} is none of the choices", shown(error.instance()));
        report.malformed(&path, &at, what, wanted(error.instance(), &choices));
        return;
    }
    if let Some(branch) = context.iter().find(|branch| !branch.iter().any(off_type)) {
        for inner in branch {
            explain(root, schema, inner, report);
        }
        return;
    }
    let mut types: Vec<_> = context
        .iter()
        .flatten()
        .filter(|e| off_type(e))
        .filter_map(|e| match e.kind() {
            Kind::Type { kind } => Some(expected(kind)),
            _ => None,
        })
        .filter(|name| name != "nothing")
        .collect();
    types.dedup();
    let path = steps(own);
    let at = root.value_mark(&path);
    let what = format!("expected {}, found {}", types.join(" or "), a_type(error.instance()));
    report.malformed(&path, &at, what, describe(schema, error));
}

fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The subschema that an error comes from: the parent of the failing keyword.
fn subschema<'a>(schema: &'a Value, error: &ValidationError<'_>) -> Option<&'a Value> {
    let pointer = error.schema_path().as_str();
    schema.pointer(pointer.rsplit_once('/')?.0)
}

fn describe(schema: &Value, error: &ValidationError<'_>) -> String {
    let mut pointer = error.schema_path().as_str();
    // The nearest description at or above the failing keyword, but not as far up as a whole definition's parent.
    for _ in 0..3 {
        let Some((parent, _)) = pointer.rsplit_once('/') else { break };
        pointer = parent;
        if let Some(text) = schema.pointer(pointer).and_then(|s| s.get("description")).and_then(Value::as_str) {
            return first_sentence(text);
        }
    }
    "see the schema in `schemas/`".to_owned()
}

fn property_description(schema: &Value, error: &ValidationError<'_>, name: &str) -> Option<String> {
    let text = subschema(schema, error)?.get("properties")?.get(name)?.get("description")?.as_str()?;
    Some(format!("add `{name}: …` – {}", first_sentence(text)))
}

/// A description as a remedy: its first paragraph, on one line, without the full stop.
fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').to_owned()
}

fn known_keys(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let properties = subschema(schema, error).and_then(|s| s.get("properties")).and_then(Value::as_object);
    properties.map(|known| known.keys().cloned().collect()).unwrap_or_default()
}

fn words(options: &Value) -> Vec<String> {
    options.as_array().into_iter().flatten().filter(|option| !option.is_null()).map(plain).collect()
}

fn wanted(instance: &Value, words: &[String]) -> String {
    choose(instance.as_str().unwrap_or_default(), words.iter().map(String::as_str), "choices")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A scalar of a configuration file, short enough for a message.
fn shown(value: &Value) -> String {
    let text = plain(value);
    if text.chars().count() > 60 {
        format!("`{}…`", text.chars().take(60).collect::<String>())
    } else {
        format!("`{text}`")
    }
}

fn expected(kind: &TypeKind) -> String {
    let mut names: Vec<&str> = match kind {
        TypeKind::Single(single) => vec![type_name(*single)],
        TypeKind::Multiple(set) => set.iter().map(type_name).collect(),
    };
    if names.len() > 1 {
        names.retain(|name| *name != "nothing");
    }
    names.join(" or ")
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text",
    }
}

fn a_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false` (quote it to make it a text)",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
