//! The command line as a person or a script meets it: what goes in, what comes out, the exit code, and that every error says
//! what to do. No broker is needed.
#![cfg(feature = "io")]
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect fails there and then")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `lethe` in the repository, without any setting from the environment.
fn lethe(arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LETHE_")) {
        command.env_remove(name);
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // Whoever ends before reading everything closes the pipe.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn pipelines() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    files.sort();
    files
}

fn with_pipelines<'a>(arguments: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
    arguments.iter().copied().chain(files.iter().map(String::as_str)).collect()
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn settings(folder: &TempDir, more: &str) -> PathBuf {
    let at = folder.path().display();
    // Nothing listens on port 1.
    let text = format!(
        "version: 1\nkafka:\n  bootstrap.servers: 127.0.0.1:1\nstore: {{ path: {at}/keys }}\nroot: {{ path: {at}/root }}\n{more}"
    );
    file(folder, "lethe.yaml", text, 0o600)
}

#[test]
fn nobody_has_to_guess_how_a_subcommand_is_called() {
    for name in
        ["demo", "run", "check", "topics", "test", "scrub", "restore", "erase", "audit", "rules", "eval", "bench"]
    {
        let ended = lethe(&[name, "--help"], "");
        assert_eq!(ended.code, Some(0), "{name}");
        assert!(
            ended.out.contains("Examples:\n") && ended.out.contains(&format!("lethe {name} ")),
            "{name}: {}",
            ended.out
        );
    }
    let ended = lethe(&["scrubb"], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("'scrub'"), "{}", ended.err);
}

#[test]
fn a_typo_in_the_settings_is_named_with_its_line_and_the_word_that_was_meant() {
    let folder = TempDir::new().unwrap();
    let config = settings(&folder, "worker: 2\n");
    let files = pipelines();
    let ended = lethe(&with_pipelines(&["check", "--offline", "--config", config.to_str().unwrap()], &files), "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("lethe.yaml:6:1"), "{}", ended.err);
    assert!(ended.err.contains("help: did you mean `workers`?"), "{}", ended.err);
}

#[test]
fn a_missing_file_is_a_configuration_mistake() {
    let ended = lethe(&["check", "--offline", "no-such-pipeline.yaml"], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("no-such-pipeline.yaml") && ended.err.contains("help:"), "{}", ended.err);
}

#[test]
fn the_shipped_pipelines_do_what_their_own_tests_say() {
    let files = pipelines();
    let ended = lethe(&with_pipelines(&["test"], &files), "");
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(ended.out.trim_end().ends_with(" 0 failed"), "{}", ended.out);
}

#[test]
fn files_are_checked_without_a_broker_where_none_is_wanted() {
    let files = pipelines();
    let ended = lethe(&with_pipelines(&["check", "--offline", "--config", "lethe.yaml"], &files), "");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "configuration  ok: 4 pipelines\n"), "{}", ended.err);
}

#[test]
fn an_absent_broker_is_an_error_with_a_remedy_and_not_a_silence() {
    let folder = TempDir::new().unwrap();
    let config = settings(&folder, "");
    let files = pipelines();
    let ended = lethe(&with_pipelines(&["check", "--config", config.to_str().unwrap()], &files), "");
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("kafka at `127.0.0.1:1`"), "{}", ended.out);
    assert!(ended.out.contains("help: is a broker listening there?"), "{}", ended.out);
}

/// One run of `lethe scrub`.
struct Scrubbing {
    what: &'static str,
    arguments: &'static [&'static str],
    input: String,
    code: i32,
    holds: &'static [&'static str],
    lacks: &'static [&'static str],
    err: &'static [&'static str],
}

