//! A dense layer with bias, `y = W x + b`: what the small networks of prefix tuning, p-tuning, adapters and fusion are made of.

use candle_core::{DType, Device, Error, Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};

use super::lora::{kaiming, uniform};
use crate::{device::up, model::linear};

/// A trained dense layer.
#[derive(Debug, Clone)]
pub struct Dense {
    /// (out, in).
    pub weight: Var,
    /// (out); absent in layers without one.
    pub bias: Option<Var>,
}

impl Dense {
    /// A layer with torch's start: weight and bias uniform on ±1/√in.
    ///
    /// # Errors
    /// The device has no room.
    pub fn torch(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng, device: &Device) -> Result<Self> {
        let weight = Var::from_tensor(&kaiming([outputs, inputs], rng, device)?)?;
        let bias = uniform([1, outputs], 1.0 / (inputs as f32).sqrt(), rng, device)?.squeeze(0)?;
        Ok(Self { weight, bias: Some(Var::from_tensor(&bias)?) })
    }

    /// A layer with BERT's start: weight normal with this standard deviation, bias zero.
    ///
    /// # Errors
    /// The device has no room.
    pub fn bert(inputs: usize, outputs: usize, std: f64, rng: &mut ChaCha8Rng, device: &Device) -> Result<Self> {
        let bias = Some(Var::zeros(outputs, DType::F32, device)?);
        Ok(Self { weight: normal([outputs, inputs], std, rng, device)?, bias })
    }

    /// `W x + b` for the last dimension of `x`.
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        affine(x, self.weight.as_tensor(), self.bias.as_ref().map(Var::as_tensor))
    }

    /// The same with the layer frozen: gradients pass to `x` and not to the layer.
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn forward_frozen(&self, x: &Tensor) -> Result<Tensor> {
        affine(x, &self.weight.detach(), self.bias.as_ref().map(|bias| bias.detach()).as_ref())
    }

    /// Number of outputs.
    ///
    /// # Errors
    /// The weight is no matrix.
    pub fn outputs(&self) -> Result<usize> {
        self.weight.dims2().map(|(outputs, _)| outputs)
    }

    /// Its tensors under `path`.
    #[must_use]
    pub fn named(&self, path: &str) -> Vec<(String, Var)> {
        let bias = self.bias.iter().map(|bias| (format!("{path}.bias"), bias.clone()));
        [(format!("{path}.weight"), self.weight.clone())].into_iter().chain(bias).collect()
    }
}

fn affine(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = linear(x, weight)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

/// A normal matrix.
pub(super) fn normal(shape: [usize; 2], std: f64, rng: &mut ChaCha8Rng, device: &Device) -> Result<Var> {
    let normal = Normal::new(0.0, std).map_err(|error| Error::Msg(error.to_string()))?;
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| normal.sample(rng) as f32).collect();
    Var::from_tensor(&up(values, &shape[..], device)?)
}
