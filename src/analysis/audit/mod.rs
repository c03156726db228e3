//! Looking for what goes wrong with published adapters: names, orientation, dead tensors, and above all the scale.
//!
//! An adapter is audited as it lies on disk, whatever its architecture; what a loader would refuse is a finding here, not a failure.

mod names;
mod other;
mod scale;
mod tensors;

use std::{collections::BTreeMap, path::Path};

use candle_core::{Device, Result, Tensor};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    model::{one_line, read_tensors_file, read_text},
    peft::hub::{CONFIG, TENSORS, adapterhub, check_config},
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Unusual; often a mistake.
    Warning,
    /// The adapter will not do what was trained.
    Error,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What it means, and what to do.
    pub meaning: String,
}

impl Finding {
    fn new(severity: Severity, what: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { severity, what: what.into(), meaning: meaning.into() }
    }
}

/// A LoRA's raw pair at one module: A and B as they are stored.
struct Pair<'a> {
    a: &'a Tensor,
    b: &'a Tensor,
}

/// Audits the adapter in `dir`; `base` and `merged` are the weights of its base and of that base with the adapter merged, by name.
///
/// # Errors
/// The files are not there or hold no safetensors and JSON at all.
pub fn audit(
    dir: &Path,
    base: Option<&BTreeMap<String, Tensor>>,
    merged: Option<&BTreeMap<String, Tensor>>,
) -> Result<Vec<Finding>> {
    let text = read_text(&dir.join(CONFIG))?;
    let config: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| candle_core::Error::Msg(format!("{}: {error}", dir.join(CONFIG).display())))?;
    if config.contains_key("config") && !config.contains_key("peft_type") {
        return other::bottlenecks(&read_tensors_file(&dir.join(adapterhub::TENSORS), &Device::Cpu)?);
    }
    let tensors = read_tensors_file(&dir.join(TENSORS), &Device::Cpu)?;
    let mut findings = Vec::new();
    if let Err(error) = check_config(&text) {
        let meaning =
            "deltaw refuses such an adapter rather than ignore the option; other readers may silently do either";
        findings.push(Finding::new(Severity::Warning, one_line(&error), meaning));
    }
    findings.extend(names::check(&tensors));
    findings.extend(tensors::finite(&tensors)?);
    if config.get("peft_type").and_then(Value::as_str) == Some("LORA") {
        let pairs = names::pairs(&tensors);
        findings.extend(names::targets(&pairs));
        findings.extend(tensors::shapes(&pairs, &config, base)?);
        findings.extend(tensors::values(&pairs)?);
        findings.extend(names::magnitudes(&tensors, &pairs, &config));
        findings.extend(scale::stated(&config));
        if let (Some(base), Some(merged)) = (base, merged) {
            findings.extend(scale::measured(&pairs, &config, base, merged)?);
        }
    }
    findings.extend(other::untrained(&tensors)?);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(findings)
}

/// "3 tensors, such as `x`".
fn several(names: &[&str], thing: &str) -> String {
    match names {
        [one] => format!("1 {thing}, `{one}`"),
        _ => format!("{} {thing}s, such as `{}`", names.len(), names.first().copied().unwrap_or_default()),
    }
}
