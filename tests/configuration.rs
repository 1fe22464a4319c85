//! What a user writes: shipped files are sound, mistakes are answered with their line and a remedy, and schemas and documentation
//! say what the code says. `UPDATE_SCHEMAS=1` rewrites what is generated; look at the difference before committing it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what supports a test may fail it")]

use std::fs;
use std::path::{Path, PathBuf};

use lethe::detect::{Category, Detector, KindInfo};
use lethe::pipeline::{self, PipelineConfig, Problem, Work};
use lethe::policy::{Agreement, Code, Provider, Treatment};
use proptest::prelude::*;
use serde_json::Value;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn kinds() -> Vec<KindInfo> {
    Detector::builtin().kinds().to_vec()
}

fn providers() -> Vec<Provider> {
    let provider = |name: &str, region: &str, agreements: &[Agreement]| Provider {
        name: name.into(),
        region: region.into(),
        agreements: agreements.to_vec(),
    };
    vec![provider("model-eu", "eu", &[Agreement::Dpa]), provider("model-us", "us", &[Agreement::Dpa, Agreement::Baa])]
}

fn load(files: &[(&str, &str)]) -> Result<Vec<PipelineConfig>, Vec<Problem>> {
    pipeline::load(files, Some(&providers()))
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The files of a folder with this ending, in order of name.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(top().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), read(path))).collect()
}

/// Compares with what is committed, or rewrites that.
fn same_as_committed(path: &str, fresh: &str) {
    let at = top().join(path);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&at, fresh).unwrap();
    }
    let committed = fs::read_to_string(&at).unwrap_or_default();
    assert!(
        committed == fresh,
        "{path} is out of date\n  help: run `UPDATE_SCHEMAS=1 cargo test --test configuration`"
    );
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn an_editor_is_told_what_lethe_accepts() {
    same_as_committed("schemas/pipeline.schema.json", &pretty(&pipeline::pipeline_schema()));
    same_as_committed("schemas/lethe.schema.json", &pretty(&pipeline::settings_schema()));
}

#[test]
fn every_schema_is_one() {
    for (name, text) in files("schemas", ".json") {
        let schema: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
    }
}

#[test]
fn every_code_is_documented() {
    let mut table = String::from("| code | outcome | meaning | what to do |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let row = [code.outcome().as_str(), code.meaning(), code.remedy()].join(" | ");
        table.push_str(&format!("| `{}` | {row} |\n", code.as_str()));
    }
    let page = read(&top().join("docs/outcomes.md"));
    let (before, _) = page.split_once("<!-- codes -->\n").expect("a line `<!-- codes -->`");
    let (_, after) = page.split_once("<!-- end of codes -->\n").expect("a line `<!-- end of codes -->`");
    same_as_committed("docs/outcomes.md", &format!("{before}<!-- codes -->\n{table}<!-- end of codes -->\n{after}"));
}

#[test]
fn the_shipped_files_are_sound_and_fit_together() {
    let text = read(&top().join("lethe.yaml"));
    let settings =
        pipeline::settings("lethe.yaml", &text, []).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let shipped = files("pipelines", ".yaml");
    let named: Vec<(&str, &str)> = shipped.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let pipelines =
        pipeline::load(&named, Some(&settings.providers)).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    assert_eq!(pipelines.len(), 4);
    assert_eq!(shown(&pipeline::agree("lethe.yaml", &settings, &pipelines)), "");
    let schema: Value = serde_json::from_str(&read(&top().join("schemas/pipeline.schema.json"))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let erase = serde_json::json!({"version": 1, "name": "x", "kind": "erase", "input": {"topics": ["a"]},
        "output": {"receipts": "b"}});
    assert!(validator.is_valid(&erase));
    let mut sanitize = erase.clone();
    sanitize["kind"] = "sanitize".into();
    assert!(!validator.is_valid(&sanitize));
}

#[test]
fn every_mistake_is_answered_with_its_line_and_a_remedy() {
    for (name, text) in files("tests/mistakes", ".yaml") {
        let problems = if name.starts_with("settings") {
            pipeline::settings(&name, &text, []).err().unwrap_or_default()
        } else {
            // A file may hold several, each after a line `--- # NAME`.
            let parts: Vec<(String, String)> = split(&name, &text);
            let named: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            load(&named).err().unwrap_or_default()
        };
        assert!(!problems.is_empty(), "{name} is sound");
        same_as_committed(&format!("tests/mistakes/{}", name.replace(".yaml", ".txt")), &shown(&problems));
    }
}

fn split(name: &str, text: &str) -> Vec<(String, String)> {
    let mut parts = vec![(name.to_owned(), String::new())];
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(next) => parts.push((next.to_owned(), String::new())),
            None => {
                let part = &mut parts.last_mut().unwrap().1;
                part.push_str(line);
                part.push('\n');
            }
        }
    }
    parts.retain(|(_, text)| !text.is_empty());
    parts
}

