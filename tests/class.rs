//! `deltaw class` in a real workspace: an exercise is failed, does not compile, is solved, is begun again.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    time::Instant,
};

use assert_cmd::{Command, cargo::cargo_bin};
use serde_json::Value;

/// Cargo's own folder, so that what is compiled already is used again.
fn target() -> PathBuf {
    cargo_bin("deltaw").ancestors().nth(2).unwrap().to_owned()
}

/// Runs `deltaw class`; exit code, standard output, standard error.
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("deltaw")
        .unwrap()
        .arg("class")
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .env("CARGO_TARGET_DIR", target())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A workspace in a temporary folder, on this checkout.
fn start() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, error) = run(folder.path(), &["start", "mine", "--path", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("exercises"), "{out}");
    let root = folder.path().join("mine");
    (folder, root)
}

fn solution(id: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("drills/exercises").join(id).join("solution.rs"))
        .unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn an_exercise_is_failed_then_solved() {
    let (_folder, root) = start();
    let file = root.join("exercises/02_lora_forward.rs");
    let check = |wanted: i32| {
        let (code, out, error) = run(&root, &["check", "2", "--json"]);
        assert_eq!(code, wanted, "{out}{error}");
        json(&out)
    };

    let untouched = check(1);
    assert_eq!((untouched["earned"].as_u64(), untouched["passed"].as_bool()), (Some(0), Some(false)));
    assert_eq!(untouched["record"]["results"][0]["diagnosis"]["kind"], "todo");

    fs::write(&file, solution("02_lora_forward").replace("alpha / a.dim(0)? as f64", "alpha")).unwrap();
    let wrong = check(1);
    let said = wrong["record"]["results"][0]["diagnosis"]["text"].as_str().unwrap();
    assert_eq!(said, "the scale is alpha; it is alpha over r");

    fs::write(&file, solution("02_lora_forward").replace("alpha / a.dim(0)? as f64", "alpha / rank")).unwrap();
    let (code, out, _) = run(&root, &["check", "2"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("does not compile") && out.contains("exercises/02_lora_forward.rs") && out.contains("`rank`"),
        "{out}"
    );
    assert!(!out.contains("could not compile"), "{out}");

    fs::write(&file, "pub fn forward() { println!(\"test result: ok\"); std::process::exit(0) }").unwrap();
    assert_eq!(check(1)["ended"], "not_compiled", "the tests call it with arguments");
    let quits = format!("{}\n#[allow(unused)]\nstruct S;", solution("02_lora_forward")).replace(
        "let base =",
        "println!(\"test result: ok\"); std::process::exit(0);\n    #[allow(unreachable_code)]\n    let base =",
    );
    fs::write(&file, quits).unwrap();
    let quit = check(1);
    assert_eq!((quit["ended"].as_str(), quit["earned"].as_u64()), (Some("stopped"), Some(0)), "{quit}");
    assert!(quit["printed"].as_str().unwrap().contains("test result: ok"));

    fs::write(&file, solution("02_lora_forward")).unwrap();
    let start = Instant::now();
    let solved = check(0);
    println!("an incremental check took {:.2} s", start.elapsed().as_secs_f64());
    assert_eq!(solved["passed"], true);
    assert_eq!(solved["earned"], solved["points"]);

    let (_, out, _) = run(&root, &["progress", "--json"]);
    let second = json(out.lines().nth(1).unwrap());
    assert_eq!((second["solved"].as_bool(), second["checks"].as_u64()), (Some(true), Some(6)));
    let (_, out, _) = run(&root, &["next", "--json"]);
    assert_eq!(json(&out)["next"], "01_count_lora", "the first unsolved one");

    let (code, out, _) = run(&root, &["reset", "02_lora_forward"]);
    assert_eq!(code, 0);
    assert!(out.contains("backups"), "{out}");
    assert!(fs::read_to_string(&file).unwrap().contains("todo!("));
    assert_eq!(fs::read_to_string(root.join("backups/02_lora_forward.1.rs")).unwrap(), solution("02_lora_forward"));
    let (_, out, _) = run(&root, &["progress"]);
    assert!(out.contains("0 of"), "{out}");

    watched(&root);
}

/// `watch`, without a terminal, sees a save and goes on to the next exercise.
fn watched(root: &Path) {
    let mut child = Process::new(cargo_bin("deltaw"))
        .args(["class", "watch"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("# Count what LoRA trains")));
    assert!(lines.any(|line| line.starts_with("Watching")));
    let file = root.join("exercises/01_count_lora.rs");
    fs::write(&file, solution("01_count_lora").replace("r * (d_in + d_out)", "r * d_in")).unwrap();
    assert!(lines.any(|line| line.contains("only one factor is counted")));
    fs::write(&file, solution("01_count_lora")).unwrap();
    assert!(lines.any(|line| line.contains("01_count_lora is solved")));
    assert!(lines.any(|line| line.starts_with("# LoRA's forward pass")), "the next one is introduced");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_workspace_holds_no_solutions() {
    let (_folder, root) = start();
    let all: String = files(&root).iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    assert!(all.contains("as printed in Dettmers"));
    for secret in ["as bitsandbytes packs it", "//! diagnosis:", "r * (d_in + d_out)"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn hints_come_one_by_one_and_are_remembered() {
    let (_folder, root) = start();
    let hint = |id: &str| json(&run(&root, &["hint", id, "--json"]).1)["hint"].as_u64().unwrap();
    assert_eq!([hint("3"), hint("03_dora_norm"), hint("3"), hint("3")], [1, 2, 3, 3]);
    assert_eq!(hint("4"), 1);
    let (_, out, _) = run(&root.join("exercises"), &["hint"]);
    assert!(out.starts_with("01_count_lora, hint 1 of 3:"), "the first unsolved one, from a folder within: {out}");
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    let (folder, root) = start();
    let cases: [(&Path, &[&str], &str); 5] = [
        (folder.path(), &["next"], "is in no exercise workspace"),
        (folder.path(), &["start", "mine"], "is there already"),
        (folder.path(), &["start", "other", "--path", "."], "holds no Cargo.toml of the crate deltaw"),
        (&root, &["check", "77"], "no exercise is called `77`"),
        (&root, &["reset", "nothing"], "no exercise is called `nothing`"),
    ];
    for (dir, args, part) in cases {
        let (code, out, error) = run(dir, args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {error}");
        assert!(error.contains(part) && error.lines().count() == 1, "{args:?}: {error}");
    }
    assert!(!folder.path().join("other").exists());
    fs::write(root.join(".deltaw-class.json"), "{\"version\": 9}").unwrap();
    let (code, _, error) = run(&root, &["progress"]);
    assert!(code == 2 && error.lines().count() == 1 && error.contains(".deltaw-class.json"), "{error}");
}
