//! The interview through a pipe and a terminal, and a process that is killed in the middle.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use deltaw::quiz::{bank::builtin, grade::Instance, store::Store, verdict::Label};
use serde_json::Value;

/// Ten questions of all four kinds, what is answered, and the label it deserves. `{answer}` stands for the right number.
const INTERVIEW: [(&str, &str, u64); 10] = [
    ("g01", "the base is frozen and only a few extra parameters are trained", 2),
    ("g06", "A is random, B is zero", 2),
    ("g07", "It makes training more stable", 1),
    ("g13", "the base is stored in NF4, dequantised to bf16 for each matmul, plus a 16-bit LoRA branch that trains", 2),
    ("c01", "{answer}", 2),
    ("c02", "12345", 0),
    ("f01", "W0 x + (alpha/r) B A x", 2),
    ("f02", "W0 + B A", 1),
    ("m03", "b", 2),
    ("m04", "a", 0),
];

fn command(directory: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("deltaw"));
    command.arg("--data-dir").arg(directory).args(["--mode", "quickfire", "--seed", "5"]);
    for (id, ..) in INTERVIEW {
        command.args(["--id", id]);
    }
    command
}

/// The answer to type to `id`, drawn with `seed`.
fn typed(id: &str, answer: &str, seed: u64) -> String {
    let bank = builtin().unwrap();
    let question = bank.questions.iter().find(|question| question.id == id).unwrap();
    match &question.numeric {
        Some(_) => Instance::draw(question, seed).fill(answer).into_owned(),
        None => answer.to_owned(),
    }
}

#[test]
fn ten_questions_through_a_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let mut child =
        command(directory.path()).arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |wanted: &str| loop {
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if event["event"] == wanted {
            return event;
        }
    };
    for (id, answer, label) in INTERVIEW {
        let question = next("question");
        assert_eq!(question["id"], id);
        writeln!(input, "{}", typed(id, answer, question["seed"].as_u64().unwrap())).unwrap();
        let verdict = next("verdict");
        assert_eq!((verdict["id"].as_str(), verdict["label"].as_u64()), (Some(id), Some(label)), "{verdict}");
    }
    assert_eq!(next("scorecard")["answered"], 10);
    assert_eq!(next("end")["answered"], 10);
    assert!(child.wait().unwrap().success());
    assert_eq!(Store::open(directory.path()).unwrap().answers().unwrap().len(), 10);
}

#[test]
fn ten_questions_on_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(directory.path());
    command.env("NO_COLOR", "1").env("TERM", "xterm");
    let mut terminal = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    for (number, (id, answer, label)) in INTERVIEW.into_iter().enumerate() {
        terminal.exp_string(&format!("[{}/10] {id}", number + 1)).unwrap();
        terminal.exp_string("> ").unwrap();
        if number == 0 {
            // Ctrl-C gives the line up, a command does not count as an answer.
            terminal.send("half a thought").unwrap();
            terminal.send_control('c').unwrap();
            terminal.exp_string("> ").unwrap();
            terminal.send_line(":hint").unwrap();
            terminal.exp_string("Hint 1 of 2").unwrap();
            terminal.exp_string("> ").unwrap();
        }
        // Right numbers need the seed, which a terminal does not show; an expression in the names does as well.
        let answer = if answer == "{answer}" { "r*(d+k)" } else { answer };
        terminal.send_line(answer).unwrap();
        let wanted = ["Not yet", "Partly", "Correct"][usize::try_from(label).unwrap()];
        terminal.exp_string(wanted).unwrap();
    }
    terminal.exp_string("10 answers saved").unwrap();
    terminal.exp_eof().unwrap();
    assert_eq!(Store::open(directory.path()).unwrap().answers().unwrap().len(), 10);
}

#[test]
fn control_d_leaves_and_saves() {
    let directory = tempfile::tempdir().unwrap();
    let mut terminal = rexpect::session::spawn_command(command(directory.path()), Some(60_000)).unwrap();
    terminal.exp_string("[1/10] g01").unwrap();
    terminal.send_line("only a few extra parameters train, the base is frozen").unwrap();
    terminal.exp_string("[2/10] g06").unwrap();
    terminal.send_control('d').unwrap();
    terminal.exp_string("1 answer saved").unwrap();
    terminal.exp_eof().unwrap();
}

#[test]
fn a_killed_session_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    for acknowledged in 1..=3 {
        let mut child =
            command(directory.path()).arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..acknowledged {
            writeln!(input, "A is random, B is zero").unwrap();
            loop {
                let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
                if event["event"] == "verdict" {
                    break;
                }
            }
        }
        // SIGKILL: no handler runs.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let answers = Store::open(directory.path()).unwrap().answers().unwrap();
    assert_eq!(answers.len(), 6);
    assert_eq!(answers.iter().filter(|answer| answer.question == "g06" && answer.label == Label::Correct).count(), 2);
}
