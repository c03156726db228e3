//! A process that works a round whenever it is told to.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use super::{Outcome, rows::Side};

pub(super) struct Worker {
    child: Child,
    /// Absent once the work is over: the end of its input ends the process.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    started: Instant,
    times: Vec<[f64; 2]>,
}

impl Worker {
    /// Starts the process and waits until it is ready.
    pub(super) fn start(mut command: Command) -> Outcome<Self> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process has no pipes".into());
        };
        let mut worker = Self { child, input: Some(input), output: BufReader::new(output), started, times: Vec::new() };
        // Libraries may say something before.
        while worker.line()? != "ready" {}
        Ok(worker)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err("a side ended early; its own words are above".into()),
            _ => Ok(line.trim().to_owned()),
        }
    }

    fn numbers<T: std::str::FromStr>(&mut self) -> Outcome<[T; 2]> {
        let line = self.line()?;
        let both = line.split_once(' ').and_then(|(a, b)| Some([a.parse().ok()?, b.parse().ok()?]));
        both.ok_or_else(|| format!("a side said `{line}` instead of two numbers").into())
    }

    /// One round.
    pub(super) fn work(&mut self) -> Outcome<[f64; 2]> {
        if let Some(input) = &mut self.input {
            writeln!(input)?;
        }
        self.numbers()
    }

    /// Seconds since the process was started.
    pub(super) fn age(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub(super) fn keep(&mut self, times: [f64; 2]) {
        self.times.push(times);
    }

    /// No more rounds.
    pub(super) fn end(mut self) -> Outcome<Side> {
        self.input = None;
        let memory = self.numbers()?;
        self.child.wait()?;
        Ok(Side { times: self.times, memory })
    }
}
