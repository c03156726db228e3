//! Layers outside the decoder: GPT-2's `Conv1D`, which stores (in, out), and a linear whose bias is trained.

use candle_core::{Result, Tensor};

use super::{Case, Check};
use crate::{model::linear, peft::hub::load_layer};

pub(super) fn compare(case: &Case) -> Result<Vec<Check>> {
    let (w, b) = (case.tensor("module/c_attn.weight")?, case.tensor("module/c_attn.bias")?);
    let (fc, fc_bias) = (case.tensor("module/fc.weight")?, case.tensor("module/fc.bias")?);
    let conv = load_layer(&case.path("adapter/conv1d"), "c_attn", w.dim(0)?, w.dim(1)?, w.device())?;
    let biased = load_layer(&case.path("adapter/linear_bias"), "fc", fc.dim(1)?, fc.dim(0)?, fc.device())?;

    // The module is y = fc(c_attn(x)); each adapter is on one of the two.
    let x = case.tensor("x")?;
    let plain_conv = linear(x, &w.t()?.contiguous()?)?.broadcast_add(b)?;
    let plain_fc = |x: &Tensor| linear(x, fc)?.broadcast_add(fc_bias);
    Ok(vec![
        case.check("conv1d/y_base", &plain_fc(&plain_conv)?, "y_abs")?,
        case.check("conv1d/y", &plain_fc(&conv.forward(x, w, b)?)?, "y_abs")?,
        case.check("conv1d/merged_weight", &conv.merged(w)?, "merged_weight_abs")?,
        case.check("linear_bias/y", &biased.forward(&plain_conv, fc, fc_bias)?, "y_abs")?,
        case.check("linear_bias/merged_weight", &biased.merged(fc)?, "merged_weight_abs")?,
    ])
}
