//! `deltaw serve export`: the same adapters and routing for an engine on many machines.

use std::{fs, io::Write as _, path::PathBuf};

use super::{
    super::{Failure, Global},
    routing, unusable,
};
use crate::serve::{
    AdapterDir,
    export::{self, Target},
};

/// Arguments of `deltaw serve export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// vllm or lorax
    #[arg(long)]
    engine: Target,
    /// The base, as the engine will find it: an id on the hub or a directory
    #[arg(long)]
    base: String,
    /// The directory of adapters
    #[arg(long, value_name = "DIR")]
    adapters: PathBuf,
    /// The routing file
    #[arg(long, value_name = "FILE")]
    routing: Option<PathBuf>,
    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let adapters = AdapterDir::open(&args.adapters).map_err(unusable)?;
    let routing = args.routing.as_deref().map(|file| routing(file, &adapters)).transpose()?;
    fs::create_dir_all(&args.out)?;
    let left = export::export(args.engine, &args.base, &adapters, routing.as_ref(), &args.out).map_err(unusable)?;
    let mut out = std::io::stdout().lock();
    if global.json {
        writeln!(out, "{}", serde_json::json!({"out": args.out, "left_out": left}))?;
        return Ok(());
    }
    writeln!(out, "{}: launch.sh, adapters/, routing.json", args.out.display())?;
    for (id, why) in left {
        writeln!(out, "left out: {id}: {why}")?;
    }
    Ok(())
}
