//! Hidden tests: one dimension by hand, and where training ends: at the least-squares solution PᵀP z = Pᵀ (t - θ₀).
//!
//! ```text
//! P = [1 0; 0 1; 1 1]    t - θ₀ = (1, 2, 6)    [2 1; 1 2] z = (7, 8)    z = (2, 3)
//! ```

use candle_core::{Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::answer::{parameters, step, train};

pub fn register(suite: &mut Suite) {
    suite.case("one dimension of four", 2, |case| {
        let start = Tensor::new(&[0f32, 1.0, 2.0, 3.0], &Cpu)?;
        let p = Tensor::new(&[[2f32], [0.0], [-1.0], [0.5]], &Cpu)?;
        let z = Tensor::new(&[2f32], &Cpu)?;
        case.close("θ", parameters(&start, &p, &z)?, [4.0, 1.0, 0.0, 4.0], 1e-6);
        let gradient = Tensor::new(&[1f32, 9.0, 2.0, 4.0], &Cpu)?;
        case.close("z", step(&p, &z, &gradient, 0.5)?, [1.0], 1e-6);
        Ok(())
    });
    suite.case("training ends at the nearest point of the subspace", 3, |case| {
        let start = Tensor::new(&[1f32; 3], &Cpu)?;
        let p = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?;
        let target = Tensor::new(&[2f32, 3.0, 7.0], &Cpu)?;
        let z = train(&start, &p, &|theta| theta - &target, 0.3, 80)?;
        case.close("z", &z, [2.0, 3.0], 1e-4);
        case.close("θ", parameters(&start, &p, &z)?, [3.0, 4.0, 6.0], 1e-4);
        Ok(())
    });
    suite.case("a gradient outside the subspace moves nothing", 1, |case| {
        // (1, 1, -1) is orthogonal to both columns of P.
        let p = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?;
        let z = Tensor::new(&[5f32, -5.0], &Cpu)?;
        let gradient = Tensor::new(&[1f32, 1.0, -1.0], &Cpu)?;
        case.close("z", step(&p, &z, &gradient, 1.0)?, [5.0, -5.0], 1e-6);
        Ok(())
    });
}
