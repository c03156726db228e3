//! Hidden tests: three outputs, three inputs at once, and invariants. Worked by hand:
//!
//! ```text
//! W₀ = [3 0; 5 0; -8 6]    A = [0 2]    B = [4; 12; 0]    s = 0.5    V = [3 4; 5 12; -8 6]    n = (5, 13, 10)
//! m = (10, 13, 5), so m / n = (2, 1, 0.5)    x = (1, 0), (0, 1), (2, -1)
//! V x = (3, 5, -8), (4, 12, 6), (2, -2, -22)    y = (6, 5, -4), (8, 12, 3), (4, -2, -11)
//! loss sum(y): dm = Σ V x / n = (9/5, 15/13, -24/10)    dA = Σ (m/n) s B · Σ x = (2·0.5·4 + 0.5·12) · (3, 0) = (30, 0)
//! ```

use candle_core::{Device::Cpu, Result, Var};
use deltaw::classroom::Suite;

use super::answer::{forward, row_norms, start};

const S: f64 = 0.5;

fn layer() -> Result<[Var; 5]> {
    Ok([
        Var::new(&[[1f32, 0.0], [0.0, 1.0], [2.0, -1.0]], &Cpu)?,
        Var::new(&[[3f32, 0.0], [5.0, 0.0], [-8.0, 6.0]], &Cpu)?,
        Var::new(&[[0f32, 2.0]], &Cpu)?,
        Var::new(&[[4f32], [12.0], [0.0]], &Cpu)?,
        Var::new(&[10f32, 13.0, 5.0], &Cpu)?,
    ])
}

pub fn register(suite: &mut Suite) {
    suite.case("other norms", 1, |case| {
        let [_, w, a, b, _] = layer()?;
        case.close("n", row_norms(&w, &a, &b, S)?, [5.0, 13.0, 10.0], 1e-5);
        Ok(())
    });
    suite.case("other inputs", 3, |case| {
        let [x, w, a, b, m] = layer()?;
        let y = forward(&x, &w, &a, &b, &m, S)?;
        case.close("y", y, [[6.0, 5.0, -4.0], [8.0, 12.0, 3.0], [4.0, -2.0, -11.0]], 1e-5);
        Ok(())
    });
    suite.case("a fresh layer is the base", 2, |case| {
        let [x, w, a, b, _] = layer()?;
        let y = forward(&x, &w, &a, &b.zeros_like()?, &start(&w)?, S)?;
        case.close("y with B = 0 and the fresh m", y, [[3.0, 5.0, -8.0], [0.0, 0.0, 6.0], [6.0, 10.0, -22.0]], 1e-5);
        Ok(())
    });
    suite.case("a longer direction changes nothing", 1, |case| {
        // Only the direction of V counts: W₀ = 0 and another s leave y as it is.
        let [x, w, a, b, m] = layer()?;
        let base = w.zeros_like()?;
        let b = (b.as_tensor() + 1.0)?;
        let short = forward(&x, &base, &a, &b, &m, 0.5)?;
        // A = (0, 2) points along the second input: y = m · x₂.
        case.close("y with W₀ = 0", &short, [[0.0, 0.0, 0.0], [10.0, 13.0, 5.0], [-10.0, -13.0, -5.0]], 1e-5);
        case.close("y with s four times as large", forward(&x, &base, &a, &b, &m, 2.0)?, &short, 1e-5);
        Ok(())
    });
    suite.case("other gradients", 2, |case| {
        let [x, w, a, b, m] = layer()?;
        let gradients = forward(&x, &w, &a, &b, &m, S)?.sum_all()?.backward()?;
        case.gradient("dL/dm", gradients.get(&m), [9.0 / 5.0, 15.0 / 13.0, -2.4], 1e-5);
        case.gradient("dL/dA", gradients.get(&a), [[30.0, 0.0]], 1e-5);
        case.no_gradient("dL/dW₀", gradients.get(&w));
        Ok(())
    });
}
