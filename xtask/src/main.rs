//! Project chores: `cargo xtask --help`.

mod anki;
mod baseline;
mod cargo;
mod cuda;
mod gpu;
mod lab;
mod peers;
mod pretrain;
mod python;
mod roundtrip;
mod serve;
mod trained;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "xtask", about = "Project chores")]
enum Task {
    /// deltaw beside PyTorch's libraries, taking turns (makes Python environments under target/)
    BenchPeers(peers::Args),
    /// Measure the hot paths as multiples of a reference kernel and compare with benches/baseline.json
    BenchCheck(baseline::Args),
    /// Train the tiny base anew and write it to assets/tiny
    Pretrain(pretrain::Args),
    /// nvcc and CUDA's libraries from public wheels, so that `--features cuda` builds on any Linux machine
    CudaToolchain(cuda::Args),
    /// Build for CUDA and check this machine's GPU: deltaw gpu-check
    GpuCheck(gpu::Args),
    /// Check adapters in both directions against Hugging Face PEFT (makes a Python environment under target/)
    PeftRoundtrip(roundtrip::Args),
    /// Run the official OpenAI Python client against the server (needs target/release/deltaw)
    ServeCheck,
    /// Load the server with wrk and hostile company (needs target/release/deltaw, and wrk from Debian)
    LoadTest(serve::load::Args),
    /// Import the deck of `deltaw export anki` twice with Anki's own library (makes a Python environment under target/)
    AnkiCheck,
    /// Make all Python environments that the checks against other libraries need, before they are needed
    Environments,
    /// Open a chapter in JupyterLab with Chromium, run all its cells and take a picture (after `deltaw notebooks setup`)
    NotebookPicture(lab::Args),
    /// Check that an adapter which `deltaw train` wrote gives the same logits in Hugging Face PEFT
    PeftTrained(trained::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::BenchPeers(args) => peers::run(&args).map_err(|error| error.to_string()),
        Task::BenchCheck(args) => baseline::run(&args).map_err(|error| error.to_string()),
        Task::CudaToolchain(args) => cuda::run(&args).map_err(|error| error.to_string()),
        Task::GpuCheck(args) => gpu::run(&args),
        Task::Pretrain(args) => pretrain::run(&args).map_err(|error| error.to_string()),
        Task::AnkiCheck => anki::run().map_err(|error| error.to_string()),
        Task::NotebookPicture(args) => lab::run(&args).map_err(|error| error.to_string()),
        Task::PeftTrained(args) => trained::run(&args).map_err(|error| error.to_string()),
        Task::PeftRoundtrip(args) => roundtrip::run(&args).map_err(|error| error.to_string()),
        Task::ServeCheck => serve::client::run().map_err(|error| error.to_string()),
        Task::Environments => python::all().map_err(|error| error.to_string()),
        Task::LoadTest(args) => serve::load::run(&args).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
