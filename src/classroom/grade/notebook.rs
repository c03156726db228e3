//! A notebook: its cells, and the exercises that they hold by name.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    id: String,
    cell_type: String,
    #[serde(default)]
    metadata: Metadata,
    source: Source,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    tags: Vec<String>,
    deltaw: Option<Deltaw>,
}

#[derive(Deserialize)]
struct Deltaw {
    exercise: Option<String>,
}

/// nbformat 4: a text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Text(String),
    Lines(Vec<String>),
}

/// A code cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) id: String,
    pub(super) tags: Vec<String>,
    /// The course's exercise that the cell's metadata name: `"deltaw": {"exercise": "05_dora_norm"}`.
    pub(super) exercise: Option<String>,
    /// Without the lines that only evcxr reads (`:dep`, `:help`): they are left empty, so that the others keep their numbers.
    pub(super) source: String,
}

impl Cell {
    pub(super) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|found| found == tag)
    }
}

/// The code cells.
///
/// # Errors
/// It is no notebook.
pub(super) fn cells(text: &str) -> Result<Vec<Cell>, String> {
    let notebook: Notebook = serde_json::from_str(text).map_err(|error| format!("no notebook: {error}"))?;
    let code = notebook.cells.into_iter().filter(|cell| cell.cell_type == "code").map(|cell| {
        let text = match cell.source {
            Source::Text(text) => text,
            Source::Lines(lines) => lines.concat(),
        };
        let lines = text.lines().map(|line| if line.starts_with(':') { "\n".to_owned() } else { format!("{line}\n") });
        Cell {
            id: cell.id,
            tags: cell.metadata.tags,
            exercise: cell.metadata.deltaw.and_then(|deltaw| deltaw.exercise),
            source: lines.collect(),
        }
    });
    Ok(code.collect())
}

/// Code by the course's exercise; several cells of one exercise follow one another.
pub(super) fn exercises(cells: &[Cell]) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.has("exercise")) {
        if let Some(id) = &cell.exercise {
            found.entry(id.clone()).or_default().push_str(&cell.source);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tagged_cells_are_taken() {
        let text = r#"{"nbformat": 4, "cells": [
            {"cell_type": "code", "metadata": {"tags": ["exercise"], "deltaw": {"exercise": "01_count"}}, "source": [":dep x\n", "fn a() {}\n", "fn b() {}"]},
            {"cell_type": "markdown", "metadata": {}, "source": "text"},
            {"cell_type": "code", "id": "x", "metadata": {"deltaw": {"exercise": "01_count"}}, "source": "untagged"},
            {"cell_type": "code", "metadata": {"tags": ["exercise"], "deltaw": {"exercise": "01_count"}}, "source": "fn c() {}"}]}"#;
        let cells = cells(text).unwrap();
        assert_eq!((cells.len(), cells[1].id.as_str()), (3, "x"));
        let found = exercises(&cells);
        assert_eq!(found["01_count"], "\nfn a() {}\nfn b() {}\nfn c() {}\n");
        assert_eq!(found.len(), 1);
        assert!(super::cells("{}").is_err());
    }
}
