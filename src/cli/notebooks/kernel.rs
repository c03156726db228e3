//! A kernel, driven through nbclient by a small Python program.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{KERNEL, Place};
use crate::cli::Failure;

const DRIVER: &str = include_str!("execute.py");

/// How a cell went, before it is judged.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Executed {
    pub(super) seconds: f64,
    pub(super) outputs: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    /// Jupyter and the kernel's entry are there.
    Ready {
        #[serde(rename = "ready")]
        _ready: bool,
    },
    Started {
        started: f64,
    },
    Dead {
        dead: String,
    },
    Cell(Executed),
}

/// What the kernel tells while it works.
#[derive(Debug)]
pub(super) enum Event {
    /// It is up, after so many seconds.
    Started(f64),
    /// The next cell is through.
    Cell(Executed),
    /// It is gone, or the next cell took too long.
    Dead(String),
}

/// Seconds that a start, and a cell, may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) startup: u64,
    pub(super) cell: u64,
}

/// Runs `sources` in order in a fresh kernel; `told` hears each event as it comes.
pub(super) fn execute(
    place: &Place,
    sources: &[String],
    limits: Limits,
    mut told: impl FnMut(Event) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // What the user got wrong comes before what the machine lacks.
    place.build()?;
    let python = place.python();
    let mut driver = Command::new(&python);
    place.choose_device(&mut driver)?;
    place.hasten(&mut driver)?;
    let lacking = |what: String| Failure::machine(format!("{what}; run `deltaw notebooks setup`"));
    let mut driver = driver
        .args(["-c", DRIVER, KERNEL])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| lacking(format!("{}: {error}", python.display())))?;
    let job = json!({
        "folder": place.chapters, "startup": limits.startup, "timeout": limits.cell, "cells": sources,
    });
    let stderr = driver.stderr.take();
    // Read beside the events, so that a driver with much to say is not held up.
    let listener = std::thread::spawn(move || {
        let mut last = String::new();
        for line in stderr.into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).map_while(Result::ok) {
            if !line.trim().is_empty() {
                last = line;
            }
        }
        last
    });
    // Open for as long as somebody waits for the driver: it ends the kernel when this ends, however this ends.
    let mut input = driver.stdin.take();
    let (mut held, mut cells, mut ended) = (None, 0, false);
    for line in driver.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        let event = match serde_json::from_str(&line?) {
            // Only now: who lacks Jupyter need not wait for another run to hear of it.
            Ok(Line::Ready { .. }) => {
                held = Some(place.alone()?);
                place.pin()?;
                if let Some(input) = &mut input {
                    // A driver that is gone already says why on its standard error.
                    let _ = writeln!(input, "{job}");
                }
                continue;
            }
            Ok(Line::Started { started }) => Event::Started(started),
            Ok(Line::Dead { dead }) => {
                ended = true;
                Event::Dead(dead)
            }
            Ok(Line::Cell(cell)) => {
                cells += 1;
                Event::Cell(cell)
            }
            Err(_) => continue,
        };
        if let Err(failure) = told(event) {
            drop(input);
            let _ = driver.wait();
            return Err(failure);
        }
    }
    let status = driver.wait()?;
    drop(held);
    let last = listener.join().unwrap_or_default();
    if !ended && cells < sources.len() {
        return Err(lacking(format!("the kernel could not be run ({status}): {last}")));
    }
    Ok(())
}