#[test]
fn layout_and_comments_do_not_change_a_pipelines_digest_and_meaning_does() {
    let text = read(&top().join("pipelines/erasure.yaml"));
    let digest = |text: &str| load(&[("a.yaml", text)]).unwrap()[0].digest.clone();
    let spaced = text.replace("\n\n", "\n# a remark\n\n\n");
    assert_eq!(digest(&text), digest(&spaced));
    assert_ne!(digest(&text), digest(&text.replace("erasure.receipts", "other.receipts")));
}

#[test]
fn the_environment_counts_more_than_the_file() {
    let text = read(&top().join("lethe.yaml"));
    let environment = [
        ("PATH", "/bin"),
        ("LETHE__KAFKA__BOOTSTRAP_SERVERS", "kafka:9093"),
        ("LETHE__KAFKA__ssl.ca.location", "/ca.pem"),
        ("LETHE__STORE__PATH", "/keys"),
        ("LETHE__INSTANCE", "07"),
        ("LETHE__WORKERS", "8"),
        ("LETHE__BATCH__BYTES", "2MiB"),
        ("LETHE__PROVIDERS__MODEL-EU__AGREEMENTS", "dpa, baa"),
        ("LETHE__REGIONS__US__KAFKA__BOOTSTRAP_SERVERS", "us:9092"),
        ("LETHE__LOG__LEVEL", "debug"),
    ];
    let settings = pipeline::settings("lethe.yaml", &text, environment).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let literal = |text: &str| pipeline::Property::Literal(text.into());
    assert_eq!(settings.kafka.get("bootstrap.servers"), Some(&literal("kafka:9093")));
    assert_eq!(settings.kafka.get("ssl.ca.location"), Some(&literal("/ca.pem")));
    assert_eq!(settings.kafka.get("compression.type"), Some(&literal("lz4")));
    assert_eq!(settings.regions["us"].get("bootstrap.servers"), Some(&literal("us:9092")));
    assert!(matches!(&settings.store, pipeline::Store::Embedded { path, .. } if path == "/keys"));
    assert_eq!((settings.instance.as_str(), settings.workers, settings.batch.bytes), ("07", 8, 2 << 20));
    assert_eq!(settings.providers[0].agreements, [Agreement::Dpa, Agreement::Baa]);
    assert_eq!(settings.log_level, pipeline::LogLevel::Debug);
}

#[test]
fn the_environment_alone_is_enough_and_its_mistakes_name_the_variable() {
    let servers = ("LETHE__KAFKA__BOOTSTRAP_SERVERS", "kafka:9093");
    assert!(pipeline::settings("lethe.yaml", "", [servers]).is_ok());
    let wrong = [servers, ("LETHE__STROE__PATH", "/x"), ("LETHE__WORKERS", "many"), ("LETHE__", "x")];
    let problems = pipeline::settings("lethe.yaml", "", wrong).unwrap_err();
    let expected = "LETHE__: names no setting\n  help: write `LETHE__SECTION__SETTING`, such as `LETHE__STORE__PATH`\n\
        LETHE__STROE__PATH: `stroe`: unknown key `stroe`\n  help: did you mean `store`?\n\
        LETHE__WORKERS: `workers`: expected a whole number, found a text\n  \
        help: Threads that each own a consumer and a producer, 1 to 256 (default 1)\n";
    assert_eq!(shown(&problems), expected);
}

