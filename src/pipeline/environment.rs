//! Environment variables over the settings file: `LETHE__STORE__PATH=/keys` is `store: {path: /keys}` (twelve-factor).
//!
//! Two underscores go one level down. Names are lower-cased; under `kafka` a single underscore stands for a dot. A value is
//! read as the schema wants it at that place: text stays text, lists are split at commas.

use serde_json::Value;

use super::problem::Problem;
use super::report::problem;
use super::yaml::{Content, Mark, Member, Node, plain};

/// What the variables begin with.
pub const PREFIX: &str = "LETHE__";

/// Puts the variables that concern the settings over a tree.
pub(super) fn overlay<'e>(
    root: &mut Node,
    schema: &Value,
    variables: impl Iterator<Item = (&'e str, &'e str)>,
) -> Vec<Problem> {
    let mut ours: Vec<(&str, &str)> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    // Stable: of one name the last counts, which is how flags win over the environment.
    ours.sort_by_key(|(name, _)| *name);
    let mut problems = Vec::new();
    for (name, value) in ours {
        let path = steps(name.get(PREFIX.len()..).unwrap_or_default());
        if path.iter().any(String::is_empty) {
            let help = "write `LETHE__SECTION__SETTING`, such as `LETHE__STORE__PATH`";
            problems.push(problem("", &Mark::Variable(name.into()), &[], "names no setting".into(), help.into()));
            continue;
        }
        let mark = Mark::Variable(name.to_owned());
        set(root, &path, Node { mark: mark.clone(), content: content(schema, &path, value, &mark) }, &mark);
    }
    problems
}

fn steps(name: &str) -> Vec<String> {
    let mut path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
    let kafka = match path.as_slice() {
        [first, ..] if first == "kafka" => Some(1),
        [first, _, third, ..] if first == "regions" && third == "kafka" => Some(3),
        _ => None,
    };
    if let Some(property) = kafka.and_then(|index| path.get_mut(index)) {
        *property = property.replace('_', ".");
    }
    path
}

fn set(node: &mut Node, path: &[String], value: Node, mark: &Mark) {
    let Some((step, rest)) = path.split_first() else {
        *node = value;
        return;
    };
    if !matches!(node.content, Content::Map(_)) {
        *node = Node { mark: mark.clone(), content: Content::Map(Vec::new()) };
    }
    let Content::Map(members) = &mut node.content else { return };
    if let Some(member) = members.iter_mut().find(|member| member.key == *step) {
        if rest.is_empty() {
            member.mark = mark.clone();
        }
        return set(&mut member.value, rest, value, mark);
    }
    let mut inner = Node { mark: mark.clone(), content: Content::Map(Vec::new()) };
    set(&mut inner, rest, value, mark);
    members.push(Member { key: step.clone(), mark: mark.clone(), value: inner });
}

fn content(schema: &Value, path: &[String], text: &str, mark: &Mark) -> Content {
    let part = path.iter().try_fold(schema, |at, step| {
        let at = follow(schema, at);
        at.get("properties").and_then(|known| known.get(step)).or_else(|| at.get("additionalProperties"))
    });
    let part = part.map(|part| follow(schema, part));
    if part.is_some_and(|part| allows(part, "array")) {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Content::List(
            items.map(|item| Node { mark: mark.clone(), content: Content::Scalar(item.into()) }).collect(),
        );
    }
    let number = plain(text);
    // A text that happens to look like a number stays one, unless only a number will do.
    let wants_text =
        part.is_none_or(|part| allows(part, "string")) && !part.is_some_and(|part| allows(part, "integer"));
    Content::Scalar(if wants_text { text.into() } else { number })
}

fn follow<'a>(schema: &'a Value, mut part: &'a Value) -> &'a Value {
    while let Some(target) =
        part.get("$ref").and_then(Value::as_str).and_then(|at| schema.pointer(at.trim_start_matches('#')))
    {
        part = target;
    }
    part
}

fn allows(part: &Value, name: &str) -> bool {
    let by_type = match part.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    };
    let branches = ["anyOf", "oneOf"].into_iter().filter_map(|key| part.get(key)?.as_array()).flatten();
    by_type || branches.into_iter().any(|branch| allows(branch, name))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_flag_wins_over_the_environment_whichever_sorts_first() {
        for (environment, flag) in [("aaa", "zzz"), ("zzz", "aaa")] {
            let pairs = [("LETHE__GROUP", environment), ("LETHE__STORE__PATH", "/x"), ("LETHE__GROUP", flag)];
            let settings = crate::pipeline::settings("f", "version: 1\nkafka: {bootstrap.servers: 'h:1'}\n", pairs);
            assert_eq!(settings.unwrap().group, flag);
        }
    }
}
