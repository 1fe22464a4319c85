//! Reads labelled text, has a model of names made of it, and writes the model and its card: `lethe train names`.
//!
//! The maths is in `detect::train`; here are files, what is said meanwhile, and the card.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::detect::train::{self, Document, LEAST, Lists, News, Recipe, Score};
use crate::detect::{Label, Recogniser};

/// What is wanted.
pub struct Asked {
    /// Folders of labelled text.
    pub data: Vec<PathBuf>,
    /// Folder of lists.
    pub lists: Option<PathBuf>,
    /// Labelled text to measure on.
    pub dev: Vec<PathBuf>,
    /// The model.
    pub out: PathBuf,
    /// The card.
    pub card: Option<PathBuf>,
    /// Licences and attributions.
    pub attribution: Option<PathBuf>,
    /// Where dice start.
    pub seed: u64,
    /// Whether each source is left out once.
    pub leave_one_out: bool,
}

/// Why no model was made.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file or folder can't be read or written.
    #[error("{path}: {error}\nhelp: name what this user may read, or write")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A line isn't labelled text.
    #[error(
        "{path}, line {line}: {what}\nhelp: write {{\"text\": …, \"spans\": [{{\"start\": 0, \"end\": 3, \"label\": \"PERSON\"}}]}}, offsets in characters"
    )]
    Line {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// There is nothing to learn from.
    #[error("no labelled name in `--data`\nhelp: name a folder that holds *.jsonl files of labelled text")]
    Empty,
    /// There is nothing to measure on.
    #[error("`--leave-one-out` needs sets to measure on\nhelp: name files of labelled text with `--dev`")]
    NothingToMeasureOn,
    /// What was made can't be read back.
    #[error("the new model doesn't load: {0}")]
    Unsound(crate::detect::ModelProblem),
}

/// One file of labelled text.
struct Source {
    name: String,
    documents: usize,
    names: [usize; 4],
    sha256: String,
}

fn read(path: &Path) -> Result<String, TrainError> {
    std::fs::read_to_string(path).map_err(|error| TrainError::File { path: path.display().to_string(), error })
}