#[test]
fn a_password_in_the_settings_never_shows_in_an_error_or_in_debug_output() {
    let secret = ["hunter2", "hunter2"].join("-");
    let text = format!("kafka:\n  bootstrap.servers: a:1\n  sasl.password: {secret}\n  sasl.mechanism: [{secret}]\n");
    let problems = pipeline::settings("lethe.yaml", &text, []).unwrap_err();
    assert!(!shown(&problems).contains(&secret), "{}", shown(&problems));
    let sound = format!("kafka:\n  bootstrap.servers: a:1\n  some.password: {secret}\n");
    assert!(!format!("{:?}", pipeline::settings("lethe.yaml", &sound, [])).contains(&secret));
}

const SMALL: &str = "version: 1\nname: p\nkind: sanitize\ninput: {topics: [in]}\nevent: {tenant: [$.tenant]}\n\
    output: {topic: \"out.{region}\"}\nresidency: {regions: {eu: {}}}\n";

proptest! {
    #[test]
    fn whatever_treatments_say_every_kind_has_one(
        default in prop::option::of("token|redact|hash|surrogate|keep|block"),
        secret in prop::option::of("redact|keep|block"),
        email in prop::option::of("token|mask|keep"),
    ) {
        let mut text = String::from(SMALL) + "treatments:\n  block_confidence: 60\n";
        let line = |name: &str, value: &Option<String>| value.as_ref().map(|v| format!("  {name}: {v}\n")).unwrap_or_default();
        text += &line("default", &default);
        text += &secret.as_ref().map(|v| format!("  categories: {{secret: {v}}}\n")).unwrap_or_default();
        text += &email.as_ref().map(|v| format!("  kinds: {{EMAIL: {v}}}\n")).unwrap_or_default();
        let pipelines = load(&[("p.yaml", &text)]).map_err(|p| TestCaseError::fail(shown(&p)))?;
        let Work::Sanitize(sanitize) = &pipelines[0].work else { return Err(TestCaseError::fail("not sanitize")) };
        prop_assert_eq!(sanitize.policy.kinds.len(), kinds().len());
        let keeps = |t: &Option<String>| t.as_deref() == Some("keep");
        for (kind, row) in kinds().iter().zip(&sanitize.policy.kinds) {
            let said = match &*kind.name { "EMAIL" => &email, _ => &None };
            let said = said.as_ref().or(if row.category == Category::Secret { secret.as_ref() } else { None });
            let asked = said.or(default.as_ref()).cloned();
            prop_assert_eq!(row.treatment == Treatment::Keep, keeps(&asked), "{}", kind.name);
        }
    }

    #[test]
    fn no_file_makes_the_reader_panic(at in 0usize..400, with in "[-:\\[\\]{}&*\"'#,a \n]{0,4}") {
        let text = read(&top().join("pipelines/prompts.yaml"));
        let at = text.char_indices().map(|(i, _)| i).nth(at * 7 % text.chars().count()).unwrap();
        let _ = load(&[("p.yaml", &format!("{}{with}{}", &text[..at], &text[at..]))]);
    }
}

#[test]
fn a_kind_would_be_scored_under_a_label_that_nobody_wrote_down() {
    let page = read(&top().join("docs/detection.md"));
    let row = |label: &str| page.lines().find(|line| line.starts_with(&format!("| `{label}` |"))).map(str::to_owned);
    for kind in kinds() {
        let label = lethe::detect::evaluate::label(&kind.name);
        if label == kind.name {
            continue;
        }
        let row = row(label).unwrap_or_else(|| panic!("docs/detection.md has no row for `{label}`"));
        let of_a_state = label == "NATIONAL_ID" && row.contains("all other states");
        assert!(of_a_state || row.contains(&format!("`{}`", kind.name)), "{}: {row}", kind.name);
    }
}
