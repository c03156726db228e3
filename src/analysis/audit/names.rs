//! Key names and targets.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::Tensor;
use regex::Regex;
use serde_json::{Map, Value};

use super::{Finding, Pair, Severity, several};

/// PEFT's prefix.
const PREFIX: &str = "base_model.model.";

/// Endings that PEFT writes, for every method that is known here.
const ENDINGS: [&str; 10] = [
    ".lora_A.weight",
    ".lora_B.weight",
    ".lora_B.bias",
    ".lora_magnitude_vector",
    ".lora_embedding_A",
    ".lora_embedding_B",
    ".vera_lambda_d",
    ".vera_lambda_b",
    ".ia3_l",
    ".base_layer.bias",
];

/// Keys without a module.
const WHOLE: [&str; 3] = ["prompt_embeddings", "base_model.vera_A", "base_model.vera_B"];

/// Faults of the keys.
pub(super) fn check(tensors: &BTreeMap<String, Tensor>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |found: Vec<&str>, severity, what: &str, meaning: &str| {
        if !found.is_empty() {
            findings.push(Finding::new(severity, format!("{} {what}", several(&found, "tensor")), meaning));
        }
        found.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let keys = || tensors.keys().map(String::as_str);
    let named = match Regex::new(r"\.lora_(A|B)\.[^.]+\.weight$") {
        Ok(pattern) => keys().filter(|key| pattern.is_match(key)).collect(),
        Err(_) => Vec::new(),
    };
    let mut seen = report(
        named,
        Severity::Error,
        "with the adapter's name inside the key (`lora_A.default.weight`)",
        "the raw state dict was saved instead of `save_pretrained`'s; loaders find none of these keys and leave the base as it is. Drop the name.",
    );
    let foreign =
        keys().filter(|key| ["lora_down", "lora_up", "lora_unet", "lora_te"].iter().any(|part| key.contains(part)));
    seen.extend(report(
        foreign.collect(),
        Severity::Error,
        "with the names of another trainer (lora_down, lora_up)",
        "PEFT looks for lora_A and lora_B; such files also keep α in a tensor of its own. Convert before use.",
    ));
    let lower = keys().filter(|key| key.contains(".lora_a") || key.contains(".lora_b"));
    seen.extend(report(
        lower.collect(),
        Severity::Error,
        "named lora_a or lora_b in lower case",
        "the convention of MLX, which stores A as (in, r) and B as (r, out): rename and transpose.",
    ));
    let bare = keys().filter(|key| !key.starts_with(PREFIX) && !WHOLE.contains(key) && !seen.iter().any(|s| s == key));
    report(
        bare.collect(),
        Severity::Warning,
        "without the prefix `base_model.model.`",
        "PEFT looks for the prefix and will report these keys as missing; deltaw and vLLM read them.",
    );
    let known = |key: &str| WHOLE.contains(&key) || ENDINGS.iter().any(|ending| key.ends_with(ending));
    let unknown = keys().filter(|key| !known(key) && !seen.iter().any(|s| s == key));
    report(
        unknown.collect(),
        Severity::Warning,
        "with an ending that PEFT does not write",
        "either whole modules were saved beside the adapter (modules_to_save) or the key is misspelt; look before merging.",
    );
    let half = |have: &str, lack: &str| -> Vec<String> {
        let stems = keys()
            .filter_map(|key| key.strip_suffix(have))
            .filter(|stem| !tensors.contains_key(&format!("{stem}{lack}")));
        stems.map(str::to_owned).collect()
    };
    for (have, lack) in [(".lora_A.weight", ".lora_B.weight"), (".lora_B.weight", ".lora_A.weight")] {
        let stems = half(have, lack);
        report(
            stems.iter().map(String::as_str).collect(),
            Severity::Error,
            &format!("with `{}` but no `{}`", &have[1..], &lack[1..]),
            "half of a pair does nothing: the file is incomplete.",
        );
    }
    findings
}

/// A and B by module path, prefix and all variants of the key stripped.
pub(super) fn pairs(tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Pair<'_>> {
    let module = |key: &str, factor: &str| {
        let (path, rest) = key.split_once(&format!(".{factor}."))?;
        rest.ends_with("weight").then(|| path.strip_prefix(PREFIX).unwrap_or(path).to_owned())
    };
    let of = |factor: &str| -> BTreeMap<String, &Tensor> {
        tensors.iter().filter_map(|(key, tensor)| Some((module(key, factor)?, tensor))).collect()
    };
    let bs = of("lora_B");
    of("lora_A").into_iter().filter_map(|(path, a)| Some((path.clone(), Pair { a, b: bs.get(&path)? }))).collect()
}

/// Whether a DoRA has its magnitudes, and a LoRA none.
pub(super) fn magnitudes(
    tensors: &BTreeMap<String, Tensor>,
    pairs: &BTreeMap<String, Pair<'_>>,
    config: &Map<String, Value>,
) -> Option<Finding> {
    let stored = tensors.keys().filter(|key| key.contains(".lora_magnitude_vector")).count();
    let dora = config.get("use_dora").and_then(Value::as_bool).unwrap_or(false);
    if dora && stored < pairs.len() {
        let what =
            format!("use_dora is true, but {} of {} modules have no magnitude", pairs.len() - stored, pairs.len());
        return Some(Finding::new(
            Severity::Error,
            what,
            "without m a DoRA is not determined: the file is incomplete.",
        ));
    }
    if !dora && stored > 0 {
        let what = format!("{stored} magnitudes, but use_dora is not true");
        let meaning = "readers leave the magnitudes out and apply a LoRA that was never trained: set use_dora.";
        return Some(Finding::new(Severity::Error, what, meaning));
    }
    None
}

/// Which modules are adapted, and what is odd about the choice.
pub(super) fn targets(pairs: &BTreeMap<String, Pair<'_>>) -> Vec<Finding> {
    let kinds: BTreeSet<&str> = pairs.keys().filter_map(|path| path.rsplit('.').next()).collect();
    let mut findings = Vec::new();
    if kinds.is_empty() {
        let meaning = "the configuration says LoRA, but there is nothing to add to any weight";
        findings.push(Finding::new(Severity::Error, "no module has both lora_A and lora_B", meaning));
        return findings;
    }
    let list = kinds.iter().copied().collect::<Vec<_>>().join(", ");
    let meaning = match kinds.iter().copied().collect::<Vec<_>>()[..] {
        ["q_proj", "v_proj"] => "q and v alone is the paper's choice; QLoRA and later work adapt all linear layers",
        ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"] => {
            "all linear layers: what QLoRA and later work adapt"
        }
        _ => "the paper adapts q and v; QLoRA and later work adapt all linear layers",
    };
    findings.push(Finding::new(Severity::Note, format!("{} modules: {list}", pairs.len()), meaning));
    let odd: Vec<&str> = pairs
        .keys()
        .map(String::as_str)
        .filter(|path| ["lm_head", "embed", "wte", "wpe"].iter().any(|part| path.contains(part)))
        .collect();
    if !odd.is_empty() {
        findings.push(Finding::new(
            Severity::Warning,
            format!("{} of the embeddings or the output head", several(&odd, "module")),
            "with tied embeddings the two must not be merged apart, and vLLM does not serve every such adapter.",
        ));
    }
    findings
}