#[test]
fn scrub_lets_nothing_through_that_it_says_it_takes_out() {
    let key = ["-----BEGIN ", "PRIVATE KEY-----MIIEvQIBADANBgkqhkiG9w0BAQEFAASC-----END ", "PRIVATE KEY-----"].concat();
    let json = r#"{"tenant":"acme","region":"eu","n": 1.50,"text":"write to ada@example.org"}"#;
    let cases = [
        Scrubbing {
            what: "text without a subject is redacted",
            arguments: &[],
            input: "write to ada@example.org\n\nbye".into(),
            code: 0,
            holds: &["write to [EMAIL]\n\nbye\n"],
            lacks: &["ada@"],
            err: &[],
        },
        Scrubbing {
            what: "text with a subject becomes tokens",
            arguments: &["--subject", "u-1", "--form", "text"],
            input: "write to ada@example.org".into(),
            code: 0,
            holds: &["write to [EMAIL_"],
            lacks: &["ada@"],
            err: &[],
        },
        Scrubbing {
            what: "JSON stays JSON to the byte where nothing was found",
            arguments: &["--form", "json"],
            input: json.into(),
            code: 0,
            holds: &[r#"{"tenant":"acme","region":"eu","n": 1.50,"text":"write to [EMAIL]"}"#],
            lacks: &["ada@"],
            err: &[],
        },
        Scrubbing {
            what: "lines of both forms mix",
            arguments: &[],
            input: format!("write to ada@example.org\n{json}"),
            code: 0,
            holds: &["write to [EMAIL]\n{\"tenant\"", "\"write to [EMAIL]\"}"],
            lacks: &["ada@"],
            err: &[],
        },
        Scrubbing {
            what: "a kind that policy blocks leaves its line out, and the error says no word of it",
            arguments: &[],
            input: format!("before\n{key}\nafter"),
            code: 1,
            holds: &["before\n", "after\n"],
            lacks: &["PRIVATE", "MIIE"],
            err: &["line 2: blocked_by_policy", "1 of 3 lines"],
        },
        Scrubbing {
            what: "what is said to be JSON and is not does not pass as text",
            arguments: &["--form", "json"],
            input: r#"{"text": "ada\u0040example.org"#.into(),
            code: 1,
            holds: &[],
            lacks: &["example"],
            err: &["line 1: not_json"],
        },
        Scrubbing {
            what: "an unknown region goes nowhere",
            arguments: &["--region", "atlantis"],
            input: "hello".into(),
            code: 1,
            holds: &[],
            lacks: &["hello"],
            err: &["line 1: region_unknown"],
        },
    ];
    for case in cases {
        let ended = lethe(&[&["scrub"], case.arguments].concat(), &case.input);
        assert_eq!(ended.code, Some(case.code), "{}: {}", case.what, ended.err);
        for text in case.holds {
            assert!(ended.out.contains(text), "{}: {}", case.what, ended.out);
        }
        for text in case.err {
            assert!(ended.err.contains(text), "{}: {}", case.what, ended.err);
        }
        for text in case.lacks {
            assert!(
                !ended.out.contains(text) && !ended.err.contains(text),
                "{}: {} {}",
                case.what,
                ended.out,
                ended.err
            );
        }
    }
}

#[test]
fn what_scrub_sealed_comes_back_to_the_byte_for_those_who_may_see_it() {
    let folder = TempDir::new().unwrap();
    let key = file(&folder, "scrub.key", [7; 32], 0o600);
    let key = key.to_str().unwrap();
    // Escapes, spaces and number forms as no encoder of ours would write them.
    let original = "{\"tenant\":\"acme\",\"region\":\"eu\", \"n\": 1.50, \"text\":\"Write to \\u0061da@example.org, \\/ call +49 30 28376092\"}\n";
    let sealed = lethe(&["scrub", "--key-file", key, "--subject", "u-1", "--records"], original);
    assert_eq!(sealed.code, Some(0), "{}", sealed.err);
    assert!(sealed.out.contains("[EMAIL_") && !sealed.out.contains("28376092"), "{}", sealed.out);

    let owner = lethe(&["restore", "--key-file", key, "--audience", "owner"], &sealed.out);
    assert_eq!((owner.code, owner.out.as_str()), (Some(0), original), "{}", owner.err);
    assert!(owner.err.contains(r#""outcome":"restored""#), "a restore without its fact: {}", owner.err);
    assert!(!owner.err.contains("example.org"), "{}", owner.err);

    let stranger = lethe(&["restore", "--key-file", key, "--audience", "marketing"], &sealed.out);
    assert_eq!(stranger.code, Some(1));
    assert!(stranger.out.contains("[EMAIL_") && !stranger.out.contains("example.org"), "{}", stranger.out);
    assert!(stranger.err.contains("not_for_audience"), "{}", stranger.err);

    let other = file(&folder, "other.key", [8; 32], 0o600);
    let foreign = lethe(&["restore", "--key-file", other.to_str().unwrap(), "--audience", "owner"], &sealed.out);
    assert_eq!(foreign.code, Some(1));
    assert!(!foreign.out.contains("example.org") && !foreign.out.contains("28376092"), "{}", foreign.out);
}

#[test]
fn a_key_file_that_others_may_read_or_that_is_no_key_is_refused() {
    let folder = TempDir::new().unwrap();
    let shown = file(&folder, "shown.key", [7; 32], 0o644);
    let short = file(&folder, "short.key", [7; 16], 0o600);
    let none = folder.path().join("none.key");
    for (path, what) in [(&shown, "chmod 600"), (&short, "16 bytes, not 32"), (&none, "No such file")] {
        for command in [&["scrub"][..], &["restore", "--audience", "owner"]] {
            let ended = lethe(&[command, &["--key-file", path.to_str().unwrap()]].concat(), "hello\n");
            assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{what}");
            assert!(ended.err.contains(what) && ended.err.contains("help:"), "{}", ended.err);
        }
    }
}

#[test]
fn an_audit_file_is_sound_until_somebody_touches_it() {
    let folder = TempDir::new().unwrap();
    let key = file(&folder, "scrub.key", [7; 32], 0o600);
    let key = key.to_str().unwrap();
    let records =
        lethe(&["scrub", "--key-file", key, "--subject", "u-1", "--records"], "a@example.org\nb@example.org\nc\n");
    let facts = lethe(&["restore", "--key-file", key, "--audience", "owner"], &records.out).err;
    assert_eq!(facts.lines().count(), 3, "{facts}");

    let verify = |name: &str, text: &str| {
        let path = file(&folder, name, text, 0o600);
        lethe(&["audit", "verify", "--file", path.to_str().unwrap()], "")
    };
    let sound = verify("sound.jsonl", &facts);
    assert_eq!(sound.code, Some(0), "{}{}", sound.out, sound.err);

    let lines: Vec<&str> = facts.lines().collect();
    let changed = facts.replacen(r#""restored":1"#, r#""restored":0"#, 1);
    assert_ne!(changed, facts);
    for (what, text) in [
        ("changed", changed),
        ("cut out", [lines[0], lines[2]].join("\n")),
        ("repeated", [lines[0], lines[1], lines[1], lines[2]].join("\n")),
        ("swapped", [lines[1], lines[0], lines[2]].join("\n")),
        ("no beginning", [lines[1], lines[2]].join("\n")),
        ("no audit at all", "{\"hello\":1}\n".into()),
    ] {
        let ended = verify("touched.jsonl", &text);
        assert_eq!(ended.code, Some(1), "{what}: {}", ended.out);
        assert!(ended.err.contains("the audit chain does not hold"), "{what}: {}", ended.err);
    }
}

#[test]
fn the_demo_ends_well_only_if_nothing_leaked() {
    let ended = lethe(&["demo", "--events", "300"], "");
    assert_eq!(
        ended.code,
        Some(0),
        "{}\n{}",
        ended.out.lines().rev().take(20).collect::<Vec<_>>().join("\n"),
        ended.err
    );
    assert!(ended.out.contains("leaked: 0"), "{}", ended.out);
    assert!(ended.out.contains("erased subject: stayed closed"), "{}", ended.out);
}

#[test]
fn a_run_could_not_be_scored_compared_or_written_down() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let written = lethe(&["eval", "--write-set", folder.path().to_str().unwrap()], "");
    assert_eq!(written.code, Some(0), "{}", written.err);
    let set = at("own.jsonl");
    let run = lethe(&["eval", &set, "--predictions", &at("found.jsonl"), "--format", "json"], "");
    assert_eq!(run.code, Some(0), "{}", run.err);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert!(report["BUT_NAMES"]["overlap"]["F1"].as_f64().unwrap() > 0.95, "{report:#}");
    fs::write(at("before.json"), &run.out).unwrap();
    // The same run as a report and as predictions: no change anywhere.
    for other in ["before.json", "found.jsonl"] {
        let same = lethe(&["eval", &set, "--compare", &at(other)], "");
        assert_eq!(same.code, Some(0), "{}", same.err);
        assert!(same.out.contains("BUT_NAMES") && !same.out.contains('+'), "{}", same.out);
    }
    let page = lethe(&["eval", &set, "--format", "html", "--scope", "EMAIL,PHONE"], "");
    assert!(page.out.starts_with("<!doctype html>") && page.out.contains("EMAIL") && !page.out.contains("IBAN"));
    let first = fs::read_to_string(at("found.jsonl")).unwrap().lines().next().unwrap().to_owned();
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert!(first["id"].is_string() && first["spans"][0]["score"].is_number(), "{first}");

    fs::write(at("broken.jsonl"), "{\"id\": 1, \"text\": \"s3cret\"}\nnonsense s3cret\n").unwrap();
    let broken = lethe(&["eval", &at("broken.jsonl")], "");
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.err.contains("line 2") && broken.err.contains("help:") && !broken.err.contains("s3cret"),
        "{}",
        broken.err
    );
}

#[test]
fn nobody_could_say_why_something_is_found() {
    let list = lethe(&["rules", "list", "--kind", "US_SSN"], "");
    assert_eq!(list.code, Some(0), "{}", list.err);
    assert!(
        ["us-ssn", "source:", "tried at: digit", "form: "].iter().all(|part| list.out.contains(part))
            && !list.out.contains("CREDIT_CARD"),
        "{}",
        list.out
    );
    let every: serde_json::Value =
        serde_json::from_str(&lethe(&["rules", "list", "--format", "json"], "").out).unwrap();
    let every = every.as_array().unwrap();
    assert!(every.len() > 200);
    let has = |rule: &serde_json::Value, key: &str| rule[key].as_array().is_some_and(|words| !words.is_empty());
    // The model of names has weights where rules have a form.
    let is_data =
        |rule: &serde_json::Value| rule["pattern"] != "" || has(rule, "start_words") || rule["start"] == "anywhere";
    let bare: Vec<_> = every.iter().filter(|rule| !is_data(rule)).map(|rule| &rule["name"]).collect();
    assert!(bare.is_empty(), "rules that show neither form nor words: {bare:?}");
    let typo = lethe(&["rules", "list", "--kind", "EMIAL"], "");
    assert!(typo.code == Some(2) && typo.err.contains("help:"), "{}", typo.err);

    let why = lethe(&["rules", "explain"], "card 4539-4216-4353-7491\n");
    assert!(why.out.contains("FOUND 5..24 CREDIT_CARD") && why.out.contains("raised by `card`"), "{}", why.out);
    let field = lethe(&["rules", "explain", "536228741", "--field", "ssn", "--format", "json"], "");
    assert!(field.out.contains("us-ssn-field") && !field.out.contains("536228741"), "{}", field.out);
}

/// The shipped prompts pipeline with a model of names of its own.
fn with_model(folder: &TempDir, model: &Path) -> PathBuf {
    let pipeline = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/prompts.yaml")).unwrap();
    let names = "names: { mode: balanced }";
    assert!(pipeline.contains(names));
    let own = format!("names: {{ mode: balanced, model: {} }}", model.display());
    file(folder, "prompts.yaml", pipeline.replace(names, &own), 0o600)
}

#[test]
fn a_file_that_is_no_model_of_names_is_refused_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/names.bin")).unwrap();
    let short = file(&folder, "short.bin", &shipped[..shipped.len() / 2], 0o600);
    let other = file(&folder, "other.bin", "something else", 0o600);
    for (model, what) in
        [(short, "cut short"), (other, "no model of names"), (folder.path().join("missing.bin"), "No such file")]
    {
        let pipeline = with_model(&folder, &model);
        let ended = lethe(&["test", &pipeline.display().to_string()], "");
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        let said = [what, "help: ", &model.display().to_string()].map(|part| ended.err.contains(part));
        assert_eq!(said, [true; 3], "{}", ended.err);
    }
}

#[cfg(not(feature = "onnx"))]
#[test]
fn a_larger_model_is_answered_with_the_build_that_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    // A folder, and the path of a file, whether it is there or not.
    for model in [folder.path().to_owned(), folder.path().join("model.onnx")] {
        let pipeline = with_model(&folder, &model);
        let ended = lethe(&["check", "--offline", &pipeline.display().to_string()], "");
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains("  help: build it with `--features onnx`"), "{}", ended.err);
    }
}

