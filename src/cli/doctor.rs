//! `deltaw doctor`: what this machine has, and for each thing missing the one command that brings it.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

use candle_core::Device;
use serde::Serialize;

use super::{Failure, Global, drill::data_dir};

/// Arguments of `deltaw doctor`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// One thing looked for.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    present: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// Runs `deltaw doctor`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, global: &Global) -> Result<(), Failure> {
    let findings = [threads(), cuda(), lapack(), jupyter(), evcxr(), models(), record(global)];
    let mut out = io::stdout().lock();
    for finding in &findings {
        if global.json {
            writeln!(out, "{}", serde_json::to_string(finding).map_err(|error| Failure::machine(error.to_string()))?)?;
            continue;
        }
        let mark = if finding.present { "yes" } else { "no " };
        writeln!(out, "{mark}  {:<10} {}", finding.name, finding.detail)?;
        if let Some(fix) = &finding.fix {
            writeln!(out, "     {:<10} to get it: {fix}", "")?;
        }
    }
    if !global.json {
        writeln!(out, "\nThe drill and all demos need none of these: they run on the CPU as built.")?;
    }
    Ok(())
}

fn threads() -> Finding {
    let count = available_parallelism().map_or(1, usize::from);
    Finding { name: "threads", present: true, detail: format!("{count} for computing"), fix: None }
}

fn cuda() -> Finding {
    let card = Command::new("nvidia-smi").args(["--query-gpu=name,memory.total", "--format=csv,noheader"]).output();
    let card = card
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let built = candle_core::utils::cuda_is_available();
    let works = built && Device::new_cuda(0).is_ok();
    let (present, detail, fix) = match (card, built, works) {
        (Some(card), _, true) => (true, format!("{card}; in use"), None),
        (Some(card), false, _) => (
            false,
            format!("{card}, but this program was built without CUDA"),
            Some("cargo build --release --features cuda".to_owned()),
        ),
        (Some(card), true, false) => {
            (false, format!("{card}, but its driver does not answer"), Some("nvidia-smi".to_owned()))
        }
        (None, ..) => (false, "no NVIDIA card or driver found".to_owned(), None),
    };
    Finding { name: "CUDA", present, detail, fix }
}

fn lapack() -> Finding {
    let present = cfg!(feature = "lapack");
    Finding {
        name: "LAPACK",
        present,
        detail: match present {
            true => "the system's OpenBLAS computes singular values".to_owned(),
            false => "not built in; faer computes singular values instead".to_owned(),
        },
        fix: (!present)
            .then(|| "sudo apt install libopenblas-dev && cargo build --release --features lapack".to_owned()),
    }
}

fn jupyter() -> Finding {
    tool("Jupyter", "jupyter", &["--version"], "deltaw notebooks setup")
}

fn evcxr() -> Finding {
    tool("evcxr", "evcxr_jupyter", &["--help"], "deltaw notebooks setup")
}

fn tool(name: &'static str, program: &str, args: &[&str], fix: &str) -> Finding {
    let found = on_path(program);
    let runs = found
        .as_ref()
        .is_some_and(|path| Command::new(path).args(args).output().is_ok_and(|output| output.status.success()));
    let detail = match (&found, runs) {
        (Some(path), true) => path.display().to_string(),
        (Some(path), false) => format!("{} is there but does not run", path.display()),
        (None, _) => format!("{program} is not on the PATH; the notebooks need it"),
    };
    Finding { name, present: runs, detail, fix: (!runs).then(|| fix.to_owned()) }
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(program)).find(|path| path.is_file())
}

fn models() -> Finding {
    let home = env::var_os("HF_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache/huggingface")));
    let hub = home.map(|home| home.join("hub"));
    let count = hub.as_ref().and_then(|hub| hub.read_dir().ok()).map_or(0, |entries| {
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("models--"))
            .count()
    });
    let place = hub.map_or_else(|| "nowhere".to_owned(), |hub| hub.display().to_string());
    Finding {
        name: "models",
        present: true,
        detail: format!("the tiny base is built in; {count} downloaded models in {place}"),
        fix: None,
    }
}

fn record(global: &Global) -> Finding {
    match data_dir(global) {
        Ok(directory) => {
            let present = directory.join("progress.db").is_file();
            let state = if present { "" } else { " (no progress yet; begin with: deltaw)" };
            Finding { name: "record", present: true, detail: format!("{}{state}", directory.display()), fix: None }
        }
        Err(error) => Finding {
            name: "record",
            present: false,
            detail: error.to_string(),
            fix: Some("deltaw --data-dir DIR".to_owned()),
        },
    }
}
