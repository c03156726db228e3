//! Hidden tests: another layer with two inputs, by hand.
//!
//! ```text
//! x = [1 0 1; 2 1 0]    A = [1 2 -1] (r = 1)    A x = 0, 4    d = 0.5: 0, 2    B = [3; -1]: (0, 0), (6, -2)    b = (1, -2): (0, 0), (6, 4)
//! W₀ = [1 1 1; 0 0 1]: (2, 1), (3, 0)    y = (2, 1), (9, 4)
//! ```

use candle_core::{DType, Device::Cpu, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{forward, params, start};

pub fn register(suite: &mut Suite) {
    suite.case("another layer", 3, |case| {
        let x = Tensor::new(&[[1f32, 0.0, 1.0], [2.0, 1.0, 0.0]], &Cpu)?;
        let w = Tensor::new(&[[1f32, 1.0, 1.0], [0.0, 0.0, 1.0]], &Cpu)?;
        let a = Tensor::new(&[[1f32, 2.0, -1.0]], &Cpu)?;
        let b_shared = Tensor::new(&[[3f32], [-1.0]], &Cpu)?;
        let (d, b) = (Tensor::new(&[0.5f32], &Cpu)?, Tensor::new(&[1f32, -2.0], &Cpu)?);
        case.close("y", forward(&x, &w, &a, &b_shared, &d, &b)?, [[2.0, 1.0], [9.0, 4.0]], 1e-5);
        Ok(())
    });
    suite.case("fresh, it is the base and b moves first", 2, |case| {
        let x = Tensor::new(&[[1f32, 1.0]], &Cpu)?;
        let w = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &Cpu)?;
        let (a, b_shared) = (Tensor::ones((2, 2), DType::F32, &Cpu)?, Tensor::ones((3, 2), DType::F32, &Cpu)?);
        let (d, b) = start(2, 3)?;
        let (d, b) = (Var::from_tensor(&d)?, Var::from_tensor(&b)?);
        let y = forward(&x, &w, &a, &b_shared, &d, &b)?;
        case.close("y", &y, [[3.0, 7.0, 11.0]], 0.0);
        let gradients = y.sum_all()?.backward()?;
        // B (d ⊙ A x) = 2 · 0.1 · 2
        case.gradient("dL/db", gradients.get(&b), [0.4, 0.4, 0.4], 1e-5);
        case.no_gradient("dL/dd in the first step", gradients.get(&d));
        Ok(())
    });
    suite.case("q and v of a 7B model", 2, |case| {
        // 64 · (4096 + 256)
        case.exact("r = 256", params(&[(4096, 4096); 64], 256), 278_528);
        case.exact("a wide and a flat matrix", params(&[(10, 1), (1, 10)], 3), 17);
        case.exact("no matrix", params(&[], 3), 0);
        Ok(())
    });
}
