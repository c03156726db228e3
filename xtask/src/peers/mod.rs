//! `cargo xtask bench-peers`: deltaw beside what people would use instead, on the same machine, in the same run, taking turns.
//!
//! Each row is a process of ours and one of theirs. Both load, then they work in turn, round after round, so that what disturbs the machine
//! disturbs both. The table has the medians, the ratio of the medians, and its spread over the rounds.

mod page;
mod rows;
mod turn;

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf, process::Stdio, thread, time::Duration};

use rows::{Row, Side};
use turn::Worker;

use super::python::environment;
use crate::cargo::cargo;

pub(super) type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds that count; one more goes first to warm up
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Rows whose name contains one of these, with commas [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A Python that has torch, transformers, PEFT, bitsandbytes, galore-torch and scipy, instead of an environment made here
    #[arg(long)]
    python: Option<PathBuf>,
    /// A Python that has the `adapters` library, instead of an environment made here
    #[arg(long)]
    adapters_python: Option<PathBuf>,
    /// Where the page goes
    #[arg(long, default_value = "docs/benchmarks/peers.md")]
    out: PathBuf,
}

/// What a row came to.
pub(super) struct Measured {
    name: String,
    peer: String,
    ours: Side,
    theirs: Side,
    /// What it says about the ratio.
    remark: &'static str,
}

/// Before each turn: by then the other side's threads have stopped looking for work, as OpenMP's and OpenBLAS's do for a while.
const REST: Duration = Duration::from_millis(200);
/// Seconds under which work is short.
const SHORT: f64 = 0.5;

pub(crate) fn run(args: &Args) -> Outcome<()> {
    let chosen: Vec<Row> = rows::all()
        .into_iter()
        .filter(|row| args.only.is_empty() || args.only.iter().any(|part| row.name.contains(part)))
        .collect();
    if chosen.is_empty() {
        return Err("no row has such a name; --only lora,svd for instance".into());
    }
    let programs = build()?;
    let python = |given: &Option<PathBuf>, name, requirements| match given {
        Some(python) => Ok(python.clone()),
        None => environment(name, "torch and the libraries (minutes)", requirements),
    };
    let wants = |adapters: bool| chosen.iter().any(|row| row.needs_python() && row.needs_adapters() == adapters);
    if chosen.iter().any(|row| !row.needs_python()) {
        build_rust_peers()?;
    }
    let main = if wants(false) {
        python(&args.python, "peers", "benches/peers/requirements-peers.txt")?
    } else {
        PathBuf::new()
    };
    let adapters = if wants(true) {
        python(&args.adapters_python, "adapters", "xtask/peft/requirements-adapters.txt")?
    } else {
        PathBuf::new()
    };

    let mut measured = Vec::new();
    for row in &chosen {
        let python = if row.needs_adapters() { &adapters } else { &main };
        let (ours, theirs) = (|| Worker::start(row.ours(&programs)?), || Worker::start(row.theirs(python)));
        let [ours, theirs] = match row.from_start {
            true => from_start(args.rounds, ours, theirs)?,
            false => in_turn(args.rounds, [ours()?, theirs()?])?,
        };
        let result =
            Measured { name: row.name.to_owned(), peer: row.peer.to_owned(), ours, theirs, remark: row.remark };
        eprintln!("{}", page::line(&result));
        measured.push(result);
    }
    let text = page::text(&measured, &main, args)?;
    if let Some(dir) = args.out.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(&args.out, text)?;
    println!("the table is {}", args.out.display());
    Ok(())
}

/// Both sides load once and then take turns; what is short is warmed up longer and takes more of them.
fn in_turn(rounds: usize, mut sides: [Worker; 2]) -> Outcome<[Side; 2]> {
    let (mut rounds, mut warming) = (rounds, 1);
    let mut round = 0;
    while round < warming + rounds {
        let mut longest = 0f64;
        for side in &mut sides {
            thread::sleep(REST);
            let times = side.work()?;
            longest = longest.max(times[0]);
            if round >= warming {
                side.keep(times);
            }
        }
        if round == 0 && longest < SHORT {
            (rounds, warming) = (rounds * 5, 5);
        }
        round += 1;
    }
    let [ours, theirs] = sides;
    Ok([ours.end()?, theirs.end()?])
}

/// Each round is a process of its own, and its time that from its start to the end of its work.
fn from_start(
    rounds: usize,
    ours: impl Fn() -> Outcome<Worker>,
    theirs: impl Fn() -> Outcome<Worker>,
) -> Outcome<[Side; 2]> {
    let one = |start: &dyn Fn() -> Outcome<Worker>| {
        let mut worker = start()?;
        worker.work()?;
        let age = worker.age();
        worker.keep([age, f64::NAN]);
        worker.end()
    };
    let (mut first, mut second) = (one(&ours)?, one(&theirs)?);
    // The first reads the programs from the disk.
    (first.times, second.times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        first.times.extend(one(&ours)?.times);
        second.times.extend(one(&theirs)?.times);
    }
    Ok([first, second])
}

fn build_rust_peers() -> Outcome<()> {
    let mut build = cargo();
    build.args([
        "build",
        "--release",
        "--locked",
        // They ask for a newer Rust than they need.
        "--ignore-rust-version",
        "--manifest-path",
        "benches/peers/rust/Cargo.toml",
        "--target-dir",
        "target/rust-peers",
    ]);
    if build.status()?.success() { Ok(()) } else { Err("benches/peers/rust does not build".into()) }
}

/// Builds our benchmarks; where cargo put them.
fn build() -> Outcome<BTreeMap<String, PathBuf>> {
    let built = cargo()
        .args(["bench", "--no-run", "--bench", "step", "--bench", "ops", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()?;
    if !built.status.success() {
        return Err("the benchmarks do not build".into());
    }
    let messages = built.stdout.split(|byte| *byte == b'\n');
    let program = |message: &[u8]| {
        let message: serde_json::Value = serde_json::from_slice(message).ok()?;
        Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into()))
    };
    Ok(messages.filter_map(program).collect())
}
