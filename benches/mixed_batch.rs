//! A forward pass of 32 rows over 16 LoRAs of rank 16 on a model of SmolLM2-135M's shape (random weights, f32): the mixed batch against the
//! base alone, against one pass per adapter, and, where `DELTAW_PEER_PYTHON` names a Python with PEFT, against PEFT's `adapter_names` on the
//! same machine, all taking turns; the best of seven rounds each.
//!
//! ```text
//! python3 -m venv target/python-peft && target/python-peft/bin/pip install -r xtask/peft/requirements-peft.txt
//! DELTAW_PEER_PYTHON=target/python-peft/bin/python cargo bench --bench mixed_batch
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "peers/mixed.rs"]
mod mixed;
#[path = "peers/processor.rs"]
mod processor;

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use candle_core::{Device, Tensor};
use deltaw::{
    model::{Config, Decoder, Projection, Shut},
    peft::{Lora, Targets},
    serve::Batch,
    train::fresh,
};
use mixed::{ADAPTERS, RANK, ROWS};
use processor::cpu_seconds;

const ROUNDS: usize = 7;

struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Option<Self> {
        let python = env::var("DELTAW_PEER_PYTHON").ok()?;
        let threads = std::thread::available_parallelism().unwrap().get();
        let numbers = [threads, ROWS, ADAPTERS, RANK].map(|number| number.to_string());
        let mut child = Command::new(python)
            .arg("benches/peers/mixed_batch.py")
            .args(numbers)
            // Threads that wait without spinning: on a shared machine spinning costs the peer far more.
            .env("OMP_WAIT_POLICY", "PASSIVE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut peer = Self { child, input, output };
        println!("Peer: {}\n", peer.line().trim_start_matches("ready "));
        Some(peer)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn run(&mut self, operation: &str, targets: &str, tokens: usize) -> Time {
        writeln!(self.input, "{operation} {targets} {tokens}").unwrap();
        let line = self.line();
        let (wall, cpu) = line.split_once(' ').unwrap();
        Time { wall: wall.parse().unwrap(), cpu: cpu.parse().unwrap() }
    }
}

/// Seconds on the clock, and of all threads together. On a shared machine the clock tells about the neighbours too.
#[derive(Clone, Copy)]
struct Time {
    wall: f64,
    cpu: f64,
}

/// The least of the times: what others on a shared machine disturb only makes a time longer.
fn best(times: &[Time], of: fn(&Time) -> f64) -> f64 {
    times.iter().map(of).fold(f64::INFINITY, f64::min) * 1e3
}

fn timed<T>(work: impl FnOnce() -> T) -> Time {
    let (clock, cpu) = (Instant::now(), cpu_seconds());
    let done = work();
    let time = Time { wall: clock.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu };
    drop(done);
    time
}

/// Our three ways of one setting: base alone, mixed batch, a pass per adapter.
fn ours(base: &Decoder, loras: &[Lora], batch: &Batch, ids: &Tensor) -> [Time; 3] {
    let share = ROWS / ADAPTERS;
    let alone = timed(|| base.forward(ids, &Shut).unwrap());
    let mixed = timed(|| base.forward(ids, batch).unwrap());
    let pass = |(number, lora): (usize, &Lora)| {
        base.forward(&ids.narrow(0, number * share, share).unwrap(), lora).unwrap().detach()
    };
    let looped = timed(|| loras.iter().enumerate().map(pass).collect::<Vec<Tensor>>());
    [alone, mixed, looped]
}

fn main() {
    let mut peer = Peer::start();
    if peer.is_none() {
        println!("DELTAW_PEER_PYTHON is not set: PEFT is not measured\n");
    }
    println!(
        "| targets | tokens a row | time | base alone, ms | mixed batch, ms | ratio | loop over adapters, ms | PEFT base, ms | PEFT mixed, ms | its ratio | PEFT mixed / ours |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let base = fresh(&Config::smollm2_135m(), 0, &Device::Cpu).unwrap();
    for (name, targets) in [("qv", Targets::from([Projection::Q, Projection::V])), ("all", Targets::AllLinear)] {
        let loras = mixed::loras(&base, &targets);
        let packs = mixed::packs(&base, &loras);
        for tokens in [1, 16] {
            let (batch, ids) = mixed::batch(&base, &packs, tokens);
            let (mut mine, mut theirs) = ([vec![], vec![], vec![]], [vec![], vec![]]);
            for round in 0..=ROUNDS {
                let times = ours(&base, &loras, &batch, &ids);
                let others = peer.as_mut().map(|peer| ["base", "mixed"].map(|what| peer.run(what, name, tokens)));
                // The first round warms up.
                if round > 0 {
                    mine.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
                    theirs.iter_mut().zip(others.into_iter().flatten()).for_each(|(all, time)| all.push(time));
                }
            }
            for (what, of) in [("clock", (|time| time.wall) as fn(&Time) -> f64), ("processor", |time| time.cpu)] {
                let [alone, mixed, looped] = mine.each_ref().map(|times| best(times, of));
                print!("| {name} | {tokens} | {what} | {alone:.1} | {mixed:.1} | {:.2} | {looped:.1} |", mixed / alone);
                match theirs[0].is_empty() {
                    true => println!(" - | - | - | - |"),
                    false => {
                        let [base, peft] = theirs.each_ref().map(|times| best(times, of));
                        println!(" {base:.1} | {peft:.1} | {:.2} | {:.2} |", peft / base, peft / mixed);
                    }
                }
            }
        }
    }
    if let Some(mut peer) = peer {
        drop(peer.input);
        peer.child.wait().unwrap();
    }
}
