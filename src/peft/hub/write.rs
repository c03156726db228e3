//! Writing PEFT directories.

use std::{collections::BTreeMap, fs, path::Path};

use candle_core::{Result, Tensor, bail};
use serde_json::{Map, Value, json};

use super::{Adapter, CONFIG, TENSORS, adapterhub, at, config::number};
use crate::{
    model::{Decoder, Projection, Site, write_tensors, write_whole},
    peft::{Dora, Ia3, Lora, Method, PTuning, Prefix, Prompt, Vera, ia3::Scaling, lora::Factors},
};

/// A method that PEFT has a file format for.
pub trait PeftFormat {
    /// What its `adapter_config.json` says besides what all adapters say.
    ///
    /// # Errors
    /// The adapter has something the format cannot say.
    fn options(&self, base: &Decoder) -> Result<Value>;

    /// Its tensors, by the names in the file.
    ///
    /// # Errors
    /// A tensor operation fails.
    fn tensors(&self) -> Result<BTreeMap<String, Tensor>>;
}

/// Writes `adapter`, made for `base` (called `base_name` in the file), as a PEFT directory. Each file is whole or absent.
///
/// # Errors
/// The adapter has something the format cannot say, or the place cannot be written.
pub fn save(dir: &Path, adapter: &dyn PeftFormat, base: &Decoder, base_name: &str) -> Result<()> {
    let text = config_text(base_name, adapter.options(base)?).map_err(|error| at(dir, error))?;
    let tensors = adapter.tensors()?;
    fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
    write_tensors(&dir.join(TENSORS), tensors)?;
    write_whole(&dir.join(CONFIG), &text)
}

/// The text of a configuration.
pub(super) fn config_text(base_name: &str, options: Value) -> serde_json::Result<Vec<u8>> {
    let mut config: Map<String, Value> = Map::new();
    config.insert("base_model_name_or_path".to_owned(), base_name.into());
    config.insert("task_type".to_owned(), "CAUSAL_LM".into());
    config.insert("inference_mode".to_owned(), true.into());
    if let Value::Object(options) = options {
        config.extend(options);
    }
    serde_json::to_vec_pretty(&config)
}

/// The trained tensors under PEFT's prefix.
fn prefixed(method: &dyn Method) -> BTreeMap<String, Tensor> {
    let full = |(name, var): (String, candle_core::Var)| (format!("base_model.model.{name}"), var.as_detached_tensor());
    method.named_variables().into_iter().map(full).collect()
}

/// Names of the modules: of the projections if every layer adapts the same ones, else whole paths.
fn modules(sites: &[Site], base: &Decoder) -> Vec<String> {
    let projections: Vec<Projection> = Projection::ALL
        .into_iter()
        .filter(|projection| sites.iter().any(|site| site.projection == *projection))
        .collect();
    if base.sites(&projections).len() == sites.len() {
        return projections.into_iter().map(|projection| projection.name().to_owned()).collect();
    }
    sites.iter().map(ToString::to_string).collect()
}

/// The commonest value, and a pattern of those that differ.
fn pattern(values: impl Iterator<Item = (String, f64)>) -> (f64, Value) {
    let values: Vec<(String, f64)> = values.collect();
    let count = |value: f64| values.iter().filter(|(_, other)| *other == value).count();
    let common = values.iter().map(|(_, value)| *value).max_by_key(|value| count(*value)).unwrap_or_default();
    let differ = values.iter().filter(|(_, value)| *value != common);
    (common, Value::Object(differ.map(|(path, value)| (regex::escape(path), number(*value))).collect()))
}

/// What a LoRA's configuration says; `targets` are its modules.
pub(super) fn lora_options<K: ToString>(
    factors: &BTreeMap<K, Factors>,
    dropout: f64,
    targets: Vec<String>,
) -> Result<Value> {
    let stabilised = factors.values().any(|factors| factors.rank_stabilised);
    let bias = factors.values().any(|factors| factors.bias.is_some());
    if factors.values().any(|f| f.rank_stabilised != stabilised || f.bias.is_some() != bias) {
        bail!("PEFT's format has one choice of rsLoRA and of bias for all sites; this adapter mixes them");
    }
    let (rank, rank_pattern) = pattern(factors.iter().map(|(path, factors)| (path.to_string(), factors.rank() as f64)));
    let (alpha, alpha_pattern) = pattern(factors.iter().map(|(path, factors)| (path.to_string(), factors.alpha)));
    Ok(json!({
        "peft_type": "LORA",
        "r": number(rank),
        "lora_alpha": number(alpha),
        "rank_pattern": rank_pattern,
        "alpha_pattern": alpha_pattern,
        "use_rslora": stabilised,
        "lora_bias": bias,
        "lora_dropout": dropout,
        "target_modules": targets,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "use_dora": false,
        "modules_to_save": null,
    }))
}

