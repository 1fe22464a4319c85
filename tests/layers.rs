//! The map in `src/lib.rs` is true: the rooms stand in the order it gives, each uses only rooms above it, and what waits or
//! draws time stays in `io`, `cli` and `main.rs`. Comments and strings are no code and are left out; unit tests inside rooms obey too.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that may wait. All others are the core.
const WAITING: [&str; 2] = ["io", "cli"];

/// What the core never names, as it would stand in code, and why.
const BANNED: &[(&str, &str)] = &[
    ("SystemTime::now", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("Zoned::now", "time is an argument"),
    ("SystemRandom", "randomness is an argument"),
    ("getrandom", "randomness is an argument"),
    ("tokio", "the core does not wait"),
    ("axum", "the core does not wait"),
    ("rdkafka", "the core knows no Kafka client"),
    ("fjall", "the core stores nothing"),
    ("tracing", "the core writes no log line"),
    ("metrics", "the core counts nothing itself"),
    ("println!", "the core prints nothing"),
    ("eprintln!", "the core prints nothing"),
    ("print!", "the core prints nothing"),
    ("eprint!", "the core prints nothing"),
    ("async", "the core does not wait"),
    (".await", "the core does not wait"),
];

/// Modules of `std` that the core leaves alone, for the same reasons: files, sockets, settings, processes, threads.
const BANNED_STD: [&str; 5] = ["fs", "net", "env", "process", "thread"];

/// The rooms in the order of lib.rs's list: its lines ``- [`room`]: …``.
fn rooms(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("//! - [`")?.split_once("`]"))
        .map(|(room, _)| room.to_owned())
        .collect()
}

/// Code without comments, and with the content of strings and character literals blanked; line breaks stay.
fn code_only(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let at = |index: usize| text.get(index).copied().unwrap_or('\0');
    let mut code = String::with_capacity(source.len());
    let mut here = 0;
    while here < text.len() {
        let begun = here;
        let in_word = here > 0 && is_word(at(here - 1));
        match (at(here), at(here + 1)) {
            ('/', '/') => {
                while here < text.len() && at(here) != '\n' {
                    here += 1;
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(here), at(here + 1)) {
                        ('/', '*') => (depth, here) = (depth + 1, here + 2),
                        ('*', '/') => (depth, here) = (depth - 1, here + 2),
                        _ => here += 1,
                    }
                    if depth == 0 || here >= text.len() {
                        break;
                    }
                }
            }
            ('r', '"' | '#') if !in_word || at(here - 1) == 'b' => {
                let hashes = (here + 1..).take_while(|index| at(*index) == '#').count();
                if at(here + 1 + hashes) == '"' {
                    here += hashes + 2;
                    let closes = |from: usize| at(from) == '"' && (1..=hashes).all(|step| at(from + step) == '#');
                    while here < text.len() && !closes(here) {
                        here += 1;
                    }
                    here += hashes + 1;
                } else {
                    // A raw identifier.
                    code.push('r');
                    here += 2;
                    continue;
                }
            }
            ('"', _) => {
                here += 1;
                while here < text.len() && at(here) != '"' {
                    here += if at(here) == '\\' { 2 } else { 1 };
                }
                here += 1;
            }
            // A character literal; without the closing quote it is a lifetime.
            ('\'', '\\') => {
                here += 3;
                while here < text.len() && at(here) != '\'' {
                    here += 1;
                }
                here += 1;
            }
            ('\'', _) if at(here + 2) == '\'' => here += 3,
            (other, _) => {
                code.push(other);
                here += 1;
                continue;
            }
        }
        code.push(' ');
        code.extend((begun..here.min(text.len())).map(at).filter(|it| *it == '\n'));
    }
    code
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Every place where `name` stands in the code as itself, not as a part of a longer word.
fn occurrences<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back().is_some_and(is_word);
        let after = code[at + name.len()..].chars().next().is_some_and(is_word);
        let begins_word = name.starts_with(is_word);
        let ends_word = name.ends_with(is_word);
        !(begins_word && before || ends_word && after)
    })
}

/// The names that a path or a brace group begins with: `a::b` gives `a`; `{a::b, c, d::{e, f}}` gives `a`, `c`, `d`.
fn heads(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.chars().take_while(|it| is_word(*it) || *it == '*').collect()];
    };
    let mut depth = 0;
    let mut items = vec![String::new()];
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ => {}
        }
        if depth == 0 && letter != ',' {
            items.last_mut().unwrap().push(letter);
        }
    }
    items.iter().flat_map(|item| heads(item)).filter(|head| !head.is_empty()).collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The names right below `root` (`root::a`, `root::{a::b, c}`), with their lines.
fn names_below(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in occurrences(code, root) {
        if let Some(path) = code[at + root.len()..].trim_start().strip_prefix("::") {
            found.extend(heads(path).into_iter().map(|head| (line_of(code, at), head)));
        }
    }
    found
}

/// The names right below the crate's root that the code uses, with their lines. `depth` is how many modules the file is below
/// the root: that many `super`, or more inside inline modules, lead there too.
fn root_names(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = names_below(code, "crate");
    let renamed = |at: &usize| code[at + "crate".len()..].trim_start().starts_with("as ");
    found.extend(occurrences(code, "crate").filter(renamed).map(|at| (line_of(code, at), "self as …".to_owned())));
    let squeezed = code.replace("super ::", "super::").replace(":: super", "::super");
    let climb = vec!["super"; depth.max(1)].join("::") + "::";
    for (at, _) in squeezed.match_indices(&climb) {
        let path = squeezed[at + climb.len()..].trim_start_matches("super::");
        let line = line_of(&squeezed, at);
        found.extend(heads(path).into_iter().map(|head| (line, format!("super:{head}"))));
    }
    found
}

