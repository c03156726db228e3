//! Bottleneck adapters in the format of the `adapters` library (AdapterHub; Poth et al. 2023, arXiv 2311.11077): `adapter_config.json` with
//! `adapter.safetensors`. `fusion` has its fusions.

mod fusion;

use std::{collections::BTreeMap, fs, path::Path};

use candle_core::{Error, Result, Tensor, bail};
pub use fusion::{FUSION_TENSORS, fused_names, is_fusion, load_fusion, load_whole_fusion, read_fusion, save_fusion};
use serde_json::{Map, Value, json};

use super::{
    CONFIG, Parts, at,
    reduction::{factor_for, floor_division},
};
use crate::{
    model::{Decoder, Sublayer, read_tensors_file, read_text, write_tensors, write_whole},
    peft::{
        Method as _,
        bottleneck::{Activation, Adapters, Bottleneck, Placement, path},
        dense::Dense,
    },
};

/// Name of the tensors file of a set of adapters.
pub const TENSORS: &str = "adapter.safetensors";

/// Options that must have this value: nothing else is computed here.
const FIXED: [(&str, Value); 12] = [
    ("adapter_residual_before_ln", Value::Bool(false)),
    ("cross_adapter", Value::Bool(false)),
    ("inv_adapter", Value::Null),
    ("is_parallel", Value::Bool(false)),
    ("ln_after", Value::Bool(false)),
    ("ln_before", Value::Bool(false)),
    ("original_ln_after", Value::Bool(true)),
    ("phm_layer", Value::Bool(false)),
    ("residual_before_ln", Value::Bool(true)),
    ("use_gating", Value::Bool(false)),
    ("shared_W_phm", Value::Bool(false)),
    ("architecture", Value::Null),
];

/// Options that are read, that concern training only, or that belong to a layer kind which is not used.
const READ: [&str; 21] = [
    "mh_adapter",
    "output_adapter",
    "original_ln_before",
    "non_linearity",
    "reduction_factor",
    "scaling",
    "leave_out",
    "dropout",
    "stochastic_depth",
    "init_weights",
    "init_weights_seed",
    "inv_adapter_reduction_factor",
    "factorized_phm_W",
    "factorized_phm_rule",
    "hypercomplex_nonlinearity",
    "learn_phm",
    "phm_bias",
    "phm_c_init",
    "phm_dim",
    "phm_init_range",
    "phm_rank",
];

/// As [`READ`], of which nothing is looked at.
const MORE: [&str; 1] = ["shared_phm_rule"];

/// The names of the nonlinearities, the first one of each is written.
const ACTIVATIONS: [(&str, Activation); 8] = [
    ("relu", Activation::Relu),
    ("swish", Activation::Swish),
    ("silu", Activation::Swish),
    ("gelu", Activation::Gelu),
    ("gelu_orig", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("tanh", Activation::Tanh),
    ("leakyrelu", Activation::LeakyRelu),
];

fn object(file: &Path) -> Result<Map<String, Value>> {
    serde_json::from_str(&read_text(file)?).map_err(|error| at(file, error))
}

/// Reads a set of bottleneck adapters for `base`.
///
/// # Errors
/// A file is missing or broken, an option is not supported, or a tensor is missing, unknown or does not fit.
pub fn load(dir: &Path, base: &Decoder) -> Result<Adapters> {
    let file = dir.join(CONFIG);
    let config = object(&file)?;
    let tensors = read_tensors_file(&dir.join(TENSORS), base.device())?;
    read(&config, tensors, base).map_err(|error| at(dir, error))
}

/// Adapters of a configuration and tensors by their names in the file.
///
/// # Errors
/// As [`load`].
pub fn read(config: &Map<String, Value>, tensors: BTreeMap<String, Tensor>, base: &Decoder) -> Result<Adapters> {
    let name = config.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(options) = config.get("config").and_then(Value::as_object) else { bail!("option `config` is missing") };
    for (key, value) in options {
        match FIXED.iter().find(|(fixed, _)| fixed == key) {
            Some((_, fixed)) if fixed == value => {}
            None if READ.contains(&key.as_str()) || MORE.contains(&key.as_str()) => {}
            _ => bail!("option `{key}` is not supported with the value {value}"),
        }
    }
    let flag = |name: &str| options.get(name).and_then(Value::as_bool).unwrap_or(false);
    let placement = Placement {
        attention: flag("mh_adapter"),
        mlp: flag("output_adapter"),
        reads_residual: flag("original_ln_before"),
    };
    let width = width(options, base)?;
    let activation = activation(options)?;
    let scaling = match options.get("scaling") {
        None => 1.0,
        Some(value) => {
            value.as_f64().ok_or_else(|| Error::Msg(format!("option `scaling` is not supported with {value}")))?
        }
    };
    let left_out: Vec<u64> =
        options.get("leave_out").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_u64).collect();
    let mut parts = Parts::new(tensors)?;
    let hidden = base.config().hidden_size;
    let mut modules = BTreeMap::new();
    for layer in (0..base.config().num_hidden_layers).filter(|layer| !left_out.contains(&(*layer as u64))) {
        for which in [Sublayer::Attention, Sublayer::Mlp].into_iter().filter(|which| placement.has(*which)) {
            let path = format!("{}.adapters.{name}", path(layer, which));
            let down = dense(&mut parts, &format!("{path}.adapter_down.0"), width, hidden, true)?;
            let up = dense(&mut parts, &format!("{path}.adapter_up"), hidden, width, true)?;
            modules.insert((layer, which), Bottleneck { down, up, activation, scaling });
        }
    }
    parts.finish("a bottleneck adapter")?;
    Ok(Adapters::from_modules(&name, placement, modules))
}

