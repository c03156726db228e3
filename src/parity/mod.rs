//! Held against other libraries: runs a directory of golden cases (a frozen base, adapters, and what the reference library computed from
//! them) and reports the largest errors.
//!
//! The layout: `base/` with `config.json` and `model.safetensors`; beside it one folder per case with `case.json` (hyper-parameters, the
//! optimiser, tolerances), `io.safetensors` (inputs and expected outputs) and the adapter as its library saves it. What a case holds decides
//! what is compared, not its name.

mod case;
mod composition;
mod counts;
mod forward;
mod four_bit;
mod layer;
mod mixed;
mod optimisers;
mod quantised_start;
mod residual;
mod training;

use std::{fs, path::Path};

use candle_core::{Device, Error, Result, Tensor};
use serde::Serialize;

use crate::model::{Decoder, load_dir, one_line};
use case::Case;

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was compared.
    pub what: String,
    /// Largest absolute difference.
    pub absolute: f64,
    /// The same over the largest expected magnitude.
    pub relative: f64,
    /// Largest absolute difference that passes.
    pub tolerance: f64,
}

impl Check {
    /// Whether it is within the tolerance; NaN is not.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.absolute <= self.tolerance
    }
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran.
    Compared(Vec<Check>),
    /// It could not be run.
    Broken(String),
}

/// A case and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The folder's name.
    pub case: String,
    /// The method, as `case.json` has it.
    pub method: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Report {
    /// Whether every comparison passed; a case without comparisons does not.
    #[must_use]
    pub fn passes(&self) -> bool {
        match &self.outcome {
            Outcome::Compared(checks) => !checks.is_empty() && checks.iter().all(Check::passes),
            Outcome::Broken(_) => false,
        }
    }
}

/// Names of the cases in `dir`, in order, the base first.
///
/// # Errors
/// `dir` cannot be read or holds no base.
pub fn cases(dir: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::Msg(format!("{}: {error}", dir.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().join("case.json").is_file() {
            names.extend(entry.file_name().to_str().map(str::to_owned));
        }
    }
    names.sort_by_key(|name| (name != "base", name.clone()));
    if names.first().is_none_or(|name| name != "base") {
        candle_core::bail!("{}: there is no `base` with a case.json here; see `deltaw parity --help`", dir.display());
    }
    Ok(names)
}

/// Loads the base that the cases of `dir` share, on `device`.
///
/// # Errors
/// It is missing or broken.
pub fn base(dir: &Path, device: &Device) -> Result<Decoder> {
    load_dir(&dir.join("base"), device)
}

/// Runs one case where `base` is.
#[must_use]
pub fn run(dir: &Path, name: &str, base: &Decoder) -> Report {
    match Case::open(&dir.join(name), base.device()) {
        Err(error) => {
            Report { case: name.to_owned(), method: String::new(), outcome: Outcome::Broken(one_line(&error)) }
        }
        Ok(case) => {
            let outcome = compare(&case, base).unwrap_or_else(|error| Outcome::Broken(one_line(&error)));
            Report { case: name.to_owned(), method: case.method().to_owned(), outcome }
        }
    }
}

fn compare(case: &Case, base: &Decoder) -> Result<Outcome> {
    let checks = if case.field("adapter_names").is_some() {
        mixed::compare(case, base)?
    } else if case.has_file("param_counts.json") {
        counts::compare(case)?
    } else if case.has("codebook_nf4") {
        four_bit::compare(case)?
    } else if case.has("torch_adamw") {
        optimisers::compare(case)?
    } else if case.has_file("base_nf4") {
        forward::quantised(case)?
    } else if case.has("module/c_attn.weight") {
        layer::compare(case)?
    } else if case.hyper("num_bits").is_some() {
        quantised_start::compare(case, base)?
    } else if case.has_file("adapter_init") {
        residual::compare(case, base)?
    } else if case.has("loss") {
        training::compare(case, base)?
    } else if case.field("combinations").is_some() {
        composition::compare(case, base)?
    } else {
        forward::compare(case, base)?
    };
    Ok(Outcome::Compared(checks))
}

/// Compares tensors of the same shape.
fn check(what: impl Into<String>, ours: &Tensor, expected: &Tensor, tolerance: f64) -> Result<Check> {
    let what = what.into();
    if ours.dims() != expected.dims() {
        candle_core::bail!("{what}: ours is {:?}, expected is {:?}", ours.dims(), expected.dims());
    }
    let values = |tensor: &Tensor| tensor.to_dtype(candle_core::DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (mut absolute, mut largest) = (0f64, 0f64);
    for (ours, expected) in values(ours)?.into_iter().zip(values(expected)?) {
        let gap = (ours - expected).abs();
        // NaN must win: `max` would drop it.
        absolute = if gap.is_nan() || gap > absolute { gap } else { absolute };
        largest = largest.max(expected.abs());
        if absolute.is_nan() {
            break;
        }
    }
    Ok(Check { what, absolute, relative: absolute / largest.max(f64::MIN_POSITIVE), tolerance })
}

/// The check with the largest absolute difference; NaN is the largest of all.
fn worst(checks: Vec<Check>) -> Option<Check> {
    checks.into_iter().max_by(|a, b| a.absolute.total_cmp(&b.absolute))
}
