//! `cargo xtask serve-check`: the official OpenAI Python client against the server.

use std::{fs, path::Path, process::Command};

use candle_core::Device;
use deltaw::model::Base;

use super::{
    Outcome, fleet,
    process::{KEY, Server},
};
use crate::python;

/// Runs it.
pub(crate) fn run() -> Outcome<()> {
    let python = python::of("openai")?;
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
