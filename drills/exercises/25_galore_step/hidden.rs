//! Hidden tests: two directions, by hand, and that a step stays in the subspace.
//!
//! ```text
//! P = [0.6 0; 0.8 0; 0 1]    G = [2 -4; 9 9; 1 0]    R = [8.4 4.8; 1 0]    N = [1 1; 1 0]    P N = [0.6 0.6; 0.8 0.8; 1 0]
//! ```

use candle_core::{DType, Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{State, state, step};

fn parts() -> Result<(State, Tensor, Tensor)> {
    let zeros = Tensor::zeros((2, 2), DType::F64, &Cpu)?;
    let w = Tensor::new(&[[1f64, 1.0], [2.0, 2.0], [3.0, 3.0]], &Cpu)?;
    let g = Tensor::new(&[[2f64, -4.0], [9.0, 9.0], [1.0, 0.0]], &Cpu)?;
    let p = Tensor::new(&[[0.6f64, 0.0], [0.8, 0.0], [0.0, 1.0]], &Cpu)?;
    Ok((State { w, first: zeros.clone(), second: zeros }, g, p))
}

pub fn register(suite: &mut Suite) {
    suite.case("two directions", 3, |case| {
        let (start, g, p) = parts()?;
        let after = step(&start, &g, &p, 1, 0.5, 2.0)?;
        case.close("M", &after.first, [[0.84, 0.48], [0.1, 0.0]], 1e-9);
        case.close("V", &after.second, [[0.070_56, 0.023_04], [0.001, 0.0]], 1e-9);
        case.close("W", after.w, [[0.4, 0.4], [1.2, 1.2], [2.0, 3.0]], 1e-6);
        Ok(())
    });
    suite.case("equal gradients give equal steps", 2, |case| {
        // With corrected moments each step is the sign of R, however many there were.
        let (mut state, g, p) = parts()?;
        for t in 1..=5 {
            state = step(&state, &g, &p, t, 0.1, 1.0)?;
        }
        case.close("W after five", state.w, [[0.7, 0.7], [1.6, 1.6], [2.5, 3.0]], 1e-6);
        Ok(())
    });
    suite.case("other shapes", 2, |case| {
        case.exact("tall, 11008 by 4096, r = 128", state(11_008, 4096, 128), 3_342_336);
        case.exact("square, 10, r = 10", state(10, 10, 10), 300);
        case.exact("2 by 3, r = 1", state(2, 3, 1), 8);
        Ok(())
    });
}
