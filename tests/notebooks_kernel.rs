//! The notebooks' runner cannot be fooled: with a real kernel, chapters that are broken in every way fail, each cell for its own reason.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/notebooks.rs"]
mod notebooks;

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use notebooks::{Folder, jupyter, said};
use serde_json::{Value, json};

const FACTS: &str = "application/vnd.deltaw.facts+json";
const SOUND: &str =
    "```rust id=sum\nlet sum: i32 = (1..=10).sum();\nsum\n```\n\n```rust id=again tags=volatile\nsum + 1\n```\n";

/// What `run --json` says: for each cell the kinds of its faults, and their texts.
fn faults(said: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let cells = lines.filter(|line| line["cell"].is_string());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |line: &Value| -> Vec<(String, String)> {
        line["faults"].as_array().unwrap().iter().map(|fault| (text(&fault["kind"]), text(&fault["text"]))).collect()
    };
    cells.map(|line| (text(&line["cell"]), of(&line))).collect()
}

#[test]
fn every_way_of_being_broken_is_found() {
    let Some(python) = jupyter() else { return };
    let folder = Folder::new(&[("99_broken", include_str!("data/notebooks/broken.md"))]);
    fs::write(folder.dir.join("solutions/99_broken.md"), "```rust id=exercise\nfn solved() -> i32 { 2 }\n```\n")
        .unwrap();
    assert!(folder.deltaw(&["weave"]).status().unwrap().success());
    let stated = |name: &str, value: f64| json!({"numbers": [{"name": name, "value": value, "within": 0.1}]});
    folder.commit(
        "99_broken",
        &[
            ("sound", json!({"text/plain": "one: 1", FACTS: stated("one", 1.05)})),
            ("number", json!({"text/plain": "two: 3", FACTS: stated("two", 3.0)})),
            (
                "lost-figure",
                json!({"text/plain": "there was one", FACTS: {"figures": [{"title": "Lost", "see": "Much."}]}}),
            ),
            ("no-figure", json!({"text/plain": "no figure here"})),
            ("no-sentence", json!({"text/plain": "[figure: Line] "})),
            ("across", json!({"text/plain": "5\n3"})),
        ],
    );
    let ran = folder.run(&python, &["99", "--json"]);
    let told = said(&ran);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    let found = faults(&String::from_utf8_lossy(&ran.stdout));
    // The kind of the first fault, and words of its text.
    let expected: [(&str, Option<(&str, &str)>); 16] = [
        ("sound", None),
        ("panic", Some(("panic", "index out of bounds"))),
        ("compile", Some(("error", "mismatched types"))),
        ("question-mark", Some(("stderr", "shape mismatch"))),
        ("shown", Some(("shown", "no-such-demo"))),
        ("check", Some(("check", "1 + 1"))),
        ("no-figure", Some(("figure", "shows none"))),
        ("lost-figure", Some(("figure", "“Lost” is missing"))),
        ("no-sentence", Some(("figure", "no sentence"))),
        ("number", Some(("number", "“two” is 2"))),
        ("exercise", None),
        ("easy-check", Some(("unsolved", "before anybody solved"))),
        ("across-a", None),
        ("across-b", None),
        ("across", None),
        ("abort", Some(("error", "SIGABRT"))),
    ];
    for (cell, wanted) in expected {
        let all = found.get(cell).unwrap_or_else(|| panic!("{cell} was not run:\n{told}"));
        let first = all.iter().find(|(kind, _)| kind != "unrecorded");
        let fits = match (first, wanted) {
            (None, None) => true,
            (Some((kind, text)), Some((wanted, words))) => kind == wanted && text.contains(words),
            _ => false,
        };
        assert!(fits, "{cell}: {first:?} instead of {wanted:?}\n{told}");
    }
}

#[test]
fn for_people_the_cell_is_named_and_the_compiler_is_quoted() {
    let Some(python) = jupyter() else { return };
    let folder = Folder::woven(&[("99_typo", "```rust id=my-cell\nlet x: i32 = \"text\";\n```\n")]);
    let ran = folder.run(&python, &["99"]);
    let told = said(&ran);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.lines().any(|line| line.starts_with("FAIL") && line.ends_with("my-cell")), "{told}");
    assert!(told.contains("mismatched types") && told.contains("let x: i32 = \"text\""), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
}