fn documents(path: &Path, source: usize) -> Result<(Vec<Document>, String), TrainError> {
    let text = read(path)?;
    let mut documents = Vec::new();
    for (line, written) in text.lines().enumerate().filter(|(_, written)| !written.trim().is_empty()) {
        documents.push(train::document(written, source).map_err(|what| TrainError::Line {
            path: path.display().to_string(),
            line: line + 1,
            what,
        })?);
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    Ok((documents, digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn name_of(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Every `*.jsonl` of the folders, in the order of their names.
fn files(folders: &[PathBuf]) -> Result<Vec<PathBuf>, TrainError> {
    let mut files = Vec::new();
    for folder in folders {
        let refused = |error| TrainError::File { path: folder.display().to_string(), error };
        let mut here = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(refused)? {
            let path = entry.map_err(refused)?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                here.push(path);
            }
        }
        here.sort();
        files.extend(here);
    }
    Ok(files)
}

/// The lists of a folder; those that aren't there are empty.
fn lists(folder: Option<&Path>) -> Result<Lists, TrainError> {
    let Some(folder) = folder else { return Ok(Lists::default()) };
    let list = |name: &str| {
        let path = folder.join(name);
        if path.exists() { read(&path) } else { Ok(String::new()) }
    };
    Ok(Lists {
        first: list("first.txt")?,
        last: list("last.txt")?,
        place: list("place.txt")?,
        words: list("words.txt")?,
    })
}

/// Makes a model. `say` hears of progress, and stops nothing by saying no.
pub fn names(asked: &Asked, say: &mut dyn FnMut(&str) -> bool) -> Result<(), TrainError> {
    if asked.leave_one_out && asked.dev.is_empty() {
        return Err(TrainError::NothingToMeasureOn);
    }
    let mut dev = Vec::new();
    for path in &asked.dev {
        dev.push((name_of(path), documents(path, 0)?.0));
    }
    let measured: HashSet<&str> = dev.iter().flat_map(|(_, set)| set).map(|document| document.text.as_str()).collect();
    let (mut sources, mut all) = (Vec::new(), Vec::new());
    for path in files(&asked.data)? {
        let (mut found, sha256) = documents(&path, sources.len())?;
        let before = found.len();
        found.retain(|document| !measured.contains(document.text.as_str()));
        found.iter_mut().for_each(train::repair);
        let mut names = [0; 4];
        let labels = found.iter().flat_map(|document| &document.marks).filter_map(|mark| mark.label);
        labels.for_each(|label| {
            names.iter_mut().zip(Label::ALL).for_each(|(count, of)| *count += usize::from(of == label))
        });
        let source = Source { name: name_of(&path), documents: found.len(), names, sha256 };
        let total: usize = source.names.iter().sum();
        say(&format!(
            "read     {:<12} {:>6} texts {total:>6} names, {} left out as measured on",
            source.name,
            source.documents,
            before - found.len()
        ));
        sources.push(source);
        all.extend(found);
    }
    if all.iter().all(|document| document.marks.is_empty()) {
        return Err(TrainError::Empty);
    }
    let lists = lists(asked.lists.as_deref())?;
    let mut recipe = Recipe::default();
    recipe.settings.seed = asked.seed;
    let mut card = Card::new(&sources, &recipe);
    let title = |source: usize| sources.get(source).map_or("together", |source| source.name.as_str());
    let file = train::train(&all, &lists, &recipe, &mut |news| match news {
        News::Begun(what) => {
            say(&format!("learn    from {what}"));
        }
        News::Pass(pass, of, loss) => {
            say(&format!("learn    pass {pass} of {of}, loss {loss:.4}"));
        }
        News::HeldOut(scores) => {
            card.open("Held out", "One document of eight, kept from training (belief is measured on it):");
            for (source, score) in &scores {
                card.row(title(*source), score, say);
            }
        }
    });
    let recogniser = Recogniser::from_bytes(&file).map_err(TrainError::Unsound)?;
    if !dev.is_empty() {
        card.open(
            "Measured on",
            "Sets that were not learned from; texts of theirs that stand in the training text were left out of it:",
        );
    }
    for (name, set) in &dev {
        let set: Vec<&Document> = set.iter().collect();
        let score = train::score(&recogniser, &set, false, LEAST, &mut |_, _| {});
        card.row(name, &score, say);
        let score = train::score(&recogniser, &set, true, 3, &mut |_, _| {});
        card.row(&format!("{name}, recall"), &score, say);
    }
    if asked.leave_one_out {
        leave_one_out(&dev, &all, &lists, &recipe, &recogniser, &title, &mut card, say);
    }
    write(&asked.out, &file)?;
    say(&format!("written  {} {} bytes, digest {}", asked.out.display(), file.len(), recogniser.digest()));
    if let Some(path) = &asked.card {
        let attribution = asked.attribution.as_deref().map(read).transpose()?;
        write(path, card.finish(&recogniser, file.len(), attribution.as_deref()).as_bytes())?;
    }
    Ok(())
}

/// What each source is worth: micro F1 on all sets to measure on, the mean of them, with it and without.
#[expect(clippy::too_many_arguments, reason = "all that was read, and the two places that hear of it")]
fn leave_one_out<'s>(
    dev: &[(String, Vec<Document>)],
    all: &[Document],
    lists: &Lists,
    recipe: &Recipe,
    whole: &Recogniser,
    title: &dyn Fn(usize) -> &'s str,
    card: &mut Card,
    say: &mut dyn FnMut(&str) -> bool,
) {
    let sets: Vec<Vec<&Document>> = dev.iter().map(|(_, set)| set.iter().collect()).collect();
    let mean = |scores: &[Score]| scores.iter().map(|score| score.all().f1()).sum::<f64>() / scores.len().max(1) as f64;
    let with: Vec<Score> = sets.iter().map(|set| train::score(whole, set, false, 0, &mut |_, _| {})).collect();
    let with = mean(&with);
    card.text.push_str("\n## Leaving a source out\n\nMean of the micro F1 on the sets above, every name counted:\n\n");
    card.line(&format!("- with all sources {with:.3}"), say);
    let mut costs = Vec::new();
    train::leave_one_out(all, lists, recipe, &sets, &mut |source, scores| {
        let without = mean(&scores);
        costs.push(with - without);
        card.line(&format!("- without {} {without:.3}", title(source)), say);
    });
    let cost = costs.iter().sum::<f64>() / costs.len().max(1) as f64;
    card.line(&format!("- so leaving one out costs {cost:.3} on average"), say);
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    std::fs::write(path, bytes).map_err(|error| TrainError::File { path: path.display().to_string(), error })
}

/// A model card as it grows.
struct Card {
    text: String,
}

const LIMITS: &str = "
## Limits

- Latin script; text in other scripts is left to rules. Trained on English; names of other languages in English text are
  found, running text of other languages only in part.
- Belief is measured on the training sources' own held-out documents: on other text it is less than it says.
- A name that is an everyday word in small letters (`will`, `mark`) is skipped; so are words that never name anything.
- Names are findings like others: what becomes of them is policy, and thresholds are there to be set.
";

impl Card {
    fn new(sources: &[Source], recipe: &Recipe) -> Self {
        let mut text = String::from(
            "# Model of names\n\nA linear-chain CRF over hashed observations, integer weights, made by `lethe train names`. It finds names of people,\nplaces and organisations, and conditions, in free text. This card is written by the trainer.\n\n## Data\n\n| source | texts | persons | places | organisations | conditions | SHA-256 |\n|---|---|---|---|---|---|---|\n",
        );
        for source in sources {
            let [persons, places, organisations, conditions] = source.names;
            let _infallible = writeln!(
                text,
                "| {} | {} | {persons} | {places} | {organisations} | {conditions} | {} |",
                source.name, source.documents, source.sha256
            );
        }
        let settings = recipe.settings;
        let _infallible = writeln!(
            text,
            "\nBeside them own sentences, filled {} times; {} % of all texts also in small letters, {} % in capitals. {} passes, seed {}.",
            recipe.rounds, recipe.lower, recipe.upper, settings.passes, settings.seed
        );
        Self { text }
    }

    fn open(&mut self, title: &str, what: &str) {
        let _infallible = write!(
            self.text,
            "\n## {title}\n\n{what}\n\n| set | micro F1 | precision | recall | person F1 | place F1 | organisation F1 | characters covered |\n|---|---|---|---|---|---|---|---|\n"
        );
    }

    fn line(&mut self, line: &str, say: &mut dyn FnMut(&str) -> bool) {
        self.text.push_str(line);
        self.text.push('\n');
        say(&format!("measured {}", line.trim_start_matches("- ")));
    }

    fn row(&mut self, name: &str, score: &Score, say: &mut dyn FnMut(&str) -> bool) {
        let all = score.all();
        let [person, place, organisation, _] = score.labels.map(|count| count.f1());
        let _infallible = writeln!(
            self.text,
            "| {name} | {:.3} | {:.3} | {:.3} | {person:.3} | {place:.3} | {organisation:.3} | {:.3} |",
            all.f1(),
            all.precision(),
            all.recall(),
            score.covered()
        );
        say(&format!(
            "measured {name:<24} F1 {:.3} (precision {:.3}, recall {:.3}); person {person:.3} place {place:.3} organisation {organisation:.3}; covers {:.3}",
            all.f1(),
            all.precision(),
            all.recall(),
            score.covered()
        ));
    }

    fn finish(mut self, recogniser: &Recogniser, bytes: usize, attribution: Option<&str>) -> String {
        self.text.push_str(LIMITS);
        if let Some(attribution) = attribution {
            let _infallible = write!(self.text, "\n## Licences and attributions\n\n{}\n", attribution.trim());
        }
        let _infallible = write!(self.text, "\n## File\n\n{bytes} bytes, digest `{}`.\n", recogniser.digest());
        self.text
    }
}
