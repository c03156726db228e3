//! Shapes and values.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};
use serde_json::{Map, Value};

use super::{Finding, Pair, Severity, scale::Stated, several};
use crate::{
    analysis::{
        adapter::spectrum,
        spectrum::{effective_rank, numerical_rank},
    },
    peft::lora::Factors,
};

fn list(found: &[String], thing: &str) -> String {
    several(&found.iter().map(String::as_str).collect::<Vec<_>>(), thing)
}

fn largest(tensor: &Tensor) -> Result<f32> {
    if tensor.elem_count() == 0 { Ok(0.0) } else { tensor.abs()?.max_all()?.to_scalar() }
}

fn is_finite(tensor: &Tensor) -> Result<bool> {
    // Zero times a number is zero; zero times NaN or infinity is NaN.
    Ok(tensor.elem_count() == 0 || (tensor * 0.0)?.sum_all()?.to_scalar::<f32>()? == 0.0)
}

/// NaN and infinity.
pub(super) fn finite(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<Finding>> {
    let mut broken = Vec::new();
    for (name, tensor) in tensors {
        if !is_finite(tensor)? {
            broken.push(name.clone());
        }
    }
    let meaning = "training diverged or overflowed (fp16 without loss scaling); every output through it is NaN. Use an earlier checkpoint.";
    let what = || format!("{} with NaN or infinity", list(&broken, "tensor"));
    Ok(if broken.is_empty() { Vec::new() } else { vec![Finding::new(Severity::Error, what(), meaning)] })
}

/// Orientation, ranks, and the fit to the base.
pub(super) fn shapes(
    pairs: &BTreeMap<String, Pair<'_>>,
    config: &Map<String, Value>,
    base: Option<&BTreeMap<String, Tensor>>,
) -> Result<Vec<Finding>> {
    let stated = Stated::of(config);
    let (mut turned, mut torn, mut ranks, mut misfits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (path, Pair { a, b }) in pairs {
        let (Ok((rows, width)), Ok((out, columns))) = (a.dims2(), b.dims2()) else {
            torn.push(path.clone());
            continue;
        };
        if rows != columns {
            // A of (in, r) with B of (r, out) fits the other way round.
            if width == out {
                turned.push(path.clone())
            } else {
                torn.push(path.clone())
            }
            continue;
        }
        if stated.rank(path).is_some_and(|rank| rank != rows as f64) {
            ranks.push(path.clone());
        }
        let Some(weight) = base.and_then(|base| base.get(&format!("{path}.weight"))) else {
            if base.is_some() {
                misfits.push(path.clone());
            }
            continue;
        };
        let expected = if stated.transposed { vec![width, out] } else { vec![out, width] };
        if weight.dims() != expected {
            misfits.push(path.clone());
        }
    }
    let mut findings = Vec::new();
    let mut report = |found: &[String], what: &str, meaning: &str| {
        if !found.is_empty() {
            findings.push(Finding::new(Severity::Error, format!("{} {what}", list(found, "module")), meaning));
        }
    };
    report(&turned, "with A stored (in, r) and B (r, out)", "PEFT stores A (r, in) and B (out, r): transpose both.");
    report(
        &torn,
        "whose A and B do not fit each other",
        "A's rows must be B's columns; the file mixes adapters or is damaged.",
    );
    report(
        &ranks,
        "whose rank is not what the configuration says",
        "the scale is α over the stated rank, so the update is scaled wrongly; rank_pattern is missing or r is wrong.",
    );
    report(&misfits, "that the base does not have in this shape", "the adapter was trained on another model.");
    Ok(findings)
}

/// Dead tensors and collapsed ranks.
pub(super) fn values(pairs: &BTreeMap<String, Pair<'_>>) -> Result<Vec<Finding>> {
    let (mut untrained, mut dead, mut collapsed) = (Vec::new(), Vec::new(), Vec::new());
    for (path, Pair { a, b }) in pairs {
        if !is_finite(a)? || !is_finite(b)? {
            continue;
        }
        if largest(b)? == 0.0 {
            untrained.push(path.clone());
        } else if largest(a)? == 0.0 {
            dead.push(path.clone());
        } else if let (Ok((rank, _)), Ok((_, columns))) = (a.dims2(), b.dims2()) {
            if rank != columns || rank < 4 {
                continue;
            }
            let factors = Factors {
                a: Var::from_tensor(a)?,
                b: Var::from_tensor(b)?,
                bias: None,
                alpha: 1.0,
                rank_stabilised: false,
            };
            let values = spectrum(&factors)?;
            if numerical_rank(&values, 1e-3) * 2 <= rank || effective_rank(&values) < 0.15 * rank as f64 {
                collapsed.push(path.clone());
            }
        }
    }
    let all = pairs.len();
    let mut findings = Vec::new();
    if !untrained.is_empty() {
        let severity = if untrained.len() == all { Severity::Error } else { Severity::Warning };
        let meaning =
            "B starts at zero: these modules never received an update, or their checkpoint was saved before training.";
        findings.push(Finding::new(severity, format!("{} whose B is all zeros", list(&untrained, "module")), meaning));
    }
    if !dead.is_empty() {
        let meaning = "an A of zeros makes the update zero whatever B is.";
        findings.push(Finding::new(
            Severity::Warning,
            format!("{} whose A is all zeros", list(&dead, "module")),
            meaning,
        ));
    }
    if !collapsed.is_empty() {
        let meaning = "the update uses few of its directions: a smaller rank would keep nearly all of it (`deltaw adapter rerank`).";
        findings.push(Finding::new(
            Severity::Note,
            format!("{} of collapsed rank", list(&collapsed, "module")),
            meaning,
        ));
    }
    Ok(findings)
}
