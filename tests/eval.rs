//! `deltaw eval`: perplexity and exact match on files of examples.
#![allow(clippy::unwrap_used)]

use std::fs;

use assert_cmd::Command;
use serde_json::Value;

/// Exit code, standard output, standard error for `lines` as data.
fn eval(lines: &str, args: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.jsonl");
    fs::write(&file, lines).unwrap();
    let output =
        Command::cargo_bin("deltaw").unwrap().arg("eval").arg("--data").arg(&file).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const ANSWERS: &str = r#"{"prompt": "up:hello>", "completion": "HELLO"}
{"prompt": "rev:abcd>", "completion": "dcba."}
{"prompt": "up:abc>", "completion": "XYZ"}
"#;

fn json(lines: &str, args: &[&str]) -> Value {
    let (code, out, error) = eval(lines, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn right_answers_match_and_cost_little_and_a_wrong_one_does_not() {
    let all = json(ANSWERS, &[]);
    assert_eq!((&all["examples"], &all["scored_tokens"]), (&3.into(), &15.into()));
    assert!((all["exact_match"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9, "{all}");
    let right = json(ANSWERS, &["--limit", "2"]);
    assert_eq!(right["exact_match"], 1.0);
    assert!(right["perplexity"].as_f64().unwrap() < 1.2, "{right}");
    assert!(all["perplexity"].as_f64().unwrap() > 2.0, "{all}");
    let (loss, perplexity) = (all["loss"].as_f64().unwrap(), all["perplexity"].as_f64().unwrap());
    assert!((loss.exp() - perplexity).abs() < 1e-9);
}

#[test]
fn a_text_has_a_perplexity_and_no_exact_match() {
    let found = json("{\"text\": \"up:abc>ABC.\"}\n", &[]);
    assert_eq!((&found["exact_match"], &found["scored_tokens"]), (&Value::Null, &10.into()));
    let (code, out, _) = eval("{\"text\": \"up:abc>ABC.\"}\n", &[]);
    assert_eq!(code, 0);
    assert!(out.contains("perplexity") && !out.contains("exact"), "{out}");
}

#[test]
fn unusable_data_is_one_line_and_exit_code_2() {
    for (lines, args, part) in [
        ("", vec![], "no record"),
        ("{\"prompt\": \"a\"}\n", vec![], ":1: `completion` is missing"),
        (ANSWERS, vec!["--limit", "0"], "--limit 0"),
        (ANSWERS, vec!["--base", "nowhere"], "there is no base `nowhere`"),
        ("{\"prompt\": \"é\", \"completion\": \"a\"}\n", vec![], "line 1: "),
        ("{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}]}\n", vec![], "no chat template"),
    ] {
        let (code, out, error) = eval(lines, &args);
        assert_eq!((code, out.as_str(), error.lines().count()), (2, "", 1), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
