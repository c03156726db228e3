//! Public tests, worked by hand:
//!
//! ```text
//! x = [1 0; 1 1]    g = [1 0 1; 0 1 0]    W₀ = [1 0; 0 1; 1 1]    A = [1 2]    B = [1; -1; 2]    s = 2
//! x Aᵀ = [1; 3]     gᵀ (x Aᵀ) = [1; 3; 1]                          dB = [2; 6; 2]
//! g B = [3; -1]     (g B)ᵀ x = 3 (1, 0) - (1, 1) = (2, -1)         dA = [4 -2]
//! g W₀ = [2 1; 0 1]    (g B) A = [3 6; -1 -2]                      dx = [8 13; -2 -3]
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Gradients, backward};

fn gradients(b: [[f32; 1]; 3]) -> Result<Gradients> {
    let x = Tensor::new(&[[1f32, 0.0], [1.0, 1.0]], &Cpu)?;
    let g = Tensor::new(&[[1f32, 0.0, 1.0], [0.0, 1.0, 0.0]], &Cpu)?;
    let w = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?;
    let a = Tensor::new(&[[1f32, 2.0]], &Cpu)?;
    backward(&x, &g, &w, &a, &Tensor::new(&b, &Cpu)?, 2.0)
}

const B: [[f32; 1]; 3] = [[1.0], [-1.0], [2.0]];

pub fn register(suite: &mut Suite) {
    suite.case("the gradient by B", 2, |case| {
        case.close("dB", gradients(B)?.b, [[2.0], [6.0], [2.0]], 1e-6).scale("s", 2.0);
        Ok(())
    });
    suite.case("the gradient by A", 2, |case| {
        case.close("dA", gradients(B)?.a, [[4.0, -2.0]], 1e-6)
            .mistake("B is left out: A's gradient is the sum of g, not of g B", [[4.0, 2.0]])
            .scale("s", 2.0);
        Ok(())
    });
    suite.case("the gradient by the input", 3, |case| {
        case.close("dx", gradients(B)?.x, [[8.0, 13.0], [-2.0, -3.0]], 1e-6)
            .mistake("the path through the frozen W₀ is missing: layers below need it", [[6.0, 12.0], [-2.0, -4.0]])
            .mistake("the path through the adapter is missing", [[2.0, 1.0], [0.0, 1.0]])
            .mistake("the scale s is missing", [[5.0, 7.0], [-1.0, -1.0]])
            .mistake("the scale s is applied to W₀'s path too", [[10.0, 14.0], [-2.0, -2.0]]);
        Ok(())
    });
    suite.case("the first step, B = 0", 2, |case| {
        let gradients = gradients([[0.0]; 3])?;
        case.close("dB", gradients.b, [[2.0], [6.0], [2.0]], 1e-6);
        case.close("dA", gradients.a, [[0.0, 0.0]], 0.0);
        case.close("dx", gradients.x, [[2.0, 1.0], [0.0, 1.0]], 1e-6)
            .mistake("the path through the frozen W₀ is missing: layers below need it", [[0.0, 0.0], [0.0, 0.0]]);
        Ok(())
    });
}
