//! Hidden tests: other values and shapes, and invariants. Worked by hand:
//!
//! ```text
//! x = (2, -1, 0.5), (0, 1, 1)    W₀ = [1 2 0; 0 -1 4]    A = [0.5 1 -2]    B = [2; -4]    alpha = 0.5, r = 1
//! W₀ x = (0, 3), (2, 3)    A x = -1, -1    0.5 · B A x = (-1, 2) twice    y = (-1, 5), (1, 5)
//! loss sum(y):  dB = 0.5 · Σ A x = -1 in both rows    dA = 0.5 · (2 - 4) · Σ x = -1 · (2, 0, 1.5)    dx = (W₀ + ΔW)ᵀ 1
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{delta, forward};

const ALPHA: f64 = 0.5;

fn layer() -> Result<[Var; 4]> {
    Ok([
        Var::new(&[[2f32, -1.0, 0.5], [0.0, 1.0, 1.0]], &Cpu)?,
        Var::new(&[[1f32, 2.0, 0.0], [0.0, -1.0, 4.0]], &Cpu)?,
        Var::new(&[[0.5f32, 1.0, -2.0]], &Cpu)?,
        Var::new(&[[2f32], [-4.0]], &Cpu)?,
    ])
}

pub fn register(suite: &mut Suite) {
    suite.case("other inputs", 2, |case| {
        let [x, w, a, b] = layer()?;
        case.close("y", forward(&x, &w, &a, &b, ALPHA)?, [[-1.0, 5.0], [1.0, 5.0]], 1e-5)
            .mistake("the scale alpha/r is missing", [[-2.0, 7.0], [0.0, 7.0]]);
        case.close("ΔW", delta(&a, &b, ALPHA)?, [[0.5, 1.0, -2.0], [-1.0, -2.0, 4.0]], 1e-5).scale("alpha/r", 0.5);
        Ok(())
    });
    suite.case("other gradients", 2, |case| {
        let [x, w, a, b] = layer()?;
        let gradients = forward(&x, &w, &a, &b, ALPHA)?.sum_all()?.backward()?;
        case.gradient("dL/dB", gradients.get(&b), [[-1.0], [-1.0]], 1e-5);
        case.gradient("dL/dA", gradients.get(&a), [[-2.0, 0.0, -1.5]], 1e-5);
        case.no_gradient("dL/dW₀", gradients.get(&w));
        // W₀ + ΔW = [1.5 3 -2; -1 -3 8], summed over its rows.
        case.gradient("dL/dx: layers below need it", gradients.get(&x), [[0.5, 0.0, 6.0]; 2], 1e-5);
        Ok(())
    });
    suite.case("a fresh adapter changes nothing", 2, |case| {
        let [x, w, a, b] = layer()?;
        let b = Var::from_tensor(&b.zeros_like()?)?;
        let y = forward(&x, &w, &a, &b, ALPHA)?;
        case.close("y with B = 0", &y, [[0.0, 3.0], [2.0, 3.0]], 0.0);
        let gradients = y.sum_all()?.backward()?;
        case.gradient("dL/dB with B = 0", gradients.get(&b), [[-1.0], [-1.0]], 1e-5);
        case.no_gradient("dL/dA with B = 0", gradients.get(&a));
        Ok(())
    });
    suite.case("rank three", 2, |case| {
        // A is the identity, B = 2 · identity: ΔW = (alpha / 3) · 2 · identity.
        let identity = Tensor::eye(3, candle_core::DType::F32, &Cpu)?;
        let x = Tensor::new(&[[3f32, -6.0, 9.0]], &Cpu)?;
        let y = forward(&x, &identity.zeros_like()?, &identity, &(&identity * 2.0)?, 1.5)?;
        case.close("y", y, [[3.0, -6.0, 9.0]], 1e-5)
            .mistake("the scale is alpha; it is alpha over r", [[9.0, -18.0, 27.0]])
            .scale("alpha/r", 0.5);
        Ok(())
    });
}
