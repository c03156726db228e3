//! The command line: help, errors and JSON, as snapshots.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;

/// Runs the program with a data directory of its own; exit code, standard output, standard error.
fn deltaw(args: &[&str], input: &str) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("deltaw")
        .unwrap()
        .args(args)
        .env("DELTAW_DATA_DIR", directory.path())
        .env("NO_COLOR", "1")
        .write_stdin(input)
        .output()
        .unwrap();
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&directory.path().display().to_string(), "DATA");
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_every_command_with_examples() {
    let (code, out, _) = deltaw(&["--help"], "");
    assert_eq!(code, 0);
    insta::assert_snapshot!("help", out);
}

#[test]
fn unusable_input_is_one_line_and_exit_code_2() {
    for (args, part) in [
        (vec!["grade", "--id", "g99", "--answer", "x"], "no question is called `g99`"),
        (vec!["demo", "nothing"], "no demo is called `nothing`"),
        (vec!["demo", "svd", "--set", "steps=many"], "steps is `many`; it takes a number from 1 to 2000"),
        (vec!["demo", "svd", "--set", "steps"], "write NAME=VALUE"),
        (vec!["demo", "params", "--set", "model=llama-9"], "no architecture is called `llama-9`"),
        (vec!["demo", "params", "--plot", "x.gif"], "ends in .svg or .png"),
        (vec!["--section", "nowhere"], "no section is called `nowhere`"),
        (vec!["--bank", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (vec!["import", "progress", "/nonexistent.json"], "/nonexistent.json"),
        (vec!["--data-dir", "/proc/nowhere"], "--data-dir DIR"),
        (vec!["parity", "/nonexistent"], "/nonexistent"),
        (vec!["parity", "tests/data"], "there is no `base`"),
        (vec!["parity", "tests/data/goldens", "--case", "x"], "has no case `x`"),
        (vec!["adapter", "inspect", "/nonexistent"], "/nonexistent/adapter_config.json"),
        (vec!["adapter", "inspect", "tests/data/goldens/ia3/adapter", "--plot", "x.svg"], "has none"),
        (
            vec!["adapter", "diff", "tests/data/goldens/ia3/adapter", "/nonexistent"],
            "only LoRA and DoRA adapters have factors",
        ),
        (vec!["adapter", "rerank", "tests/data/goldens/lora_qv/adapter", "--rank", "99", "--out", "/tmp/x"], "rank 99"),
        (
            vec!["adapter", "rerank", "tests/data/goldens/lora_qv/adapter", "--rank", "2", "--out", "src"],
            "src is not empty",
        ),
        (
            vec!["adapter", "compose", "tests/data/goldens/lora_qv/adapter", "--weights", "1,2", "--out", "x"],
            "2 numbers for 1 adapters",
        ),
        (
            vec![
                "adapter",
                "merge",
                "tests/data/goldens/prefix_tuning/adapter",
                "--base",
                "tests/data/goldens/base",
                "--out",
                "x",
            ],
            "prefix tuning cannot be merged",
        ),
        (vec!["adapter", "merge", "tests/data/goldens/lora_qv/adapter", "--base", "tiny", "--out", "x"], "has shape"),
        (vec!["calc", "params", "--model", "llama-9"], "no architecture is called `llama-9`"),
        (vec!["calc", "params", "--method", "magic"], "there is no method `magic`"),
        (vec!["calc", "params", "--targets", "w"], "has no matrix `w`"),
        (vec!["calc", "memory", "--config", "/nonexistent"], "/nonexistent"),
    ] {
        let (code, _, error) = deltaw(&args, "");
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error.contains(part) && error.trim_end().lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn grading_in_json() {
    let (code, out, _) = deltaw(
        &["grade", "--id", "g07", "--answer", "So that BA is zero and we start at the base model", "--json"],
        "",
    );
    assert_eq!(code, 0);
    let verdict: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((verdict["id"].as_str(), verdict["label"].as_u64()), (Some("g07"), Some(2)));
    assert!(verdict["hit"][0]["evidence"][0].is_string());
}

#[test]
fn a_batch_is_answered_line_by_line_in_order() {
    let lines = "{\"id\":\"g06\",\"answer\":\"both zero\",\"extra\":1}\n\n{\"id\":\"f08\",\"answer\":\"r*(k+d)\"}\n{\"id\":\"m01\",\"answer\":\"b\"}\n";
    let (code, out, _) = deltaw(&["grade", "--batch", "-"], lines);
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let labels: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row["label"].as_u64().unwrap())).collect();
    assert_eq!(labels, [("g06", 0), ("f08", 2), ("m01", 1)]);
    assert_eq!(rows[0]["misconceptions"][0], "both-zero");
    let (code, _, error) = deltaw(&["grade", "--batch", "-"], "{\"id\": 3}\n");
    assert_eq!(code, 2);
    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn a_faulty_bank_is_reported_with_places() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bank.yaml");
    std::fs::write(&file, "version: 1\ntitel: x\nsections: []\nquestions: []\n").unwrap();
    let (code, out, error) = deltaw(&["bank", "check", file.to_str().unwrap()], "");
    assert_eq!(code, 1);
    insta::assert_snapshot!("bank_check", out.replace(&file.display().to_string(), "FILE"));
    assert!(error.contains("2 faults"), "{error}");
    let (code, out, _) = deltaw(&["bank", "check"], "");
    assert_eq!(code, 0, "{out}");
}

#[test]
fn demos_list_compute_and_draw() {
    let (code, out, _) = deltaw(&["demo"], "");
    assert_eq!(code, 0);
    insta::assert_snapshot!("demos", out);
    let (_, out, _) = deltaw(&["demo", "params", "--json", "--set", "rank=16"], "");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["numbers"]["trainable LoRA r=16 on q,v"], 8_388_608.0);
    let directory = tempfile::tempdir().unwrap();
    for (name, magic) in [("a.svg", &b"<svg"[..]), ("a.png", &b"\x89PNG"[..])] {
        let file = directory.path().join(name);
        assert_eq!(deltaw(&["demo", "first-step", "--plot", file.to_str().unwrap()], "").0, 0);
        assert!(std::fs::read(file).unwrap().starts_with(magic));
    }
}

#[test]
fn progress_goes_out_and_in_again() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = |directory: &std::path::Path, args: &[&str], input: &str| {
        let mut command = Command::cargo_bin("deltaw").unwrap();
        let output = command.args(args).arg("--data-dir").arg(directory).write_stdin(input).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    run(first.path(), &["--id", "m03"], "b\n");
    let exported = run(first.path(), &["export", "progress"], "");
    run(second.path(), &["import", "progress", "-"], &exported);
    assert_eq!(run(second.path(), &["export", "progress"], ""), exported);
    assert!(run(second.path(), &["stats"], "").contains("QLoRA"));
}

#[test]
fn completions_and_doctor_answer() {
    let (code, out, _) = deltaw(&["completions", "bash"], "");
    assert!(code == 0 && out.contains("_deltaw"));
    let (code, out, _) = deltaw(&["doctor", "--json"], "");
    assert_eq!(code, 0);
    let names: Vec<String> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["threads", "CUDA", "LAPACK", "Jupyter", "evcxr", "models", "record"]);
}

