//! Fusions of the `adapters` library: `adapter_fusion_config.json` with `model_adapter_fusion.safetensors`.

use std::{collections::BTreeMap, path::Path};

use candle_core::{Result, Tensor, bail};
use serde_json::{Map, Value, json};

use super::{about, dense, load, object, save, write};
use crate::{
    model::{Decoder, read_tensors_file},
    peft::{
        Fusion, Method as _,
        bottleneck::{Adapters, path},
        fusion::Mixer,
        hub::{CONFIG, Parts, at},
    },
};

/// Name of the configuration file.
const FUSION_CONFIG: &str = "adapter_fusion_config.json";

/// Name of the tensors file.
pub const FUSION_TENSORS: &str = "model_adapter_fusion.safetensors";

/// Whether `dir` holds a fusion, not a set of adapters.
#[must_use]
pub fn is_fusion(dir: &Path) -> bool {
    dir.join(FUSION_CONFIG).is_file() && !dir.join(CONFIG).exists()
}

fn names(config: &Map<String, Value>) -> impl Iterator<Item = &str> {
    config.get("adapter_names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Names of the adapters that the fusion in `dir` fuses.
///
/// # Errors
/// Its configuration is missing or broken.
pub fn fused_names(dir: &Path) -> Result<Vec<String>> {
    Ok(names(&object(&dir.join(FUSION_CONFIG))?).map(str::to_owned).collect())
}

/// Reads a fusion with its adapters from the folders of their names beside it, as [`save_fusion`] writes them.
///
/// # Errors
/// As [`load_fusion`], or an adapter's name cannot be a folder's.
pub fn load_whole_fusion(dir: &Path, base: &Decoder) -> Result<Fusion> {
    let config = object(&dir.join(FUSION_CONFIG))?;
    let one = |name: &str| match name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        true => Err(at(dir, format!("the fusion is of an adapter `{name}`, which can be no folder's name"))),
        false => load(&dir.join(name), base),
    };
    load_fusion(dir, names(&config).map(one).collect::<Result<_>>()?, base)
}

/// Reads a fusion of `adapters` for `base`.
///
/// # Errors
/// As [`load`], or an adapter that the fusion names is not among those given.
pub fn load_fusion(dir: &Path, adapters: Vec<Adapters>, base: &Decoder) -> Result<Fusion> {
    let config = object(&dir.join(FUSION_CONFIG))?;
    let tensors = read_tensors_file(&dir.join(FUSION_TENSORS), base.device())?;
    read_fusion(&config, tensors, adapters, base).map_err(|error| at(dir, error))
}

/// A fusion of a configuration and tensors by their names in the file.
///
/// # Errors
/// As [`load_fusion`].
pub fn read_fusion(
    config: &Map<String, Value>,
    tensors: BTreeMap<String, Tensor>,
    mut adapters: Vec<Adapters>,
    base: &Decoder,
) -> Result<Fusion> {
    let expected = fusion_options();
    for (key, value) in config.get("config").and_then(Value::as_object).into_iter().flatten() {
        // The regulariser and dropout concern training only.
        if !["regularization", "dropout_prob", "value_initialized"].contains(&key.as_str())
            && expected.get(key) != Some(value)
        {
            bail!("option `{key}` of the fusion is not supported with the value {value}");
        }
    }
    let mut ordered = Vec::new();
    for name in names(config) {
        let Some(index) = adapters.iter().position(|adapter| adapter.name() == name) else {
            bail!("the fusion is of an adapter `{name}` that was not given");
        };
        ordered.push(adapters.swap_remove(index));
    }
    let Some(first) = ordered.first() else { bail!("option `adapter_names` of the fusion is missing or empty") };
    let name = ordered.iter().map(Adapters::name).collect::<Vec<_>>().join(",");
    let mut parts = Parts::new(tensors)?;
    let hidden = base.config().hidden_size;
    let mut mixers = BTreeMap::new();
    for (layer, which) in first.modules().keys() {
        let path = format!("{}.adapter_fusion_layer.{name}", path(*layer, *which));
        let mut part = |name: &str, bias| dense(&mut parts, &format!("{path}.{name}"), hidden, hidden, bias);
        let mixer = Mixer { query: part("query", true)?, key: part("key", true)?, value: part("value", false)? };
        mixers.insert((*layer, *which), mixer);
    }
    parts.finish("AdapterFusion")?;
    Fusion::from_parts(ordered, mixers)
}

fn fusion_options() -> Value {
    json!({
        "dropout_prob": null, "key": true, "query": true, "query_before_ln": false, "regularization": true, "residual_before": false,
        "temperature": false, "value": true, "value_before_softmax": true, "value_initialized": true,
    })
}

/// Writes a fusion into `dir`, and its adapters into folders of their names beside the fusion's files.
///
/// # Errors
/// As [`save`].
pub fn save_fusion(dir: &Path, fusion: &Fusion, base: &Decoder, base_name: &str) -> Result<()> {
    let mut config = about(base, base_name, &fusion.name());
    config["config"] = fusion_options();
    config["adapter_names"] = fusion.adapters().iter().map(Adapters::name).collect();
    let tensors = fusion.named_variables().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
    write(dir, FUSION_CONFIG, &config, FUSION_TENSORS, tensors)?;
    fusion.adapters().iter().try_for_each(|adapter| save(&dir.join(adapter.name()), adapter, base, base_name))
}
