//! `--judge` on the command line: what is shown, what scripts get, and that nothing depends on it.
#![allow(clippy::unwrap_used)]

#[path = "common/endpoint.rs"]
mod endpoint;

use assert_cmd::Command;
use endpoint::{Act, Endpoint, Seen, http, judges};
use serde_json::Value;

const KEY: &str = "sk-test-0123456789abcdef";
const BANK: &str = "tests/common/judge_bank.yaml";

/// Runs the program with a data directory of its own; exit code, standard output, standard error.
fn deltaw(args: &[&str], input: &str) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("deltaw")
        .unwrap()
        .args(args)
        .args(["--bank", BANK])
        .env("DELTAW_DATA_DIR", directory.path())
        .env("NO_COLOR", "1")
        .env("DELTAW_JUDGE_KEY", KEY)
        .env("OPENAI_API_KEY", "sk-other-fedcba9876543210")
        .write_stdin(input)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, error) = (text(output.stdout), text(output.stderr));
    for secret in [KEY, "0123456789", "sk-other", "fedcba"] {
        assert!(!out.contains(secret) && !error.contains(secret), "{out}{error}");
    }
    (output.status.code().unwrap(), out, error)
}

fn grade(url: &str, more: &[&str]) -> (i32, String, String) {
    let args =
        ["grade", "--id", "q1", "--answer", "B is zero, the other is Gaussian", "--judge", url, "--judge-model", "m"];
    deltaw(&[&args, more].concat(), "")
}

/// Credits the second point, and denies everything else.
fn generous(_: usize, seen: &Seen) -> Act {
    Act::Send(match seen.statement() {
        "A starts at random values" => judges(true, "the other is Gaussian"),
        _ => judges(false, ""),
    })
}

#[test]
fn the_terminal_shows_both_views() {
    let endpoint = Endpoint::start(generous);
    let (code, out, error) = grade(&endpoint.url, &[]);
    assert_eq!((code, error.as_str()), (0, ""));
    let out = out.replace(&endpoint.url, "URL");
    assert!(out.starts_with("Partly"), "{out}");
    insta::assert_snapshot!(out.split_once("\nJudge ").unwrap().1);
}

#[test]
fn scripts_get_both_views() {
    let endpoint = Endpoint::start(generous);
    let verdict: Value = serde_json::from_str(&grade(&endpoint.url, &["--json"]).1).unwrap();
    let judge = &verdict["judge"];
    assert_eq!((verdict["label"].as_u64(), judge["endpoint"].as_str()), (Some(1), Some(endpoint.url.as_str())));
    assert_eq!(judge["findings"].as_array().unwrap().len(), 3);
    let found = &judge["findings"][1];
    assert_eq!(
        (found["id"].as_str(), found["kind"].as_str(), found["local"].as_bool(), found["met"].as_bool()),
        (Some("a-random"), Some("point"), Some(false), Some(true))
    );
    assert_eq!((found["disagrees"].as_bool(), found["quote"].as_str()), (Some(true), Some("the other is Gaussian")));
    assert!(judge["fault"].is_null() && verdict["hit"].is_array());

    let lines = "{\"id\": \"q1\", \"answer\": \"A is random\"}\n{\"id\": \"q2\", \"answer\": \"2\"}\n";
    let args = ["grade", "--batch", "-", "--judge", &endpoint.url, "--judge-model", "m"];
    let (code, out, _) = deltaw(&args, lines);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, rows.len()), (0, 2));
    let discarded = &rows[0]["judge"]["findings"][1]["discarded"];
    assert_eq!((discarded.as_str(), &rows[1]["judge"]), (Some("its quote is not in the answer"), &Value::Null));
}

#[test]
fn a_judge_that_fails_costs_one_line_and_no_verdict() {
    let endpoint = Endpoint::start(|_, _| {
        Act::Send(http("401 Unauthorized", "", &format!(r#"{{"error": {{"message": "bad key {KEY}"}}}}"#)))
    });
    let (code, alone, _) = deltaw(&["grade", "--id", "q1", "--answer", "B is zero, the other is Gaussian"], "");
    let (judged, out, error) = grade(&endpoint.url, &[]);
    assert_eq!((code, judged, error.as_str()), (0, 0, ""));
    let said = out.strip_prefix(&alone).unwrap();
    insta::assert_snapshot!(said.replace(&endpoint.url, "URL"));
    let verdict: Value = serde_json::from_str(&grade(&endpoint.url, &["--json"]).1).unwrap();
    assert!(verdict["judge"]["fault"].as_str().unwrap().starts_with("refuses access (401)"), "{verdict}");
}

#[test]
fn what_cannot_be_an_endpoint_is_refused_before_anything_is_graded() {
    let bad = |url: &str, model: &str| {
        let args = ["grade", "--id", "q1", "--answer", "x", "--judge", url, "--judge-model", model];
        let (code, out, error) = deltaw(&args, "");
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        error
    };
    assert!(bad("localhost:8080", "m").contains("must begin with http:// or https://"));
    assert!(bad(&format!("https://me:{KEY}@host/v1"), "m").contains("set DELTAW_JUDGE_KEY"));
    assert!(bad("http://localhost", " ").contains("--judge-model"));
    let (code, _, error) = deltaw(&["grade", "--id", "q1", "--answer", "x", "--judge", "http://localhost"], "");
    assert!(code == 2 && error.contains("--judge-model"), "{error}");
}

#[test]
fn a_key_that_would_travel_in_the_clear_is_warned_of() {
    // The address is reserved for documentation: nothing answers there.
    let (code, _, error) = grade("http://192.0.2.1:9", &["--judge-seconds", "1"]);
    assert!(code == 0 && error.contains("the key travels unencrypted to http://192.0.2.1:9"), "{error}");
}

#[test]
fn the_drill_says_where_answers_go_and_gives_up_on_a_dead_judge() {
    let (live, dead) = (Endpoint::start(generous), Endpoint::start(|_, _| Act::Send(http("404 Not Found", "", ""))));
    let events = |url: &str| {
        let args = ["--json", "--id", "q1", "--id", "q2", "--judge", url, "--judge-model", "m"];
        let (code, out, error) = deltaw(&args, "A is random\n:go q1\nB is zero\n:go q1\nA is random\n2\n");
        assert_eq!(code, 0, "{error}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let of = |events: &[Value], kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    let heard = events(&live.url);
    assert!(heard[0]["text"].as_str().unwrap().contains(&format!("also sent to {}", live.url)), "{}", heard[0]);
    // Free text three times, a number once: the judge is asked about the former.
    assert_eq!((of(&heard, "verdict"), of(&heard, "judge")), (4, 3));
    let unheard = events(&dead.url);
    assert_eq!((of(&unheard, "verdict"), of(&unheard, "judge"), dead.seen().len()), (4, 2, 2));
    assert!(unheard.iter().any(|event| event["text"] == "The judge is not asked again in this sitting."));
}