#[test]
fn parity_is_reported_case_by_case() {
    let (code, out, _) = deltaw(&["parity", "tests/data/goldens", "--case", "lora_qv", "--case", "train_ia3"], "");
    assert!(code == 0 && out.ends_with("2 passed, 0 failed\n"), "{out}");
    let (code, out, _) = deltaw(&["parity", "tests/data/goldens", "--case", "dora_all_linear", "--json"], "");
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["case"], "dora_all_linear");
    assert!(report["outcome"]["compared"][0]["absolute"].as_f64().unwrap() < 2e-4);
}

#[test]
fn adapters_are_inspected_changed_merged_and_audited() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let goldens = "tests/data/goldens";
    let (lora, base) = (format!("{goldens}/lora_all_linear/adapter"), format!("{goldens}/base"));
    let run = |args: &[&str]| {
        let (code, out, error) = deltaw(args, "");
        assert_eq!(code, 0, "{args:?}: {error}");
        out
    };
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&run(args)).unwrap() };

    let report = json(&["adapter", "inspect", &lora, "--json"]);
    assert_eq!((report["parameters"].as_u64(), report["suggested_rank"].as_u64()), (Some(18_688), Some(8)));
    assert!(run(&["adapter", "inspect", &lora, "--plot", &path("s.svg")]).contains("0.mlp.down_proj"));
    assert!(std::fs::read(path("s.svg")).unwrap().starts_with(b"<svg"));

    run(&["adapter", "rerank", &lora, "--rank", "3", "--out", &path("three")]);
    let report = json(&["adapter", "inspect", &path("three"), "--json"]);
    assert!(report["modules"].as_array().unwrap().iter().all(|module| module["rank"] == 3));
    let line = run(&["adapter", "diff", &lora, &path("three"), "--json"]);
    let difference: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(difference["cosine"].as_f64().unwrap() > 0.7);

    // The sum of an adapter and its negative is nothing.
    run(&["adapter", "compose", &lora, &lora, "--weights", "1,-1", "--out", &path("nothing")]);
    let report = json(&["adapter", "inspect", &path("nothing"), "--json"]);
    assert!(report["modules"].as_array().unwrap().iter().all(|module| module["norm"].as_f64().unwrap() < 1e-5));

    run(&["adapter", "merge", &lora, "--base", &base, "--out", &path("merged")]);
    assert!(
        run(&["adapter", "audit", &lora, "--base", &base, "--merged", &path("merged")])
            .contains("the stated scale α/r")
    );
    run(&["adapter", "unmerge", &lora, "--merged", &path("merged"), "--out", &path("restored")]);
    let (code, out, error) = deltaw(&["adapter", "audit", &lora, "--base", &base, "--merged", &path("restored")], "");
    assert!(code == 1 && out.contains("the update is not in it") && error.contains("1 error"), "{out}{error}");
}

#[test]
fn the_calculators_count_and_add_up() {
    let (_, out, _) = deltaw(&["calc", "params", "--method", "lora", "--rank", "16", "--json"], "");
    let row: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(row["trainable"], 8_388_608);
    let (_, out, _) = deltaw(&["calc", "memory", "--model", "llama-2-7b", "--json"], "");
    for line in out.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| row[name].as_f64().unwrap();
        let states = number("weights") + number("gradients") + number("optimiser");
        assert!((states + number("activations") - number("total")).abs() < 1.0, "{row}");
        assert!(number("activations_checkpointed") < 0.2 * number("activations"));
    }
    let (code, out, _) = deltaw(&["calc", "params"], "");
    insta::assert_snapshot!("calc_params", out);
    assert_eq!(code, 0);
}
