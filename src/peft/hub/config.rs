//! `adapter_config.json`: every option is understood, known to change nothing here, or refused by name.

use std::fmt;

use candle_core::{Error, Result, bail};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::{Map, Value};

use crate::{
    model::{Decoder, Site},
    peft::{Pattern, Targets},
};

/// Options that change nothing of what an adapter computes: notes of the library, how it was started, how it was trained.
const NOTES: [&str; 28] = [
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "init_weights",
    "init_ia3_weights",
    "peft_version",
    "revision",
    "task_type",
    "vera_dropout",
    "d_initial",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
    "ephemeral_gpu_offload",
    "token_dim",
    "num_attention_heads",
    "num_layers",
    "encoder_hidden_size",
    "encoder_num_layers",
    "encoder_dropout",
    "encoder_reparameterization_type",
    "prefix_projection",
    "prompt_tuning_init",
    "prompt_tuning_init_text",
    "prompt_tuning_init_state_dict_path",
    "tokenizer_name_or_path",
    "tokenizer_kwargs",
    "loftq_config",
];

/// What an adapter's configuration says, with PEFT's defaults where it is silent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Config {
    pub(super) peft_type: String,
    #[serde(default = "eight", skip_serializing_if = "Option::is_none")]
    pub(super) r: Option<usize>,
    #[serde(default = "eight_f64", skip_serializing_if = "Option::is_none")]
    pub(super) lora_alpha: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rank_pattern: Option<Ordered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alpha_pattern: Option<Ordered>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) use_rslora: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) use_dora: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lora_bias: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fan_in_fan_out: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lora_dropout: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) init_lora_weights: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target_modules: Option<Modules>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exclude_modules: Option<Modules>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) layers_to_transform: Option<OneOrMany<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) layers_pattern: Option<OneOrMany<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) feedforward_modules: Option<Modules>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) projection_prng_key: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) save_projection: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) num_virtual_tokens: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) num_transformer_submodules: Option<usize>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

#[expect(clippy::unnecessary_wraps, reason = "serde's defaults have the field's type")]
fn eight() -> Option<usize> {
    Some(8)
}

#[expect(clippy::unnecessary_wraps, reason = "serde's defaults have the field's type")]
fn eight_f64() -> Option<f64> {
    Some(8.0)
}

/// Modules by name, or by one regular expression.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Modules {
    Names(Vec<String>),
    Expression(String),
}

/// A value or a list of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A JSON object of numbers whose order counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Ordered(pub(super) Vec<(String, f64)>);

impl Config {
    /// Reads and checks a configuration.
    pub(super) fn from_json(text: &str) -> Result<Self> {
        let config: Self = serde_json::from_str(text).map_err(|error| Error::Msg(error.to_string()))?;
        for (name, value) in &config.other {
            let neutral = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Object(map) => map.is_empty(),
                Value::Array(list) => list.is_empty(),
                _ => false,
            };
            if !neutral && !NOTES.contains(&name.as_str()) {
                bail!("option `{name}` is not supported with the value {value}");
            }
        }
        config.check_values()?;
        Ok(config)
    }

    /// Options that are understood, with values that are not.
    fn check_values(&self) -> Result<()> {
        match self.bias.as_deref() {
            // Where the base's projections have no bias, there is none to train.
            None | Some("none" | "all" | "lora_only") => {}
            Some(other) => bail!("option `bias` is not supported with the value \"{other}\""),
        }
        match &self.init_lora_weights {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(Value::String(how)) if ["gaussian", "eva", "orthogonal"].contains(&how.as_str()) => {}
            Some(how) => bail!(
                "option `init_lora_weights` is not supported with the value {how}: the adapter is for a base from which its start was \
                 taken away; convert it to a plain LoRA first (PEFT: path_initial_model_for_weight_conversion)"
            ),
        }
        if self.num_transformer_submodules.is_some_and(|count| count != 1) {
            bail!("option `num_transformer_submodules` is not supported with a value other than 1");
        }
        Ok(())
    }

    /// Sites of `base` that the configuration adapts.
    pub(super) fn sites(&self, base: &Decoder) -> Result<Vec<Site>> {
        let Some(modules) = &self.target_modules else { bail!("option `target_modules` is missing") };
        let targets = modules.targets()?;
        let excluded = self.exclude_modules.as_ref().map(Modules::targets).transpose()?;
        let layers = self.layers_to_transform.as_ref().map(OneOrMany::as_slice);
        if let Some(odd) = self.layers_pattern.iter().flat_map(OneOrMany::as_slice).find(|name| *name != "layers") {
            bail!(
                "option `layers_pattern` is not supported with the value \"{odd}\": here the list is called `layers`"
            );
        }
        let chosen = |site: &Site| {
            excluded.as_ref().is_none_or(|excluded| !excluded.choose(&site.to_string()))
                && layers.is_none_or(|layers| layers.is_empty() || layers.contains(&site.layer))
        };
        let sites: Vec<Site> = targets.sites(base).into_iter().filter(chosen).collect();
        if sites.is_empty() {
            bail!("option `target_modules` chooses no projection of this base");
        }
        Ok(sites)
    }

    pub(super) fn ranks(&self) -> Result<Pattern> {
        Pattern::new(&self.rank_pattern.clone().unwrap_or_default().0)
    }

    pub(super) fn alphas(&self) -> Result<Pattern> {
        Pattern::new(&self.alpha_pattern.clone().unwrap_or_default().0)
    }
}

impl Modules {
    pub(super) fn targets(&self) -> Result<Targets> {
        match self {
            Self::Names(names) => Ok(Targets::Names(names.clone())),
            Self::Expression(text) if text == "all-linear" => Ok(Targets::AllLinear),
            Self::Expression(text) => Targets::pattern(text),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of module names and numbers")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Ordered, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, &number(*value))?;
        }
        map.end()
    }
}

/// A number as PEFT writes it: whole ones without a point.
pub(super) fn number(value: f64) -> Value {
    let whole = value.round();
    if (value - whole).abs() < 1e-9 && whole.abs() < 1e15 { Value::from(whole as i64) } else { Value::from(value) }
}
