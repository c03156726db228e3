//! The interview itself: the REPL on a terminal, line by line in a pipe.

mod command;
mod console;
mod event;
mod talk;

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use etcetera::{AppStrategy as _, AppStrategyArgs, choose_app_strategy};

pub(super) use event::scorecard_text;

use super::{Failure, Global, embeddings::EmbeddingsArgs, grade::find, judge::JudgeArgs, open_bank};
use crate::quiz::{
    bank::Bank,
    session::{Filter, Mode, Session},
    store::{Store, StoreError},
};

const EXAMPLES: &str = "\
Examples:
  deltaw                                      practice: what is due first, then what is new
  deltaw --mode mock --minutes 20             a timed mock interview with follow-ups and a scorecard
  deltaw --mode quickfire --section qlora     fast ones on QLoRA
  deltaw --id g07 --id f01                    these two questions
  printf 'B is zero\\n' | deltaw --id g06      without a terminal: one answer a line";

/// Arguments of `deltaw drill`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How the sitting goes
    #[arg(long, value_enum, default_value = "practice")]
    mode: Option<Mode>,
    /// Only this section; may be repeated
    #[arg(long, value_name = "ID")]
    section: Vec<String>,
    /// Only this difficulty, 1 to 5; may be repeated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    difficulty: Vec<u8>,
    /// Only this question; may be repeated
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// How many questions at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: usize,
    /// Time for a mock interview, in minutes
    #[arg(long, value_name = "N", default_value_t = 20)]
    minutes: u64,
    /// Draw the same numbers and order as another sitting with this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    embeddings: EmbeddingsArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Runs `deltaw drill`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    global.compute_here()?;
    let bank = open_bank(global)?;
    for id in &args.id {
        find(&bank, id)?;
    }
    known_sections(&bank, &args.section)?;
    let lexicon = args.embeddings.lexicon(&bank)?;
    let judge = args.judge.open(global)?;
    let store = open_store(global)?;
    let record = store.path().display().to_string();
    let moved = store.set_aside().map(|aside| {
        format!("The old record could not be read. It was moved to {}; a new one was begun.", aside.display())
    });
    let directory = data_dir(global)?;
    let filter = Filter { sections: args.section, difficulties: args.difficulty, ids: args.id };
    let now = now();
    let seed = args.seed.unwrap_or(now.unsigned_abs());
    let mode = args.mode.unwrap_or(Mode::Practice);
    // Only what was asked for by id comes whole, however many they are.
    let count = if filter.ids.is_empty() { args.count } else { filter.ids.len() };
    let session = Session::new(&bank, store, mode, &filter, count, seed, now).map_err(failure)?.grading(lexicon);
    if session.current().is_none() {
        return Err(Failure::usage("no question fits these filters; `deltaw bank list` lists all"));
    }
    let console = if io::stdin().is_terminal() && io::stdout().is_terminal() && !global.json {
        let ids = bank.questions.iter().map(|question| question.id.clone()).collect();
        console::Console::terminal(&directory, ids).map_err(|error| Failure::machine(error.to_string()))?
    } else {
        console::Console::Pipe
    };
    let voice = event::Voice { json: global.json };
    if let Some(moved) = moved {
        voice.note(&moved)?;
    }
    if let Some(judge) = &judge {
        voice.note(&format!("Your free-text answers are also sent to {} (--judge).", judge.address()))?;
    }
    let deadline = (mode == Mode::Mock).then_some(args.minutes.clamp(1, 24 * 60) * 60);
    talk::Talk::new(session, judge, console, voice, deadline, &bank, record).run()
}

/// Checks that each of `ids` is a section of `bank`.
///
/// # Errors
/// One is not.
pub(super) fn known_sections(bank: &Bank, ids: &[String]) -> Result<(), Failure> {
    match ids.iter().find(|id| !bank.sections.iter().any(|section| section.id == **id)) {
        None => Ok(()),
        Some(id) => {
            let known: Vec<_> = bank.sections.iter().map(|section| section.id.as_str()).collect();
            Err(Failure::usage(format!("no section is called `{id}`; there are {}", known.join(", "))))
        }
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Where progress is kept: `--data-dir`, or the XDG data directory.
///
/// # Errors
/// There is no home directory.
pub fn data_dir(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(directory) = &global.data_dir {
        return Ok(directory.clone());
    }
    let names = AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "deltaw".to_owned(),
        app_name: "deltaw".to_owned(),
    };
    choose_app_strategy(names)
        .map(|strategy| strategy.data_dir())
        .map_err(|_| Failure::usage("there is no home directory; say where to keep progress with --data-dir DIR"))
}

/// Opens the record.
///
/// # Errors
/// See [`StoreError`].
pub fn open_store(global: &Global) -> Result<Store, Failure> {
    Store::open(&data_dir(global)?).map_err(failure)
}

/// A record's error as the command line's.
#[must_use]
pub fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Database(_) => Failure::machine(error.to_string()),
        _ => Failure::usage(error.to_string()),
    }
}
