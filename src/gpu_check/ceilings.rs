//! What the device can: the ceilings that other figures are shares of.

use candle_core::{DType, Result, Tensor};

use super::{Figure, Found, Plan, timing::seconds};

/// Measures; gives the copies' bytes a second, reads and writes together.
pub(super) fn run(plan: &Plan, found: &mut Found) -> Result<f64> {
    let (count, rounds) = if plan.small { (1 << 20, 3) } else { (1 << 28, 9) };
    let source = Tensor::ones(count, DType::F32, &plan.device)?;
    let bytes = 2.0 * 4.0 * count as f64;
    let copies = seconds(&plan.device, rounds, || source.copy().map(drop))?.map(|seconds| bytes / seconds);
    found.figures.push(Figure {
        name: format!("copy of {} MiB, bytes read and written", count >> 18),
        unit: "GB/s".to_owned(),
        value: copies.map(|rate| rate / 1e9),
        goal: None,
    });
    drop(source);

    let side = if plan.small { 128 } else { 8192 };
    for dtype in [DType::F32, DType::BF16, DType::F16] {
        // candle's CPU does not multiply in bf16.
        if plan.device.is_cpu() && dtype == DType::BF16 {
            continue;
        }
        let (a, b) =
            (Tensor::ones((side, side), dtype, &plan.device)?, Tensor::ones((side, side), dtype, &plan.device)?);
        let products = seconds(&plan.device, rounds, || a.matmul(&b).map(drop))?;
        found.figures.push(Figure {
            name: format!("matrix product {side}³ in {}", dtype.as_str()),
            unit: "TFLOP/s".to_owned(),
            value: products.map(|seconds| 2.0 * (side as f64).powi(3) / seconds / 1e12),
            goal: None,
        });
    }
    Ok(copies.median)
}
