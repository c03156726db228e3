//! `deltaw export`: progress, and the bank as an Anki deck, a printable sheet or Markdown.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Subcommand;

use super::{
    Failure, Global,
    drill::{known_sections, now},
    grade::find,
    open_bank, transfer,
};
use crate::quiz::{
    cards::{self, Answers, Sheet},
    session::Filter,
};

const EXAMPLES: &str = "\
Examples:
  deltaw export progress > progress.json
  deltaw export anki deck.apkg                        import it in Anki; importing a later one updates the notes
  deltaw export anki lora.apkg --section lora
  deltaw export html sheet.html --answers apart       print it; formulas show without a network
  deltaw export markdown sheet.md --bank mine.yaml";

/// Arguments of `deltaw export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Your answers, disputes and due dates, as JSON
    Progress(transfer::ExportArgs),
    /// The questions as a deck for Anki
    Anki(Cards),
    /// The questions as a printable page
    Html {
        #[command(flatten)]
        cards: Cards,
        /// Where the answers stand
        #[arg(long, value_enum, default_value = "below")]
        answers: Answers,
    },
    /// The questions as Markdown
    Markdown(Cards),
}

/// Which questions, and where to.
#[derive(Debug, clap::Args)]
struct Cards {
    /// The file to write, or `-` for standard output; an existing one is replaced when all is written
    file: PathBuf,
    /// Only this section; may be repeated
    #[arg(long, value_name = "ID")]
    section: Vec<String>,
    /// Only this difficulty, 1 to 5; may be repeated
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    difficulty: Vec<u8>,
    /// Only this question; may be repeated
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
}

/// Runs `deltaw export`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    match args.what {
        What::Progress(args) => transfer::export(args, global),
        What::Anki(args) => {
            let sheet = args.sheet(global)?;
            let deck = cards::anki::apkg(&sheet, now()).map_err(|error| Failure::machine(error.to_string()))?;
            args.write(&deck, &sheet, global)
        }
        What::Html { cards: args, answers } => {
            let sheet = args.sheet(global)?;
            args.write(cards::html(&sheet, answers).as_bytes(), &sheet, global)
        }
        What::Markdown(args) => {
            let sheet = args.sheet(global)?;
            args.write(cards::markdown(&sheet).as_bytes(), &sheet, global)
        }
    }
}

impl Cards {
    fn sheet(&self, global: &Global) -> Result<Sheet, Failure> {
        let bank = open_bank(global)?;
        for id in &self.id {
            find(&bank, id)?;
        }
        known_sections(&bank, &self.section)?;
        let filter =
            Filter { sections: self.section.clone(), difficulties: self.difficulty.clone(), ids: self.id.clone() };
        let sheet = Sheet::of(&bank, |question| filter.takes(question));
        if sheet.cards.is_empty() {
            return Err(Failure::usage("no question fits these filters; `deltaw bank list` lists all"));
        }
        Ok(sheet)
    }

    fn write(&self, bytes: &[u8], sheet: &Sheet, global: &Global) -> Result<(), Failure> {
        if self.file.as_os_str() == "-" {
            return Ok(io::stdout().lock().write_all(bytes)?);
        }
        replace(&self.file, bytes)?;
        let (count, file) = (sheet.cards.len(), self.file.display().to_string());
        let mut out = io::stdout().lock();
        if global.json {
            writeln!(out, "{}", serde_json::json!({"file": file, "questions": count}))?;
        } else {
            writeln!(out, "{file}: {count} question{}", if count == 1 { "" } else { "s" })?;
        }
        Ok(())
    }
}

/// Writes `bytes` to `path`, readable by all; what was there is replaced only when all is on disk.
///
/// # Errors
/// The file cannot be written.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let named = |error: io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(named)?;
    file.write_all(bytes).map_err(named)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(named)?;
    }
    file.as_file().sync_all().map_err(named)?;
    file.persist(path).map(|_| ()).map_err(|error| named(error.error))
}
