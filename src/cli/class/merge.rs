//! `deltaw class merge`: the gradebooks of several shards as one.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use serde_json::json;

use super::{
    Failure, Global,
    grade::{table, unusable},
};
use crate::classroom::{
    grade::{export::Format, pairs},
    gradebook::Gradebook,
};

/// Arguments of `deltaw class merge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Gradebooks of the same course
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// The gradebook to make; one that exists is added to
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Table of grades to write
    #[arg(long, value_name = "FILE")]
    grades: Option<PathBuf>,
    /// Table for Canvas's importer
    #[arg(long, value_name = "FILE")]
    canvas: Option<PathBuf>,
    /// Table for Moodle's importer
    #[arg(long, value_name = "FILE")]
    moodle: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let shards =
        args.shards.iter().map(|path| Gradebook::read(path)).collect::<Result<Vec<_>, _>>().map_err(unusable)?;
    let merge = || {
        let mut book = Gradebook::open(&args.out)?;
        for shard in &shards {
            book.absorb(shard)?;
        }
        // Only now do the students of different shards meet.
        book.set_similar(&pairs(&book.prints()?))?;
        Ok(book)
    };
    let book = merge().map_err(unusable)?;
    let tables = [(&args.grades, Format::Plain), (&args.canvas, Format::Canvas), (&args.moodle, Format::Moodle)];
    tables.iter().try_for_each(|(file, format)| table(&book, file.as_deref(), *format))?;
    let (students, similar) = (book.students().map_err(unusable)?.len(), book.similar().map_err(unusable)?.len());
    let mut out = io::stdout().lock();
    if global.json {
        return Ok(writeln!(out, "{}", json!({"gradebook": args.out, "students": students, "similar": similar}))?);
    }
    Ok(writeln!(out, "{students} students, {similar} pairs alike; gradebook {}", args.out.display())?)
}
