//! `cargo xtask gpu-check`: builds the program for CUDA, and lets it check this machine's GPU.

use std::process::Command;

use crate::cargo::cargo;

/// What `deltaw gpu-check` takes.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Passed on; --help shows what there is. Without any, the record goes to docs/gpu
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds and runs.
pub(crate) fn run(args: &Args) -> Result<(), String> {
    let head = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let commit = head.ok().filter(|output| output.status.success());
    let mut build = cargo();
    build.args(["build", "--release", "--features", "cuda"]);
    if let Some(output) = commit {
        build.env("DELTAW_COMMIT", String::from_utf8_lossy(&output.stdout).trim());
    }
    call(&mut build).map_err(|why| {
        format!("{why}; where nvcc is not installed: cargo xtask cuda-toolchain && . target/cuda/env.sh")
    })?;
    let mut check = Command::new("target/release/deltaw");
    check.arg("gpu-check");
    match args.rest.is_empty() {
        true => check.args(["--out", "docs/gpu"]),
        false => check.args(&args.rest),
    };
    call(&mut check)
}

fn call(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}
