//! `deltaw export progress` and `deltaw import progress`.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::{
    Failure, Global,
    drill::{failure, open_store},
};
use crate::quiz::store::Progress;

/// The largest file that is imported, in bytes.
const SIZE_LIMIT: u64 = 256 << 20;

/// What can be read back.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Answers, disputes and due dates
    Progress,
}

/// Arguments of `deltaw export progress`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  deltaw export progress > progress.json\n  deltaw export progress --out progress.json"
)]
pub struct ExportArgs {
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `deltaw import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  deltaw import progress progress.json\n  deltaw import progress - < progress.json")]
pub struct ImportArgs {
    what: What,
    /// The exported file, or `-` for standard input
    file: PathBuf,
}

/// Runs `deltaw export progress`.
///
/// # Errors
/// See [`Failure`].
pub fn export(args: ExportArgs, global: &Global) -> Result<(), Failure> {
    let progress = open_store(global)?.export().map_err(failure)?;
    let text = serde_json::to_string_pretty(&progress).map_err(|error| Failure::machine(error.to_string()))?;
    match args.out {
        None => writeln!(io::stdout().lock(), "{text}")?,
        Some(path) => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let named = |error: io::Error| Failure::usage(format!("{}: {error}", path.display()));
            let mut file = tempfile::NamedTempFile::new_in(directory).map_err(named)?;
            writeln!(file, "{text}")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| named(error.error))?;
        }
    }
    Ok(())
}

/// Runs `deltaw import`.
///
/// # Errors
/// See [`Failure`].
pub fn import(args: ImportArgs, global: &Global) -> Result<(), Failure> {
    let What::Progress = args.what;
    let named = |message: String| Failure::usage(format!("{}: {message}", args.file.display()));
    let mut text = String::new();
    let read = if args.file.as_os_str() == "-" {
        io::stdin().lock().take(SIZE_LIMIT + 1).read_to_string(&mut text)
    } else {
        File::open(&args.file).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_string(&mut text))
    };
    read.map_err(|error| named(error.to_string()))?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(named(format!("larger than {SIZE_LIMIT} bytes; this is no exported progress")));
    }
    let progress: Progress = serde_json::from_str(&text)
        .map_err(|error| named(format!("{error}; give a file that `deltaw export progress` wrote")))?;
    let added = open_store(global)?.import(&progress).map_err(failure)?;
    writeln!(io::stdout().lock(), "{added} answers added, {} were there already", progress.answers.len() - added)?;
    Ok(())
}
