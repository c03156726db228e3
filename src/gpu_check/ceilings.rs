//! What the device can: the ceilings that other figures are shares of.

use candle_core::{DType, Result, Tensor};

use super::{Found, Plan, timing::seconds};
use crate::device::{down, up};

/// Measures; gives the copies' bytes a second, reads and writes together, if it could.
pub(super) fn run(plan: &Plan, found: &mut Found) -> Option<f64> {
    let mut bandwidth = None;
    found.measure("copies", |found| {
        bandwidth = Some(copies(plan, found)?);
        Ok(())
    });
    found.measure("copies between host and device", |found| between(plan, found));
    // candle's CPU does not multiply in bf16.
    for dtype in
        [DType::F32, DType::BF16, DType::F16].into_iter().filter(|dtype| !plan.device.is_cpu() || *dtype != DType::BF16)
    {
        found.measure(&format!("matrix product in {}", dtype.as_str()), |found| product(plan, dtype, found));
    }
    bandwidth
}

fn sizes(plan: &Plan) -> (usize, usize) {
    if plan.small { (1 << 20, 3) } else { (1 << 28, 9) }
}

fn copies(plan: &Plan, found: &mut Found) -> Result<f64> {
    let (count, rounds) = sizes(plan);
    let source = Tensor::ones(count, DType::F32, &plan.device)?;
    let bytes = 2.0 * 4.0 * count as f64;
    let copies = seconds(&plan.device, rounds, || source.copy().map(drop))?.map(|seconds| bytes / seconds);
    let name = format!("copy of {} MiB, bytes read and written", count >> 18);
    found.figure(name, "GB/s", copies.map(|rate| rate / 1e9), None);
    Ok(copies.median)
}

/// As a batch, a loss or a checkpoint moves: through memory that is not pinned.
fn between(plan: &Plan, found: &mut Found) -> Result<()> {
    let (count, rounds) = if plan.small { (1 << 16, 3) } else { (1 << 24, 5) };
    let values = vec![1f32; count];
    let rate = |seconds: f64| 4.0 * count as f64 / seconds / 1e9;
    let there = up(values.clone(), count, &plan.device)?;
    let sent = seconds(&plan.device, rounds, || up(values.clone(), count, &plan.device).map(drop))?;
    let fetched = seconds(&plan.device, rounds, || down::<f32>(&there).map(drop))?;
    for (name, taken) in [("to the device", sent), ("to the host", fetched)] {
        found.figure(format!("copy of {} KiB {name}", count >> 8), "GB/s", taken.map(rate), None);
    }
    Ok(())
}

fn product(plan: &Plan, dtype: DType, found: &mut Found) -> Result<()> {
    let (side, (_, rounds)) = (if plan.small { 128 } else { 8192 }, sizes(plan));
    let (a, b) = (Tensor::ones((side, side), dtype, &plan.device)?, Tensor::ones((side, side), dtype, &plan.device)?);
    let products = seconds(&plan.device, rounds, || a.matmul(&b).map(drop))?;
    let rate = products.map(|seconds| 2.0 * (side as f64).powi(3) / seconds / 1e12);
    found.figure(format!("matrix product {side}³ in {}", dtype.as_str()), "TFLOP/s", rate, None);
    Ok(())
}
