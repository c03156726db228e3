//! The chapters' exercises: a cell tagged `exercise`, and the cell tagged `check` after it.
//!
//! Each becomes an exercise of the course, so that a notebook is graded like any other file, without Jupyter and without running the chapter:
//!
//! - What the student wrote is the cell of the same id. It becomes a library with what it needs of the chapter's other cells: the functions and
//!   types that it names, the `use` lines, and helpers out of cells that the student added.
//! - The check becomes a test, with its own copy of the functions and types that it needs. Only types that the exercise's cell names it takes from
//!   the library, and there they are the chapter's text.
//! - `let` lines of earlier cells go before the check if it takes their variables from outside. Loops are not run.
//!
//! Where that is not enough, the exercise is left out, and whoever grades is told.

use std::{collections::BTreeSet, fmt::Write as _, fs, io, path::Path};

use super::{
    item::{Item, Kind, free, items, library},
    notebook::{self, Cell},
};
use crate::classroom::Exercise;

/// What an exercise of a chapter is worth. Its check is one test.
const POINTS: u32 = 5;

/// How long one takes, roughly.
const MINUTES: u32 = 10;

/// What every cell has in scope, as in `notebooks/prelude`; but grading is on the CPU, and without the notebook's room.
const SCOPE: &str = "pub use candle_core::{self, D, DType, Device, Tensor, Var};\n    pub use {candle_nn, deltaw, ndarray, rand, rand_chacha, rand_distr};\n    pub fn here() -> Device { Device::Cpu }\n";

/// Crates of which `use` lines are taken over.
const CRATES: [&str; 8] = ["std", "candle_core", "candle_nn", "deltaw", "ndarray", "rand", "rand_chacha", "rand_distr"];

/// A chapter.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// Its file's name without the end: `05_qlora`.
    name: String,
    cells: Vec<Cell>,
    pub(super) tasks: Vec<Task>,
}

/// An exercise of a chapter.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) exercise: Exercise,
    /// The id of its cell.
    cell: String,
    /// The source of its check.
    check: String,
}

/// The chapters in `folder`, in order; none if there is no such folder.
pub(super) fn chapters(folder: &Path) -> io::Result<Vec<Chapter>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "ipynb"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cells = notebook::cells(&fs::read_to_string(&path)?).map_err(io::Error::other)?;
        found.push(Chapter { tasks: tasks(&name, &cells), name, cells });
    }
    Ok(found)
}

fn tasks(chapter: &str, cells: &[Cell]) -> Vec<Task> {
    let task = |(place, cell): (usize, &Cell)| {
        let after = cells[place + 1..].iter().take_while(|cell| !cell.has("exercise"));
        let check = after.into_iter().find(|cell| cell.has("check"))?.source.clone();
        let what = check.split('"').nth(1).unwrap_or(&cell.id).to_owned();
        let tame = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let exercise = Exercise {
            id: format!("n{chapter}_{}", cell.id).chars().map(tame).collect(),
            section: chapter.to_owned(),
            title: format!("Chapter {chapter}: {what}"),
            points: POINTS,
            minutes: MINUTES,
            questions: Vec::new(),
        };
        Some(Task { exercise, cell: cell.id.clone(), check })
    };
    let tagged = cells.iter().enumerate().filter(|(_, cell)| cell.has("exercise") && cell.exercise.is_none());
    tagged.filter_map(task).collect()
}

/// The chapter that a notebook is: by its file's name, else by the cells that they share.
pub(super) fn of<'a>(chapters: &'a [Chapter], name: &str, handed: &[Cell]) -> Option<&'a Chapter> {
    let stem = name.strip_suffix(".ipynb").unwrap_or(name);
    let ids: BTreeSet<&str> = handed.iter().map(|cell| cell.id.as_str()).collect();
    let shared = |chapter: &Chapter| chapter.cells.iter().filter(|cell| ids.contains(cell.id.as_str())).count();
    let named = chapters.iter().find(|chapter| stem.ends_with(&chapter.name));
    let alike =
        || chapters.iter().max_by_key(|chapter| shared(chapter)).filter(|best| 2 * shared(best) > best.cells.len());
    named.or_else(alike)
}

