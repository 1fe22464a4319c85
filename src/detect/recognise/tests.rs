//! What names must hold: files that aren't whole are refused, long texts read as short ones, no text breaks anything.

use proptest::prelude::*;

use super::*;
use crate::detect::train::{self, Lists, Recipe};

/// A small world to learn from.
fn small() -> (Vec<train::Document>, Lists) {
    let (first, last, place) = (["Ada", "Jens", "Mina"], ["Lovelace", "Okafor", "Lind"], ["Leeds", "Porto", "Accra"]);
    let mut documents = Vec::new();
    for i in 0..120usize {
        let name = format!("{} {}", first[i % 3], last[i / 3 % 3]);
        let text = format!("my friend {name} lives in {} and likes tea", place[i / 9 % 3]);
        let end = 10 + name.chars().count();
        let city = text.find(" in ").unwrap() + 4;
        let spans = format!(
            r#"[{{"start":10,"end":{end},"label":"PERSON"}},{{"start":{city},"end":{},"label":"LOCATION"}}]"#,
            city + 5
        );
        let line = format!(r#"{{"text":"{text}","spans":{spans}}}"#);
        documents.push(train::document(&line, i % 2).unwrap());
    }
    let lists = Lists {
        first: first.join("\n"),
        last: last.join("\n"),
        place: place.join("\n"),
        words: "and\nlives\nin\ntea".into(),
    };
    (documents, lists)
}

fn recipe(seed: u64) -> Recipe {
    let mut recipe = Recipe { buckets: 2_000, rounds: 0, ..Recipe::default() };
    recipe.settings.seed = seed;
    recipe
}

fn small_model(seed: u64) -> Vec<u8> {
    let (documents, lists) = small();
    train::train(&documents, &lists, &recipe(seed), &mut |_| {})
}

fn builtin() -> Recogniser {
    Recogniser::from_bytes(include_bytes!("../../../models/names.bin")).unwrap()
}

fn found<'t>(recogniser: &Recogniser, text: &'t str) -> Vec<(Label, &'t str)> {
    let mut names = Vec::new();
    recogniser.find(text, false, &mut names);
    names.iter().map(|name| (name.label, &text[name.start as usize..name.end as usize])).collect()
}

#[test]
fn the_same_text_and_seed_make_the_same_model_and_another_seed_does_not() {
    let model = small_model(1);
    assert!(model == small_model(1));
    assert!(model != small_model(2));
    let recogniser = Recogniser::from_bytes(&model).unwrap();
    let expected = [(Label::Person, "Mina Lind"), (Label::Location, "Porto")];
    assert_eq!(found(&recogniser, "my friend Mina Lind lives in Porto and likes tea"), expected);
}

#[test]
fn a_model_file_that_is_not_whole_or_not_ours_is_refused() {
    let whole = small_model(1);
    let changed = |at: usize| {
        let mut file = whole.clone();
        file[at] ^= 1;
        file
    };
    let longer = [whole.as_slice(), b"x"].concat();
    for (file, problem) in [
        (Vec::new(), ModelProblem::NotAModel),
        (b"PK\x03\x04 some other file".to_vec(), ModelProblem::NotAModel),
        (changed(0), ModelProblem::NotAModel),
        (changed(8), ModelProblem::OtherVersion),
        (changed(10), ModelProblem::OtherVersion),
        (whole[..9].to_vec(), ModelProblem::Truncated),
        (whole[..40].to_vec(), ModelProblem::Truncated),
        (whole[..whole.len() - 1].to_vec(), ModelProblem::Truncated),
        (longer, ModelProblem::Truncated),
        (changed(12), ModelProblem::Truncated),
        (changed(whole.len() / 2), ModelProblem::Damaged),
        (changed(whole.len() - 1), ModelProblem::Damaged),
    ] {
        let refused = Recogniser::from_bytes(&file).err();
        assert_eq!(refused, Some(problem), "{} bytes", file.len());
        assert!(problem.to_string().contains("\nhelp: "));
    }
}

#[test]
fn names_are_found_however_they_are_written() {
    let recogniser = builtin();
    for (text, label, name) in [
        ("my name is susan miller and i need help", Label::Person, "susan miller"),
        ("MY NAME IS SUSAN MILLER", Label::Person, "SUSAN MILLER"),
        ("Please ask Søren Müller-Jørgensen about it.", Label::Person, "Søren Müller-Jørgensen"),
        ("A letter from Vincent van der Berg arrived.", Label::Person, "Vincent van der Berg"),
        ("name: Garcia, Elena", Label::Person, "Garcia, Elena"),
        ("I met J. R. Thompson yesterday.", Label::Person, "J. R. Thompson"),
        ("{\"customer\": \"Maria Kowalska\", \"id\": 7}", Label::Person, "Maria Kowalska"),
        ("We moved from Boston to New York last year.", Label::Location, "New York"),
        ("i live in berlin now", Label::Location, "berlin"),
        ("She works at Goldman Sachs.", Label::Organization, "Goldman Sachs"),
    ] {
        assert!(found(&recogniser, text).contains(&(label, name)), "{text}: {:?}", found(&recogniser, text));
    }
}

#[test]
fn a_name_once_found_is_found_again_where_nothing_else_tells_it() {
    let recogniser = builtin();
    let text = "My doctor is Katarzyna Wiśniewska.\n\nOtherwise fine\n\nWiśniewska\n";
    let names = found(&recogniser, text);
    assert!(names.contains(&(Label::Person, "Wiśniewska")), "{names:?}");
}

