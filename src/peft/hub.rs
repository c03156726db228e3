//! Adapters in the format of Hugging Face PEFT: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! An option that is not supported is refused by name, never ignored.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use candle_core::{Error, Result, Tensor, Var};
use serde_json::{Map, Value};

use super::{Dora, Ia3, Lora, Mergeable, Prefix, Prompt, Vera, dora, ia3::Scaling, lora::Factors, vera::Vectors};
use crate::model::{Decoder, Doors, Projection, Site, read_tensors};

/// The largest configuration that is read, in bytes.
const CONFIG_LIMIT: u64 = 1 << 20;

/// Options that change nothing here: notes of the library, or how training went.
const NOTES: [&str; 24] = [
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "init_lora_weights",
    "init_weights",
    "init_ia3_weights",
    "peft_type",
    "peft_version",
    "revision",
    "task_type",
    "target_modules",
    "lora_dropout",
    "vera_dropout",
    "d_initial",
    "projection_prng_key",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
    "token_dim",
    "num_attention_heads",
    "num_layers",
    "encoder_hidden_size",
    "prompt_tuning_init",
    "num_transformer_submodules",
];

/// Options that are read.
const READ: [&str; 9] = [
    "r",
    "lora_alpha",
    "rank_pattern",
    "alpha_pattern",
    "use_rslora",
    "use_dora",
    "save_projection",
    "feedforward_modules",
    "num_virtual_tokens",
];

/// A loaded adapter.
pub enum Adapter {
    /// LoRA or rsLoRA.
    Lora(Lora),
    /// DoRA.
    Dora(Dora),
    /// VeRA.
    Vera(Vera),
    /// (IA)³.
    Ia3(Ia3),
    /// Prefix tuning.
    Prefix(Prefix),
    /// Prompt tuning.
    Prompt(Prompt),
}

impl Adapter {
    /// The adapter as doors of the model.
    #[must_use]
    pub fn doors(&self) -> &dyn Doors {
        match self {
            Self::Lora(method) => method,
            Self::Dora(method) => method,
            Self::Vera(method) => method,
            Self::Ia3(method) => method,
            Self::Prefix(method) => method,
            Self::Prompt(method) => method,
        }
    }

    /// The adapter as something to merge; none where the method has no merged weight.
    #[must_use]
    pub fn mergeable(&self) -> Option<&dyn Mergeable> {
        match self {
            Self::Lora(method) => Some(method),
            Self::Dora(method) => Some(method),
            Self::Vera(method) => Some(method),
            Self::Ia3(method) => Some(method),
            Self::Prefix(_) | Self::Prompt(_) => None,
        }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        match self {
            Self::Lora(method) => method.variables(),
            Self::Dora(method) => method.variables(),
            Self::Vera(method) => method.variables(),
            Self::Ia3(method) => method.variables(),
            Self::Prefix(method) => method.variables(),
            Self::Prompt(method) => method.variables(),
        }
    }
}

/// Reads the adapter in `dir` for `base`.
///
/// # Errors
/// A file is missing or broken, an option is not supported, or a tensor is missing, unknown or does not fit.
pub fn load(dir: &Path, base: &Decoder) -> Result<Adapter> {
    let config = read_config(&dir.join("adapter_config.json"))?;
    let file = dir.join("adapter_model.safetensors");
    let bytes = fs::read(&file).map_err(|error| Error::Msg(format!("{}: {error}", file.display())))?;
    let mut parts = Parts { tensors: strip(read_tensors(&bytes, base.device())?), base };
    let method = config.get("peft_type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let adapter = match method.as_str() {
        "LORA" => parts.lora(&config)?,
        "VERA" => parts.vera()?,
        "IA3" => parts.ia3(&config)?,
        "PREFIX_TUNING" => Adapter::Prefix(Prefix::new(parts.take("prompt_embeddings")?, base.config())?),
        "PROMPT_TUNING" => Adapter::Prompt(Prompt::new(parts.take("prompt_embeddings")?)),
        other => candle_core::bail!(
            "peft_type `{other}` is not supported; there are LORA, VERA, IA3, PREFIX_TUNING, PROMPT_TUNING"
        ),
    };
    match parts.tensors.keys().next() {
        None => Ok(adapter),
        Some(name) => candle_core::bail!("the adapter has a tensor `{name}` that {method} on this base does not use"),
    }
}

fn read_config(file: &Path) -> Result<Map<String, Value>> {
    let failed = |error: String| Error::Msg(format!("{}: {error}", file.display()));
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(|error| failed(error.to_string()))?;
    opened.take(CONFIG_LIMIT).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    let config: Map<String, Value> = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    for (name, value) in &config {
        let neutral = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::String(text) => name == "bias" && text == "none",
            _ => false,
        };
        let known = NOTES.contains(&name.as_str()) || READ.contains(&name.as_str());
        if !neutral && !known {
            return Err(failed(format!("option `{name}` is not supported with this value")));
        }
    }
    Ok(config)
}

/// The keys without PEFT's prefix.
fn strip(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    tensors
        .into_iter()
        .map(|(name, tensor)| (name.trim_start_matches("base_model.model.").to_owned(), tensor))
        .collect()
}

struct Parts<'a> {
    tensors: BTreeMap<String, Tensor>,
    base: &'a Decoder,
}

