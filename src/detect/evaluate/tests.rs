//! Scores are what the other scorer of such sets says: expected figures below were worked out apart from this code.

use serde_json::json;

use super::*;

fn span(start: usize, end: usize, label: &str, score: f64) -> Span {
    Span { start, end, label: label.to_owned(), score }
}

fn labelled(id: &str, length: usize, spans: &[(usize, usize, &str)]) -> Labelled {
    Labelled {
        id: json!(id),
        text: "x".repeat(length),
        spans: spans.iter().map(|(start, end, label)| span(*start, *end, label, 1.0)).collect(),
    }
}

fn predicted(id: &str, spans: &[(usize, usize, &str, f64)]) -> Prediction {
    let spans = spans.iter().map(|(start, end, label, score)| span(*start, *end, label, *score)).collect();
    Prediction { id: json!(id), spans }
}

fn rules(scope: &[&str]) -> Rules {
    Rules { scope: scope.iter().map(|label| (*label).to_owned()).collect(), ..Rules::default() }
}

/// A set that has every case of the rules once.
fn set() -> (Vec<Labelled>, Vec<Prediction>) {
    let gold = vec![
        labelled("1", 40, &[(0, 10, "EMAIL"), (20, 30, "PHONE")]),
        labelled("2", 40, &[(0, 10, "PERSON"), (15, 25, "OTHER")]),
        labelled("3", 40, &[]),
        labelled("4", 40, &[]),
        labelled("5", 40, &[(5, 15, "OTHER")]),
        labelled("6", 40, &[(0, 20, "ADDRESS"), (20, 30, "ADDRESS")]),
        labelled("7", 40, &[(0, 10, "EMAIL")]),
    ];
    let found = vec![
        // Exact; and half of the longer of both.
        predicted("1", &[(0, 10, "EMAIL", 0.9), (20, 40, "PHONE", 0.8)]),
        // Two claims on one place: the more believed stays. On ignored ground: dropped.
        predicted("2", &[(0, 10, "EMAIL", 0.5), (0, 9, "PERSON", 0.7), (16, 26, "PHONE", 0.9)]),
        // A false alarm by a name, and one by something else.
        predicted("3", &[(3, 8, "PERSON", 0.6)]),
        predicted("4", &[(3, 8, "PHONE", 0.6), (9, 12, "UNKNOWN", 0.9)]),
        // Ignored by half of the shorter; the second lies beside it and counts, in a text that is not clean.
        predicted("5", &[(10, 20, "EMAIL", 0.9), (21, 30, "EMAIL", 0.3)]),
        // One span over two: it agrees with the longer only.
        predicted("6", &[(0, 30, "ADDRESS", 0.9)]),
        // Nothing for 7.
    ];
    (gold, found)
}

const SCOPE: &[&str] = &["EMAIL", "PHONE", "PERSON", "ADDRESS"];

fn tally(right: usize, predicted: usize, labelled: usize) -> Tally {
    Tally { right, predicted, labelled }
}

#[test]
fn a_run_would_be_praised_or_blamed_for_what_it_did_not_do() {
    let (gold, found) = set();
    let scores = Scores::of(&gold, &found, &rules(SCOPE));
    let expected = [
        ("ADDRESS", tally(1, 1, 2), tally(0, 1, 2), tally(30, 30, 30)),
        ("EMAIL", tally(1, 2, 2), tally(1, 2, 2), tally(10, 19, 20)),
        ("PERSON", tally(1, 2, 1), tally(0, 2, 1), tally(9, 14, 10)),
        ("PHONE", tally(1, 2, 1), tally(0, 2, 1), tally(10, 25, 10)),
    ];
    for (label, overlap, exact, characters) in expected {
        let row = scores.labels[label];
        assert_eq!((row.overlap, row.exact, row.characters), (overlap, exact, characters), "{label}");
    }
    assert_eq!(scores.labels.len(), expected.len());
    assert_eq!(scores.micro.overlap, tally(4, 7, 6));
    assert_eq!(scores.but_names.overlap, tally(3, 5, 5));
    assert_eq!(scores.any, tally(59, 88, 70));
    let documents = Documents { with_labels: 4, leaking: 2, clean: 2, false_alarm: 2, false_alarm_but_names: 1 };
    assert_eq!(scores.documents, documents);
}

#[test]
fn the_least_score_and_merged_labels_would_be_forgotten() {
    let (gold, found) = set();
    let asked = Rules {
        least_score: 0.7,
        merge: [("PHONE".to_owned(), "EMAIL".to_owned())].into(),
        ..rules(&["EMAIL", "PHONE"])
    };
    let scores = Scores::of(&gold, &found, &asked);
    assert_eq!(scores.labels.keys().collect::<Vec<_>>(), ["EMAIL"]);
    assert_eq!(scores.micro.overlap, tally(2, 2, 3));
}

#[test]
fn shares_of_nothing_would_read_as_nought_or_as_one() {
    assert_eq!(Tally::default().rates(), Rates::default());
    assert_eq!(tally(0, 3, 0).rates(), Rates { precision: Some(0.0), ..Rates::default() });
    assert_eq!(tally(0, 3, 3).rates().f1, Some(0.0));
    let rates = tally(1, 2, 4).rates();
    assert_eq!((rates.precision, rates.recall), (Some(0.5), Some(0.25)));
    assert!((rates.f1.unwrap() - 1.0 / 3.0).abs() < 1e-12 && (rates.f2.unwrap() - 5.0 * 0.125 / 2.25).abs() < 1e-12);
}

#[test]
fn a_saved_report_would_compare_as_another_run() {
    let (gold, found) = set();
    let scores = Scores::of(&gold, &found, &rules(SCOPE));
    assert_eq!(read_json(&json(&scores)), Some(scores.clone()));
    assert_eq!(read_json(&json!({"EMAIL": 1})), None);
    let same = compare_text(&scores, &scores);
    assert!(!same.contains('+') && same.contains("leaking docs 2 -> 2 of 4"), "{same}");
    let worse = compare_text(&scores, &Scores::of(&gold, &found[1..], &rules(SCOPE)));
    assert!(worse.contains("-1.000") && worse.contains("leaking docs 2 -> 3 of 4"), "{worse}");
}

#[test]
fn a_label_in_a_set_would_run_as_markup_in_the_page() {
    let gold = vec![labelled("1", 9, &[(0, 2, "<script>")])];
    let page = html("a & b", &Scores::of(&gold, &[], &rules(&["<script>"])));
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>") && page.contains("a &amp; b"));
}

#[test]
fn offsets_would_count_bytes() {
    let row = Labelled { id: json!(7), text: "é é ada@example.org ü".into(), spans: Vec::new() };
    let found = predict(&Detector::builtin(), &row);
    assert_eq!((found.id, found.spans.len()), (json!(7), 1));
    assert_eq!((found.spans[0].start, found.spans[0].end, found.spans[0].label.as_str()), (4, 19, "EMAIL"));
}

#[test]
fn a_broken_line_would_be_passed_over_or_shown() {
    let error = read_labelled("{\"id\": 1, \"text\": \"a\"}\n\n{\"text\": \"s3cret\"}\n").unwrap_err();
    assert_eq!(error.line, 3);
    assert!(!error.to_string().contains("s3cret") && error.to_string().contains("help:"));
    assert_eq!(read_labelled("{\"id\": 1, \"text\": \"a\"}").unwrap()[0].spans, []);
}
