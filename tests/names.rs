//! A larger model of names that a user brings (feature `onnx`): what it finds and where, which files are refused and how, and that a
//! text on which it fails never passes. The model is made here: a table from words to scores.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect fails there and then"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lethe::detect::{Label, Name, NameReader};
use lethe::io::names::{NamesProblem, OnnxReader};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Protocol Buffers, as much of it as an ONNX file takes.
mod protobuf {
    fn number(mut value: u64, out: &mut Vec<u8>) {
        while value > 0x7f {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    pub fn int(field: u64, value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        number(field << 3, &mut out);
        number(value, &mut out);
        out
    }

    pub fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        number(field << 3 | 2, &mut out);
        number(value.len() as u64, &mut out);
        out.extend(value);
        out
    }

    pub fn message(field: u64, parts: &[Vec<u8>]) -> Vec<u8> {
        bytes(field, &parts.concat())
    }
}

use protobuf::{bytes, int, message};

const INT64: u64 = 7;
const INT32: u64 = 6;
const FLOAT: u64 = 1;

/// What the tiny model knows: words (or ends of words, with `##`) and the number of the label that each gets.
const WORDS: [(&str, usize); 20] = [
    ("[PAD]", 0),
    ("[UNK]", 0),
    ("[CLS]", 0),
    ("[SEP]", 0),
    ("Ada", 1),
    ("Love", 2),
    ("##lace", 0),
    ("Zoë", 1),
    ("Chi", 3),
    ("##cago", 4),
    ("Acme", 5),
    ("Festival", 6),
    ("met", 0),
    ("in", 0),
    ("of", 0),
    (",", 0),
    (".", 0),
    ("O", 0),
    // Its scores are no numbers.
    ("Broken", 99),
    ("to", 0),
];

const LABELS: [&str; 7] = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "ORG", "B-MISC"];

