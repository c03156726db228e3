//! LoRA adapters of any architecture, module by module, without their base: what can be inspected, combined and re-ranked as it lies.

use std::{collections::BTreeMap, fs, path::Path};

use candle_core::{Device, Result, Tensor, bail};
use serde_json::Value;

use super::{CONFIG, Parts, TENSORS, at, config::Config, read::strip, write};
use crate::{
    model::{read_tensors_file, read_text, write_tensors, write_whole},
    peft::{
        compose::{Combination, combine_factors},
        lora::Factors,
    },
};

/// A LoRA or DoRA adapter by module paths.
#[derive(Debug)]
pub struct Modules {
    /// Factors by module, such as `model.layers.0.self_attn.q_proj` or `transformer.h.0.attn.c_attn`.
    pub factors: BTreeMap<String, Factors>,
    /// DoRA's magnitudes, (out); empty for LoRA.
    pub magnitudes: BTreeMap<String, Tensor>,
    /// The name of the base in the configuration.
    pub base_name: String,
    /// What `lora_dropout` says.
    pub dropout: f64,
    /// Whether the modules store their weights (in, out).
    pub fan_in_fan_out: bool,
}

/// Reads the LoRA or DoRA in `dir`.
///
/// # Errors
/// A file is missing or broken, it is another method, an option is not supported, or a tensor does not fit.
pub fn load_modules(dir: &Path) -> Result<Modules> {
    let file = dir.join(CONFIG);
    let config = Config::from_json(&read_text(&file)?).map_err(|error| at(&file, error))?;
    if config.peft_type != "LORA" {
        bail!("{}: this is {}; only LoRA and DoRA adapters have factors", file.display(), config.peft_type);
    }
    let tensors = read_tensors_file(&dir.join(TENSORS), &Device::Cpu)?;
    read(&config, tensors).map_err(|error| at(dir, error))
}

fn read(config: &Config, tensors: BTreeMap<String, Tensor>) -> Result<Modules> {
    let (ranks, alphas) = (config.ranks()?, config.alphas()?);
    let mut parts = Parts::new(strip(tensors))?;
    let paths: Vec<String> =
        parts.names().filter_map(|name| name.strip_suffix(".lora_A.weight").map(str::to_owned)).collect();
    let (mut factors, mut magnitudes) = (BTreeMap::new(), BTreeMap::new());
    for path in paths {
        let a = parts.take(&format!("{path}.lora_A.weight"))?;
        let b = parts.take(&format!("{path}.lora_B.weight"))?;
        let ((rank, _), (out, columns)) = (a.dims2()?, b.dims2()?);
        let expected = ranks.get(&path).unwrap_or(config.r.unwrap_or(8) as f64);
        if rank == 0 || rank != columns || rank as f64 != expected {
            bail!("{path}: A is {:?} and B {:?}; the configuration says rank {expected}", a.dims(), b.dims());
        }
        let bias = match config.lora_bias {
            Some(true) => Some(parts.shaped(&format!("{path}.lora_B.bias"), &[out])?),
            _ => None,
        };
        if config.use_dora == Some(true) {
            let magnitude = parts.shaped(&format!("{path}.lora_magnitude_vector"), &[out])?;
            magnitudes.insert(path.clone(), magnitude.as_detached_tensor());
        }
        let alpha = alphas.get(&path).or(config.lora_alpha).unwrap_or(8.0);
        factors.insert(path, Factors { a, b, bias, alpha, rank_stabilised: config.use_rslora == Some(true) });
    }
    parts.finish("LoRA")?;
    if factors.is_empty() {
        bail!("the adapter has no tensor `….lora_A.weight`");
    }
    let base_name = config.other.get("base_model_name_or_path").and_then(Value::as_str).unwrap_or_default().to_owned();
    let dropout = config.lora_dropout.unwrap_or(0.0);
    Ok(Modules { factors, magnitudes, base_name, dropout, fan_in_fan_out: config.fan_in_fan_out == Some(true) })
}

impl Modules {
    /// Number of trained parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let factors = self.factors.values().map(|factors| {
            factors.a.elem_count() + factors.b.elem_count() + factors.bias.as_ref().map_or(0, |bias| bias.elem_count())
        });
        factors.sum::<usize>() + self.magnitudes.values().map(Tensor::elem_count).sum::<usize>()
    }

    /// Writes a PEFT directory. Each file is whole or absent.
    ///
    /// # Errors
    /// The modules mix rsLoRA with LoRA, or the place cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let paths: Vec<String> = self.factors.keys().cloned().collect();
        let mut options = write::lora_options(&self.factors, self.dropout, paths)?;
        options["use_dora"] = (!self.magnitudes.is_empty()).into();
        options["fan_in_fan_out"] = self.fan_in_fan_out.into();
        let mut tensors = BTreeMap::new();
        let mut put = |name: String, tensor: Tensor| tensors.insert(format!("base_model.model.{name}"), tensor);
        for (path, factors) in &self.factors {
            put(format!("{path}.lora_A.weight"), factors.a.as_detached_tensor());
            put(format!("{path}.lora_B.weight"), factors.b.as_detached_tensor());
            if let Some(bias) = &factors.bias {
                put(format!("{path}.lora_B.bias"), bias.as_detached_tensor());
            }
        }
        for (path, magnitude) in &self.magnitudes {
            put(format!("{path}.lora_magnitude_vector"), magnitude.clone());
        }
        let text = write::config_text(&self.base_name, options).map_err(|error| at(dir, error))?;
        fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
        write_tensors(&dir.join(TENSORS), tensors)?;
        write_whole(&dir.join(CONFIG), &text)
    }
}

/// One adapter of several, each with its weight.
///
/// # Errors
/// As [`crate::peft::compose::combine`], or one of them is a DoRA, whose magnitudes have no sum.
pub fn combine_modules(adapters: &[(&Modules, f64)], how: Combination) -> Result<Modules> {
    let Some((first, _)) = adapters.first() else { bail!("there is nothing to combine") };
    if adapters.iter().any(|(adapter, _)| !adapter.magnitudes.is_empty()) {
        bail!(
            "a DoRA rescales rows by norms of its own weight: its update is no product of factors that could be combined"
        );
    }
    if adapters.iter().any(|(adapter, _)| adapter.fan_in_fan_out != first.fan_in_fan_out) {
        bail!("the adapters are for weights stored in different orders (fan_in_fan_out)");
    }
    let parts: Vec<_> = adapters.iter().map(|(adapter, weight)| (&adapter.factors, *weight)).collect();
    Ok(Modules {
        factors: combine_factors(&parts, how)?,
        magnitudes: BTreeMap::new(),
        base_name: first.base_name.clone(),
        dropout: 0.0,
        fan_in_fan_out: first.fan_in_fan_out,
    })
}

/// The adapter of rank `rank` nearest to `adapter`, module by module; its scale is 1.
///
/// # Errors
/// The rank is more than a weight has, or a module has a bias.
pub fn rerank_modules(adapter: &Modules, rank: usize) -> Result<Modules> {
    let mut reranked = combine_modules(&[(&adapter.clone_factors(), 1.0)], Combination::Svd { rank })?;
    reranked.magnitudes = adapter.magnitudes.clone();
    reranked.dropout = adapter.dropout;
    Ok(reranked)
}

impl Modules {
    /// The same factors without magnitudes.
    fn clone_factors(&self) -> Self {
        Self { factors: self.factors.clone(), magnitudes: BTreeMap::new(), base_name: self.base_name.clone(), ..*self }
    }
}
