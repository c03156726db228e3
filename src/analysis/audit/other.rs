//! Adapters without factors: those that never left their start.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use super::{Finding, Severity, several, tensors};

/// Tensors that tell: the ending of their names, the value they start from, what they are.
const STARTS: [(&str, f64, &str); 2] =
    [(".vera_lambda_b", 0.0, "VeRA's b of zeros"), (".ia3_l", 1.0, "(IA)³'s l of ones")];

/// Vectors that are still where they start, where they do nothing.
pub(super) fn untrained(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (ending, start, called) in STARTS {
        let of: Vec<_> = tensors.iter().filter(|(name, _)| name.ends_with(ending)).collect();
        let mut still = Vec::new();
        for (name, tensor) in &of {
            if all_are(tensor, start)? {
                still.push(name.as_str());
            }
        }
        if !still.is_empty() {
            let severity = if still.len() == of.len() { Severity::Error } else { Severity::Warning };
            let what = format!("{} with {called}", several(&still, "tensor"));
            let meaning = "that is the start, where the adapter changes nothing: these modules were never trained.";
            findings.push(Finding::new(severity, what, meaning));
        }
    }
    Ok(findings)
}

/// Bottleneck adapters in the `adapters` library's layout.
pub(super) fn bottlenecks(all: &BTreeMap<String, Tensor>) -> Result<Vec<Finding>> {
    let mut findings = tensors::finite(all)?;
    let ups: Vec<_> = all.iter().filter(|(name, _)| name.ends_with(".adapter_up.weight")).collect();
    let mut dead = Vec::new();
    for (name, tensor) in &ups {
        if all_are(tensor, 0.0)? {
            dead.push(name.as_str());
        }
    }
    if !dead.is_empty() {
        let what = format!("{} of zeros", several(&dead, "tensor"));
        findings.push(Finding::new(
            Severity::Warning,
            what,
            "such a bottleneck adds its bias alone, whatever it reads.",
        ));
    }
    let what = format!("{} bottlenecks of the `adapters` library", ups.len());
    let meaning = "their nonlinearity keeps them from being merged; PEFT does not read this layout";
    findings.push(Finding::new(Severity::Note, what, meaning));
    Ok(findings)
}

fn all_are(tensor: &Tensor, value: f64) -> Result<bool> {
    Ok(tensor.elem_count() > 0 && (tensor - value)?.abs()?.max_all()?.to_scalar::<f32>()? == 0.0)
}
