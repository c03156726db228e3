//! The notebooks' commands where no kernel is needed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/notebooks.rs"]
mod notebooks;

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

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

#[cfg(unix)]
#[test]
fn that_jupyter_is_missing_is_said_while_another_run_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::woven(&[("99_one", "```rust id=one\n1\n```\n")]);
    let bare = folder.dir.join("python");
    fs::write(&bare, "#!/bin/sh\nexec python3 -I -S \"$@\"\n").unwrap();
    fs::set_permissions(&bare, fs::Permissions::from_mode(0o755)).unwrap();
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/notebooks");
    fs::create_dir_all(&build).unwrap();
    let lock = fs::File::create(build.join("in-use.lock")).unwrap();
    // Held here, or by a run that goes on anyway: the same to those who come.
    let _ = lock.try_lock();
    for python in [Path::new("/nonexistent/python"), &bare] {
        let mut run = folder.deltaw(&["run", "99", "--python"]).arg(python).stderr(Stdio::piped()).spawn().unwrap();
        let (start, limit) = (Instant::now(), Duration::from_secs(60));
        let ended = loop {
            match run.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > limit => {
                    run.kill().unwrap();
                    panic!("{} waited for the other run", python.display());
                }
                None => thread::sleep(Duration::from_millis(50)),
            }
        };
        let mut said = String::new();
        run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(ended.code(), Some(1), "{said}");
        assert!(said.contains("run `deltaw notebooks setup`") && !said.contains("another run"), "{said}");
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

#[test]
fn chapters_compute_where_they_are_told_and_nowhere_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    for folder in ["source", "solutions"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("Device::Cpu"), "{}: `here()` is the notebook's device", path.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn setup_builds_chapters_with_cuda_and_back_and_without_it_a_gpu_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::woven(&[("99_one", "```rust id=one\n1\n```\n")]);
    let tools = tempfile::tempdir().unwrap();
    // rustup too: where the source of the standard library is not installed, setup asks it.
    for name in ["python", "evcxr_jupyter", "rustup"] {
        fs::write(tools.path().join(name), "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(tools.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let config = || fs::read_to_string(folder.dir.join("evcxr.toml")).unwrap();
    let (before, python) = (config(), tools.path().join("python"));
    let refused = folder.deltaw(&["run", "99", "--device", "cuda"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("setup --cuda") && error.lines().count() == 1, "{error}");
    let setup = |cuda: &str| {
        let mut command = folder.deltaw(&["setup", "--no-warm", "--yes", cuda]);
        let ran = command.arg("--python").arg(&python).env("PATH", &path).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
    };
    for _ in 0..2 {
        setup("--cuda");
        assert_eq!(config().matches("features = [\"cuda\"]").count(), 1, "{}", config());
    }
    setup("--cuda=false");
    assert_eq!(config(), before);
}
