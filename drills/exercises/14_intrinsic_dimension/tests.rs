//! Public tests, worked by hand:
//!
//! ```text
//! θ₀ = (1, 1, 1)    P = [1 0; 0 1; 1 1]    z = (1, 2)    P z = (1, 2, 3)    θ = (2, 3, 4)
//! g = (1, 2, 3):  Pᵀ g = (4, 5)    η = 0.1:  z = (0.6, 1.5)
//! loss ½‖θ - t‖², t = θ₀ + (1, 2, 6), from z = 0:  Pᵀ (θ - t) = -(7, 8)    η = 0.1: z = (0.7, 0.8)
//! then θ - t = (0.7, 0.8, 1.5) - (1, 2, 6) = -(0.3, 1.2, 4.5), Pᵀ: -(4.8, 5.7), z = (1.18, 1.37)
//! then θ - t = (1.18, 1.37, 2.55) - (1, 2, 6) = (0.18, -0.63, -3.45), Pᵀ: -(3.27, 4.08), z = (1.507, 1.778)
//! drifting, the third gradient is taken at θ₀ + P (z₁ + z₂):  (1.88, 2.17, 4.05) - (1, 2, 6), Pᵀ: -(1.07, 1.78), z = (1.287, 1.548)
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{parameters, step, train};

fn space() -> Result<(Tensor, Tensor)> {
    Ok((Tensor::new(&[1f32; 3], &Cpu)?, Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?))
}

pub fn register(suite: &mut Suite) {
    suite.case("the parameters", 2, |case| {
        let (start, p) = space()?;
        let z = Tensor::new(&[1f32, 2.0], &Cpu)?;
        case.close("θ", parameters(&start, &p, &z)?, [2.0, 3.0, 4.0], 1e-6)
            .mistake("θ₀ is missing", [1.0, 2.0, 3.0])
            .mistake("z is not used", [1.0, 1.0, 1.0])
            .mistake("P z is subtracted", [0.0, -1.0, -2.0]);
        Ok(())
    });
    suite.case("one step", 2, |case| {
        let (_, p) = space()?;
        let z = Tensor::new(&[1f32, 2.0], &Cpu)?;
        let gradient = Tensor::new(&[1f32, 2.0, 3.0], &Cpu)?;
        case.close("z", step(&p, &z, &gradient, 0.1)?, [0.6, 1.5], 1e-6)
            .mistake("the step goes uphill: subtract it", [1.4, 2.5])
            .mistake("the rate is missing", [-3.0, -3.0])
            .mistake("the gradient by θ is cut instead of projected: it comes back through Pᵀ", [0.9, 1.8])
            .mistake("z itself is lost: only the step is returned", [-0.4, -0.5]);
        Ok(())
    });
    suite.case("three steps of training", 3, |case| {
        let (start, p) = space()?;
        let target = Tensor::new(&[2f32, 3.0, 7.0], &Cpu)?;
        let gradient = |theta: &Tensor| theta - &target;
        case.close("z after one step", train(&start, &p, &gradient, 0.1, 1)?, [0.7, 0.8], 1e-5);
        case.close("z after two steps", train(&start, &p, &gradient, 0.1, 2)?, [1.18, 1.37], 1e-5)
            .mistake("the gradient is always taken at θ₀: take it at θ₀ + P z", [1.4, 1.6])
            .mistake("one step too few", [0.7, 0.8]);
        case.close("z after three steps", train(&start, &p, &gradient, 0.1, 3)?, [1.507, 1.778], 1e-5)
            .mistake("θ drifts: compute it from θ₀ each time, not from the last θ", [1.287, 1.548]);
        case.close("no steps", train(&start, &p, &gradient, 0.1, 0)?, [0.0, 0.0], 0.0);
        Ok(())
    });
}
