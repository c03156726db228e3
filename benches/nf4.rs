//! NF4 on the CPU: quantising, dequantising, and the product with a 4-bit weight, against the dense product and, where
//! `DELTAW_PEER_PYTHON` names a Python with bitsandbytes, against its CPU backend in the same run, the two taking turns.
//!
//! ```text
//! python3 -m venv target/python-bitsandbytes
//! target/python-bitsandbytes/bin/pip install -r benches/peers/requirements-bitsandbytes.txt
//! DELTAW_PEER_PYTHON=target/python-bitsandbytes/bin/python cargo bench --bench nf4
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use candle_core::{Device, Tensor};
use deltaw::{
    model::{Weight, linear},
    quant::{Codebook, quantise},
};

const ROUNDS: usize = 11;

/// (out, in, tokens): SmolLM2's down projection, a 4096-wide square; a training batch and a single token.
const SHAPES: [(usize, usize, usize); 4] = [(576, 1536, 256), (576, 1536, 1), (4096, 4096, 256), (4096, 4096, 1)];

struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Option<Self> {
        let python = env::var("DELTAW_PEER_PYTHON").ok()?;
        let threads = std::thread::available_parallelism().unwrap().to_string();
        let mut child = Command::new(python)
            .args(["benches/peers/nf4.py", &threads])
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

    fn seconds(&mut self, operation: &str, (rows, columns, tokens): (usize, usize, usize)) -> f64 {
        writeln!(self.input, "{operation} {rows} {columns} {tokens}").unwrap();
        self.line().parse().unwrap()
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let clock = Instant::now();
    let done = work();
    let seconds = clock.elapsed().as_secs_f64();
    drop(done);
    seconds
}

fn main() {
    let mut peer = Peer::start();
    if peer.is_none() {
        println!("DELTAW_PEER_PYTHON is not set: bitsandbytes is not measured\n");
    }
    println!("| operation | out × in | tokens | deltaw, ms | bitsandbytes, ms | theirs / ours |");
    println!("|---|---|---|---|---|---|");
    for shape @ (out, width, tokens) in SHAPES {
        let dense = Tensor::randn(0f32, 1f32, (out, width), &Device::Cpu).unwrap();
        let values = dense.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let four = Weight::nf4(&dense, true).unwrap();
        let x = Tensor::randn(0f32, 1f32, (tokens, width), &Device::Cpu).unwrap();
        let once = |operation: &str| match operation {
            "quantise" => timed(|| quantise(&values, 64, &Codebook::nf4()).unwrap().double()),
            "dequantise" => timed(|| four.dense().unwrap()),
            "multiply" => timed(|| four.apply(&x).unwrap()),
            _ => timed(|| linear(&x, &dense).unwrap()),
        };
        for operation in ["quantise", "dequantise", "multiply", "dense"] {
            // Quantising and dequantising do not depend on the tokens.
            if tokens == 1 && operation.ends_with("quantise") {
                continue;
            }
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for round in 0..=ROUNDS {
                let (mine, other) = (once(operation), peer.as_mut().map(|peer| peer.seconds(operation, shape)));
                // The first round warms up.
                if round > 0 {
                    ours.push(mine);
                    theirs.extend(other);
                }
            }
            let ours = median(ours);
            let (peer_text, ratio) = match theirs.is_empty() {
                true => ("-".to_owned(), "-".to_owned()),
                false => {
                    let theirs = median(theirs);
                    (format!("{:.2}", theirs * 1e3), format!("{:.2}", theirs / ours))
                }
            };
            println!("| {operation} | {out} × {width} | {tokens} | {:.2} | {peer_text} | {ratio} |", ours * 1e3);
        }
    }
    if let Some(mut peer) = peer {
        drop(peer.input);
        peer.child.wait().unwrap();
    }
}