/// What is wrong with one file of `room`.
fn offences(rooms: &[String], room: &str, depth: usize, source: &str) -> Vec<String> {
    let level = |name: &str| rooms.iter().position(|it| it == name);
    let code = code_only(source);
    let mut wrong = Vec::new();
    for (line, name) in root_names(&code, depth) {
        // A `super` that leads to something else than a room's name stays inside the room.
        let climbed = name.strip_prefix("super:");
        let target = climbed.unwrap_or(&name);
        match level(target) {
            Some(there) if Some(there) <= level(room) => {}
            Some(_) => wrong.push(format!("line {line}: `{room}` uses `{target}`, which stands below it")),
            None if climbed.is_some() => {}
            None => wrong.push(format!("line {line}: `crate::{target}` is no room of the list in lib.rs")),
        }
    }
    if !WAITING.contains(&room) {
        for (name, reason) in BANNED {
            let named = occurrences(&code, name).map(|at| line_of(&code, at));
            wrong.extend(named.map(|line| format!("line {line}: `{room}` names `{name}`: {reason}")));
        }
        for (line, name) in names_below(&code, "std") {
            if BANNED_STD.contains(&name.as_str()) {
                wrong.push(format!("line {line}: `{room}` names `std::{name}`: only `io` and `cli` may"));
            }
        }
    }
    wrong
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push(path);
        }
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn listed_rooms() -> Vec<String> {
    rooms(&fs::read_to_string(source_folder().join("lib.rs")).unwrap())
}

#[test]
fn every_room_uses_only_rooms_above_it_and_the_core_waits_for_nothing() {
    let (src, rooms) = (source_folder(), listed_rooms());
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside: Vec<_> = file.strip_prefix(&src).unwrap().iter().map(|it| it.to_str().unwrap()).collect();
        let room = inside[0].trim_end_matches(".rs");
        if !rooms.iter().any(|it| it == room) {
            continue;
        }
        seen += 1;
        let depth = inside.len() - usize::from(inside.last() == Some(&"mod.rs"));
        let source = fs::read_to_string(&file).unwrap();
        wrong.extend(offences(&rooms, room, depth, &source).iter().map(|it| format!("src/{} {it}", inside.join("/"))));
    }
    assert!(seen >= rooms.len(), "{seen} files for {} rooms: the walk went wrong", rooms.len());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_list_in_lib_rs_is_the_rooms_there_are() {
    let lib = fs::read_to_string(source_folder().join("lib.rs")).unwrap();
    let listed: Vec<_> = rooms(&lib);
    assert!(listed.len() > 5, "the list in lib.rs was not found: {listed:?}");
    let declared: Vec<_> = code_only(&lib)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, declared, "lib.rs declares its rooms in another order than it lists them");
    let there: BTreeSet<_> = fs::read_dir(source_folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".rs").to_owned())
        .filter(|name| !["lib", "main"].contains(&name.as_str()))
        .collect();
    assert_eq!(there, listed.into_iter().collect(), "src/ and the list in lib.rs disagree");
}

#[test]
fn a_planted_offence_is_caught_and_what_only_looks_like_one_is_not() {
    let rooms = rooms("//! - [`low`]: a\n//! - [`mid`]: b\n//! - [`high`]: c\n//! - [`io`]: d\n");
    assert_eq!(rooms, ["low", "mid", "high", "io"]);
    let caught = [
        "use crate::high::Thing;",
        "use crate::{low::A, high::{B, C}};",
        "use crate::{\n    low,\n    high,\n};",
        "fn f() { crate :: high :: g() }",
        "pub(in crate::high) fn f() {}",
        "#[cfg(test)] mod tests { use crate::io::run; }",
        "use super::super::high::Thing;",
        "mod inner { use super::super::super::io; }",
        "use crate::*;",
        "use crate as lethe;",
        "use crate::unlisted::Thing;",
        "let quote = '\"'; crate::high::g();",
        "let text = r#\"a \" b\"#; crate::high::g();",
        "fn f<'a>(x: &'a str) { crate::high::g() }",
        "let now = std::time::Instant::now();",
        "use std::fs;",
        "use std::{collections::BTreeMap, fs::{self, File}};",
        "let it = std::env::var(name);",
        "let it = g().await;",
        "println!(\"x\");",
        "tracing::info!(\"x\");",
    ];
    for source in caught {
        assert_eq!(offences(&rooms, "mid", 2, source).len(), 1, "not caught once: {source}");
    }
    let free = [
        "use crate::low::Thing; use crate::mid::Other;",
        "use super::sibling; use super::super::mid::own;",
        "// use crate::high;\n/* crate::high /* nested */ std::fs */",
        "//! [`crate::high`] carries it out",
        "let text = \"crate::high \\\" std::fs\";",
        "let text = r##\"crate::high \"# std::fs\"##;",
        "use std::{collections::BTreeMap, fmt, io::Write};",
        "let bytes = br\"std::fs crate::high\";",
        "let tracing_id = metrics_of(x); my_println!(); r#crate_like();",
        "pub(crate) fn f() {}",
    ];
    for source in free {
        assert_eq!(offences(&rooms, "mid", 2, source), Vec::<String>::new(), "{source}");
    }
    assert_eq!(offences(&rooms, "io", 2, "use crate::high; use std::fs; x.await"), Vec::<String>::new());
    let planted = "fn fine() {}\n\nuse crate::high::Thing;\n";
    assert_eq!(offences(&rooms, "mid", 2, planted), ["line 3: `mid` uses `high`, which stands below it"]);
}