#[test]
fn a_model_is_trained_on_ones_own_text_and_used_by_a_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let train = |out: &str| {
        let card = at("card.md");
        let arguments = ["train", "names", "--data", &at("data"), "--out", &at(out), "--card", &card];
        lethe(&arguments, "")
    };
    let nothing = train("none.bin");
    assert_eq!((nothing.code, nothing.err.contains("help: ")), (Some(1), true), "{}", nothing.err);
    let lines: Vec<String> = (0..60)
        .map(|i| {
            let name = ["Ada Quill", "Jens Okafor", "Mina Lind"][i % 3];
            let text = format!("write to {name} about order {i}");
            let span = serde_json::json!({"start": 9, "end": 9 + name.len(), "label": "PERSON"});
            serde_json::json!({"text": text, "spans": [span]}).to_string()
        })
        .collect();
    fs::write(data.join("ours.jsonl"), lines.join("\n")).unwrap();
    let (first, second) = (train("first.bin"), train("second.bin"));
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{}{}", first.err, second.err);
    assert!(first.out.contains("pass 8 of 8") && first.out.contains("digest "), "{}", first.out);
    assert!(fs::read(at("first.bin")).unwrap() == fs::read(at("second.bin")).unwrap(), "two runs, two models");
    assert!(fs::read_to_string(at("card.md")).unwrap().contains("| ours | 60 | 60 |"));
    let pipeline = with_model(&folder, Path::new(&at("first.bin")));
    let ended = lethe(&["test", &pipeline.display().to_string()], "");
    // What so small a model finds is its own affair: the pipeline takes it and runs.
    assert_ne!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("prompts.yaml"), "{}{}", ended.out, ended.err);
    fs::write(data.join("ours.jsonl"), r#"{"text": "short", "spans": [{"start": 0, "end": 99, "label": "PERSON"}]}"#)
        .unwrap();
    let wrong = train("none.bin");
    assert!(
        wrong.code == Some(1) && wrong.err.contains("ours.jsonl, line 1") && wrong.err.contains("help: "),
        "{}",
        wrong.err
    );
}
