//! NF4 at a LLaMA's shapes. Both operations wait for memory, so a share of the copies' bytes a second is what they can be judged by.

use candle_core::Result;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Figure, Found, Goal, Plan, shapes, timing::seconds};
use crate::model::{Projection, Weight, projection_shape};

/// Least share of the copies' rate, for dequantising.
const DEQUANTISE: f64 = 0.8;

/// The same for the product with one token.
const MULTIPLY: f64 = 0.6;

/// Measures against copies at `bandwidth` bytes a second.
pub(super) fn run(plan: &Plan, bandwidth: f64, found: &mut Found) -> Result<()> {
    let (config, rounds) = if plan.small { (shapes::small(), 3) } else { (shapes::seven_billion(), 9) };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for projection in [Projection::Q, Projection::Gate, Projection::Down] {
        let [out, width] = projection_shape(&config, projection);
        let numbers = shapes::codes(&mut rng, out * width)?;
        let stored = numbers.bytes() as f64;
        let weight = Weight::from_quantised(numbers, (out, width), &plan.device)?;
        let dense = seconds(&plan.device, rounds, || weight.dense().map(drop))?;
        let x = shapes::matrix(&mut rng, (1, width), &plan.device)?;
        let product = seconds(&plan.device, rounds, || weight.apply(&x).map(drop))?;
        let written = 4.0 * (out * width) as f64;
        let moved = [
            ("dequantise", dense, stored + written, DEQUANTISE),
            ("times one token", product, stored + 4.0 * (out + width) as f64, MULTIPLY),
        ];
        for (name, time, bytes, goal) in moved {
            found.figures.push(Figure {
                name: format!("NF4 {out} × {width}, {name}: share of the copies' rate"),
                unit: "of 1".to_owned(),
                value: time.map(|seconds| bytes / seconds / bandwidth),
                goal: (!plan.small).then_some(Goal::AtLeast(goal)),
            });
        }
    }
    Ok(())
}
