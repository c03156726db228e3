//! The server as a process: limits, refusals, slow and hostile clients, stopping.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;
use candle_core::Device;
use common::{disturb, lora_config};
use deltaw::{
    model::tiny,
    peft::{Lora, hub},
};

/// SHA-256 of `secret`.
const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

struct Server {
    child: Child,
    address: String,
}

fn adapters(dir: &Path) {
    let base = tiny::load(&Device::Cpu).unwrap();
    for id in ["one", "two"] {
        let lora = Lora::new(&base, lora_config(2, 1)).unwrap();
        disturb(&lora);
        hub::save(&dir.join(id), &lora, &base, "tiny").unwrap();
    }
}

fn serve(dir: &Path, more: &[&str]) -> Server {
    let mut child = Command::new(cargo_bin!("deltaw"))
        .args(["serve", "--port", "0", "--patience", "1", "--adapters"])
        .arg(dir)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
    Server { child, address }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn send(&self, head: &str, body: &str) -> String {
        let mut stream = self.connect();
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        read(stream)
    }

    fn complete(&self, body: &str) -> String {
        self.send("POST /v1/completions", body)
    }
}

fn read(mut stream: TcpStream) -> String {
    let mut reply = Vec::new();
    // A connection that was cut counts as its end.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn answers_and_refusals() {
    let dir = tempfile::tempdir().unwrap();
    adapters(dir.path());
    let server = serve(dir.path(), &[]);
    for (path, part) in [
        ("/health", "alive"),
        ("/ready", "ready"),
        ("/metrics", "deltaw_requests_accepted_total 0"),
        ("/v1/models", "\"id\":\"two\""),
    ] {
        let reply = server.send(&format!("GET {path}"), "");
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains(part), "{reply}");
    }
    let whole = server.complete(r#"{"model": "one", "prompt": "rev:abc>", "temperature": 0, "max_tokens": 5}"#);
    assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("text_completion"), "{whole}");
    let stream = server
        .complete(r#"{"model": "tiny", "prompt": "rev:abc>", "temperature": 0, "max_tokens": 5, "stream": true}"#);
    assert!(stream.contains("text/event-stream") && stream.contains("data: [DONE]"), "{stream}");
    for (body, status, part) in [
        ("", 400, "no such request"),
        (r#"{"model": "one"}"#, 400, "prompt"),
        (r#"{"model": "absent", "prompt": "a"}"#, 404, "absent"),
        (r#"{"model": "../one", "prompt": "a"}"#, 404, "no model"),
        (r#"{"model": "one", "prompt": "a", "tools": [1]}"#, 400, "`tools`"),
        (r#"{"model": "one", "prompt": "a", "temperature": 9}"#, 400, "temperature"),
        (r#"{"model": "one", "prompt": ""}"#, 400, "prompt"),
        (r#"{"model": "one", "prompt": [99999]}"#, 400, "99999"),
        (r#"{"model": "one", "prompt": "a", "stop": [""]}"#, 400, "`stop`"),
    ] {
        let reply = server.complete(body);
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")) && reply.contains(part), "{body}: {reply}");
    }
    assert!(server.send("POST /v1/chat/completions", r#"{"model": "tiny", "messages": []}"#).contains("chat template"));
    assert!(server.send("GET /nothing", "").starts_with("HTTP/1.1 404"));
    assert!(server.complete(&" ".repeat(2 << 20)).starts_with("HTTP/1.1 413"));

    fs::rename(dir.path().join("two"), dir.path().join("three")).unwrap();
    let named = |path: &str, id: &str| {
        server.send(&format!("POST /v1/{path}_lora_adapter"), &format!(r#"{{"lora_name": "{id}"}}"#))
    };
    assert!(named("load", "three").starts_with("HTTP/1.1 200"));
    assert!(named("load", "..").starts_with("HTTP/1.1 400") && named("load", "absent").starts_with("HTTP/1.1 400"));
    assert!(named("unload", "two").starts_with("HTTP/1.1 200") && named("unload", "two").starts_with("HTTP/1.1 404"));
    let models = server.send("GET /v1/models", "");
    assert!(models.contains("three") && !models.contains("two"), "{models}");
}

#[test]
fn keys_decide_what_exists() {
    let dir = tempfile::tempdir().unwrap();
    adapters(dir.path());
    let file = dir.path().join("routing.yaml");
    fs::write(&file, format!("tenants: [{{name: a, key_sha256: {SECRET}, adapters: [one], default: one}}]")).unwrap();
    let server = serve(dir.path(), &["--routing", file.to_str().unwrap()]);
    let ask = |key: &str, model: &str| {
        let body = format!(r#"{{"model": "{model}", "prompt": "rev:a>", "max_tokens": 1}}"#);
        let mut stream = server.connect();
        let length = body.len();
        write!(stream, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        read(stream).split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(
        ["one", "auto", "two", "tiny", "absent"].map(|model| ask("secret", model)),
        ["200", "200", "404", "404", "404"]
    );
    assert_eq!([ask("", "one"), ask("Secret", "one")], ["401", "401"]);
    assert!(server.send("GET /v1/models", "").starts_with("HTTP/1.1 401"));
    assert!(server.send("POST /v1/unload_lora_adapter", r#"{"lora_name": "one"}"#).starts_with("HTTP/1.1 401"));
    assert!(server.send("GET /health", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn slow_clients_are_cut_off_and_large_heads_refused() {
    let dir = tempfile::tempdir().unwrap();
    adapters(dir.path());
    let server = serve(dir.path(), &["--max-connections", "4"]);
    let clock = Instant::now();
    let mut dawdlers: Vec<TcpStream> = (0..4).map(|_| server.connect()).collect();
    dawdlers[0].write_all(b"GET /hea").unwrap();
    dawdlers[1].write_all(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").unwrap();
    dawdlers[2].write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // All connections are taken: the fifth waits until the others are cut off, and is served then.
    assert!(server.send("GET /health", "").starts_with("HTTP/1.1 200"));
    let replies: Vec<String> = dawdlers.into_iter().map(read).collect();
    assert!(clock.elapsed() < Duration::from_secs(10), "{:?}", clock.elapsed());
    assert!(replies[1].starts_with("HTTP/1.1 408"), "{replies:?}");
    assert!(replies[2].starts_with("HTTP/1.1 200"), "{replies:?}");
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let mut stream = server.connect();
    write!(stream, "GET /health HTTP/1.1\r\nHost: x\r\n{many}\r\n").unwrap();
    assert!(read(stream).starts_with("HTTP/1.1 431"));
    let mut stream = server.connect();
    // The server may close before it has read all of it.
    let _ = write!(stream, "GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(1 << 20));
    assert!(!read(stream).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_full_queue_says_when_to_come_back_and_stopping_finishes_what_runs() {
    let dir = tempfile::tempdir().unwrap();
    adapters(dir.path());
    let mut server = serve(dir.path(), &["--max-running", "1", "--max-waiting", "2"]);
    // Hot and long, so that the answers do not end by themselves at once.
    let body = r#"{"model": "one", "prompt": "rev:abc>", "max_tokens": 600, "temperature": 2, "stop": ["ZZZZ"]}"#;
    let asked: Vec<_> = (0..12)
        .map(|_| {
            let mut stream = server.connect();
            let length = body.len();
            write!(stream, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
            stream
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    let replies: Vec<String> = asked.into_iter().map(read).collect();
    let count = |status: &str| replies.iter().filter(|reply| reply.starts_with(&format!("HTTP/1.1 {status}"))).count();
    assert!(count("200") >= 1 && count("429") >= 1 && count("200") + count("429") == 12, "{replies:?}");
    assert!(replies.iter().any(|reply| reply.to_lowercase().contains("retry-after: 1")));
    assert!(server.child.wait().unwrap().success());
    assert!(TcpStream::connect(&server.address).is_err());
}

#[test]
fn mistakes_are_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    adapters(dir.path());
    let file = dir.path().join("routing.yaml");
    fs::write(&file, "tenants: [{name: a, key_sha256: short}]").unwrap();
    let path = dir.path().to_str().unwrap();
    for (args, part) in [
        (vec!["--adapters", path, "--host", "0.0.0.0"], "routing"),
        (vec!["--adapters", path, "--routing", file.to_str().unwrap()], "sha256sum"),
        (vec!["--adapters", "/nonexistent"], "/nonexistent"),
        (vec!["--adapters", path, "--device-budget", "12x"], "512MiB"),
        (vec!["--adapters", path, "--device-budget", "1KiB"], "token"),
        (vec!["--adapters", path, "--name", "one"], "--name"),
        (vec!["--adapters", path, "--way", "best"], "merged"),
    ] {
        let output = Command::new(cargo_bin!("deltaw")).arg("serve").args(&args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains(part), "{args:?}: {text}");
    }
}

#[test]
fn an_export_has_the_command_the_adapters_and_the_routing() {
    let dir = tempfile::tempdir().unwrap();
    let (from, file, out) = (dir.path().join("adapters"), dir.path().join("routing.yaml"), dir.path().join("fleet"));
    adapters(&from);
    fs::write(&file, format!("tenants: [{{name: a, key_sha256: {SECRET}, adapters: ['o*']}}]")).unwrap();
    for (engine, part) in [("vllm", "--lora-modules"), ("lorax", "--model-id 'some/base'")] {
        let output = Command::new(cargo_bin!("deltaw"))
            .args(["serve", "export", "--base", "some/base", "--engine", engine, "--adapters"])
            .arg(&from)
            .arg("--routing")
            .arg(&file)
            .arg("--out")
            .arg(out.join(engine))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let script = fs::read_to_string(out.join(engine).join("launch.sh")).unwrap();
        assert!(script.contains(part), "{script}");
        assert!(Command::new("sh").arg("-n").arg(out.join(engine).join("launch.sh")).status().unwrap().success());
        let routing: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join(engine).join("routing.json")).unwrap()).unwrap();
        assert_eq!(routing["tenants"][0]["adapters"], serde_json::json!(["one"]));
        let base = tiny::load(&Device::Cpu).unwrap();
        assert_eq!(hub::load(&out.join(engine).join("adapters/two"), &base).unwrap().name(), "LoRA");
    }
}
