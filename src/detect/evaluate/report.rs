//! Scores as people and programs read them: a table of text, JSON, a page of HTML; and two runs side by side.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::score::{Documents, Rates, Row, Scores, Tally};

/// Rows of a report, in order, with what they are called.
fn rows(scores: &Scores) -> impl Iterator<Item = (&str, Row)> {
    let shown = |row: &Row| row.overlap != Tally::default() || row.characters != Tally::default();
    let labels = scores.labels.iter().map(|(label, row)| (label.as_str(), *row)).filter(move |(_, row)| shown(row));
    let any = Row { characters: scores.any, ..Row::default() };
    labels.chain([("BUT_NAMES", scores.but_names), ("MICRO", scores.micro), ("ANY", any)])
}

fn share(value: Option<f64>) -> String {
    value.map_or("  -  ".to_owned(), |value| format!("{value:.3}"))
}

fn shares(rates: Rates) -> String {
    [rates.precision, rates.recall, rates.f1, rates.f2].map(share).join(" ")
}

/// The table.
pub fn text(scores: &Scores) -> String {
    let mut out = String::from(
        "label            gold  pred |  P     R     F1    F2   (overlap) | exF1  |  P     R     F1    F2   (char)\n",
    );
    let count = |n: usize| if n == 0 { String::new() } else { n.to_string() };
    for (label, row) in rows(scores) {
        let (gold, predicted) = (count(row.overlap.labelled), count(row.overlap.predicted));
        let (overlap, exact) = (shares(row.overlap.rates()), share(row.exact.rates().f1));
        let characters = shares(row.characters.rates());
        let _written =
            writeln!(out, "{label:16} {gold:>5} {predicted:>5} | {overlap}            | {exact} | {characters}");
    }
    let Documents { with_labels, leaking, clean, false_alarm, false_alarm_but_names } = scores.documents;
    let _written = write!(
        out,
        "docs with PII {with_labels}, leaking >=1 char {leaking}; clean docs {clean}, with false alarm {false_alarm} \
         ({false_alarm_but_names} names aside)"
    );
    out
}

fn tally_json(tally: Tally) -> Value {
    let Rates { precision, recall, f1, f2 } = tally.rates();
    json!({
        "P": precision, "R": recall, "F1": f1, "F2": f2,
        "tp": tally.right, "pred": tally.predicted, "gold": tally.labelled,
    })
}

/// The same as JSON: by label `overlap`, `exact` and `char`, then `BUT_NAMES`, `MICRO`, `ANY` and `_docs`.
pub fn json(scores: &Scores) -> Value {
    let mut out = Map::new();
    for (label, row) in rows(scores) {
        let spans = |tally| if label == "ANY" { Value::Null } else { tally_json(tally) };
        let value = json!({
            "overlap": spans(row.overlap), "exact": spans(row.exact), "char": tally_json(row.characters),
        });
        out.insert(label.to_owned(), value);
    }
    let Documents { with_labels, leaking, clean, false_alarm, false_alarm_but_names } = scores.documents;
    let documents = json!({
        "with_pii": with_labels, "with_any_leak": leaking, "clean": clean, "clean_with_fp": false_alarm,
        "clean_with_fp_but_names": false_alarm_but_names,
    });
    out.insert("_docs".to_owned(), documents);
    Value::Object(out)
}

/// Reads what [`json()`] wrote; `None` where it is something else.
pub fn read_json(report: &Value) -> Option<Scores> {
    let number = |value: &Value, name: &str| value.get(name)?.as_u64().map(|n| n as usize);
    let tally = |value: Option<&Value>| -> Option<Tally> {
        let value = value?;
        Some(Tally { right: number(value, "tp")?, predicted: number(value, "pred")?, labelled: number(value, "gold")? })
    };
    let documents = report.get("_docs")?;
    let mut scores = Scores {
        documents: Documents {
            with_labels: number(documents, "with_pii")?,
            leaking: number(documents, "with_any_leak")?,
            clean: number(documents, "clean")?,
            false_alarm: number(documents, "clean_with_fp")?,
            false_alarm_but_names: number(documents, "clean_with_fp_but_names").unwrap_or(0),
        },
        ..Scores::default()
    };
    for (label, value) in report.as_object()?.iter().filter(|(label, _)| !label.starts_with('_')) {
        let characters = tally(value.get("char"))?;
        let spans = |name| tally(value.get(name)).unwrap_or_default();
        let row = Row { overlap: spans("overlap"), exact: spans("exact"), characters };
        match label.as_str() {
            "ANY" => scores.any = characters,
            "MICRO" => scores.micro = row,
            "BUT_NAMES" => scores.but_names = row,
            _ => drop(scores.labels.insert(label.clone(), row)),
        }
    }
    Some(scores)
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c1c1c;\
background:#fff}table{border-collapse:collapse;width:100%}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd}\
th:first-child,td:first-child{text-align:left}tbody tr:nth-last-child(-n+3){font-weight:600}.bar{background:linear-gradient(90deg,\
#9cc9a8 var(--p),transparent 0)}.up{color:#11752f}.down{color:#b3261e}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}th,td{border-color:#444}.bar{background:linear-gradient(90deg,\
#2f6b40 var(--p),transparent 0)}.up{color:#7fd196}.down{color:#ff8a80}}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(title: &str, head: &str, body: &str, below: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title><style>{STYLE}</style>\n<h1>{title}</h1>\n<table><thead>{head}</thead>\n<tbody>\n{body}</tbody></table>\n{below}\n</html>\n"
    )
}

fn documents_html(documents: Documents) -> String {
    let Documents { with_labels, leaking, clean, false_alarm, false_alarm_but_names } = documents;
    format!(
        "<p>Texts with labelled spans: {with_labels}, of which {leaking} leak at least one character. Clean texts: {clean}, of which \
         {false_alarm} raise a false alarm, {false_alarm_but_names} of them by something other than a name.</p>"
    )
}

/// The same as a page that needs nothing else.
pub fn html(title: &str, scores: &Scores) -> String {
    let mut body = String::new();
    let cell = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    for (label, row) in rows(scores) {
        let (overlap, exact, characters) = (row.overlap.rates(), row.exact.rates(), row.characters.rates());
        let _written = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td>",
            escaped(label),
            row.overlap.labelled,
            row.overlap.predicted
        );
        let cells = [
            overlap.precision,
            overlap.recall,
            overlap.f1,
            exact.f1,
            characters.precision,
            characters.recall,
            characters.f1,
            characters.f2,
        ];
        for value in cells {
            let percent = value.unwrap_or(0.0) * 100.0;
            let _written = write!(body, "<td class=\"bar\" style=\"--p:{percent:.1}%\">{}</td>", cell(value));
        }
        body.push_str("</tr>\n");
    }
    let head = "<tr><th>label<th>labelled<th>predicted<th>precision<th>recall<th>F1<th>exact F1<th>char precision<th>char recall\
                <th>char F1<th>char F2</tr>";
    page(title, head, &body, &documents_html(scores.documents))
}