impl Chapter {
    /// The file of `task` as it was handed out.
    pub(super) fn template(&self, task: &Task) -> String {
        self.file(task, &self.cells).unwrap_or_default()
    }

    /// The file of `task` out of a student's `cells`; none if its cell is gone.
    pub(super) fn file(&self, task: &Task, cells: &[Cell]) -> Option<String> {
        let own = cells.iter().find(|cell| cell.id == task.cell)?;
        let known: BTreeSet<&str> = self.cells.iter().map(|cell| cell.id.as_str()).collect();
        let added = cells.iter().filter(|cell| !known.contains(cell.id.as_str()));
        let mine = items(&own.source);
        let defined = |items: &[Item]| -> BTreeSet<String> {
            let values = items.iter().filter(|item| matches!(item.kind, Kind::Value | Kind::Type));
            values.flat_map(|item| item.names.clone()).collect()
        };
        let mut taken = defined(&mine);
        let mut all: Vec<Item> = added.flat_map(|cell| items(&cell.source)).collect();
        taken.extend(defined(&all));
        // What the student defines anew goes before the chapter's functions, never before its types: the check relies on those.
        let chapter = self.before(task).into_iter();
        all.extend(chapter.filter(|item| item.kind != Kind::Value || item.names.is_disjoint(&taken)));
        let wanted = mine.iter().flat_map(|item| item.words.clone()).chain(self.asked(task).1).collect();
        let needed = needed(&all, wanted);
        let values = needed.iter().filter(|item| item.kind != Kind::Use);
        let context: String = values.map(|item| format!("{}\n", item.text)).collect();
        // The student's lines come first, so that an error names them as the cell counts them.
        Some(format!("{}{}{context}", library(&own.source), scope(&needed)))
    }

    /// The tests of `task`.
    pub(super) fn tests(&self, task: &Task) -> String {
        let all = self.before(task);
        let (mut names, asked) = self.asked(task);
        let types = |item: &&Item| item.kind == Kind::Type;
        let shared: BTreeSet<String> =
            needed(&all, asked).into_iter().filter(types).flat_map(|item| item.names.clone()).collect();
        let variables = variables(&all, &task.check, &names);
        let texts = variables.iter().map(|item| words(&item.text)).chain([words(&task.check)]);
        let needed = needed(&all, texts.flatten().collect());
        let mut own = String::new();
        for item in &needed {
            match item.kind {
                Kind::Type if !item.names.is_disjoint(&shared) => names.extend(item.names.iter().cloned()),
                Kind::Impl if !item.names.is_disjoint(&shared) => {}
                Kind::Value | Kind::Type | Kind::Impl => own += &format!("{}\n", item.text),
                Kind::Use | Kind::Let | Kind::Other => {}
            }
        }
        let mut text = scope(&needed);
        for name in names {
            let _ = writeln!(text, "use super::answer::{name};");
        }
        let run = RUN.replace("TITLE", &format!("{:?}", task.exercise.title)).replace("POINTS", &POINTS.to_string());
        let check = &task.check;
        let lets: String = variables.iter().map(|item| format!("    {}\n", item.text)).collect();
        text + &own
            + &run
            + &format!(
                "fn check() -> deltaw::classroom::Outcome {{\n{lets}    let _ = {{\n{check}    }};\n    Ok(())\n}}\n"
            )
    }

    /// What the exercise's cell defines as it is handed out, and every word in it.
    fn asked(&self, task: &Task) -> (BTreeSet<String>, BTreeSet<String>) {
        let cell = self.cells.iter().find(|cell| cell.id == task.cell);
        let items = cell.map(|cell| items(&cell.source)).unwrap_or_default();
        let named = items.iter().filter(|item| matches!(item.kind, Kind::Value | Kind::Type));
        (
            named.flat_map(|item| item.names.clone()).collect(),
            items.iter().flat_map(|item| item.words.clone()).collect(),
        )
    }

