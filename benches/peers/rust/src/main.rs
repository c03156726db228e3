//! peft-rs' and qlora-rs' side of `cargo bench --bench ops`: `rust-peers OPERATION LIBRARY`.

#[path = "../../turns.rs"]
mod turns;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use peft_rs::{Adapter as _, LoraConfig, LoraLayer};
use qlora_rs::{
    QLoraConfig, QuantizationConfig, QuantizedLinear, dequantize_nf4, quantization::quantize_nf4_with_config,
};

/// As in `benches/ops.rs`.
const QUANTISED: (usize, usize) = (4096, 4096);
const LAYER: (usize, usize) = (1536, 1536);
const TOKENS: usize = 256;

fn random(shape: (usize, usize)) -> Tensor {
    Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
}

fn lora() -> LoraConfig {
    LoraConfig { r: 8, alpha: 8, dropout: 0.0, ..LoraConfig::default() }
}

/// Forward and backward of one layer.
fn layer(forward: impl Fn(&Tensor) -> Tensor) {
    let x = Var::from_tensor(&random((TOKENS, LAYER.1))).unwrap();
    turns::take(|| forward(x.as_tensor()).sqr().unwrap().sum_all().unwrap().backward().unwrap());
}

fn main() {
    let operation = turns::arguments().into_iter().next().unwrap_or_default();
    let (variables, double) = (VarMap::new(), QuantizationConfig::default());
    let names = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    match operation.as_str() {
        "quantise" => {
            let dense = random(QUANTISED);
            turns::take(|| quantize_nf4_with_config(&dense, &double).unwrap());
        }
        "dequantise" => {
            let four = quantize_nf4_with_config(&random(QUANTISED), &double).unwrap();
            turns::take(|| dequantize_nf4(&four, &Device::Cpu).unwrap());
        }
        "layer" => {
            let (weight, lora) = (random(LAYER), LoraLayer::new(LAYER.1, LAYER.0, lora(), names).unwrap());
            layer(|x| lora.forward(x, Some(&x.matmul(&weight.t().unwrap()).unwrap())).unwrap());
        }
        "four-bit-layer" => {
            let config = QLoraConfig { lora: lora(), quantization: double, ..QLoraConfig::default() };
            let four = QuantizedLinear::from_weight_with_varbuilder(&random(LAYER), None, &config, names).unwrap();
            layer(|x| four.forward(x).unwrap());
        }
        _ => eprintln!("say quantise, dequantise, layer or four-bit-layer"),
    }
}