/// One label in two runs: its name and the shares that are compared.
struct Pair<'s> {
    label: &'s str,
    before: [Option<f64>; 4],
    after: [Option<f64>; 4],
}

/// What is compared, in the order of [`Pair`]'s shares.
const COMPARED: [&str; 4] = ["F1", "exact F1", "char R", "char F2"];

fn compared(row: Row) -> [Option<f64>; 4] {
    let characters = row.characters.rates();
    [row.overlap.rates().f1, row.exact.rates().f1, characters.recall, characters.f2]
}

fn pairs<'s>(before: &'s Scores, after: &'s Scores) -> Vec<Pair<'s>> {
    let old: Vec<(&str, Row)> = rows(before).collect();
    let new: Vec<(&str, Row)> = rows(after).collect();
    let of = |rows: &[(&str, Row)], label: &str| {
        rows.iter().find(|(name, _)| *name == label).map_or([None; 4], |(_, row)| compared(*row))
    };
    let mut labels: Vec<&str> = old.iter().chain(&new).map(|(label, _)| *label).collect();
    let rank =
        |label: &str| ["BUT_NAMES", "MICRO", "ANY"].iter().position(|last| *last == label).map_or(0, |at| at + 1);
    labels.sort_by_key(|label| (rank(label), *label));
    labels.dedup();
    labels.into_iter().map(|label| Pair { label, before: of(&old, label), after: of(&new, label) }).collect()
}

fn change(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(after? - before?).filter(|change| change.abs() >= 0.0005)
}

/// Two runs side by side, as text: each share before, after, and how it changed.
pub fn compare_text(before: &Scores, after: &Scores) -> String {
    let mut out = format!("{:16}", "label");
    for name in COMPARED {
        let _written = write!(out, " | {name:^20}");
    }
    out.push('\n');
    for pair in pairs(before, after) {
        let _written = write!(out, "{:16}", pair.label);
        for (old, new) in pair.before.into_iter().zip(pair.after) {
            let change = change(old, new).map_or(String::new(), |change| format!("{change:+.3}"));
            let _written = write!(out, " | {} {} {change:>6}  ", share(old), share(new));
        }
        out.push('\n');
    }
    let (old, new) = (before.documents, after.documents);
    let _written = write!(
        out,
        "leaking docs {} -> {} of {}; clean docs with false alarm {} -> {} of {}, names aside {} -> {}",
        old.leaking,
        new.leaking,
        new.with_labels,
        old.false_alarm,
        new.false_alarm,
        new.clean,
        old.false_alarm_but_names,
        new.false_alarm_but_names
    );
    out
}

/// Two runs as JSON: both reports.
pub fn compare_json(before: &Scores, after: &Scores) -> Value {
    json!({"before": json(before), "after": json(after)})
}

/// Two runs as a page.
pub fn compare_html(title: &str, before: &Scores, after: &Scores) -> String {
    let mut body = String::new();
    for pair in pairs(before, after) {
        let _written = write!(body, "<tr><td>{}</td>", escaped(pair.label));
        for (old, new) in pair.before.into_iter().zip(pair.after) {
            let (class, change) = match change(old, new) {
                Some(change) if change > 0.0 => ("up", format!("{change:+.3}")),
                Some(change) => ("down", format!("{change:+.3}")),
                None => ("", String::new()),
            };
            let _written =
                write!(body, "<td>{}</td><td>{}</td><td class=\"{class}\">{change}</td>", share(old), share(new));
        }
        body.push_str("</tr>\n");
    }
    let names: String = COMPARED.iter().map(|name| format!("<th>{name} before<th>after<th>change")).collect();
    let below =
        format!("<h2>Before</h2>{}<h2>After</h2>{}", documents_html(before.documents), documents_html(after.documents));
    page(title, &format!("<tr><th>label{names}</tr>"), &body, &below)
}
