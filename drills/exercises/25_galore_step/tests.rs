//! Public tests, worked by hand:
//!
//! ```text
//! P = (0.6, 0.8)    G = [3 0 -3; 4 5 -4]    R = Pᵀ G = (5, 4, -5)
//! first step: M / 0.1 = R, V / 0.001 = R², N = R / |R| = (1, 1, -1)    P N = [0.6 0.6 -0.6; 0.8 0.8 -0.8]
//! η = 0.1, scale = 0.25:  W = 0 - 0.025 · P N
//! ```

use candle_core::{DType, Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{State, state, step};

fn parts() -> Result<(State, Tensor, Tensor)> {
    let zeros = |rows| Tensor::zeros((rows, 3), DType::F64, &Cpu);
    let g = Tensor::new(&[[3f64, 0.0, -3.0], [4.0, 5.0, -4.0]], &Cpu)?;
    let state = State { w: zeros(2)?, first: zeros(1)?, second: zeros(1)? };
    Ok((state, g, Tensor::new(&[[0.6f64], [0.8]], &Cpu)?))
}

fn times(matrix: [[f64; 3]; 2], factor: f64) -> [[f64; 3]; 2] {
    matrix.map(|row| row.map(|value| value * factor))
}

pub fn register(suite: &mut Suite) {
    let back = [[0.6, 0.6, -0.6], [0.8, 0.8, -0.8]];
    suite.case("the moments after one step", 2, |case| {
        let (start, g, p) = parts()?;
        let State { first, second, .. } = step(&start, &g, &p, 1, 0.1, 0.25)?;
        case.close("M", first, [[0.5, 0.4, -0.5]], 1e-9)
            .mistake(
                "the gradient is not projected: the moments are as large as the weight",
                [[0.3, 0.0, -0.3], [0.4, 0.5, -0.4]],
            )
            .mistake("β₁ and 1 - β₁ are exchanged", [[4.5, 3.6, -4.5]]);
        case.close("V", second, [[0.025, 0.016, 0.025]], 1e-9)
            .mistake("the square is missing", [[0.005, 0.004, -0.005]])
            .mistake(
                "squared before projecting: square R, not G",
                [[0.001 * (0.6 * 9.0 + 0.8 * 16.0), 0.001 * 0.8 * 25.0, 0.001 * (0.6 * 9.0 + 0.8 * 16.0)]],
            );
        Ok(())
    });
    suite.case("the weight after one step", 3, move |case| {
        let (start, g, p) = parts()?;
        let signs = [[-1.0, 0.0, 1.0], [-1.0, -1.0, 1.0]];
        case.close("W", step(&start, &g, &p, 1, 0.1, 0.25)?.w, times(back, -0.025), 1e-7)
            .mistake("the step goes uphill: subtract it", times(back, 0.025))
            .mistake("Adam sees the whole gradient; project it first", times(signs, 0.025))
            .mistake("the bias correction is missing", times(back, -0.025 * 0.1 / 0.001f64.sqrt()))
            .mistake("the scale is missing", times(back, -0.1))
            .mistake("the scale is applied twice", times(back, -0.1 * 0.0625));
        Ok(())
    });
    suite.case("a second step", 2, |case| {
        // No gradient: M / (1 - 0.81) = 0.45 / 0.19, V / (1 - 0.998001) = 0.024975 / 0.001999 (first column).
        let (start, g, p) = parts()?;
        let once = step(&start, &g, &p, 1, 0.1, 0.25)?;
        let twice = step(&once, &g.zeros_like()?, &p, 2, 0.1, 0.25)?;
        let column = |moment: f64| (0.9 * 0.1 * moment / 0.19) / (0.999 * 0.001 * moment * moment / 0.001_999).sqrt();
        let n = column(5.0);
        // Without correction for t = 2 the factor of the first step is used again.
        let stale = (0.45 / 0.1) / (0.024_975f64 / 0.001).sqrt();
        case.close(
            "W",
            twice.w,
            [[0.6, 0.6, -0.6], [0.8, 0.8, -0.8]].map(|row| row.map(|v| -0.025 * v * (1.0 + n))),
            1e-7,
        )
        .mistake(
            "the bias correction is that of the first step: raise β to the power t",
            [[0.6, 0.6, -0.6], [0.8, 0.8, -0.8]].map(|row| row.map(|v| -0.025 * v * (1.0 + stale))),
        )
        .mistake(
            "the moments of the step before are lost",
            [[0.6, 0.6, -0.6], [0.8, 0.8, -0.8]].map(|row| row.map(|v| -0.025 * v)),
        );
        Ok(())
    });
    suite.case("numbers of state", 2, |case| {
        // 128 · 4096 + 2 · 128 · 11,008
        case.exact("4096 by 11008, r = 128", state(4096, 11_008, 128), 3_342_336)
            .mistake("the projector is missing", 2_818_048)
            .mistake("Adam has two moments", 1_933_312)
            .mistake("that is LoRA's: two factors with two moments each", 3_866_624)
            .mistake("the longer side is projected; it should be the shorter one", 2_457_600);
        Ok(())
    });
}
