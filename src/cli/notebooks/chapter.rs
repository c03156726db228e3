//! A notebook file: nbformat 4.5.

use std::{fs, io::Write as _, path::Path};

use serde_json::{Value, json};

use super::{place::KERNEL, text::Part};
use crate::cli::Failure;

/// Largest notebook that is read, in bytes.
const SIZE_LIMIT: u64 = 64 << 20;

/// A cell of a notebook.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) id: String,
    pub(super) code: bool,
    pub(super) tags: Vec<String>,
    pub(super) source: String,
    pub(super) outputs: Vec<Value>,
}

impl Cell {
    pub(super) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|found| found == tag)
    }
}

impl From<Part> for Cell {
    fn from(Part { id, code, tags, source }: Part) -> Self {
        Self { id, code, tags, source, outputs: Vec::new() }
    }
}

/// Reads the cells of the notebook at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Cell>, Failure> {
    let bad = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let size = fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if size > SIZE_LIMIT {
        return Err(bad(format!("more than {SIZE_LIMIT} bytes; clear its outputs")));
    }
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| bad(format!("not a notebook: {error}")))?;
    let cells = json["cells"].as_array().ok_or_else(|| bad("not a notebook: no cells".to_owned()))?;
    cells
        .iter()
        .map(|cell| cell_of(cell).ok_or_else(|| bad("not nbformat 4.5: a cell without id or source".to_owned())))
        .collect()
}

fn cell_of(json: &Value) -> Option<Cell> {
    let tags = json["metadata"]["tags"].as_array().cloned().unwrap_or_default();
    Some(Cell {
        id: json["id"].as_str()?.to_owned(),
        code: json["cell_type"] == "code",
        tags: tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
        source: joined(&json["source"])?,
        outputs: json["outputs"].as_array().cloned().unwrap_or_default(),
    })
}

/// nbformat's texts are a string or a list of lines.
pub(super) fn joined(text: &Value) -> Option<String> {
    match text {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|lines| lines.concat()),
        _ => None,
    }
}

/// The notebook of these cells, as Jupyter itself would write it.
pub(super) fn text(cells: &[Cell]) -> Result<String, Failure> {
    let cells: Vec<Value> = cells.iter().map(json_of).collect();
    let notebook = json!({
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Rust", "language": "rust", "name": KERNEL},
            "language_info": {
                "codemirror_mode": "rust", "file_extension": ".rs", "mimetype": "text/rust", "name": "Rust",
                "pygment_lexer": "rust", "version": "",
            },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    });
    let mut bytes = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut bytes, serde_json::ser::PrettyFormatter::with_indent(b" "));
    serde::Serialize::serialize(&notebook, &mut writer).map_err(|error| Failure::machine(error.to_string()))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| Failure::machine(error.to_string()))
}

fn json_of(cell: &Cell) -> Value {
    let mut metadata = json!({});
    if cell.has("check") {
        // The check names the expected result: Jupyter shows it folded.
        metadata["jupyter"] = json!({"source_hidden": true});
    }
    if !cell.tags.is_empty() {
        metadata["tags"] = json!(cell.tags);
    }
    let source = lines(&cell.source);
    match cell.code {
        true => json!({
            "cell_type": "code", "execution_count": null, "id": cell.id, "metadata": metadata, "outputs": cell.outputs, "source": source,
        }),
        false => json!({"cell_type": "markdown", "id": cell.id, "metadata": metadata, "source": source}),
    }
}

/// A text as nbformat's list of lines, each with its end.
pub(super) fn lines(text: &str) -> Value {
    json!(text.split_inclusive('\n').collect::<Vec<_>>())
}

/// Replaces `path` only when all is written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map(|_| ()).map_err(|error| error.error.into())
}
