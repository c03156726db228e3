//! Hidden tests: r = 8, alpha = 16 with r = 4, alpha = 4, weights 0.7 and 0.3 (scales 2 and 1, so 1.4 and 0.3); a negative weight; by hand.

use candle_core::{DType, Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Adapter, compose, cross_terms};

/// All ones: B A is r in each place.
fn ones(r: usize, alpha: f64) -> Result<Adapter> {
    Ok(Adapter { a: Tensor::ones((r, 2), DType::F32, &Cpu)?, b: Tensor::ones((3, r), DType::F32, &Cpu)?, alpha })
}

pub fn register(suite: &mut Suite) {
    suite.case("ranks eight and four", 3, |case| {
        let (a, b) = compose(&[(0.7, ones(8, 16.0)?), (0.3, ones(4, 4.0)?)])?;
        case.exact("shape of A", a.dims(), [12, 2]);
        case.exact("shape of B", b.dims(), [3, 12]);
        // 1.4 · 8 + 0.3 · 4
        case.close("B A", b.matmul(&a)?, [[12.4, 12.4]; 3], 1e-5);
        Ok(())
    });
    suite.case("one taken from another", 2, |case| {
        // 1 · 3 - 1 · 3 with equal adapters: nothing is left. With weight 2: one is.
        let (a, b) = compose(&[(1.0, ones(3, 3.0)?), (-1.0, ones(3, 3.0)?)])?;
        case.close("B A of a difference", b.matmul(&a)?, [[0.0, 0.0]; 3], 1e-5);
        let (a, b) = compose(&[(2.0, ones(3, 3.0)?), (-1.0, ones(3, 3.0)?), (0.0, ones(1, 9.0)?)])?;
        case.close("B A of three", b.matmul(&a)?, [[3.0, 3.0]; 3], 1e-5);
        Ok(())
    });
    suite.case("other cross terms", 1, |case| {
        let one =
            Adapter { a: Tensor::new(&[[1f32, 2.0]], &Cpu)?, b: Tensor::new(&[[1f32], [0.0]], &Cpu)?, alpha: 8.0 };
        let other =
            Adapter { a: Tensor::new(&[[0f32, 5.0]], &Cpu)?, b: Tensor::new(&[[2f32], [3.0]], &Cpu)?, alpha: 1.0 };
        // [0 5; 0 0] + [2 4; 3 6]
        case.close("B₁ A₂ + B₂ A₁", cross_terms(&one, &other)?, [[2.0, 9.0], [3.0, 6.0]], 1e-5);
        Ok(())
    });
}