impl PeftFormat for Lora {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let sites: Vec<Site> = self.factors().keys().copied().collect();
        lora_options(self.factors(), self.dropout().rate(), modules(&sites, base))
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(prefixed(self))
    }
}

impl PeftFormat for Dora {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let directions: BTreeMap<Site, Factors> =
            self.parts().iter().map(|(site, parts)| (*site, parts.direction.clone())).collect();
        let sites: Vec<Site> = directions.keys().copied().collect();
        let mut options = lora_options(&directions, self.dropout().rate(), modules(&sites, base))?;
        options["use_dora"] = true.into();
        Ok(options)
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(prefixed(self))
    }
}

impl PeftFormat for Vera {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let sites: Vec<Site> = self.vectors().keys().copied().collect();
        Ok(json!({
            "peft_type": "VERA",
            "r": self.pair().0.dim(0)?,
            "target_modules": modules(&sites, base),
            "projection_prng_key": self.projection_seed(),
            "save_projection": true,
            "bias": "none",
        }))
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = prefixed(self);
        let (a, b) = self.pair();
        tensors.insert("base_model.vera_A".to_owned(), a.contiguous()?);
        tensors.insert("base_model.vera_B".to_owned(), b.contiguous()?);
        Ok(tensors)
    }
}

impl PeftFormat for Ia3 {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let sites: Vec<Site> = self.scalings().keys().copied().collect();
        let inputs = self.scalings().iter().filter(|(_, scaling)| matches!(scaling, Scaling::Input(_)));
        let forward: Vec<Site> = inputs.map(|(site, _)| *site).collect();
        Ok(json!({
            "peft_type": "IA3",
            "target_modules": modules(&sites, base),
            "feedforward_modules": modules(&forward, base),
            "fan_in_fan_out": false,
        }))
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(prefixed(self))
    }
}

/// What the three kinds of virtual tokens say; `width` numbers and `heads` heads a token.
fn virtual_tokens(kind: &str, embeddings: &Tensor, base: &Decoder, width: usize, heads: usize) -> Result<Value> {
    Ok(json!({
        "peft_type": kind,
        "num_virtual_tokens": embeddings.dim(0)?,
        "num_transformer_submodules": 1,
        "token_dim": width,
        "num_attention_heads": heads,
        "num_layers": base.config().num_hidden_layers,
    }))
}

fn only_embeddings(embeddings: &Tensor) -> BTreeMap<String, Tensor> {
    BTreeMap::from([("prompt_embeddings".to_owned(), embeddings.detach())])
}

impl PeftFormat for Prefix {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let (heads, width) = (base.config().num_key_value_heads, base.config().head_dim());
        let mut options = virtual_tokens("PREFIX_TUNING", &self.embeddings()?, base, heads * width, heads)?;
        options["encoder_hidden_size"] = (heads * width).into();
        options["prefix_projection"] = false.into();
        Ok(options)
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(only_embeddings(&self.embeddings()?))
    }
}

impl PeftFormat for Prompt {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let sizes = base.config();
        let embeddings = self.embeddings().as_tensor();
        let mut options =
            virtual_tokens("PROMPT_TUNING", embeddings, base, sizes.hidden_size, sizes.num_attention_heads)?;
        options["prompt_tuning_init"] = "RANDOM".into();
        Ok(options)
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(only_embeddings(self.embeddings().as_tensor()))
    }
}

impl PeftFormat for PTuning {
    fn options(&self, base: &Decoder) -> Result<Value> {
        let sizes = base.config();
        let mut options =
            virtual_tokens("P_TUNING", &self.embeddings()?, base, sizes.hidden_size, sizes.num_attention_heads)?;
        options["encoder_reparameterization_type"] = "MLP".into();
        options["encoder_hidden_size"] = self.hidden()?.into();
        Ok(options)
    }

    fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(only_embeddings(&self.embeddings()?))
    }
}

impl Adapter {
    /// Writes the adapter in the format its library reads.
    ///
    /// # Errors
    /// See [`save`].
    pub fn save(&self, dir: &Path, base: &Decoder, base_name: &str) -> Result<()> {
        match self {
            Self::Lora(adapter) => save(dir, adapter, base, base_name),
            Self::Dora(adapter) => save(dir, adapter, base, base_name),
            Self::Vera(adapter) => save(dir, adapter, base, base_name),
            Self::Ia3(adapter) => save(dir, adapter, base, base_name),
            Self::Prefix(adapter) => save(dir, adapter, base, base_name),
            Self::Prompt(adapter) => save(dir, adapter, base, base_name),
            Self::Bottleneck(adapters) => adapterhub::save(dir, adapters, base, base_name),
            Self::Fusion(fusion) => adapterhub::save_fusion(dir, fusion, base, base_name),
        }
    }
}
