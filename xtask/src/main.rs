//! Project chores: `cargo xtask --help`.

mod pretrain;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "xtask", about = "Project chores")]
enum Task {
    /// Train the tiny base anew and write it to assets/tiny
    Pretrain(pretrain::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Pretrain(args) => pretrain::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
