//! NF4 at a LLaMA's shapes. Both operations wait for memory, so a share of the copies' bytes a second is what they can be judged by.

use candle_core::Result;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Found, Goal, Plan, shapes, timing::seconds};
use crate::{
    device::Precision,
    model::{Projection, Weight, projection_shape},
};

/// Least share of the copies' rate, for dequantising.
const DEQUANTISE: f64 = 0.8;

/// The same for the product with one token.
const MULTIPLY: f64 = 0.6;

/// Measures against copies at `bandwidth` bytes a second.
pub(super) fn run(plan: &Plan, bandwidth: f64, found: &mut Found) {
    let config = if plan.small { shapes::small() } else { shapes::seven_billion() };
    for projection in [Projection::Q, Projection::Gate, Projection::Down] {
        let [out, width] = projection_shape(&config, projection);
        found.measure(&format!("NF4 {out} × {width}"), |found| one(plan, bandwidth, (out, width), found));
    }
}

fn one(plan: &Plan, bandwidth: f64, (out, width): (usize, usize), found: &mut Found) -> Result<()> {
    let rounds = if plan.small { 3 } else { 9 };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let numbers = shapes::codes(&mut rng, out * width)?;
    let stored = numbers.bytes() as f64;
    let weight = Weight::from_quantised(numbers, (out, width), &plan.device)?;
    let x = shapes::matrix(&mut rng, (1, width), &plan.device)?;
    for precision in [Precision::F32, Precision::Bf16] {
        let (dtype, size) = (precision.dtype(), precision.dtype().size_in_bytes() as f64);
        let x = x.to_dtype(dtype)?;
        let dense = seconds(&plan.device, rounds, || weight.dense_in(precision).map(drop))?;
        let product = seconds(&plan.device, rounds, || weight.apply(&x).map(drop))?;
        let moved = [
            ("dequantise", dense, stored + size * (out * width) as f64, DEQUANTISE),
            ("times one token", product, stored + size * (out + width) as f64, MULTIPLY),
        ];
        for (name, time, bytes, goal) in moved {
            let about = format!("NF4 {out} × {width}, {name} in {precision}: share of the copies' rate");
            let share = time.map(|seconds| bytes / seconds / bandwidth);
            found.figure(about, "of 1", share, (!plan.small).then_some(Goal::AtLeast(goal)));
        }
    }
    Ok(())
}
