//! `backward`: the gradient passes *through* every frozen matrix.
//!
//! `∂L/∂x = W₀ᵀ g + s·AᵀBᵀ g`: no gradient is computed *for* a frozen weight, but the error signal needs it (QLoRA, arXiv 2305.14314,
//! §3, dequantises it again for this). Stop the signal at one layer and every adapter below it stops training.

use candle_core::{Result as TensorResult, Tensor};

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Table, lab};
use crate::{
    model::{Decoder, Doors, Site, Sublayer, Weight},
    peft::{
        Targets,
        lora::{Config, Lora},
    },
    train::{Batch, loss},
};

pub(super) const DEMO: Demo = Demo {
    name: "backward",
    about: "stops the gradient at one frozen layer: the adapters below it stop training",
    args: &[ArgSpec { name: "layer", default: "2", help: "the layer where the signal is stopped, 0 to 4" }],
    run,
};

/// A method with the gradient stopped after the MLP of one layer; the forward pass is unchanged.
struct Stopped<'a> {
    method: &'a Lora,
    layer: usize,
}

impl Doors for Stopped<'_> {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> TensorResult<Tensor> {
        self.method.linear(site, weight, x)
    }

    /// The model adds the residual to what is returned here. Returning `stop(branch + residual) − residual` keeps the sum and makes
    /// its gradient with respect to everything below −g + g = 0.
    fn sublayer(&self, layer: usize, which: Sublayer, branch: Tensor, residual: &Tensor) -> TensorResult<Tensor> {
        if layer == self.layer && which == Sublayer::Mlp {
            return (branch + residual)?.detach() - residual;
        }
        Ok(branch)
    }
}

fn run(args: &Args) -> Result<Report, Error> {
    let base = lab::base()?;
    let layers = base.config().num_hidden_layers;
    let layer = lab::number("backward", args, "layer", layers / 2, 0..=layers - 1)?;
    let batch = lab::batch(16, 0)?;
    let config = Config { targets: Targets::AllLinear, ..Config::default() };
    let lora = Lora::new(&base, config)?;
    let free = norms(&base, &lora, &lora, &batch)?;
    let stopped = norms(&base, &lora, &Stopped { method: &lora, layer }, &batch)?;

    let mut numbers = std::collections::BTreeMap::from([("layer".to_owned(), layer as f64)]);
    let mut rows = Vec::new();
    for (index, (free, stopped)) in free.iter().zip(&stopped).enumerate() {
        numbers.insert(format!("free_layer_{index}"), *free);
        numbers.insert(format!("stopped_layer_{index}"), *stopped);
        rows.push(vec![(index as u64).into(), (*free).into(), (*stopped).into()]);
    }
    Ok(Report {
        demo: "backward".to_owned(),
        title: format!("‖∂L/∂B‖ by layer, with the signal stopped above layer {layer}"),
        text: vec![
            format!("With the signal stopped after layer {layer}, the adapters of layers 0 to {layer} get no gradient; those above are untouched."),
            "So \"gradients flow only through LoRA\" is wrong: they flow through every frozen matrix between an adapter and the loss.".to_owned(),
        ],
        numbers,
        tables: vec![Table {
            title: "Norm of the gradient of all B of a layer at step 0".to_owned(),
            columns: ["layer", "as it is", "signal stopped"].map(str::to_owned).to_vec(),
            rows,
        }],
        figure: Some(Figure {
            title: "Gradient of B by layer, signal stopped".to_owned(),
            x: "layer".to_owned(),
            y: "‖∂L/∂B‖".to_owned(),
            log_x: false,
            log_y: false,
            chart: Chart::Bars(stopped.iter().enumerate().map(|(i, norm)| (format!("layer {i}"), *norm)).collect()),
        }),
    })
}

/// ‖∂L/∂B‖ over the sites of each layer.
fn norms(base: &Decoder, lora: &Lora, doors: &dyn Doors, batch: &Batch) -> Result<Vec<f64>, Error> {
    let grads = loss(base, doors, batch)?.backward()?;
    let mut squares = vec![0.0; base.config().num_hidden_layers];
    for (site, factors) in lora.factors() {
        if let Some(grad) = grads.get(factors.b.as_tensor()) {
            squares[site.layer] += lab::norm(grad)?.powi(2);
        }
    }
    Ok(squares.into_iter().map(f64::sqrt).collect())
}
