//! Public tests, worked by hand:
//!
//! ```text
//! one: A = [1 0], B = [1; 2], alpha = 2, so s = 2        other: A = [0 1], B = [3; 1], alpha = 1, so s = 1        weights 0.5 and 2
//! 0.5 · 2 · [1 0; 2 0] + 2 · 1 · [0 3; 0 1] = [1 6; 2 2]
//! cross terms: B₁ A₂ + B₂ A₁ = [0 1; 0 2] + [3 0; 1 0] = [3 1; 1 2]
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Adapter, compose, cross_terms};

fn adapters() -> Result<[Adapter; 2]> {
    Ok([
        Adapter { a: Tensor::new(&[[1f32, 0.0]], &Cpu)?, b: Tensor::new(&[[1f32], [2.0]], &Cpu)?, alpha: 2.0 },
        Adapter { a: Tensor::new(&[[0f32, 1.0]], &Cpu)?, b: Tensor::new(&[[3f32], [1.0]], &Cpu)?, alpha: 1.0 },
    ])
}

pub fn register(suite: &mut Suite) {
    suite.case("two of rank one", 3, |case| {
        let [one, other] = adapters()?;
        let (a, b) = compose(&[(0.5, one), (2.0, other)])?;
        case.close("B A", b.matmul(&a)?, [[1.0, 6.0], [2.0, 2.0]], 1e-5)
            .mistake("the factors are summed: cross terms come in", [[7.0, 7.0], [4.0, 4.0]])
            .mistake("the factors are summed: cross terms come in", [[6.5, 13.0], [3.0, 6.0]])
            .mistake("the weights stand in both factors, so they are squared", [[0.5, 12.0], [1.0, 4.0]])
            .mistake("weights and scales stand in both factors, so they are squared", [[1.0, 12.0], [2.0, 4.0]])
            .mistake("the scales alpha/r are missing", [[0.5, 6.0], [1.0, 2.0]])
            .mistake("the weights are missing", [[2.0, 3.0], [4.0, 1.0]])
            .mistake("weights and scales are missing", [[1.0, 3.0], [2.0, 1.0]]);
        case.exact("shape of A", a.dims(), [2, 2]).mistake("the ranks add up: concatenate along the rank", [1, 4]);
        Ok(())
    });
    suite.case("different ranks", 3, |case| {
        // s = 4 / 2 and 3 / 1, weights 1 and 1: 2 · [1 0 1; 0 1 1; 0 0 0] + 3 · [0; 0; 1] [1 1 0]
        let one = Adapter {
            a: Tensor::new(&[[1f32, 0.0, 1.0], [0.0, 1.0, 1.0]], &Cpu)?,
            b: Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [0.0, 0.0]], &Cpu)?,
            alpha: 4.0,
        };
        let other = Adapter {
            a: Tensor::new(&[[1f32, 1.0, 0.0]], &Cpu)?,
            b: Tensor::new(&[[0f32], [0.0], [1.0]], &Cpu)?,
            alpha: 3.0,
        };
        let (a, b) = compose(&[(1.0, one), (1.0, other)])?;
        case.exact("shape of A", a.dims(), [3, 3]);
        case.exact("shape of B", b.dims(), [3, 3]);
        case.close("B A", b.matmul(&a)?, [[2.0, 0.0, 2.0], [0.0, 2.0, 2.0], [3.0, 3.0, 0.0]], 1e-5)
            .mistake(
                "the scale is alpha; it is alpha over r, each its own r",
                [[4.0, 0.0, 4.0], [0.0, 4.0, 4.0], [3.0, 3.0, 0.0]],
            )
            .mistake(
                "alpha is divided by the ranks' sum; each scale has its own r",
                [[4.0 / 3.0, 0.0, 4.0 / 3.0], [0.0, 4.0 / 3.0, 4.0 / 3.0], [1.0, 1.0, 0.0]],
            );
        Ok(())
    });
    suite.case("the cross terms", 2, |case| {
        let [one, other] = adapters()?;
        case.close("B₁ A₂ + B₂ A₁", cross_terms(&one, &other)?, [[3.0, 1.0], [1.0, 2.0]], 1e-5)
            .mistake("that is the product of the sums; the two products go off", [[4.0, 4.0], [3.0, 3.0]])
            .mistake("one of the two cross terms is missing", [[0.0, 1.0], [0.0, 2.0]])
            .mistake("one of the two cross terms is missing", [[3.0, 0.0], [1.0, 0.0]])
            .mistake("those are the wanted products, not the cross terms", [[1.0, 3.0], [2.0, 1.0]]);
        Ok(())
    });
    suite.case("nothing to compose", 1, |case| {
        let [one, _] = adapters()?;
        let (a, b) = compose(&[(1.0, one)])?;
        case.close("one alone", b.matmul(&a)?, [[2.0, 0.0], [4.0, 0.0]], 1e-5);
        case.refuses("none", &compose(&[]), "there is nothing to compose: refuse it");
        Ok(())
    });
}
