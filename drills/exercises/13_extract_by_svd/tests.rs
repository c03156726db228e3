//! Public tests, worked by hand on rotations:
//!
//! ```text
//! U = [0.6 -0.8; 0.8 0.6]    σ = (9, 4)    Vᵀ = [0.8 0.6; -0.6 0.8]
//! r = 1:  B = 3 · (0.6, 0.8) = (1.8, 2.4)    A = 3 · (0.8, 0.6) = (2.4, 1.8)    B A = [4.32 3.24; 5.76 4.32]
//! left out: 4 · (-0.8, 0.6) (-0.6, 0.8)ᵀ = [1.92 -2.56; -1.44 1.92], norm 4
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{extract, frobenius_error, spectral_error};

fn parts() -> Result<(Tensor, [f64; 2], Tensor)> {
    let u = Tensor::new(&[[0.6f32, -0.8], [0.8, 0.6]], &Cpu)?;
    Ok((u, [9.0, 4.0], Tensor::new(&[[0.8f32, 0.6], [-0.6, 0.8]], &Cpu)?))
}

pub fn register(suite: &mut Suite) {
    suite.case("rank one", 3, |case| {
        let (u, sigma, vt) = parts()?;
        let (a, b) = extract(&u, &sigma, &vt, 1)?;
        case.exact("shape of B", b.dims(), [2, 1]);
        case.exact("shape of A", a.dims(), [1, 2]);
        case.close("B A", b.matmul(&a)?, [[4.32, 3.24], [5.76, 4.32]], 1e-5)
            .mistake("σ is left out", [[0.48, 0.36], [0.64, 0.48]])
            .mistake("σ stands in both factors: give √σ to each", [[38.88, 29.16], [51.84, 38.88]])
            .mistake("a row of U is taken; a direction is a column of it", [[4.32, 3.24], [-5.76, -4.32]])
            .mistake("a column of Vᵀ is taken; a direction is a row of it", [[4.32, -3.24], [5.76, -4.32]])
            .mistake("the weakest direction is kept instead of the strongest", [[1.92, -2.56], [-1.44, 1.92]]);
        Ok(())
    });
    suite.case("balanced factors", 1, |case| {
        let (u, sigma, vt) = parts()?;
        let (a, b) = extract(&u, &sigma, &vt, 1)?;
        case.close("B", b, [[1.8], [2.4]], 1e-5)
            .mistake("all of σ stands in B: √σ belongs to each factor", [[5.4], [7.2]]);
        case.close("A", a, [[2.4, 1.8]], 1e-5).mistake("all of σ stands in A: √σ belongs to each factor", [[7.2, 5.4]]);
        Ok(())
    });
    suite.case("full rank gives all of it back", 1, |case| {
        let (u, sigma, vt) = parts()?;
        let (a, b) = extract(&u, &sigma, &vt, 2)?;
        case.close("B A", b.matmul(&a)?, [[6.24, 0.68], [4.32, 6.24]], 1e-5);
        Ok(())
    });
    suite.case("errors", 2, |case| {
        case.close("Frobenius, (9, 4, 3) at rank 1", frobenius_error(&[9.0, 4.0, 3.0], 1), 5.0, 1e-12)
            .mistake("the values are added; their squares add up under a root", 7.0)
            .mistake("the root is missing", 25.0)
            .mistake("off by one: rank 1 keeps the first value", 106f64.sqrt())
            .mistake("off by one: rank 1 leaves out all but the first", 3.0)
            .mistake("that is what is kept, not what is left out", 9.0);
        case.close("spectral, (9, 4, 3) at rank 1", spectral_error(&[9.0, 4.0, 3.0], 1), 4.0, 1e-12)
            .mistake("off by one: the first value is kept", 9.0)
            .mistake("that is Frobenius' norm; the spectral norm is the largest value left", 5.0);
        Ok(())
    });
    suite.case("a rank that is too large", 1, |case| {
        let (u, sigma, vt) = parts()?;
        case.close("Frobenius", frobenius_error(&sigma, 2), 0.0, 0.0);
        case.close("spectral", spectral_error(&sigma, 5), 0.0, 0.0);
        case.refuses("rank 3 of 2", &extract(&u, &sigma, &vt, 3), "there are only two directions: refuse rank 3");
        Ok(())
    });
}
