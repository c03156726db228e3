//! `deltaw advise` as its users see it: snapshots of a few situations, and one line for what cannot be used.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;

/// Runs `deltaw advise`; exit code, standard output, standard error.
fn advise(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("deltaw").unwrap().arg("advise").args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_large_model_on_one_card() {
    let (code, out, _) = advise(&["--model", "llama-2-70b", "--gpu-memory", "80GB"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn many_tasks_over_one_base() {
    let (code, out, _) =
        advise(&["--model", "llama-3-8b", "--gpu-memory", "24GB", "--tasks", "200", "--serving", "many", "--latency"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn a_corpus_on_a_node() {
    let (code, out, _) = advise(&[
        "--params",
        "8B",
        "--gpu-memory",
        "80GB",
        "--gpus",
        "8",
        "--goal",
        "knowledge",
        "--examples",
        "2000000",
    ]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
}

#[test]
fn json_has_the_same() {
    let (code, out, _) = advise(&["--model", "smollm2-135m", "--gpu-memory", "8GB", "--goal", "style", "--json"]);
    assert_eq!(code, 0);
    let advice: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(advice["method"], "lora");
    assert_eq!(advice["peft_config"]["r"], 8);
    assert!(advice["train"].as_str().unwrap().starts_with("deltaw train --base smollm2 "));
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    for (args, part) in [
        (vec![], "which model?"),
        (vec!["--model", "llama-3-8b"], "--gpu-memory 24GB"),
        (vec!["--model", "llama-9", "--gpu-memory", "24GB"], "no architecture is called `llama-9`"),
        (vec!["--model", "/nonexistent.json", "--gpu-memory", "24GB"], "/nonexistent.json"),
        (vec!["--params", "many", "--gpu-memory", "24GB"], "no number of parameters"),
        (vec!["--params", "8B", "--gpu-memory", "lots"], "no memory size"),
        (vec!["--params", "8B", "--gpu-memory", "24GB", "--gpus", "0"], "--gpus is 0"),
    ] {
        let (code, out, error) = advise(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(error.contains(part) && error.lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn the_dialogue_refuses_nonsense_at_once_and_lets_go() {
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_deltaw"));
        command.arg("advise").env("NO_COLOR", "1").env("TERM", "xterm");
        rexpect::session::spawn_command(command, Some(60_000)).unwrap()
    };
    let mut terminal = start();
    let talk = [
        ("The base", "banana", "no architecture is called `banana`"),
        ("The base", "8B", "Memory of one GPU"),
        ("", "zero", "`zero` is no memory size"),
        ("Memory of one GPU", "24GB", "GPUs"),
        ("", "0", "`0` is no whole number from 1 to 1000000"),
        ("GPUs", "2", "To learn"),
        ("", "world peace", "`world peace` is none of classification, style"),
        ("To learn", "code", "Training examples"),
        ("", "0", "`0` is no whole number from 1 to"),
        ("Training examples", "5,000", "Tasks"),
        ("", "", "Serving"),
        ("", "maybe", "`maybe` is none of auto, merged, many"),
        ("Serving", "many", "vllm serve"),
    ];
    for (question, reply, then) in talk {
        terminal.exp_string(question).unwrap();
        terminal.send_line(reply).unwrap();
        assert!(terminal.exp_string(then).is_ok(), "after {reply:?}");
    }
    terminal.exp_eof().unwrap();
    for key in ['c', 'd'] {
        let mut terminal = start();
        terminal.exp_string("The base").unwrap();
        terminal.send_control(key).unwrap();
        terminal.exp_eof().unwrap();
        let status = format!("{:?}", terminal.process().wait().unwrap());
        assert!(status.starts_with("Exited(") && status.ends_with(", 0)"), "{status}");
    }
}
