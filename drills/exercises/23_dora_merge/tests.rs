//! Public tests, worked by hand on Pythagorean rows:
//!
//! ```text
//! W₀ = [3 0; 5 0]    A = [0 2]    B = [1; 3]    s = 2    V = [3 4; 5 12]    c = (5, 13)    m = (10, 6.5)    m / c = (2, 0.5)
//! W' = [6 8; 2.5 6]
//! G = [1 0; 0 1]:  dm = (3/5, 12/13)    held constant dV = [2 0; 0 0.5]
//! true dV:  2 · ((1, 0) - 0.6 (0.6, 0.8)) = (1.28, -0.96)    0.5 · ((0, 1) - 12/13 (5/13, 12/13)) = (-30, 12.5) / 169
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{direction_gradient, magnitude_gradient, merged, true_direction_gradient};

fn parts() -> Result<[Tensor; 3]> {
    Ok([
        Tensor::new(&[[1f32, 0.0], [0.0, 1.0]], &Cpu)?,
        Tensor::new(&[[3f32, 4.0], [5.0, 12.0]], &Cpu)?,
        Tensor::new(&[10f32, 6.5], &Cpu)?,
    ])
}

pub fn register(suite: &mut Suite) {
    suite.case("the merged weight", 3, |case| {
        let w = Tensor::new(&[[3f32, 0.0], [5.0, 0.0]], &Cpu)?;
        let a = Tensor::new(&[[0f32, 2.0]], &Cpu)?;
        let b = Tensor::new(&[[1f32], [3.0]], &Cpu)?;
        let m = Tensor::new(&[10f32, 6.5], &Cpu)?;
        let columns = [34f64.sqrt(), 160f64.sqrt()];
        case.close("W'", merged(&w, &a, &b, &m, 2.0)?, [[6.0, 8.0], [2.5, 6.0]], 1e-5)
            .mistake("the magnitude is missing", [[0.6, 0.8], [5.0 / 13.0, 12.0 / 13.0]])
            .mistake("the division by the norm is missing", [[30.0, 40.0], [32.5, 78.0]])
            .mistake("m / c is missing: that is LoRA's merge", [[3.0, 4.0], [5.0, 12.0]])
            .mistake(
                "the norm is taken down the columns; each output has a row",
                [[30.0 / columns[0], 40.0 / columns[1]], [32.5 / columns[0], 78.0 / columns[1]]],
            )
            .mistake("the norm is that of W₀ alone", [[10.0, 40.0 / 3.0], [6.5, 15.6]])
            .mistake("the update is added after scaling; it belongs inside V", [[10.0, 4.0], [6.5, 12.0]]);
        Ok(())
    });
    suite.case("the gradient by the magnitude", 2, |case| {
        let [g, v, _] = parts()?;
        case.close("dm", magnitude_gradient(&g, &v)?, [0.6, 12.0 / 13.0], 1e-5)
            .mistake("V is not divided by its norms", [3.0, 12.0])
            .mistake("divided by the square of the norm", [3.0 / 25.0, 12.0 / 169.0]);
        Ok(())
    });
    suite.case("the gradient by the direction, norms held constant", 2, |case| {
        let [g, v, m] = parts()?;
        case.close("dV", direction_gradient(&g, &v, &m)?, [[2.0, 0.0], [0.0, 0.5]], 1e-5)
            .mistake("m / c is missing", [[1.0, 0.0], [0.0, 1.0]])
            .mistake("the division by the norm is missing", [[10.0, 0.0], [0.0, 6.5]])
            .mistake("the norm is not held constant here", [[1.28, -0.96], [-30.0 / 169.0, 12.5 / 169.0]]);
        Ok(())
    });
    suite.case("the true gradient by the direction", 3, |case| {
        let [g, v, m] = parts()?;
        let want = [[1.28, -0.96], [-30.0 / 169.0, 12.5 / 169.0]];
        case.close("dV", true_direction_gradient(&g, &v, &m)?, want, 1e-5)
            .mistake("the norm is held constant: what points along V must be taken out", [[2.0, 0.0], [0.0, 0.5]])
            .mistake(
                "what points along V is added; it must be taken out",
                [[2.72, 0.96], [30.0 / 169.0, 0.5 + 72.0 / 169.0]],
            )
            .mistake("that is the part along V; the rest is wanted", [[0.72, 0.96], [30.0 / 169.0, 72.0 / 169.0]])
            .mistake("m / c is missing", [[0.64, -0.48], [-60.0 / 169.0, 25.0 / 169.0]]);
        Ok(())
    });
}
