//! The notebooks' commands where no kernel is needed.
#![allow(clippy::unwrap_used)]

#[path = "common/notebooks.rs"]
mod notebooks;

use std::{fs, path::Path};

use notebooks::{Folder, deltaw, said};

#[test]
fn each_notebook_is_what_its_text_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = deltaw(&root.join("notebooks"), &["weave", "--check"]).output().unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn an_exercise_without_a_solution_and_a_wrong_name_are_told_in_one_line() {
    let folder = Folder::new(&[("99_broken", "```rust id=mine tags=exercise\ntodo!()\n```\n")]);
    let woven = folder.deltaw(&["weave"]).output().unwrap();
    assert_eq!(woven.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&woven.stderr).contains("the exercise `mine` has no solution"));
    let ran = folder.deltaw(&["run", "12"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&ran.stderr).lines().count(), 1);
}

#[test]
fn without_jupyter_run_and_open_name_the_command_that_brings_it() {
    let folder = Folder::woven(&[("99_one", "```rust id=one\n1\n```\n")]);
    for command in [["run", "99"], ["open", "99"]] {
        let ran = folder.deltaw(&command).args(["--python", "/nonexistent/python"]).output().unwrap();
        assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
        assert_eq!(ran.stderr.iter().filter(|byte| **byte == b'\n').count(), 1, "{}", said(&ran));
        assert!(String::from_utf8_lossy(&ran.stderr).contains("run `deltaw notebooks setup`"), "{}", said(&ran));
    }
}

#[test]
fn a_folder_without_a_build_directory_in_its_evcxr_toml_is_refused() {
    let folder = Folder::woven(&[("99_one", "```rust id=one\n1\n```\n")]);
    fs::write(folder.dir.join("evcxr.toml"), "[evcxr]\n").unwrap();
    let ran = folder.deltaw(&["run", "99"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("no line tmpdir"), "{}", said(&ran));
}
