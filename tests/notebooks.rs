//! The notebooks' runner cannot be fooled: with a real kernel, a chapter that is broken in every way fails in each cell for its own reason.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

const CHAPTER: &str = r#"# Broken

```rust id=sound
number("one", 1.0).within(0.1)
```

```rust id=panic
let wrong: Vec<i32> = Vec::new();
let first = wrong[0];
```

```rust id=compile
let x: i32 = "text";
```

```rust id=question-mark
Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?.matmul(&Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?)?
```

```rust id=shown
demo("no-such-demo", &[])
```

```rust id=check
exercise("two", |case| {
    case.exact("1 + 1", 1 + 2, 2);
    Ok(())
})
```

```rust id=no-figure tags=figure
"no figure here"
```

```rust id=lost-figure
"there was one"
```

```rust id=no-sentence
graph("Line", "x", "y").line("a", [(0.0, 0.0), (1.0, 1.0)])
```

```rust id=number
number("two", 2.0).within(0.1)
```

```rust id=exercise tags=exercise
fn solved() -> i32 { 2 }
```

```rust id=easy-check tags=check
exercise("easy", |case| {
    case.exact("it", solved(), 2);
    Ok(())
})
```

```rust id=across-a
let a = Var::new(3f64, &Device::Cpu)?;
```

```rust id=across-b
let b = Var::new(5f64, &Device::Cpu)?;
```

```rust id=across
{
    let gradients = (a.as_tensor() * b.as_tensor())?.backward()?;
    let of = |v: &Var| gradients.get(v).unwrap().to_scalar::<f64>().unwrap();
    (of(&a), of(&b))
}
```
"#;

fn deltaw(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    command.args(["notebooks", "--dir"]).arg(dir).args(args);
    command.env("DELTAW_DATA_DIR", dir.join("data")).output().unwrap()
}

/// A folder of chapters that builds in the project's own warm directory.
fn folder(chapter: &str) -> (tempfile::TempDir, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let holder = tempfile::tempdir().unwrap();
    let dir = holder.path().join("notebooks");
    fs::create_dir_all(dir.join("source")).unwrap();
    fs::create_dir_all(dir.join("solutions")).unwrap();
    let config = fs::read_to_string(root.join("notebooks/evcxr.toml")).unwrap();
    let config = config.replace("../target/notebooks", root.join("target/notebooks").to_str().unwrap());
    let config = config.replace("\"prelude\"", &format!("{:?}", root.join("notebooks/prelude").to_str().unwrap()));
    fs::write(dir.join("evcxr.toml"), config).unwrap();
    fs::write(dir.join("source/99_broken.md"), chapter).unwrap();
    fs::write(dir.join("solutions/99_broken.md"), "```rust id=exercise\nfn solved() -> i32 { 2 }\n```\n").unwrap();
    (holder, dir)
}

/// Gives cells outputs as if they had been committed.
fn commit(notebook: &Path, outputs: &[(&str, Value)]) {
    let mut json: Value = serde_json::from_str(&fs::read_to_string(notebook).unwrap()).unwrap();
    for cell in json["cells"].as_array_mut().unwrap() {
        if let Some((_, data)) = outputs.iter().find(|(id, _)| cell["id"] == *id) {
            let output =
                json!({"output_type": "execute_result", "execution_count": null, "metadata": {}, "data": data});
            cell["outputs"] = json!([output]);
        }
    }
    fs::write(notebook, json.to_string()).unwrap();
}

#[test]
fn every_way_of_being_broken_is_found_with_a_real_kernel() {
    let Ok(python) = env::var("DELTAW_JUPYTER") else {
        eprintln!("skipped: DELTAW_JUPYTER names no Python with nbclient and the Rust kernel");
        return;
    };
    let (_holder, dir) = folder(CHAPTER);
    let woven = deltaw(&dir, &["weave"]);
    assert!(woven.status.success(), "{}", String::from_utf8_lossy(&woven.stderr));
    let facts = "application/vnd.deltaw.facts+json";
    let stated = |name: &str, value: f64| json!({"numbers": [{"name": name, "value": value, "within": 0.1}]});
    commit(
        &dir.join("99_broken.ipynb"),
        &[
            ("sound", json!({"text/plain": "one: 1", facts: stated("one", 1.05)})),
            ("number", json!({"text/plain": "two: 3", facts: stated("two", 3.0)})),
            (
                "lost-figure",
                json!({"text/plain": "there was one", facts: {"figures": [{"title": "Lost", "see": "Much."}]}}),
            ),
            ("no-figure", json!({"text/plain": "no figure here"})),
            ("no-sentence", json!({"text/plain": "[figure: Line] "})),
            ("across", json!({"text/plain": "5\n3"})),
        ],
    );
    let ran = deltaw(&dir, &["run", "99", "--json", "--python", &python]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let Some(cell) = line["cell"].as_str() else { continue };
        let faults = line["faults"].as_array().unwrap();
        kinds.insert(cell.to_owned(), faults.iter().map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect());
    }
    let expected: [(&str, &[&str]); 15] = [
        ("sound", &[]),
        ("panic", &["panic"]),
        ("compile", &["error"]),
        ("question-mark", &["stderr"]),
        ("shown", &["shown"]),
        ("check", &["check"]),
        ("no-figure", &["figure"]),
        ("lost-figure", &["figure"]),
        ("no-sentence", &["figure"]),
        ("number", &["number"]),
        ("exercise", &[]),
        ("easy-check", &["unsolved"]),
        ("across-a", &[]),
        ("across-b", &[]),
        ("across", &[]),
    ];
    for (cell, wanted) in expected {
        let found = kinds.get(cell).unwrap_or_else(|| panic!("{cell} was not run:\n{said}"));
        let first: Vec<&str> = found.iter().map(String::as_str).filter(|kind| *kind != "unrecorded").collect();
        assert_eq!(first, wanted, "{cell}:\n{said}");
    }
}

#[test]
fn each_notebook_is_what_its_text_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = deltaw(&root.join("notebooks"), &["weave", "--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn an_exercise_without_a_solution_and_a_wrong_name_are_told_in_one_line() {
    let (_holder, dir) = folder("```rust id=mine tags=exercise\ntodo!()\n```\n");
    let woven = deltaw(&dir, &["weave"]);
    assert_eq!(woven.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&woven.stderr).contains("the exercise `mine` has no solution"));
    let ran = deltaw(&dir, &["run", "12"]);
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&ran.stderr).lines().count(), 1);
}

#[test]
fn without_jupyter_the_runner_names_the_command_that_brings_it() {
    let (_holder, dir) = folder("```rust id=one\n1\n```\n");
    fs::remove_file(dir.join("solutions/99_broken.md")).unwrap();
    assert!(deltaw(&dir, &["weave"]).status.success());
    let ran = deltaw(&dir, &["run", "99", "--python", "/nonexistent/python"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("run `deltaw notebooks setup`"));
}
