//! `deltaw adapter audit`.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};

use super::{
    super::{show, verdict::clean},
    Failure, Global, unusable,
};
use crate::{
    analysis::audit::{Severity, audit},
    model::read_dense,
};

/// Arguments of `deltaw adapter audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The adapter
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The base's model directory: shapes are compared
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// A merged model's directory: with --base, the scale of the merge is measured
    #[arg(long, value_name = "DIR", requires = "base")]
    merged: Option<PathBuf>,
}

fn weights(dir: &Path) -> Result<BTreeMap<String, Tensor>, Failure> {
    read_dense(dir, &Device::Cpu).map_err(unusable)
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let base = args.base.as_deref().map(weights).transpose()?;
    let merged = args.merged.as_deref().map(weights).transpose()?;
    let findings = audit(&args.dir, base.as_ref(), merged.as_ref()).map_err(unusable)?;
    let mut out = io::stdout().lock();
    for finding in &findings {
        if global.json {
            let text = serde_json::to_string(finding).map_err(|error| Failure::machine(error.to_string()))?;
            writeln!(out, "{text}")?;
            continue;
        }
        let mark = match finding.severity {
            Severity::Error => "error  ",
            Severity::Warning => "warning",
            Severity::Note => "note   ",
        };
        writeln!(out, "{mark}  {}", clean(&finding.what))?;
        for line in show::wrap(&finding.meaning, show::width().saturating_sub(9)).lines() {
            writeln!(out, "         {}", clean(line))?;
        }
    }
    if findings.is_empty() && !global.json {
        writeln!(out, "Nothing found.")?;
    }
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => Ok(()),
        1 => Err(Failure::Finding("the audit found 1 error".to_owned())),
        errors => Err(Failure::Finding(format!("the audit found {errors} errors"))),
    }
}
