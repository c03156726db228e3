//! The ledger on the command line, and the committed report against it.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use deltaw::claims::{self, Bench, Entry, live};

/// The report that `deltaw claims --all --out docs/claims.md` wrote.
const REPORT: &str = include_str!("../docs/claims.md");

/// Runs `deltaw claims`; exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("deltaw").unwrap().arg("claims").args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn one_claim_is_shown_with_its_evidence() {
    let (code, out, _) = run(&["ratio-125x"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
    let (_, out, _) = run(&["alpha-default", "--json"]);
    let entry: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((entry["verdict"].as_str(), entry["outcome"].as_str()), (Some("wrong"), Some("agrees")));
}

#[test]
fn the_list_and_the_check() {
    let (code, out, _) = run(&["--check"]);
    assert_eq!((code, out.contains("The ledger is clean")), (0, true));
    let (_, out, _) = run(&["--json"]);
    assert_eq!(out.lines().count(), claims::ledger().unwrap().claims.len());
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    for (args, part) in [
        (vec!["alpha-defualt"], "alpha-default"),
        (vec!["--section", "nowhere"], "no section is called `nowhere`"),
        (vec!["--all", "--out", "/nonexistent/claims.md"], "/nonexistent"),
    ] {
        let (code, out, error) = run(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(error.contains(part) && error.lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn the_committed_report_has_every_entry_with_its_verdict() {
    let mut sections = REPORT.split("\n### ").skip(1);
    for claim in &claims::ledger().unwrap().claims {
        let section = sections.next().unwrap_or_default();
        let verdict = claim.verdict.words().to_lowercase();
        assert!(
            section.starts_with(&format!("{}\n", claim.id)),
            "{}: run deltaw claims --all --out docs/claims.md",
            claim.id
        );
        assert!(section.to_lowercase().contains(&format!("**{verdict}.** ")), "{}", claim.id);
        assert!(section.contains(&claim.correct) && section.contains(&claim.said), "{}", claim.id);
        assert_eq!(section.contains("\nComputed: "), claim.run.is_some(), "{}", claim.id);
        assert_eq!(section.contains("\nRecorded: "), claim.recorded.is_some(), "{}", claim.id);
    }
    assert!(sections.next().is_none());
}

#[test]
fn what_is_quickly_computed_again_is_what_the_report_says() {
    // Arithmetic only: in training another processor rounds differently.
    let bench = Bench::new().unwrap();
    for id in ["ratio-125x", "full-ft-three-to-four-times", "alpha-default", "paged-threshold", "nf4-construction"] {
        let claim = claims::find(id).unwrap();
        let evidence = live::run(claim.run.as_deref().unwrap(), &bench).unwrap();
        let text = claims::markdown(&[Entry::new(claim, Some(evidence))], str::to_owned);
        let entry = text.split("\n### ").nth(1).unwrap().trim_end();
        assert!(REPORT.contains(entry), "{id}: {entry}");
    }
}

#[test]
fn what_is_quoted_of_smollm2_is_what_its_record_says() {
    let readme = include_str!("../docs/arena/smollm2/README.md");
    assert!(readme.contains(&format!("```\n{}\n```", claims::recorded::COMMAND)), "the record's command has changed");
    let record: serde_json::Value = serde_json::from_str(include_str!("../docs/arena/smollm2/results.json")).unwrap();
    let entry = |method: &str| {
        let entries = record["entries"].as_array().unwrap();
        entries.iter().find(|entry| entry["recipe"]["method"] == method).unwrap().clone()
    };
    let quoted: Vec<_> = claims::ledger().unwrap().claims.iter().filter(|claim| claim.recorded.is_some()).collect();
    assert!(quoted.len() >= 15);
    for claim in &quoted {
        let recorded = claims::recorded::evidence(claim.recorded.as_ref().unwrap()).unwrap();
        let text = claims::markdown(&[Entry::new(claim, None)], str::to_owned);
        let entry = text.split("\nRecorded: ").nth(1).unwrap().trim_end();
        assert!(REPORT.contains(entry), "{}: run deltaw claims --all --out docs/claims.md", claim.id);
        assert!(!recorded.criteria.is_empty(), "{}", claim.id);
    }
    // Two of them looked up by another way.
    let of = |id: &str, name: &str| {
        let recorded = claims::recorded::evidence(claims::find(id).unwrap().recorded.as_ref().unwrap()).unwrap();
        recorded.numbers.iter().find(|number| number.name.starts_with(name)).unwrap().value
    };
    assert_eq!(of("galore-same-memory", "lora: optimiser"), entry("lora")["cost"]["optimiser_bytes"].as_f64().unwrap());
    let seeds: Vec<f64> =
        entry("prompt")["trials"].as_array().unwrap().iter().map(|t| t["judged"]["exact"].as_f64().unwrap()).collect();
    let mean = 100.0 * seeds.iter().sum::<f64>() / seeds.len() as f64;
    assert!((of("prompt-100b", "prompt: held-out answers") - mean).abs() < 1e-9);
}