#[test]
fn a_killed_kernel_fails_its_cell_and_leaves_the_build_directory_sound() {
    let Some(python) = jupyter() else { return };
    // The process of a cell is a child of the kernel's.
    let kill = "```rust id=kill\nlet kernel = std::os::unix::process::parent_id().to_string();\n\
                std::process::Command::new(\"kill\").args([\"-9\", &kernel]).status()?;\n\
                std::thread::sleep(std::time::Duration::from_secs(60));\n```\n\n```rust id=never\n1\n```\n";
    let folder = Folder::woven(&[("98_killed", kill), ("99_sound", SOUND)]);
    let ran = folder.run(&python, &["--all", "--write", "--json"]);
    let told = said(&ran);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.contains("failed: 98_killed\n"), "{told}");
    let found = faults(&String::from_utf8_lossy(&ran.stdout));
    assert_eq!(found["kill"].first().map(|(kind, _)| kind.as_str()), Some("dead"), "{told}");
    assert!(!found.contains_key("never"), "{told}");
    assert!(found["sum"].is_empty() && found["again"].is_empty(), "{told}");
}

#[test]
fn two_runs_at_once_wait_for_each_other() {
    let Some(python) = jupyter() else { return };
    let (one, two) = ("```rust id=first\nlet v = 1;\nv + 10\n```\n", "```rust id=second\nlet v = 2;\nv + 20\n```\n");
    let folder = Folder::woven(&[("01_one", one), ("02_two", two)]);
    thread::scope(|scope| {
        let runs = ["01", "02"].map(|name| scope.spawn(|| folder.run(&python, &[name, "--write"])));
        for run in runs {
            let ran = run.join().unwrap();
            assert!(ran.status.success(), "{}", said(&ran));
        }
    });
    for (name, shown) in [("01_one", "\"11\""), ("02_two", "\"22\"")] {
        let text = fs::read_to_string(folder.dir.join(format!("{name}.ipynb"))).unwrap();
        assert!(text.contains(shown), "{name}: {text}");
    }
}

#[test]
fn a_slow_start_is_waited_for_and_one_beyond_the_limit_is_told() {
    let Some(python) = jupyter() else { return };
    let folder = Folder::woven(&[("99_sound", SOUND)]);
    let kernel = folder.dir.join("share/kernels/rust");
    fs::create_dir_all(&kernel).unwrap();
    let slow = "sleep 20; exec evcxr_jupyter --control_file \"$0\"";
    let spec = json!({"argv": ["sh", "-c", slow, "{connection_file}"], "display_name": "Rust", "language": "rust"});
    fs::write(kernel.join("kernel.json"), spec.to_string()).unwrap();
    let run = |args: &[&str]| {
        let mut command = folder.deltaw(&["run", "99", "--write", "--python", &python]);
        command.args(args).env("JUPYTER_PATH", folder.dir.join("share")).output().unwrap()
    };
    let late = run(&["--startup", "3"]);
    assert_eq!(late.status.code(), Some(1), "{}", said(&late));
    assert!(said(&late).contains("--startup SECONDS"), "{}", said(&late));
    let (start, patient) = (Instant::now(), run(&[]));
    assert!(patient.status.success(), "{}", said(&patient));
    assert!(start.elapsed() > Duration::from_secs(20), "the slow kernel was not used");
}

#[test]
fn a_run_that_is_interrupted_leaves_no_kernel_behind() {
    let Some(python) = jupyter() else { return };
    let wait = "```rust id=pids\nstd::fs::write(\"pids\", format!(\"{} {}\", std::process::id(), std::os::unix::process::parent_id()))?;\n```\n\n\
                ```rust id=wait\nstd::thread::sleep(std::time::Duration::from_secs(600));\n```\n";
    for signal in ["-INT", "-KILL"] {
        let folder = Folder::woven(&[("99_wait", wait)]);
        let mut run = folder.deltaw(&["run", "99", "--write", "--python", &python]).spawn().unwrap();
        let pids = folder.dir.join("pids");
        let written = || fs::read_to_string(&pids).is_ok_and(|text| text.split(' ').count() == 2);
        assert!(within(Duration::from_secs(600), written), "the kernel did not come up");
        let kernel = fs::read_to_string(&pids).unwrap();
        let alive = || kernel.split(' ').any(running);
        assert!(alive());
        let sent = std::process::Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap();
        assert!(sent.success() && !run.wait().unwrap().success());
        assert!(within(Duration::from_secs(10), || !alive()), "{signal}: a process of the kernel still runs: {kernel}");
    }
}

/// Whether a process runs; one that ended and that nobody fetched does not.
fn running(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if done() {
            return true;
        }
        thread::sleep(Duration::from_millis(100));
    }
    false
}