fn dense(parts: &mut Parts, path: &str, outputs: usize, inputs: usize, bias: bool) -> Result<Dense> {
    let weight = parts.shaped(&format!("{path}.weight"), &[outputs, inputs])?;
    let bias = if bias { Some(parts.shaped(&format!("{path}.bias"), &[outputs])?) } else { None };
    Ok(Dense { weight, bias })
}

/// `hidden // reduction_factor`, as the library does.
fn width(options: &Map<String, Value>, base: &Decoder) -> Result<usize> {
    let factor = options.get("reduction_factor");
    let Some(factor) = factor.and_then(Value::as_f64).filter(|factor| *factor > 0.0) else {
        bail!("option `reduction_factor` is missing or not one positive number for all layers");
    };
    match floor_division(base.config().hidden_size as f64, factor) as usize {
        0 => bail!("option `reduction_factor` leaves no bottleneck at all"),
        width => Ok(width),
    }
}

fn activation(options: &Map<String, Value>) -> Result<Activation> {
    let name = options.get("non_linearity").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let known = ACTIVATIONS.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation);
    known.ok_or_else(|| Error::Msg(format!("option `non_linearity` is not supported with the value \"{name}\"")))
}

fn about(base: &Decoder, base_name: &str, name: &str) -> Value {
    json!({
        "hidden_size": base.config().hidden_size,
        "model_class": "LlamaForCausalLM",
        "model_name": base_name,
        "model_type": "llama",
        "name": name,
        "version": "adapters.1.3.0",
    })
}

/// Writes a set of bottleneck adapters as the library reads it.
///
/// # Errors
/// The modules differ in a way the format cannot say, or the place cannot be written.
pub fn save(dir: &Path, adapters: &Adapters, base: &Decoder, base_name: &str) -> Result<()> {
    let Some(first) = adapters.modules().values().next() else { bail!("there is no bottleneck to write") };
    let (hidden, width, placement) = (base.config().hidden_size, first.down.outputs()?, adapters.placement());
    let same = |other: &Bottleneck| {
        other.activation == first.activation
            && other.scaling == first.scaling
            && other.down.weight.dims() == first.down.weight.dims()
    };
    if !adapters.modules().values().all(same) {
        bail!("the format has one width, nonlinearity and scaling for all layers; these adapters differ");
    }
    let non_linearity =
        ACTIVATIONS.iter().find(|(_, activation)| *activation == first.activation).map(|(name, _)| *name);
    let left_out: Vec<usize> = (0..base.config().num_hidden_layers)
        .filter(|layer| !adapters.modules().keys().any(|(other, _)| other == layer))
        .collect();
    let mut options = json!({
        "mh_adapter": placement.attention,
        "output_adapter": placement.mlp,
        "original_ln_before": placement.reads_residual,
        "non_linearity": non_linearity,
        "reduction_factor": factor_for(hidden as f64, width as f64),
        "scaling": first.scaling,
        "leave_out": left_out,
        "dropout": 0.0,
        "init_weights": "bert",
    });
    for (key, value) in FIXED.iter().filter(|(key, _)| *key != "architecture") {
        options[*key] = value.clone();
    }
    let mut config = about(base, base_name, adapters.name());
    config["config"] = options;
    let tensors = adapters.named_variables().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
    write(dir, CONFIG, &config, TENSORS, tensors)
}

fn write(dir: &Path, config_name: &str, config: &Value, name: &str, tensors: BTreeMap<String, Tensor>) -> Result<()> {
    let text = serde_json::to_vec_pretty(config).map_err(|error| at(dir, error))?;
    fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
    write_tensors(&dir.join(name), tensors)?;
    write_whole(&dir.join(config_name), &text)
}
