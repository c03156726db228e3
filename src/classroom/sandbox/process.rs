//! Starting a program, waiting for it, and stopping it when its time is over.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Job, Limits};

/// Signals, from signal(7); the same numbers on x86-64 and aarch64.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;
const OUT_OF_CPU: i32 = 24;
const FILE_TOO_LARGE: i32 = 25;

/// How often a program is looked at.
const GLANCE: Duration = Duration::from_millis(4);

/// Most bytes of standard error that are read.
const ERRORS: u64 = 1 << 20;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// Its processor time was over.
    Cpu,
    /// Its time on the clock was over.
    Wall,
    /// It asked for more memory than it may have.
    Memory,
    /// It wrote more than it may.
    Disk,
    /// A signal ended it.
    Signal(i32),
}

/// A program that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// How long it took.
    pub seconds: f64,
    /// The start of what it wrote to standard error.
    pub errors: String,
}

pub(super) fn run(mut command: Command, job: &Job, limits: &Limits) -> io::Result<Ran> {
    let errors = File::create(&job.errors)?;
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors);
    let start = Instant::now();
    let mut child = command.spawn()?;
    // An order is shorter than a pipe is deep, so this does not wait. A program that never reads is no error.
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(&job.input);
    }
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > limits.wall {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(GLANCE);
    };
    let seconds = start.elapsed().as_secs_f64();
    let errors = read(&job.errors)?;
    // bwrap, unshare and the shell report a signal as 128 and its number.
    let signal = |code: i32| (code > 128 && code < 128 + 65).then_some(code - 128);
    let end = match status {
        None => End::Wall,
        Some(status) => match (status.code(), status.signal().or_else(|| signal(status.code()?))) {
            (_, Some(OUT_OF_CPU)) => End::Cpu,
            (_, Some(FILE_TOO_LARGE)) => End::Disk,
            (_, Some(ABORTED)) if errors.contains("memory allocation of") => End::Memory,
            // The hard limit on processor time kills; so does the kernel when memory is short.
            (_, Some(KILLED)) if seconds >= limits.cpu as f64 => End::Cpu,
            (_, Some(KILLED)) => End::Memory,
            (_, Some(signal)) => End::Signal(signal),
            (Some(code), None) => End::Exited(code),
            (None, None) => End::Signal(0),
        },
    };
    Ok(Ran { end, seconds, errors })
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(ERRORS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
