//! Measurements on corpora that are not part of this repository, by hand: they are ignored unless asked for.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use lethe::firewall::Judge;

/// Share of honest documents that score 40 or more, over JSON lines with a `text` member: the files named in
/// `LETHE_BENIGN` (separated by `:`).
#[test]
#[ignore = "reads a corpus that is not part of the repository: LETHE_BENIGN=a.jsonl:b.jsonl"]
#[expect(clippy::disallowed_methods, reason = "a measurement by hand names its corpus in the environment")]
fn more_than_one_honest_document_in_a_hundred_is_flagged() {
    let files = std::env::var("LETHE_BENIGN").expect("LETHE_BENIGN names JSON-lines files");
    let judge = Judge::new();
    let (mut flagged, mut total) = (0, 0);
    for file in files.split(':') {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let document: serde_json::Value = serde_json::from_str(line).unwrap();
            let verdict = judge.judge(std::iter::once(document["text"].as_str().unwrap()));
            total += 1;
            if verdict.score > 0 {
                println!("{} {} {:?}", document["id"], verdict.score, verdict.reasons);
            }
            flagged += i32::from(verdict.score >= 40);
        }
    }
    println!("{flagged} of {total} at 40 or more");
    assert!(total > 0 && flagged * 100 <= total);
}
