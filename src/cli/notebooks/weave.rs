//! `deltaw notebooks weave`: notebooks from their text.

use std::{
    fs,
    io::{self, Write as _},
};

use super::{
    chapter::{self, Cell},
    place::Place,
    text,
};
use crate::cli::Failure;

/// Arguments of `deltaw notebooks weave`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Chapters by the beginning of their name; all without one
    names: Vec<String>,
    /// Only say whether each notebook is what its text makes; exit code 1 if one is not
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, place: &Place) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut stale = Vec::new();
    for stem in place.choose(&args.names, "source", "md")? {
        let notebook = place.file("", &stem, "ipynb");
        let cells = cells(place, &stem)?;
        let before = if notebook.is_file() { chapter::read(&notebook)? } else { Vec::new() };
        let text = chapter::text(&with_outputs(cells, &before))?;
        let same = fs::read_to_string(&notebook).is_ok_and(|found| found == text);
        if args.check {
            if !same {
                stale.push(stem);
            }
        } else if !same {
            chapter::write(&notebook, &text)?;
            writeln!(out, "{}", notebook.display())?;
        }
    }
    match stale.as_slice() {
        [] => Ok(()),
        stale => Err(Failure::Finding(format!(
            "not what their text makes: {}; run `deltaw notebooks weave`",
            stale.join(", ")
        ))),
    }
}

/// The cells of a chapter's text; its exercises have solutions.
fn cells(place: &Place, stem: &str) -> Result<Vec<Cell>, Failure> {
    let cells: Vec<Cell> = read(place, "source", stem)?;
    let solutions = solutions(place, stem)?;
    let exercises: Vec<&str> = cells.iter().filter(|cell| cell.has("exercise")).map(|cell| cell.id.as_str()).collect();
    if let Some(missing) = exercises.iter().find(|id| !solutions.iter().any(|solution| solution.id == **id)) {
        return Err(Failure::usage(format!("{stem}: the exercise `{missing}` has no solution in solutions/{stem}.md")));
    }
    if let Some(odd) = solutions.iter().find(|solution| !exercises.contains(&solution.id.as_str())) {
        return Err(Failure::usage(format!("{stem}: a solution of `{}`, which is no exercise of the chapter", odd.id)));
    }
    Ok(cells)
}

/// The solutions of a chapter: code cells with the ids of its exercises. None without the file.
pub(super) fn solutions(place: &Place, stem: &str) -> Result<Vec<Cell>, Failure> {
    if !place.file("solutions", stem, "md").is_file() {
        return Ok(Vec::new());
    }
    Ok(read(place, "solutions", stem)?.into_iter().filter(|cell| cell.code).collect())
}

fn read(place: &Place, folder: &str, stem: &str) -> Result<Vec<Cell>, Failure> {
    let path = place.file(folder, stem, "md");
    let bad = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| bad(error.to_string()))?;
    Ok(text::parse(&text).map_err(bad)?.into_iter().map(Cell::from).collect())
}

/// Outputs stay with cells of which nothing changed.
fn with_outputs(cells: Vec<Cell>, before: &[Cell]) -> Vec<Cell> {
    let keep = |mut cell: Cell| {
        let same = before.iter().find(|old| old.id == cell.id && old.source == cell.source && old.code == cell.code);
        cell.outputs = same.map_or_else(Vec::new, |old| old.outputs.clone());
        cell
    };
    cells.into_iter().map(keep).collect()
}
