//! Hidden tests: other sizes, and the invariant that a start leaves the function as it is.

use candle_core::{Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::{
    answer::{bound, compensated, start},
    tests::{largest, numbers, variance},
};

pub fn register(suite: &mut Suite) {
    suite.case("other bounds", 1, |case| {
        case.close("4096 inputs", bound(4096), 0.015_625, 1e-12);
        case.close("one input", bound(1), 1.0, 1e-12);
        Ok(())
    });
    suite.case("the rank does not change A's size", 2, |case| {
        let few = numbers(&start(8192, 3, 8)?.0)?;
        let many = numbers(&start(256, 3, 256)?.0)?;
        case.close("variance of A times 3 · d_in, r = 8", variance(&few) * 3.0 * 8192.0, 1.0, 0.05);
        case.close("variance of A times 3 · d_in, r = 256", variance(&many) * 3.0 * 256.0, 1.0, 0.05);
        Ok(())
    });
    suite.case("draws differ, signs too", 1, |case| {
        let (a, b) = start(64, 5, 4)?;
        let values = numbers(&a)?;
        case.exact("shape of B", b.dims(), [5, 4]);
        case.exact("largest |B|", largest(&numbers(&b)?), 0.0);
        case.that(
            "signs",
            values.iter().any(|v| *v < 0.0) && values.iter().any(|v| *v > 0.0),
            "A is drawn on one side of zero",
        );
        case.that("A", values != numbers(&start(64, 5, 4)?.0)?, "two adapters are drawn alike: A is not random");
        Ok(())
    });
    suite.case("the function stays", 2, |case| {
        let w = Tensor::new(&[[1f32, -2.0, 0.5], [0.0, 4.0, 1.0]], &Cpu)?;
        let a = Tensor::new(&[[1f32, 0.0, 2.0], [0.0, -1.0, 1.0]], &Cpu)?;
        let b = Tensor::new(&[[2f32, 1.0], [0.0, 3.0]], &Cpu)?;
        let kept = (compensated(&w, &a, &b, 1.5)? + (b.matmul(&a)? * 1.5)?)?;
        case.close("W_frozen + s B A", kept, &w, 1e-5);
        // B A = [2 -1 5; 0 -3 3]
        case.close("W_frozen", compensated(&w, &a, &b, 1.5)?, [[-2.0, -0.5, -7.0], [0.0, 8.5, -3.5]], 1e-5);
        Ok(())
    });
}
