//! Public tests, worked by hand:
//!
//! ```text
//! x = (1, 2)    W₀ = [1 0; 0 1; 1 1]    A = [1 0; 1 1]    B = [1 0; 0 1; 1 -1]    alpha = 6, r = 2, so the scale is 3
//! W₀ x = (1, 2, 3)    A x = (1, 3)    B A x = (1, 3, -2)    y = (1, 2, 3) + 3 · (1, 3, -2) = (4, 11, -3)
//! B A = [1 0; 1 1; 0 -1]
//!
//! With the loss sum(y): dB = 3 · 1 (A x)ᵀ = [3 9; 3 9; 3 9], dA = 3 · (Bᵀ 1) xᵀ = 3 · (2, 0) (1, 2)ᵀ = [6 12; 0 0]
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{delta, forward};

struct Layer {
    x: Tensor,
    w: Var,
    a: Var,
    b: Var,
}

const ALPHA: f64 = 6.0;

fn layer() -> Result<Layer> {
    Ok(Layer {
        x: Tensor::new(&[[1f32, 2.0]], &Cpu)?,
        w: Var::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?,
        a: Var::new(&[[1f32, 0.0], [1.0, 1.0]], &Cpu)?,
        b: Var::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, -1.0]], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("the output of one input", 2, |case| {
        let Layer { x, w, a, b } = layer()?;
        case.close("y", forward(&x, &w, &a, &b, ALPHA)?, [[4.0, 11.0, -3.0]], 1e-5)
            .mistake("the scale alpha/r is missing", [[2.0, 5.0, 1.0]])
            .mistake("the scale is alpha; it is alpha over r", [[7.0, 20.0, -9.0]])
            .mistake("the scale alpha/r is upside down", [[4.0 / 3.0, 3.0, 7.0 / 3.0]])
            .mistake("the base's output W₀ x is missing", [[3.0, 9.0, -6.0]])
            .mistake("the update B A x is missing", [[1.0, 2.0, 3.0]])
            .mistake("the scale is applied to the base's output too", [[6.0, 15.0, 3.0]])
            .mistake("A is transposed: rows of x meet Aᵀ", [[10.0, 8.0, 6.0]]);
        Ok(())
    });
    suite.case("several inputs, one rank", 2, |case| {
        // Shapes that fit only one way: d_in = 3, d_out = 2, r = 1, n = 2. A x = (2, 1), W₀ x = (3, 0) and (1, 1); scale 4.
        let x = Tensor::new(&[[1f32, 1.0, 1.0], [0.0, 1.0, 0.0]], &Cpu)?;
        let w = Tensor::new(&[[1f32, 1.0, 1.0], [-1.0, 1.0, 0.0]], &Cpu)?;
        let a = Tensor::new(&[[0f32, 1.0, 1.0]], &Cpu)?;
        let b = Tensor::new(&[[1f32], [-1.0]], &Cpu)?;
        case.close("y", forward(&x, &w, &a, &b, 4.0)?, [[11.0, -8.0], [5.0, -3.0]], 1e-5)
            .mistake("the scale alpha/r is missing", [[5.0, -2.0], [2.0, 0.0]]);
        Ok(())
    });
    suite.case("the update", 1, |case| {
        let Layer { a, b, .. } = layer()?;
        case.close("ΔW", delta(&a, &b, ALPHA)?, [[3.0, 0.0], [3.0, 3.0], [0.0, -3.0]], 1e-5)
            .mistake("the scale is alpha; it is alpha over r", [[6.0, 0.0], [6.0, 6.0], [0.0, -6.0]])
            .scale("alpha/r", 3.0);
        Ok(())
    });
    suite.case("both factors train", 2, |case| {
        let Layer { x, w, a, b } = layer()?;
        let gradients = forward(&x, &w, &a, &b, ALPHA)?.sum_all()?.backward()?;
        case.gradient("dL/dB", gradients.get(&b), [[3.0, 9.0]; 3], 1e-5).scale("alpha/r", 3.0);
        case.gradient("dL/dA", gradients.get(&a), [[6.0, 12.0], [0.0, 0.0]], 1e-5).scale("alpha/r", 3.0);
        Ok(())
    });
    suite.case("the base is frozen", 1, |case| {
        let Layer { x, w, a, b } = layer()?;
        let gradients = forward(&x, &w, &a, &b, ALPHA)?.sum_all()?.backward()?;
        case.no_gradient("dL/dW₀", gradients.get(&w));
        Ok(())
    });
}