impl Parts<'_> {
    fn take(&mut self, name: &str) -> Result<Var> {
        match self.tensors.remove(name) {
            Some(tensor) => Var::from_tensor(&tensor),
            None => candle_core::bail!("the adapter has no tensor `{name}`"),
        }
    }

    /// Takes a tensor of a given shape.
    fn shaped(&mut self, name: &str, shape: &[usize]) -> Result<Var> {
        let variable = self.take(name)?;
        if variable.dims() != shape {
            candle_core::bail!("`{name}` has shape {:?}; this base needs {shape:?}", variable.dims());
        }
        Ok(variable)
    }

    /// Sites that have a tensor with this ending, with their (out, in).
    fn sites(&self, ending: &str) -> Result<Vec<(Site, usize, usize)>> {
        let mut found = Vec::new();
        for site in self.base.sites(&Projection::ALL) {
            if let Some(weight) =
                self.base.projection(site).filter(|_| self.tensors.contains_key(&format!("{site}.{ending}")))
            {
                let (out, width) = weight.dims2()?;
                found.push((site, out, width));
            }
        }
        Ok(found)
    }

    fn lora(&mut self, config: &Map<String, Value>) -> Result<Adapter> {
        let flag = |name: &str| config.get(name).and_then(Value::as_bool).unwrap_or(false);
        let mut factors = BTreeMap::new();
        for (site, out, width) in self.sites("lora_A.weight")? {
            let rank = pattern(config, "rank_pattern", "r", site)?;
            let alpha = pattern(config, "alpha_pattern", "lora_alpha", site)?;
            if rank < 1.0 || rank.fract() != 0.0 {
                candle_core::bail!("rank {rank} of {site} is no positive whole number");
            }
            let rows = rank as usize;
            let a = self.shaped(&format!("{site}.lora_A.weight"), &[rows, width])?;
            let b = self.shaped(&format!("{site}.lora_B.weight"), &[out, rows])?;
            let scale = alpha / if flag("use_rslora") { rank.sqrt() } else { rank };
            factors.insert(site, Factors { a, b, scale });
        }
        if !flag("use_dora") {
            return Ok(Adapter::Lora(Lora::from_factors(factors)));
        }
        let mut parts = BTreeMap::new();
        for (site, direction) in factors {
            let magnitude = self.take(&format!("{site}.lora_magnitude_vector"))?;
            parts.insert(site, dora::Parts { direction, magnitude });
        }
        Ok(Adapter::Dora(Dora::from_parts(parts)))
    }

    fn vera(&mut self) -> Result<Adapter> {
        let shared = |parts: &mut Self, name: &str| {
            let full = format!("base_model.{name}");
            parts.take(if parts.tensors.contains_key(&full) { &full } else { name }).map_err(|error| {
                Error::Msg(format!("{error}; adapters saved without their projection are not supported yet"))
            })
        };
        let (a, b) = (shared(self, "vera_A")?, shared(self, "vera_B")?);
        let rank = a.dim(0)?;
        let mut vectors = BTreeMap::new();
        for (site, out, width) in self.sites("vera_lambda_d")? {
            if a.dim(1)? < width || b.dim(0)? < out {
                candle_core::bail!("the shared VeRA pair is too small for {site}");
            }
            let d = self.shaped(&format!("{site}.vera_lambda_d"), &[rank])?;
            vectors.insert(site, Vectors { d, b: self.shaped(&format!("{site}.vera_lambda_b"), &[out])? });
        }
        Ok(Adapter::Vera(Vera::from_parts(a.as_tensor().clone(), b.as_tensor().clone(), vectors)))
    }

    fn ia3(&mut self, config: &Map<String, Value>) -> Result<Adapter> {
        let forward = config.get("feedforward_modules").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut scalings = BTreeMap::new();
        for (site, out, width) in self.sites("ia3_l")? {
            let name = format!("{site}.ia3_l");
            let input = forward.iter().filter_map(Value::as_str).any(|module| is_suffix(module, &site.to_string()));
            let shape = if input { [1, width] } else { [out, 1] };
            let flat = Var::from_tensor(&self.shaped(&name, &shape)?.flatten_all()?)?;
            scalings.insert(site, if input { Scaling::Input(flat) } else { Scaling::Output(flat) });
        }
        Ok(Adapter::Ia3(Ia3::from_scalings(scalings)))
    }
}

/// The value of `patterns` for a site, else that of `default`. Plain module names and path endings are understood; a regular expression
/// is refused.
fn pattern(config: &Map<String, Value>, patterns: &str, default: &str, site: Site) -> Result<f64> {
    for (key, value) in config.get(patterns).and_then(Value::as_object).into_iter().flatten() {
        if !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
            candle_core::bail!("{patterns}: `{key}` is a regular expression; only module names are supported");
        }
        if is_suffix(key, &site.to_string()) {
            return value.as_f64().ok_or_else(|| Error::Msg(format!("{patterns}: `{key}` is no number")));
        }
    }
    config.get(default).and_then(Value::as_f64).ok_or_else(|| Error::Msg(format!("option `{default}` is missing")))
}

/// Whether `ending` is the whole of `path` or its last parts.
fn is_suffix(ending: &str, path: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
