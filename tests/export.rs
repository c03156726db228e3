//! `deltaw export`: decks, sheets and Markdown from the command line.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;

fn deltaw(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("deltaw").unwrap().args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn each_format_is_written_whole_and_filtered() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    for (format, name, magic) in [
        ("anki", "deck.apkg", &b"PK\x03\x04"[..]),
        ("html", "sheet.html", b"<!doctype html>"),
        ("markdown", "sheet.md", b"# LoRA"),
    ] {
        let (code, out, error) = deltaw(&["export", format, &path(name), "--section", "dora", "--json"]);
        assert_eq!(code, 0, "{error}");
        let said: serde_json::Value = serde_json::from_str(&out).unwrap();
        let written = std::fs::read(path(name)).unwrap();
        assert!(written.starts_with(magic), "{format}");
        assert!(said["questions"].as_u64().unwrap() > 1);
        if format != "anki" {
            let text = String::from_utf8(written).unwrap();
            assert!(text.contains("DoRA") && !text.contains("(IA)3"), "{text}");
        }
    }
    let (code, out, _) = deltaw(&["export", "markdown", "-", "--id", "f02"]);
    assert!(code == 0 && out.contains(r"$W_{0} + \frac{\alpha}{r} \, B \, A$"), "{out}");
    let (_, test, _) = deltaw(&["export", "html", "-", "--id", "f02", "--answers", "none"]);
    assert!(!test.contains("<math ") && test.contains("merged weight"), "{test}");
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deck.apkg");
    let name = file.display().to_string();
    for (args, part) in [
        (vec!["--section", "nowhere"], "no section is called `nowhere`"),
        (vec!["--id", "g99"], "no question is called `g99`"),
        (vec!["--id", "f02", "--section", "dora"], "no question fits these filters"),
        (vec!["--bank", "/nonexistent.yaml"], "/nonexistent.yaml"),
    ] {
        let (code, _, error) = deltaw(&[vec!["export", "anki", &name], args.clone()].concat());
        assert!(code == 2 && error.contains(part) && error.trim_end().lines().count() == 1, "{args:?}: {error}");
    }
    let (code, _, error) = deltaw(&["export", "anki", "/nonexistent/deck.apkg"]);
    assert!(code == 2 && error.contains("/nonexistent/deck.apkg"), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
