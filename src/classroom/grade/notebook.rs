//! The exercises in a notebook: code cells with the tag `exercise` whose metadata name it, `"deltaw": {"exercise": "05_dora_norm"}`.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
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

/// Code by exercise; several cells of one exercise follow one another. Lines that only evcxr reads (`:dep`, `:help`) are left out.
///
/// # Errors
/// It is no notebook.
pub(super) fn exercises(text: &str) -> Result<BTreeMap<String, String>, String> {
    let notebook: Notebook = serde_json::from_str(text).map_err(|error| format!("no notebook: {error}"))?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for cell in notebook.cells {
        let Some(id) = cell.metadata.deltaw.and_then(|deltaw| deltaw.exercise) else { continue };
        if cell.cell_type != "code" || !cell.metadata.tags.iter().any(|tag| tag == "exercise") {
            continue;
        }
        let source = match cell.source {
            Source::Text(text) => text,
            Source::Lines(lines) => lines.concat(),
        };
        let code = found.entry(id).or_default();
        for line in source.lines().filter(|line| !line.starts_with(':')) {
            code.push_str(line);
            code.push('\n');
        }
    }
    Ok(found)
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
            {"cell_type": "code", "metadata": {"deltaw": {"exercise": "01_count"}}, "source": "untagged"},
            {"cell_type": "code", "metadata": {"tags": ["exercise"], "deltaw": {"exercise": "01_count"}}, "source": "fn c() {}"}]}"#;
        let found = exercises(text).unwrap();
        assert_eq!(found["01_count"], "fn a() {}\nfn b() {}\nfn c() {}\n");
        assert_eq!(found.len(), 1);
        assert!(exercises("{}").is_err());
    }
}