#[test]
fn text_in_other_scripts_and_addresses_of_machines_hold_no_names() {
    let recogniser = builtin();
    for text in [
        "Меня зовут Иван Петров",
        "我叫王小明，住在上海",
        "https://john.smith.example/London",
        "john.smith@example.org",
        "",
    ] {
        assert_eq!(found(&recogniser, text), [], "{text}");
    }
}

#[test]
fn where_a_window_ends_says_nothing_about_what_is_found() {
    let recogniser = builtin();
    let paragraph = "Yesterday John Miller flew from Chicago to Frankfurt and called Maria Schmidt at Deutsche Bank.\n";
    let alone = found(&recogniser, paragraph);
    assert!(alone.len() >= 4, "{alone:?}");
    for before in [0, 1, 1999, 2000, 4030, 4075, 4093, 4096, 4100, 9000] {
        let text = format!("{}\n{paragraph}", "so ".repeat(before));
        assert_eq!(found(&recogniser, &text), alone, "{before} words before");
    }
    let long = paragraph.repeat(700);
    let all = found(&recogniser, &long);
    assert_eq!(all.len(), alone.len() * 700);
    assert!(all.chunks(alone.len()).all(|names| names == alone));
}

#[test]
fn a_run_of_capitals_without_end_is_read_in_bounded_pieces() {
    let recogniser = builtin();
    let text = "Smith ".repeat(20_000);
    let mut names = Vec::new();
    recogniser.find(&text, false, &mut names);
    assert!(names.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let text = format!("{}@example.org", "a.".repeat(50_000));
    recogniser.find(&text, true, &mut names);
}

#[test]
fn what_spoke_for_a_name_can_be_told() {
    let recogniser = builtin();
    let text = "My name is Peter Schmidt.";
    let mut names = Vec::new();
    recogniser.find(text, false, &mut names);
    let reasons = recogniser.explain(text, &names[0]);
    assert!(reasons.len() > 10 && reasons[0].weight.abs() >= reasons[9].weight.abs());
    assert!(reasons.iter().filter(|reason| reason.weight > 0).count() > 5, "{reasons:?}");
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[A-Z][a-z]{1,8}",
        "[a-z]{1,8}",
        "[A-Z]{1,4}",
        "[0-9]{1,5}",
        "[-. :/@#&(),_='’\"\n\t]",
        "\\PC",
        "[\u{c0}-\u{24f}\u{300}-\u{36f}\u{1e00}-\u{1eff}]{1,4}",
        Just(" John Smith ".to_owned()),
        Just(" in New York ".to_owned()),
        Just("https://".to_owned()),
        Just("a@b.example".to_owned()),
        Just("\u{2028}".to_owned()),
        Just("#JohnSmith".to_owned()),
        Just("O'Brien".to_owned()),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    // INVARIANT: names are in order, disjoint, not empty, on character borders, believed between 1 and 99; nothing panics.
    #[test]
    fn any_text_gives_names_in_order_on_character_borders(text in pieces(), recall in any::<bool>()) {
        thread_local!(static MODEL: Recogniser = builtin());
        let mut names = Vec::new();
        MODEL.with(|model| model.find(&text, recall, &mut names));
        let mut end = 0;
        for name in &names {
            prop_assert!(name.start >= end && name.end > name.start && name.end as usize <= text.len());
            prop_assert!(text.is_char_boundary(name.start as usize) && text.is_char_boundary(name.end as usize));
            prop_assert!((1..=99).contains(&name.confidence));
            end = name.end;
        }
        let mut again = Vec::new();
        MODEL.with(|model| model.find(&text, recall, &mut again));
        prop_assert_eq!(&names, &again);
        for name in names.iter().take(2) {
            MODEL.with(|model| model.explain(&text, name));
        }
    }

    // INVARIANT: what was remembered of other texts, and what this machine adds up quickly, changes nothing.
    #[test]
    fn names_are_the_same_at_a_fresh_desk_and_on_any_machine(text in pieces(), recall in any::<bool>()) {
        thread_local!(static MODEL: Recogniser = builtin());
        let (mut names, mut plain) = (Vec::new(), Vec::new());
        MODEL.with(|model| {
            model.find(&text, recall, &mut names);
            model.find_at(&mut Desk::default(), &text, recall, &mut plain, weights::sum);
        });
        prop_assert_eq!(names, plain);
    }

    // INVARIANT: the sums of a token are those of the rows of all its keys, one by one.
    #[test]
    fn sums_are_those_of_the_rows_of_all_keys(text in pieces()) {
        thread_local!(static MODEL: Recogniser = builtin());
        MODEL.with(|model| {
            let (weights, reader) = (&model.model.weights, crate::detect::simd::Reader::new());
            let (mut tokens, mut words) = (Vec::new(), Reader::new(&text));
            while let Some(token) = words.next(&mut tokens) {
                tokens.push(token);
                model.model.lexicon.look_up(&mut tokens);
            }
            let (mut queue, mut memo) = (Queue::default(), Memo::default());
            for at in 0..tokens.len() {
                let mut sums = weights::Sums::default();
                for row in features::keys(&tokens, at).map(|key| weights.row(key)) {
                    sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += i16::from(weight));
                }
                queue.ask(weights, &mut memo, &tokens, at, true);
                let scored = queue.take(weights, &mut memo, |buckets, places| reader.sum(buckets, places));
                prop_assert_eq!(scored.map(|scored| scored.sums), Some(sums));
            }
            Ok(())
        })?;
    }

    // INVARIANT: any bytes are a model file or refused.
    #[test]
    fn any_bytes_are_a_model_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in any::<bool>()) {
        let file = if head { [b"LETHENAM\x01\x00\x01\x00".as_slice(), &bytes].concat() } else { bytes };
        prop_assert!(Recogniser::from_bytes(&file).is_err());
    }
}
