//! Four-bit weights as bitsandbytes serialises them into safetensors, which is how transformers saves a quantised model:
//!
//! ```text
//! NAME.weight                                  u8 (n/2, 1)     two codes a byte
//! NAME.weight.absmax                           f32, or u8 under double quantisation
//! NAME.weight.quant_map                        f32 (16)
//! NAME.weight.nested_absmax, .nested_quant_map f32             under double quantisation
//! NAME.weight.quant_state.bitsandbytes__nf4    JSON as u8: shape, blocksize, nested_offset, …
//! ```

use std::collections::BTreeMap;

use candle_core::{DType, Device, Error, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

use super::Weight;
use crate::quant::{Codebook, DynamicMap, EightBit, Quantised, Scales};

/// Ending of the key that describes a four-bit weight.
const STATE: &str = ".quant_state.bitsandbytes__nf4";

/// The same for the type that is not read.
const FP4_STATE: &str = ".quant_state.bitsandbytes__fp4";

#[derive(Serialize, Deserialize)]
struct State {
    quant_type: String,
    blocksize: usize,
    dtype: String,
    shape: [usize; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nested_blocksize: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nested_dtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nested_offset: Option<f32>,
}

/// Weights of stored tensors: four-bit ones put together, the others in f32.
pub(super) fn decode(mut stored: BTreeMap<String, Tensor>, device: &Device) -> Result<BTreeMap<String, Weight>> {
    if let Some(name) = stored.keys().find(|name| name.ends_with(FP4_STATE)) {
        bail!("`{name}`: weights in bitsandbytes' FP4 are not supported, only NF4");
    }
    let names: Vec<String> = stored.keys().filter_map(|name| name.strip_suffix(STATE).map(str::to_owned)).collect();
    let mut weights = BTreeMap::new();
    for name in names {
        let weight = four_bit(&mut stored, &name, device).map_err(|error| error.context(format!("`{name}`")))?;
        weights.insert(name, weight);
    }
    for (name, tensor) in stored {
        weights.insert(name, tensor.to_dtype(DType::F32)?.into());
    }
    Ok(weights)
}

fn four_bit(stored: &mut BTreeMap<String, Tensor>, name: &str, device: &Device) -> Result<Weight> {
    let mut take = |ending: &str| match stored.remove(&format!("{name}{ending}")) {
        Some(tensor) => tensor.flatten_all(),
        None => bail!("there is no tensor `{name}{ending}`"),
    };
    let state: State = serde_json::from_slice(&take(STATE)?.to_vec1::<u8>()?).map_err(Error::wrap)?;
    let Ok(levels) = <[f32; 16]>::try_from(take(".quant_map")?.to_dtype(DType::F32)?.to_vec1::<f32>()?) else {
        bail!("the quant_map has not 16 values");
    };
    let packed = take("")?.to_vec1::<u8>()?;
    let absmax = take(".absmax")?;
    let scales = match (state.nested_blocksize, state.nested_offset) {
        (None, None) => Scales::Plain(absmax.to_dtype(DType::F32)?.to_vec1()?),
        (Some(block), Some(offset)) if block > 0 => {
            let map = take(".nested_quant_map")?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            let same = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
            if map.len() != 256 || !map.iter().zip(DynamicMap::signed().values()).all(same) {
                bail!("the nested_quant_map is not the dynamic 8-bit map");
            }
            let (codes, largest) = (absmax.to_vec1::<u8>()?, take(".nested_absmax")?.to_dtype(DType::F32)?.to_vec1()?);
            if codes.len().div_ceil(block) != largest.len() {
                bail!("{} nested scales do not fit {} scales in blocks of {block}", largest.len(), codes.len());
            }
            Scales::Double { coded: EightBit { codes, absmax: largest, block }, offset }
        }
        _ => bail!("the quantisation state has only half of what double quantisation needs"),
    };
    let [out, width] = state.shape;
    let Some(count) = out.checked_mul(width) else { bail!("the shape {:?} is absurd", state.shape) };
    let codebook = Codebook::of(levels);
    let numbers = Quantised::from_parts(packed, scales, count, state.blocksize, codebook).map_err(Error::Msg)?;
    Weight::from_quantised(numbers, (out, width), device)
}

/// Stored tensors of weights; the inverse of [`decode`].
pub(super) fn encode(weights: &BTreeMap<String, Weight>) -> Result<BTreeMap<String, Tensor>> {
    let mut stored = BTreeMap::new();
    for (name, weight) in weights {
        let numbers = match (weight, weight.quantised()) {
            (Weight::Dense(tensor), _) => {
                stored.insert(name.clone(), tensor.clone());
                continue;
            }
            (_, Some(numbers)) => numbers,
            // bitsandbytes has no such form; the numbers themselves survive in f32.
            (_, None) => {
                stored.insert(name.clone(), weight.dense()?);
                continue;
            }
        };
        let (out, width) = weight.dims2()?;
        let mut state = State {
            quant_type: "nf4".to_owned(),
            blocksize: numbers.block(),
            dtype: "float32".to_owned(),
            shape: [out, width],
            nested_blocksize: None,
            nested_dtype: None,
            nested_offset: None,
        };
        let mut put = |ending: &str, tensor: Tensor| stored.insert(format!("{name}{ending}"), tensor);
        put("", Tensor::from_slice(numbers.packed(), (numbers.packed().len(), 1), &Device::Cpu)?);
        put(".quant_map", Tensor::new(numbers.codebook().values(), &Device::Cpu)?);
        match numbers.scales() {
            Scales::Plain(scales) => drop(put(".absmax", Tensor::new(&scales[..], &Device::Cpu)?)),
            Scales::Double { coded, offset } => {
                state.nested_blocksize = Some(coded.block);
                state.nested_dtype = Some("float32".to_owned());
                state.nested_offset = Some(*offset);
                put(".absmax", Tensor::new(&coded.codes[..], &Device::Cpu)?);
                put(".nested_absmax", Tensor::new(&coded.absmax[..], &Device::Cpu)?);
                put(".nested_quant_map", Tensor::new(DynamicMap::signed().values(), &Device::Cpu)?);
            }
        }
        let text = serde_json::to_vec(&state).map_err(Error::wrap)?;
        put(STATE, Tensor::new(&text[..], &Device::Cpu)?);
    }
    Ok(stored)
}

/// What `config.json` says of a quantised model, so that transformers loads it.
pub(super) fn config(double: bool) -> serde_json::Value {
    serde_json::json!({
        "quant_method": "bitsandbytes",
        "load_in_4bit": true,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": double,
        "bnb_4bit_compute_dtype": "float32",
        "bnb_4bit_quant_storage": "uint8",
    })
}
