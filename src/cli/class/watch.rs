//! `deltaw class watch`: check on every save.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal as _, Write as _},
    thread,
    time::{Duration, SystemTime},
};

use super::{Failure, Here, check::checked, failed, shown};
use crate::classroom::workspace::Workspace;

/// How often the files are looked at. Polling works on every file system, network and container mounts included.
const TICK: Duration = Duration::from_millis(200);

/// Clears a terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Arguments of `deltaw class watch`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    here: Here,
}

/// When a file was written, and its length.
type Stamp = Option<(SystemTime, u64)>;

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut workspace = args.here.open()?;
    let ids: Vec<String> = workspace.course.exercises.iter().map(|exercise| exercise.id.clone()).collect();
    let mut seen: BTreeMap<&String, Stamp> = ids.iter().map(|id| (id, stamp(&workspace, id))).collect();
    introduce(&workspace)?;
    while workspace.next().is_some() {
        let changed = ids.iter().find(|id| seen.get(id) != Some(&stamp(&workspace, id)));
        let Some(id) = changed else {
            thread::sleep(TICK);
            continue;
        };
        seen.insert(id, stamp(&workspace, id));
        // Hints and resets of another terminal are kept.
        workspace = args.here.open()?;
        let was = workspace.progress.work(id).solved;
        let attempt = checked(&mut workspace, id)?;
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            write!(out, "{CLEAR}")?;
        }
        write!(out, "{}", shown::attempt(&attempt))?;
        out.flush()?;
        drop(out);
        if attempt.passed() && !was {
            introduce(&workspace)?;
        }
    }
    Ok(())
}

fn introduce(workspace: &Workspace) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match workspace.next() {
        Some(id) => {
            let text = shown::text(workspace, workspace.pick(Some(id)).map_err(failed)?);
            writeln!(
                out,
                "\n{text}Watching: every save is checked. `deltaw class hint` in another terminal helps; Ctrl-C leaves."
            )?;
        }
        None => writeln!(out, "\nAll {} exercises are solved.", workspace.course.exercises.len())?,
    }
    Ok(out.flush()?)
}

fn stamp(workspace: &Workspace, id: &str) -> Stamp {
    let about = fs::metadata(workspace.file(id)).ok()?;
    Some((about.modified().ok()?, about.len()))
}