/// A model, to be changed before it is written.
struct Tiny {
    inputs: Vec<(&'static str, u64)>,
    /// Nodes behind the table, by what they read, give and do.
    more: Vec<[&'static str; 3]>,
    output: &'static str,
    rows: usize,
    config: Value,
    tokenizer: Value,
}

impl Tiny {
    fn new() -> Self {
        let vocabulary: Value =
            WORDS.iter().enumerate().map(|(id, (word, _))| ((*word).to_owned(), json!(id))).collect();
        let special = |id: usize| {
            json!({"id": id, "content": WORDS[id].0, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": true})
        };
        Self {
            inputs: vec![("input_ids", INT64), ("attention_mask", INT64)],
            more: Vec::new(),
            output: "logits",
            rows: WORDS.len(),
            config: json!({
                "max_position_embeddings": 32,
                "id2label": LABELS.iter().enumerate().map(|(id, label)| (id.to_string(), json!(label))).collect::<Value>(),
            }),
            tokenizer: json!({
                "version": "1.0", "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
                "padding": null, "added_tokens": [special(0), special(1), special(2), special(3)], "normalizer": null,
                "pre_tokenizer": {"type": "BertPreTokenizer"},
                "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
                "decoder": null,
                "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                    "max_input_chars_per_word": 100, "vocab": vocabulary},
            }),
        }
    }

    /// The ONNX file: `logits = table[input_ids]`.
    fn onnx(&self) -> Vec<u8> {
        let scores = WORDS.iter().take(self.rows).flat_map(|(_, label)| {
            (0..LABELS.len()).map(move |at| match *label {
                99 => f32::NAN,
                label if label == at => 6.0,
                _ => 0.0,
            })
        });
        let raw: Vec<u8> = scores.flat_map(f32::to_le_bytes).collect();
        let table = message(
            5,
            &[int(1, self.rows as u64), int(1, LABELS.len() as u64), int(2, FLOAT), bytes(8, b"table"), bytes(9, &raw)],
        );
        let node = |reads: &[&str], gives: &str, does: &str| {
            let mut parts: Vec<Vec<u8>> = reads.iter().map(|name| bytes(1, name.as_bytes())).collect();
            parts.extend([bytes(2, gives.as_bytes()), bytes(3, gives.as_bytes()), bytes(4, does.as_bytes())]);
            message(1, &parts)
        };
        let value = |field: u64, name: &str, form: u64| {
            let dims = ["batch", "sequence"].map(|name| message(1, &[bytes(2, name.as_bytes())]));
            let tensor = message(1, &[int(1, form), message(2, &dims)]);
            message(field, &[bytes(1, name.as_bytes()), bytes(2, &tensor)])
        };
        let output = message(12, &[bytes(1, self.output.as_bytes()), message(2, &[message(1, &[int(1, FLOAT)])])]);
        let mut graph = vec![bytes(2, b"tiny"), table, node(&["table", "input_ids"], "logits", "Gather")];
        graph.extend(self.more.iter().map(|[reads, gives, does]| node(&[reads], gives, does)));
        graph.extend(self.inputs.iter().map(|(name, form)| value(11, name, *form)));
        graph.push(output);
        [int(1, 8), message(8, &[bytes(1, b""), int(2, 14)]), message(7, &graph)].concat()
    }

    fn write(&self, folder: &Path) {
        fs::write(folder.join("model.onnx"), self.onnx()).unwrap();
        fs::write(folder.join("tokenizer.json"), self.tokenizer.to_string()).unwrap();
        fs::write(folder.join("config.json"), self.config.to_string()).unwrap();
    }

    fn open(&self) -> Result<OnnxReader, NamesProblem> {
        let folder = TempDir::new().unwrap();
        self.write(folder.path());
        OnnxReader::open(folder.path())
    }
}

fn names(reader: &OnnxReader, text: &str) -> Vec<Name> {
    let mut found = Vec::new();
    reader.read(text, false, &mut found).unwrap();
    found
}

fn found<'t>(reader: &OnnxReader, text: &'t str) -> Vec<(Label, &'t str)> {
    names(reader, text).iter().map(|name| (name.label, &text[name.start as usize..name.end as usize])).collect()
}

#[test]
fn names_stand_where_the_model_says_to_the_byte() {
    let reader = Tiny::new().open().unwrap();
    let text = "ж Zoë, Ada Lovelace met Acme in Chicago – Ada Ada [SEP] of Festival.";
    let expected = [
        (Label::Person, "Zoë"),
        // Pieces behind a word's first change nothing about it.
        (Label::Person, "Ada Lovelace"),
        (Label::Organization, "Acme"),
        (Label::Location, "Chicago"),
        // Two that begin are two.
        (Label::Person, "Ada"),
        (Label::Person, "Ada"),
    ];
    assert_eq!(found(&reader, text), expected);
    // Of seven labels, one has e^6 and the others 1: for a person both of its tags count.
    let belief: Vec<u8> = names(&reader, text).iter().map(|name| name.confidence).collect();
    assert_eq!(belief[..3], [98, 98, 98]);
    assert_eq!(found(&reader, "12 — 34"), []);
    assert_eq!(found(&reader, ""), []);
    assert!(
        reader.remark().contains("MISC") && reader.remark().contains("windows of 30 tokens"),
        "{}",
        reader.remark()
    );
}

#[test]
fn a_long_text_holds_what_its_sentences_hold() {
    let reader = Tiny::new().open().unwrap();
    let sentences = [
        "Ada Lovelace met Zoë. ",
        "O Zoë of Acme, in Chicago.\n",
        "met, met, met in of to. ",
        "Ada Lovelace Lovelace ",
    ];
    let (mut text, mut expected) = (String::new(), Vec::new());
    for i in 0..4_000 {
        let sentence = sentences[(i * 7 + i / 5) % sentences.len()];
        let at = text.len() as u32;
        expected.extend(names(&reader, sentence).iter().map(|name| Name {
            start: name.start + at,
            end: name.end + at,
            ..*name
        }));
        text.push_str(sentence);
    }
    assert!(text.len() > 80_000 && expected.len() > 5_000);
    let differs = names(&reader, &text).into_iter().zip(&expected).find(|(found, expected)| found != *expected);
    assert_eq!(differs, None);
    assert_eq!(names(&reader, &text).len(), expected.len());
}

#[test]
fn threads_that_share_a_model_read_the_same() {
    let reader = Tiny::new().open().unwrap();
    let text = "Ada Lovelace met Zoë of Acme in Chicago. ".repeat(50);
    let expected = names(&reader, &text);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| names(&reader, &text))).collect();
        for found in all {
            assert_eq!(found.join().unwrap(), expected);
        }
    });
}

#[test]
fn a_text_on_which_the_model_fails_is_said_to_be_unread() {
    let reader = Tiny::new().open().unwrap();
    let mut found = Vec::new();
    let long = format!("{} Broken", "Ada met Zoë. ".repeat(3_000));
    assert!(reader.read(&long, false, &mut found).is_err() && found.is_empty());
    // The next one is read all the same.
    assert_eq!(names(&reader, "Ada").len(), 1);
}

/// What makes the files of a model wrong.
type Harm = Box<dyn Fn(&mut Tiny, &Path)>;

