//! `cargo xtask serve-check`: the official OpenAI Python client against the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use candle_core::Device;
use deltaw::model::Base;

use super::{
    Outcome, fleet,
    process::{KEY, Server},
};

/// Runs it.
pub(crate) fn run() -> Outcome<()> {
    let python = environment()?;
    let root = Path::new("target/serve-check");
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let (base, adapters) = (Base::tiny(&Device::Cpu)?, root.join("adapters"));
    let cases = fleet::make(&adapters, "lora", 8, &base)?;
    fleet::make(&adapters, "secret", 1, &base)?;
    let file = root.join("cases.json");
    let json: Vec<_> = cases
        .iter()
        .map(|case| serde_json::json!({"model": case.model, "prompt": case.prompt, "text": case.text}))
        .collect();
    fs::write(&file, serde_json::to_vec(&json)?)?;
    let server = Server::start(root, &[])?;
    let url = format!("http://{}/v1", server.address);
    let done = Command::new(python)
        .arg("xtask/serve/openai_client.py")
        .args([&url, KEY.0])
        .arg(&file)
        .arg("secret-0")
        .status()?;
    let log = fs::read_to_string(root.join("server.log"))?;
    if log.contains(&format!(" {}", KEY.0)) {
        return Err("the key stands in the server's log".into());
    }
    match (done.success(), server.stop()?) {
        (true, true) => Ok(()),
        (true, false) => Err("the server did not stop well".into()),
        (false, _) => Err("the OpenAI client was not content".into()),
    }
}

/// A Python with the client; made once.
fn environment() -> Outcome<PathBuf> {
    let dir = PathBuf::from("target/python-openai");
    let python = dir.join("bin/python");
    if !dir.join("ready").exists() {
        eprintln!("installing the OpenAI client into {}", dir.display());
        let made = Command::new("python3").args(["-m", "venv"]).arg(&dir).status()?;
        let installed = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r", "xtask/serve/requirements.txt"])
            .status()?;
        if !(made.success() && installed.success()) {
            return Err("the OpenAI client could not be installed".into());
        }
        fs::write(dir.join("ready"), "")?;
    }
    Ok(python)
}
