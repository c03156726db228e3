//! A process that takes turns with another: it works once for each line it is sent, and says how long that took.

#[path = "processor.rs"]
mod processor;

use std::{env, fs, io, time::Instant};

use processor::cpu_seconds;

/// What the benchmark was asked for; `cargo bench` adds a flag of its own.
pub(crate) fn arguments() -> Vec<String> {
    env::args().skip(1).filter(|arg| arg != "--bench").collect()
}

/// Says `ready`; for each line of standard input does `work`, whose result is dropped outside the time; ends with the megabytes resident
/// after loading, and at most.
pub(crate) fn take<T>(mut work: impl FnMut() -> T) {
    println!("ready");
    let loaded = megabytes("VmRSS");
    for _ in io::stdin().lines() {
        let (clock, cpu) = (Instant::now(), cpu_seconds());
        let done = work();
        println!("{} {}", clock.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        drop(done);
    }
    println!("{loaded} {}", megabytes("VmHWM"));
}

/// Megabytes that `/proc` names so (Linux).
fn megabytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}
