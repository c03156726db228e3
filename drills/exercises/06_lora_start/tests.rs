//! Public tests. Bounds by hand; the variance of U(-c, c) is c²/3. 65,536 draws: their largest is within 0.1 % of the bound, and their
//! variance within 2 %, but for a chance that no class will see.

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{bound, compensated, start};

pub fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

pub fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0f32, |largest, value| largest.max(value.abs()))
}

pub fn variance(values: &[f32]) -> f64 {
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / values.len() as f64
}

pub fn register(suite: &mut Suite) {
    suite.case("the bound", 2, |case| {
        case.close("16 inputs", bound(16), 0.25, 1e-9)
            .mistake("the gain is 1/√3, not √2: a is √5", 6f64.sqrt() / 4.0)
            .mistake("the gain 1/√3 is missing", 3f64.sqrt() / 4.0)
            .mistake("the root is missing", 1.0 / 16.0)
            .mistake(
                "that is the standard deviation; the bound of a uniform draw is √3 times that",
                0.25 / 3f64.sqrt(),
            );
        Ok(())
    });
    suite.case("one factor is zero, the other is not", 2, |case| {
        let (a, b) = start(6, 4, 2)?;
        case.exact("shape of A", a.dims(), [2, 6]).mistake("A is transposed: it has a row for each rank", [6, 2]);
        case.exact("shape of B", b.dims(), [4, 2]).mistake("B is transposed: it has a column for each rank", [2, 4]);
        let (a, b) = (largest(&numbers(&a)?), largest(&numbers(&b)?));
        case.that(
            "not both",
            a > 0.0 || b > 0.0,
            "both factors are zero: then both gradients are zero, and nothing ever trains",
        );
        case.that("not the other way round", a > 0.0, "A and B are exchanged: the zero factor is B");
        case.that("B", b == 0.0, "B is not zero: the fresh adapter changes the model");
        Ok(())
    });
    suite.case("A fills its bound", 2, |case| {
        let values = numbers(&start(1024, 8, 64)?.0)?;
        let limit = 1.0 / 32.0;
        case.close("largest |A| over the bound", f64::from(largest(&values)) / limit, 1.0, 0.01)
            .mistake("the bound is taken from the rank; fan-in is the number of inputs", 4.0);
        case.close("variance of A times 3 · d_in", variance(&values) * 3072.0, 1.0, 0.05);
        Ok(())
    });
    suite.case("the first gradients", 1, |case| {
        let (a, b) = start(3, 2, 1)?;
        let (a, b) = (Var::from_tensor(&a)?, Var::from_tensor(&b)?);
        let x = Tensor::new(&[[1f32, 2.0, -1.0]], &Cpu)?;
        let y = x.matmul(&a.t()?)?.matmul(&b.t()?)?;
        case.exact("the update of a fresh adapter", &y, [[0.0, 0.0]]);
        let gradients = y.sum_all()?.backward()?;
        let moved = gradients.get(&b).map(numbers).transpose()?.unwrap_or_default();
        case.that("B moves in the first step", largest(&moved) > 0.0, "no gradient reaches B: A is zero");
        case.no_gradient("A does not move in the first step", gradients.get(&a));
        Ok(())
    });
    suite.case("a start that is not zero", 2, |case| {
        // B A = [1; 2] [3 1] = [3 1; 6 2], times 0.5
        let w = Tensor::new(&[[5f32, 5.0], [5.0, 5.0]], &Cpu)?;
        let a = Tensor::new(&[[3f32, 1.0]], &Cpu)?;
        let b = Tensor::new(&[[1f32], [2.0]], &Cpu)?;
        case.close("frozen weight", compensated(&w, &a, &b, 0.5)?, [[3.5, 4.5], [2.0, 4.0]], 1e-6)
            .mistake("the update is added; it must be taken out", [[6.5, 5.5], [8.0, 6.0]])
            .mistake("the scale s is missing", [[2.0, 4.0], [-1.0, 3.0]])
            .mistake("the weight is left as it is", [[5.0, 5.0], [5.0, 5.0]]);
        Ok(())
    });
}
