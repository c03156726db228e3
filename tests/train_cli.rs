//! `deltaw train` as a user meets it: killed and resumed, on bad data, on a full disk, without a model.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

/// `deltaw train` with these arguments, split at spaces; one thread: the same bits ask for the same number, and two busy cores for few.
fn train(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    command.arg("train").args(arguments.split_whitespace()).stdin(Stdio::null());
    command.env("RAYON_NUM_THREADS", "1").env("CANDLE_NUM_THREADS", "1").env("NO_COLOR", "1");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a failed command said: one line, and the exit code.
fn fails(command: &mut Command) -> (String, i32) {
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert_eq!(text.lines().count(), 1, "{text}");
    (text, output.status.code().unwrap())
}

/// The numbers of every step and evaluation to their last digit, without the time they took, which comes last.
fn numbers(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    let line = |line: &str| line.split(",\"seconds\":").next().unwrap().to_owned();
    text.lines().map(line).collect()
}

fn steps_done(dir: &Path) -> usize {
    fs::read_to_string(dir.join("metrics.jsonl")).unwrap_or_default().matches("\"gradient_norm\"").count()
}

#[test]
fn a_run_killed_at_any_moment_goes_on_to_the_same_numbers() {
    let cases = [
        ("--batch 4 --method lora --dropout 0.1 --patience 9", "adapter_model.safetensors"),
        (
            "--batch 4 --method dora --optimizer eight-bit --rank 64 --accumulate 2 --gradient-checkpointing",
            "adapter_model.safetensors",
        ),
        ("--method galore --pack 90", "model.safetensors"),
        ("--batch 4 --method lora-plus --optimizer paged", "adapter_model.safetensors"),
    ];
    for (index, (options, weights)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let (straight, broken) = (dir.path().join("straight"), dir.path().join("broken"));
        let arguments = |out: &Path| {
            format!("--task revup --steps 24 --eval-every 6 --save-every 3 {options} --out {}", out.display())
        };
        let whole = train(&arguments(&straight)).output().unwrap();
        assert!(whole.status.success(), "{}", stderr(&whole));

        let mut child = train(&arguments(&broken)).stdout(Stdio::null()).spawn().unwrap();
        let (clock, after) = (Instant::now(), 7 + index);
        while steps_done(&broken) < after {
            assert!(clock.elapsed() < Duration::from_secs(300), "the run does not go on");
            assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be killed");
            sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "killed");
        assert!(broken.join("checkpoint.safetensors").exists() && !broken.join(weights).exists(), "{options}");
        // What a kill in the middle of a write leaves.
        fs::write(broken.join(".checkpoint-abc.part"), "half").unwrap();

        let again = train(&arguments(&broken)).output().unwrap();
        assert!(again.status.code() == Some(2) && stderr(&again).contains("--resume"), "{}", stderr(&again));
        let resumed = train(&format!("--resume {}", broken.display())).output().unwrap();
        assert!(resumed.status.success(), "{}", stderr(&resumed));
        assert_eq!(numbers(&straight), numbers(&broken), "{options}");
        assert_eq!(fs::read(straight.join(weights)).unwrap(), fs::read(broken.join(weights)).unwrap(), "{options}");
        let left: Vec<_> =
            fs::read_dir(&broken).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!left.iter().any(|name| name.contains("checkpoint")), "{left:?}");
        let (line, code) = fails(&mut train(&format!("--resume {}", broken.display())));
        assert!(code == 2 && line.contains("finished"), "{line}");
    }
}

