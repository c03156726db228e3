//! Reading PEFT directories.

use std::{collections::BTreeMap, path::Path};

use candle_core::{Device, Result, Tensor, Var, bail};

use super::{Adapter, CONFIG, Parts, TENSORS, adapterhub, at, config::Config};
use crate::{
    model::{Decoder, Site, read_tensors_file, read_text},
    peft::{
        Dora, Dropout, Ia3, Lora, Prefix, Prompt, Targets, Vera, dora,
        ia3::Scaling,
        lora::Factors,
        vera::{self, Vectors},
    },
};

/// Reads the adapter in `dir` for `base`.
///
/// # Errors
/// A file is missing or broken, an option is not supported, or a tensor is missing, unknown, not finite or does not fit.
pub fn load(dir: &Path, base: &Decoder) -> Result<Adapter> {
    let file = dir.join(CONFIG);
    if adapterhub::is_fusion(dir) {
        return adapterhub::load_whole_fusion(dir, base).map(Adapter::Fusion);
    }
    let text = read_text(&file)?;
    if is_adapterhub(&text) {
        return adapterhub::load(dir, base).map(Adapter::Bottleneck);
    }
    let config = Config::from_json(&text).map_err(|error| at(&file, error))?;
    if config.fan_in_fan_out == Some(true) {
        bail!("{}: option `fan_in_fan_out` is not supported: this base stores (out, in)", file.display());
    }
    let tensors = read_tensors_file(&dir.join(TENSORS), base.device())?;
    read(&config, tensors, base).map_err(|error| at(dir, error))
}

/// Checks the text of an `adapter_config.json` as [`load`] does, without its tensors.
///
/// # Errors
/// It is no configuration, or an option is not supported.
pub fn check_config(text: &str) -> Result<()> {
    Config::from_json(text).map(|_| ())
}

/// Whether a configuration is of the `adapters` library, which nests its options.
fn is_adapterhub(text: &str) -> bool {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    fields.contains_key("config") && !fields.contains_key("peft_type")
}

fn read(config: &Config, tensors: BTreeMap<String, Tensor>, base: &Decoder) -> Result<Adapter> {
    let mut parts = Parts::new(strip(tensors))?;
    let adapter = match config.peft_type.as_str() {
        "LORA" if config.use_dora == Some(true) => Adapter::Dora(dora(config, &mut parts, base)?),
        "LORA" => Adapter::Lora(Lora::from_factors(lora(config, &mut parts, base)?, dropout(config)?)?),
        "VERA" => Adapter::Vera(vera(config, &mut parts, base)?),
        "IA3" => Adapter::Ia3(ia3(config, &mut parts, base)?),
        "PREFIX_TUNING" => Adapter::Prefix(Prefix::new(virtual_tokens(config, &mut parts)?, base.config())?),
        "PROMPT_TUNING" | "P_TUNING" => Adapter::Prompt(Prompt::new(virtual_tokens(config, &mut parts)?, base)?),
        other => bail!(
            "peft_type `{other}` is not supported; there are LORA, VERA, IA3, PREFIX_TUNING, PROMPT_TUNING, P_TUNING"
        ),
    };
    parts.finish(&config.peft_type)?;
    Ok(adapter)
}

/// The keys without PEFT's prefix.
pub(super) fn strip(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let short = |name: String| match name.strip_prefix("base_model.model.") {
        Some(short) => short.to_owned(),
        None => name,
    };
    tensors.into_iter().map(|(name, tensor)| (short(name), tensor)).collect()
}

fn dropout(config: &Config) -> Result<Dropout> {
    Dropout::new(config.lora_dropout.unwrap_or(0.0), 0)
}

fn lora(config: &Config, parts: &mut Parts, base: &Decoder) -> Result<BTreeMap<Site, Factors>> {
    let (ranks, alphas) = (config.ranks()?, config.alphas()?);
    let mut factors = BTreeMap::new();
    for site in config.sites(base)? {
        let Some(weight) = base.projection(site) else { continue };
        let (out, width) = weight.dims2()?;
        let path = site.to_string();
        let rank = ranks.get(&path).unwrap_or(config.r.unwrap_or(8) as f64);
        if rank < 1.0 || rank.fract() != 0.0 {
            bail!("rank {rank} of {site} is no whole number from 1");
        }
        let of = [rank as usize, width, out];
        factors.insert(site, site_factors(config, parts, &path, of, alphas.get(&path))?);
    }
    Ok(factors)
}

/// Factors of one module of rank, inputs and outputs as given.
fn site_factors(
    config: &Config,
    parts: &mut Parts,
    path: &str,
    [rank, width, out]: [usize; 3],
    alpha: Option<f64>,
) -> Result<Factors> {
    let bias = match config.lora_bias {
        Some(true) => Some(parts.shaped(&format!("{path}.lora_B.bias"), &[out])?),
        _ => None,
    };
    let alpha = alpha.or(config.lora_alpha).unwrap_or(8.0);
    if !alpha.is_finite() {
        bail!("alpha of {path} is not finite");
    }
    Ok(Factors {
        a: parts.shaped(&format!("{path}.lora_A.weight"), &[rank, width])?,
        b: parts.shaped(&format!("{path}.lora_B.weight"), &[out, rank])?,
        bias,
        alpha,
        rank_stabilised: config.use_rslora == Some(true),
    })
}

