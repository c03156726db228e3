//! Exercises of the chapters, handed in as notebooks: solved, untouched, wrong, hostile. No Jupyter is there or needed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use deltaw::classroom::gradebook::{Gradebook, Status, Verdict};
use serde_json::Value;

use crate::{class::Class, done, grade};

fn notebooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks")
}

/// The chapters: name and notebook.
fn chapters() -> Vec<(String, Value)> {
    let paths = fs::read_dir(notebooks()).unwrap().map(|entry| entry.unwrap().path());
    let notebooks = paths.filter(|path| path.extension().is_some_and(|end| end == "ipynb"));
    let read = |path: PathBuf| {
        let notebook = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), notebook)
    };
    let mut all: Vec<_> = notebooks.map(read).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// Solutions of a chapter by cell.
fn solutions(chapter: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(notebooks().join(format!("solutions/{chapter}.md"))).unwrap_or_default();
    let fences = text.split("```rust id=").skip(1);
    let read = |fence: &str| {
        let (head, rest) = fence.split_once('\n').unwrap();
        let id = head.split_whitespace().next().unwrap().to_owned();
        (id, rest.split("```").next().unwrap().to_owned())
    };
    fences.map(read).collect()
}

fn exercises(notebook: &Value) -> Vec<String> {
    let tagged = |cell: &&Value| {
        cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "exercise"))
    };
    notebook["cells"]
        .as_array()
        .unwrap()
        .iter()
        .filter(tagged)
        .map(|cell| cell["id"].as_str().unwrap().into())
        .collect()
}

fn with(notebook: &Value, sources: &BTreeMap<String, String>) -> Value {
    let mut notebook = notebook.clone();
    for cell in notebook["cells"].as_array_mut().unwrap() {
        if let Some(source) = sources.get(cell["id"].as_str().unwrap()) {
            cell["source"] = Value::from(source.as_str());
        }
    }
    notebook
}

fn hand_in(folder: &Path, student: &str, name: &str, notebook: &Value) {
    fs::create_dir_all(folder.join(student)).unwrap();
    fs::write(folder.join(student).join(name), notebook.to_string()).unwrap();
}

#[test]
fn chapters_are_graded_like_other_exercises() {
    let dir = tempfile::tempdir().unwrap();
    let class = Class::empty(&dir.path().join("submissions"));
    let folder = &class.folder;
    let mut ids = Vec::new();
    for (chapter, notebook) in chapters() {
        let solved = with(&notebook, &solutions(&chapter));
        hand_in(folder, "solved", &format!("{chapter}.ipynb"), &solved);
        // As a browser names a second download: the chapter is told by its cells.
        hand_in(folder, "renamed", &format!("download {}.ipynb", ids.len()), &solved);
        hand_in(folder, "untouched", &format!("{chapter}.ipynb"), &notebook);
        let id = |cell: String| format!("n{chapter}_{cell}").replace('-', "_").to_lowercase();
        ids.extend(exercises(&notebook).into_iter().map(id));
    }
    let (_, opening) = chapters().swap_remove(0);
    let solution = &solutions("00_opening")["delta"];
    for (student, from, to) in [
        ("wrong", "alpha / a.dim(0)? as f64", "alpha"),
        ("hostile", "b.matmul", "std::process::exit(0); b.matmul"),
        ("broken", "alpha / a.dim(0)? as f64", "alpha / rank"),
    ] {
        assert!(solution.contains(from), "{solution}");
        let cell = BTreeMap::from([("delta".to_owned(), solution.replace(from, to))]);
        hand_in(folder, student, "00_opening.ipynb", &with(&opening, &cell));
    }
    let out = dir.path().join("grades.csv");
    let output = grade(&class, &out, &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("left out"), "a check needs what its chapter computes: {said}");
    let book = Gradebook::read(&out.with_extension("db")).unwrap();
    let verdicts = book.verdicts().unwrap();
    let verdict = |student: &str, id: &str| -> Verdict {
        verdicts.iter().find(|verdict| verdict.student == student && verdict.exercise == id).unwrap().clone()
    };
    for id in &ids {
        for (student, wanted) in [("solved", Status::Ok), ("renamed", Status::Ok), ("untouched", Status::Missing)] {
            let found = verdict(student, id);
            assert_eq!(found.status, wanted, "{student} {id}: {}", found.reason);
        }
    }
    let first = "n00_opening_delta";
    let wrong = verdict("wrong", first);
    assert_eq!(
        (wrong.status, wrong.reason.contains("upside down") || wrong.reason.contains("every value")),
        (Status::Failed, true),
        "{}",
        wrong.reason
    );
    assert_eq!(verdict("hostile", first).status, Status::Hostile);
    let broken = verdict("broken", first);
    assert!(broken.status == Status::Compile && broken.reason.contains("line 2"), "{}", broken.reason);
    let points = |student: &str| {
        let rows = book.results().unwrap();
        rows.iter().filter(|row| row.student == student).map(|row| row.earned).sum::<u32>()
    };
    assert_eq!(
        ["solved", "renamed", "untouched", "wrong", "hostile", "broken"].map(points),
        [5 * ids.len() as u32, 5 * ids.len() as u32, 0, 0, 0, 0]
    );
    assert!(done(&mut grade(&class, &out, &["--json"])).contains("\"graded\":0"));
    assert!(fs::read_to_string(&out).unwrap().lines().next().unwrap().contains(first));
}