#[test]
fn bad_data_is_refused_by_file_and_line_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("data.jsonl"), dir.path().join("out"));
    let good = r#"{"prompt": "rev:ab>", "completion": "ba."}"#;
    let long = format!(r#"{{"text": "{}"}}"#, "a".repeat(3000));
    for (bad, expected) in [
        ("{\"prompt\": ", "no JSON"),
        (r#"{"prompt": "a", "completion": "b", "weight": 2}"#, "unknown field `weight`"),
        (r#"{"prompt": "a", "completion": ""}"#, "empty"),
        (r#"{"prompt": "%", "completion": "b"}"#, "'%'"),
        (r#"{"messages": [{"role": "assistant", "content": "b"}]}"#, "no chat template"),
        (&long, "context"),
    ] {
        fs::write(&file, format!("{good}\n{bad}\n")).unwrap();
        let (line, code) = fails(&mut train(&format!("--base tiny --data {} --out {}", file.display(), out.display())));
        assert!(code == 2 && line.contains("data.jsonl") && line.contains('2') && line.contains(expected), "{line}");
        assert!(!out.exists(), "{bad}");
    }
    let skip =
        format!("--base tiny --data {} --skip-long --steps 2 --save-every 0 --out {}", file.display(), out.display());
    let output = train(&skip).output().unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 examples left out"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let out = format!("--out {}", dir.path().join("out").display());
    for (arguments, expected) in [
        (format!("--base /no/such/model --task revup {out}"), "/no/such/model"),
        (format!("--base tiny --data /no/such/file {out}"), "/no/such/file"),
        (format!("--task nonsense {out}"), "nonsense"),
        (format!("--base tiny {out}"), "--task"),
        ("--task revup".to_owned(), "--out"),
        (format!("--task revup --steps 0 {out}"), "steps is 0"),
        (format!("--task revup --rank 0 {out}"), "rank is 0"),
        (format!("--task revup --targets q,x {out}"), "no projection"),
        (format!("--task revup --dropout 1.5 {out}"), "dropout"),
        (format!("--task meeting --base tiny {out}"), "no chat template"),
        ("--resume /no/such/run".to_owned(), "/no/such/run"),
        (format!("--task revup --plot curve.txt {out}"), ".svg"),
    ] {
        let (line, code) = fails(&mut train(&arguments));
        assert!(code == 2 && line.contains(expected), "{arguments}: {line}");
    }
    assert!(!dir.path().join("out").exists());
}

/// A limit on the size of files stands for a full disk: the write fails in the same way, in the middle.
#[cfg(unix)]
#[test]
fn a_full_disk_is_one_line_and_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let limited = |kilobytes: usize, arguments: &str| {
        let mut command = Command::new("bash");
        let script =
            format!("trap '' XFSZ; ulimit -f {kilobytes}; exec {} train {arguments}", env!("CARGO_BIN_EXE_deltaw"));
        command.args(["-c", &script]).stdin(Stdio::null());
        command
    };
    for save_every in [2, 0] {
        let arguments = format!("--task revup --steps 4 --save-every {save_every} --force --out {}", out.display());
        let (line, code) = fails(&mut limited(100, &arguments));
        assert!(code == 1 && line.to_lowercase().contains("too large"), "{line}");
        let mut left: Vec<_> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["metrics.jsonl"], "neither checkpoint nor adapter is there, whole or in part");
    }
    let (line, code) = fails(&mut train("--task revup --steps 2 --out /proc/nowhere"));
    assert!(code == 1 && line.contains("/proc/nowhere"), "{line}");
}

#[test]
fn changed_data_is_not_resumed_and_json_is_one_object_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("data.jsonl"), dir.path().join("out"));
    let examples = "{\"prompt\": \"rev:ab>\", \"completion\": \"ba.\"}\n".repeat(40);
    fs::write(&file, &examples).unwrap();
    let arguments = format!(
        "--base tiny --data {0} --eval {0} --steps 5000 --save-every 1 --json --out {1}",
        file.display(),
        out.display()
    );
    let mut child = train(&arguments).stdout(Stdio::null()).spawn().unwrap();
    while !out.join("checkpoint.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(&file, examples.replace("ba.", "ab.")).unwrap();
    let (line, code) = fails(&mut train(&format!("--resume {}", out.display())));
    assert!(code == 2 && line.contains("data"), "{line}");

    let arguments =
        format!("--base tiny --data {0} --eval {0} --steps 3 --force --json --out {1}", file.display(), out.display());
    let output = train(&arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.last().unwrap()["after"]["loss"].is_number()
            && lines.iter().any(|line| line["held_out_loss"].is_number())
    );
    let card = fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.contains("deltaw train --base tiny") && card.contains("held-out loss"), "{card}");
    assert!(fs::read_to_string(out.join("loss.svg")).unwrap().starts_with("<svg"));
}
