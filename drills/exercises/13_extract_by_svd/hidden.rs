//! Hidden tests: three outputs and two inputs, by hand.
//!
//! ```text
//! U = [1 0; 0 0.6; 0 0.8]    σ = (16, 1)    Vᵀ = [0.6 0.8; -0.8 0.6]
//! r = 1: B = (4, 0, 0), A = (2.4, 3.2)    r = 2: B A = [9.6 12.8; -0.48 0.36; -0.64 0.48]
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{extract, frobenius_error, spectral_error};

const SIGMA: [f64; 2] = [16.0, 1.0];

fn parts() -> Result<[Tensor; 2]> {
    Ok([Tensor::new(&[[1f32, 0.0], [0.0, 0.6], [0.0, 0.8]], &Cpu)?, Tensor::new(&[[0.6f32, 0.8], [-0.8, 0.6]], &Cpu)?])
}

pub fn register(suite: &mut Suite) {
    suite.case("not square", 3, |case| {
        let [u, vt] = parts()?;
        let (a, b) = extract(&u, &SIGMA, &vt, 1)?;
        case.close("B, r = 1", b, [[4.0], [0.0], [0.0]], 1e-5);
        case.close("A, r = 1", a, [[2.4, 3.2]], 1e-5);
        let (a, b) = extract(&u, &SIGMA, &vt, 2)?;
        case.close("B A, r = 2", b.matmul(&a)?, [[9.6, 12.8], [-0.48, 0.36], [-0.64, 0.48]], 1e-5);
        Ok(())
    });
    suite.case("the error is what it says", 2, |case| {
        let [u, vt] = parts()?;
        let (full_a, full_b) = extract(&u, &SIGMA, &vt, 2)?;
        let (a, b) = extract(&u, &SIGMA, &vt, 1)?;
        let left = (full_b.matmul(&full_a)? - b.matmul(&a)?)?.sqr()?.sum_all()?.sqrt()?;
        case.close("‖ΔW - B A‖", left, 1.0, 1e-4);
        case.close("frobenius_error", frobenius_error(&SIGMA, 1), 1.0, 1e-12);
        Ok(())
    });
    suite.case("other errors", 2, |case| {
        let sigma = [7.0, 6.0, 3.0, 2.0];
        case.close("Frobenius at rank 1", frobenius_error(&sigma, 1), 7.0, 1e-12);
        case.close("Frobenius at rank 2", frobenius_error(&sigma, 2), 13f64.sqrt(), 1e-12);
        case.close("Frobenius at rank 0", frobenius_error(&sigma, 0), 98f64.sqrt(), 1e-12);
        case.close("spectral at rank 2", spectral_error(&sigma, 2), 3.0, 1e-12);
        case.close("spectral at rank 0", spectral_error(&sigma, 0), 7.0, 1e-12);
        Ok(())
    });
}