/// One way to make a model wrong, and what is said of it.
type Mistake = (&'static str, Harm, &'static [&'static str]);

fn mistakes() -> Vec<Mistake> {
    fn tiny(change: impl Fn(&mut Tiny) + 'static) -> Harm {
        Box::new(move |model, folder| {
            change(model);
            model.write(folder);
        })
    }
    fn file(name: &'static str, content: &'static str) -> Harm {
        Box::new(move |model, folder| {
            model.write(folder);
            fs::write(folder.join(name), content).unwrap();
        })
    }
    fn gone(name: &'static str) -> Harm {
        Box::new(move |model, folder| {
            model.write(folder);
            fs::remove_file(folder.join(name)).unwrap();
        })
    }
    fn huge(name: &'static str) -> Harm {
        Box::new(move |model, folder| {
            model.write(folder);
            // It takes no room: nothing is written.
            fs::File::create(folder.join(name)).unwrap().set_len(3 << 30).unwrap();
        })
    }
    vec![
        ("no model", gone("model.onnx"), &["`model.onnx`", "No such file"]),
        ("no tokenizer", gone("tokenizer.json"), &["`tokenizer.json`", "No such file"]),
        ("no configuration", gone("config.json"), &["`config.json`", "No such file"]),
        ("a model of three GiB", huge("model.onnx"), &["`model.onnx` is larger than 2047 MiB"]),
        ("a tokenizer of three GiB", huge("tokenizer.json"), &["`tokenizer.json` is larger than 64 MiB"]),
        ("prose for a model", file("model.onnx", "this is no model"), &["`model.onnx`: "]),
        ("an empty model", file("model.onnx", ""), &["`model.onnx`: it holds no graph"]),
        ("prose for a tokenizer", file("tokenizer.json", "{}"), &["`tokenizer.json`: "]),
        ("prose for a configuration", file("config.json", "x"), &["`config.json`: "]),
        ("no labels", tiny(|model| model.config["id2label"] = json!({})), &["`id2label`"]),
        (
            "labels that were never named",
            tiny(|model| model.config["id2label"] = json!({"0": "LABEL_0", "1": "LABEL_1"})),
            &["none of its labels names a person", "LABEL_1"],
        ),
        (
            "too few labels",
            tiny(|model| model.config["id2label"] = json!({"0": "O", "1": "PER"})),
            &["[1, 3, 7]", "2 labels"],
        ),
        (
            "a window of four tokens",
            tiny(|model| model.config["max_position_embeddings"] = json!(4)),
            &["takes 4 tokens"],
        ),
        ("another input", tiny(|model| model.inputs.push(("bbox", INT64))), &["an input `bbox`"]),
        ("an input of floats", tiny(|model| model.inputs[1].1 = FLOAT), &["an input `attention_mask`"]),
        (
            "no token ids",
            tiny(|model| model.inputs.retain(|(name, _)| *name != "input_ids")),
            &["no input `input_ids`"],
        ),
        (
            "an output of another form",
            tiny(|model| {
                model.more.push(["logits", "pooled", "GlobalAveragePool"]);
                model.output = "pooled";
            }),
            &["`model.onnx`"],
        ),
        (
            "an operator that nobody knows",
            tiny(|model| {
                model.more.push(["logits", "odd", "NoSuchOperator"]);
                model.output = "odd";
            }),
            &["`model.onnx`: ", "NoSuchOperator"],
        ),
        (
            "a vocabulary larger than the model's",
            tiny(|model| model.rows = 10),
            &["fails on", "`tokenizer.json` belongs to"],
        ),
        (
            "a tokenizer without a token for the unknown",
            tiny(|model| {
                let vocabulary = model.tokenizer["model"]["vocab"].as_object_mut().unwrap();
                vocabulary.remove("[UNK]");
                model.tokenizer["added_tokens"].as_array_mut().unwrap().remove(1);
            }),
            &["`tokenizer.json`: "],
        ),
    ]
}

#[test]
fn every_wrong_file_is_refused_by_name_with_a_remedy() {
    for (what, change, said) in mistakes() {
        let folder = TempDir::new().unwrap();
        change(&mut Tiny::new(), folder.path());
        let problem =
            OnnxReader::open(folder.path()).err().unwrap_or_else(|| unreachable!("{what}: taken")).to_string();
        for part in said.iter().chain(&["\nhelp: "]) {
            assert!(problem.contains(part), "{what}: {problem}");
        }
    }
}

#[test]
fn other_forms_of_export_are_taken() {
    let mut model = Tiny::new();
    model.inputs = vec![("attention_mask", INT32), ("input_ids", INT32), ("token_type_ids", INT64)];
    model.config.as_object_mut().unwrap().remove("max_position_embeddings");
    let reader = model.open().unwrap();
    assert!(reader.remark().contains("windows of 510 tokens"), "{}", reader.remark());
    assert_eq!(found(&reader, "met Zoë"), [(Label::Person, "Zoë")]);
    // The file itself may be named, whatever it is called.
    let folder = TempDir::new().unwrap();
    model.write(folder.path());
    fs::rename(folder.path().join("model.onnx"), folder.path().join("small.onnx")).unwrap();
    assert!(OnnxReader::open(folder.path()).is_err());
    assert!(OnnxReader::open(&folder.path().join("small.onnx")).is_ok());
}

#[test]
fn the_digest_tells_models_apart_whichever_of_their_files_differs() {
    let digest = |change: fn(&mut Tiny)| {
        let mut model = Tiny::new();
        change(&mut model);
        model.open().unwrap().digest().to_owned()
    };
    let all = [
        digest(|_| {}),
        digest(|model| model.inputs.truncate(1)),
        digest(|model| model.config["max_position_embeddings"] = json!(40)),
        digest(|model| model.tokenizer["model"]["max_input_chars_per_word"] = json!(50)),
    ];
    assert_eq!(all[0], digest(|_| {}));
    assert!(all[0].len() == 64 && (1..4).all(|at| !all[..at].contains(&all[at])), "{all:?}");
}

/// Runs `lethe` in the repository.
fn lethe(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever ends before reading everything closes the pipe.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The shipped prompts pipeline with a model of its own.
fn pipeline(folder: &Path) -> PathBuf {
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/prompts.yaml")).unwrap();
    let own = format!("names: {{ mode: balanced, model: {} }}", folder.display());
    let (path, text) = (folder.join("prompts.yaml"), shipped.replace("names: { mode: balanced }", &own));
    assert_ne!(text, shipped);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_pipeline_that_names_a_model_uses_it_on_the_command_line() {
    let folder = TempDir::new().unwrap();
    Tiny::new().write(folder.path());
    let pipeline = pipeline(folder.path());
    let pipeline = pipeline.to_str().unwrap();
    let (code, out, err) = lethe(&["check", "--offline", pipeline], "");
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("names") && out.contains("MISC mean nothing here"), "{out}");
    // The built-in model knows no such person; this one knows nobody else.
    let text = "met Lovelace in Chicago\nmail ada@example.org Broken\nmet Susan Miller";
    let (code, out, err) = lethe(&["scrub", "--form", "text", "--pipeline", pipeline], text);
    assert_eq!(code, Some(1), "{err}");
    assert!(out.contains("met [PERSON] in [LOCATION]\n") && out.contains("met Susan Miller"), "{out}");
    // What it can't read doesn't pass, and nothing of it is told.
    assert!(err.contains("line 2: names_unread") && !err.contains("ada@") && !out.contains("ada@"), "{out}{err}");
    let (_, out, _) = lethe(&["rules", "explain", "--pipeline", pipeline, "met Ada Lovelace"], "");
    assert!(out.contains("FOUND 4..16 PERSON") && out.contains("rule model-person: 98 %"), "{out}");
    let (_, out, _) = lethe(&["rules", "list", "--kind", "PERSON", "--pipeline", pipeline], "");
    assert!(out.contains("model-person") && out.contains("the model that `detect.names.model` names"), "{out}");

    fs::write(folder.path().join("tokenizer.json"), "{").unwrap();
    let (code, _, err) = lethe(&["check", "--offline", pipeline], "");
    assert_eq!(code, Some(2));
    let path = folder.path().to_str().unwrap();
    assert!(
        ["`detect.names.model`", path, "`tokenizer.json`: ", "\n  help: "].iter().all(|part| err.contains(part)),
        "{err}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // INVARIANT: no text stops the reader; names are in order, apart, not empty, on character borders.
    #[test]
    fn any_text_gives_names_in_order_on_character_borders(
        parts in proptest::collection::vec(
            prop_oneof!["\\PC{0,12}", "(Ada|Lovelace|Zoë|Chicago|cago|Acme|##lace)", "[ .,\n\t\u{301}\u{200b}\u{0}-]{1,3}"], 0..60),
        recall: bool,
    ) {
        static READER: std::sync::LazyLock<OnnxReader> = std::sync::LazyLock::new(|| Tiny::new().open().unwrap());
        let text = parts.concat();
        let mut found = Vec::new();
        prop_assert!(READER.read(&text, recall, &mut found).is_ok());
        let mut end = 0;
        for name in &found {
            prop_assert!(name.start >= end && name.end > name.start);
            prop_assert!(text.get(name.start as usize..name.end as usize).is_some());
            prop_assert!((1..=100).contains(&name.confidence));
            end = name.end;
        }
        let mut again = Vec::new();
        prop_assert!(READER.read(&text, recall, &mut again).is_ok());
        prop_assert_eq!(found, again);
    }
}