    /// All that the chapter's other cells define before the check, without the exercises and checks.
    fn before(&self, task: &Task) -> Vec<Item> {
        let end = self.cells.iter().position(|cell| cell.source == task.check).unwrap_or(self.cells.len());
        let cells = self.cells[..end].iter().filter(|cell| !cell.has("exercise") && !cell.has("check"));
        cells.flat_map(|cell| items(&cell.source)).collect()
    }
}

/// What runs the check as a test. A check calls `exercise`, as often as it likes; what it returns is shown in a notebook and nothing here.
const RUN: &str = "
thread_local! {
    static CASE: std::cell::RefCell<(deltaw::classroom::Case, Option<Box<dyn std::error::Error>>)> = std::cell::RefCell::default();
}
fn exercise(_: &str, body: impl FnOnce(&mut deltaw::classroom::Case) -> deltaw::classroom::Outcome) {
    let (mut case, failed) = CASE.take();
    let outcome = body(&mut case);
    CASE.set((case, failed.or(outcome.err())));
}
pub fn register(suite: &mut deltaw::classroom::Suite) {
    suite.case(TITLE, POINTS, |case| {
        CASE.set((std::mem::take(case), None));
        let outcome = check();
        let (checked, failed) = CASE.take();
        *case = checked;
        failed.map_or(outcome, Err)
    });
}
";

/// Each `use` line in a module of its own: what two of them bring is one thing, as it is in a notebook.
fn scope(items: &[&Item]) -> String {
    let mut text = format!("\nuse self::scope::*;\nmod scope {{\n    {SCOPE}");
    for (place, item) in items.iter().filter(|item| item.kind == Kind::Use).enumerate() {
        let line = item.text.trim_start_matches("pub ");
        let _ = writeln!(text, "    pub use u{place}::*;\n    mod u{place} {{\n        pub {line}\n    }}");
    }
    text + "}\n"
}

/// The `let` lines of `all` whose variables the check takes from outside, and those that these take in turn; `asked` is what the student writes.
fn variables<'a>(all: &'a [Item], check: &str, asked: &BTreeSet<String>) -> Vec<&'a Item> {
    let mut wanted: BTreeSet<String> = free(check).difference(asked).cloned().collect();
    let mut found = Vec::new();
    for item in all.iter().rev().filter(|item| item.kind == Kind::Let) {
        if !item.names.is_disjoint(&wanted) {
            wanted.retain(|name| !item.names.contains(name));
            let (_, value) = item.text.split_once('=').unwrap_or_default();
            wanted.extend(free(value));
            found.push(item);
        }
    }
    found.reverse();
    found
}

fn words(source: &str) -> BTreeSet<String> {
    items(source).into_iter().flat_map(|item| item.words).collect()
}

/// The items of `all` that `words` name, and those that these name in turn; of several of one name the last. `use` lines come along: traits
/// are used without being named.
fn needed(all: &[Item], mut words: BTreeSet<String>) -> Vec<&Item> {
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    let last = |place: usize| {
        let later = &all[place + 1..];
        matches!(all[place].kind, Kind::Impl | Kind::Use)
            || !later.iter().any(|item| item.kind == all[place].kind && item.names == all[place].names)
    };
    let types: BTreeSet<&String> =
        all.iter().filter(|item| item.kind == Kind::Type).flat_map(|item| &item.names).collect();
    loop {
        let before = chosen.len();
        for (place, item) in all.iter().enumerate().filter(|(place, _)| last(*place)) {
            let known = match item.kind {
                Kind::Use => {
                    item.words.iter().any(|word| CRATES.contains(&word.as_str())) && !item.words.contains("notebook")
                }
                Kind::Impl => item.names.iter().any(|name| types.contains(name) && words.contains(name)),
                Kind::Let | Kind::Other => false,
                Kind::Value | Kind::Type => !item.names.is_disjoint(&words),
            };
            if known && chosen.insert(place) {
                words.extend(item.words.iter().cloned());
            }
        }
        if chosen.len() == before {
            return chosen.into_iter().map(|place| &all[place]).collect();
        }
    }
}

#[cfg(test)]
mod tests;