fn dora(config: &Config, parts: &mut Parts, base: &Decoder) -> Result<Dora> {
    let mut all = BTreeMap::new();
    for (site, direction) in lora(config, parts, base)? {
        let out = direction.b.dim(0)?;
        let magnitude = parts.shaped(&format!("{site}.lora_magnitude_vector"), &[out])?;
        all.insert(site, dora::Parts { direction, magnitude });
    }
    Ok(Dora::from_parts(all, dropout(config)?))
}

fn vera(config: &Config, parts: &mut Parts, base: &Decoder) -> Result<Vera> {
    let Some(rank) = config.r else { bail!("option `r` is missing") };
    let (mut widest, mut tallest, mut vectors) = (0, 0, BTreeMap::new());
    for site in config.sites(base)? {
        let Some(weight) = base.projection(site) else { continue };
        let (out, width) = weight.dims2()?;
        (widest, tallest) = (widest.max(width), tallest.max(out));
        let d = parts.shaped(&format!("{site}.vera_lambda_d"), &[rank])?;
        vectors.insert(site, Vectors { d, b: parts.shaped(&format!("{site}.vera_lambda_b"), &[out])? });
    }
    let seed = config.projection_prng_key.unwrap_or(0);
    // PEFT writes the pair without the `model.` of the other keys.
    let stored = ["base_model.vera_A", "base_model.vera_B"];
    let (a, b) = if parts.has(stored[0]) || config.save_projection == Some(true) {
        let a = parts.take(stored[0])?.as_detached_tensor();
        (a, parts.take(stored[1])?.as_detached_tensor())
    } else {
        vera::projection(seed, rank, widest, tallest, base.device())?
    };
    let (rows, inputs, outputs, columns) = (a.dims2()?.0, a.dims2()?.1, b.dims2()?.0, b.dims2()?.1);
    if (rows, columns) != (rank, rank) || inputs < widest || outputs < tallest {
        bail!(
            "the shared pair is {:?} and {:?}; rank {rank} on this base needs [{rank}, {widest}] and [{tallest}, {rank}] at least",
            a.dims(),
            b.dims()
        );
    }
    Ok(Vera::from_parts(a, b, vectors, seed))
}

fn ia3(config: &Config, parts: &mut Parts, base: &Decoder) -> Result<Ia3> {
    let forward = match &config.feedforward_modules {
        Some(modules) => modules.targets()?,
        None => Targets::Names(Vec::new()),
    };
    let mut scalings = BTreeMap::new();
    for site in config.sites(base)? {
        let Some(weight) = base.projection(site) else { continue };
        let (out, width) = weight.dims2()?;
        let name = format!("{site}.ia3_l");
        let scaling = match forward.choose(&site.to_string()) {
            true => Scaling::Input(parts.shaped(&name, &[1, width])?),
            false => Scaling::Output(parts.shaped(&name, &[out, 1])?),
        };
        scalings.insert(site, scaling);
    }
    Ok(Ia3::from_scalings(scalings))
}

fn virtual_tokens(config: &Config, parts: &mut Parts) -> Result<Var> {
    let embeddings = parts.take("prompt_embeddings")?;
    let (rows, _) = embeddings.dims2()?;
    match config.num_virtual_tokens {
        Some(count) if count == rows && count > 0 => Ok(embeddings),
        Some(count) => bail!("`prompt_embeddings` has {rows} rows; num_virtual_tokens is {count}"),
        None => bail!("option `num_virtual_tokens` is missing"),
    }
}

/// A LoRA for one layer outside a decoder, such as GPT-2's `Conv1D`.
#[derive(Debug)]
pub struct Layer {
    /// The factors.
    pub factors: Factors,
    /// Whether the layer's weight is stored (in, out).
    pub transposed: bool,
    /// The trained bias that replaces the layer's own (`bias = "lora_only"` or `"all"`).
    pub base_bias: Option<Tensor>,
}

/// Reads, onto `device`, an adapter of the single module `name`, whose layer takes `width` inputs and gives `out` outputs.
///
/// # Errors
/// As [`load`].
pub fn load_layer(dir: &Path, name: &str, width: usize, out: usize, device: &Device) -> Result<Layer> {
    let file = dir.join(CONFIG);
    let config = Config::from_json(&read_text(&file)?).map_err(|error| at(&file, error))?;
    let mut parts = Parts::new(strip(read_tensors_file(&dir.join(TENSORS), device)?))?;
    let rank = config.ranks()?.get(name).map_or(config.r.unwrap_or(8), |rank| rank as usize);
    let factors = site_factors(&config, &mut parts, name, [rank, width, out], config.alphas()?.get(name))?;
    let bias = format!("{name}.base_layer.bias");
    let base_bias = match parts.has(&bias) {
        true => Some(parts.shaped(&bias, &[out])?.as_detached_tensor()),
        false => None,
    };
    parts.finish(&config.peft_type)?;
    Ok(Layer { factors, transposed: config.fan_in_fan_out == Some(true), base_bias })
}

impl Layer {
    /// `x W + b + s B A x` for `x` (rows, in), with the layer's own weight and bias.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn forward(&self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let weight = if self.transposed { weight.t()?.contiguous()? } else { weight.clone() };
        let y = crate::model::linear(x, &weight)?.broadcast_add(self.base_bias.as_ref().unwrap_or(bias))?;
        y + self.factors.apply(x)?
    }

    /// The merged weight, stored as the layer stores it.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn merged(&self, weight: &Tensor) -> Result<Tensor> {
        let delta = self.factors.delta()?;
        if self.transposed { weight + delta.t()? } else { weight + delta }
    }
}
