//! Hidden tests: another batch, by hand: x = (2, 1) is 2 · B₀ 4 = (8, 0, 8) under adapter 0 and 0.5 · B₁ (2, 3) = (1, 1.5, 2.5) under 1.

use candle_core::{DType, Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::{
    answer::{gathered, segmented, segments},
    tests::adapters,
};

const INDEX: [Option<usize>; 5] = [Some(0), Some(1), Some(0), None, Some(0)];
const ZERO: [f64; 3] = [8.0, 0.0, 8.0];

/// The same input in all rows, times 1, 2, 3, …
fn inputs(rows: usize) -> Result<Tensor> {
    let row = |place: usize| [2.0 * (place + 1) as f32, (place + 1) as f32];
    Tensor::from_vec((0..rows).flat_map(row).collect(), (rows, 2), &Cpu)
}

pub fn register(suite: &mut Suite) {
    suite.case("another batch, both ways", 4, |case| {
        let (x, y) = (inputs(5)?, Tensor::zeros((5, 3), DType::F32, &Cpu)?);
        let zero = |factor: f64| ZERO.map(|value| value * factor);
        let want = [zero(1.0), [2.0, 3.0, 5.0], zero(3.0), zero(0.0), zero(5.0)];
        case.close("gathered", gathered(&y, &x, &adapters()?, &INDEX)?, want, 1e-5);
        case.close("segmented", segmented(&y, &x, &adapters()?, &INDEX)?, want, 1e-5);
        Ok(())
    });
    suite.case("other segments", 1, |case| {
        case.same("rows by adapter", segments(&INDEX), vec![(0, vec![0, 2, 4]), (1, vec![1])]);
        case.same("only the base", segments(&[None, None]), Vec::new());
        case.same("far adapters", segments(&[Some(900), Some(7)]), vec![(7, vec![1]), (900, vec![0])]);
        Ok(())
    });
    suite.case("one adapter for all", 1, |case| {
        let (x, y) = (inputs(2)?, Tensor::ones((2, 3), DType::F32, &Cpu)?);
        let want = [[9.0, 1.0, 9.0], [17.0, 1.0, 17.0]];
        case.close("segmented", segmented(&y, &x, &adapters()?, &[Some(0); 2])?, want, 1e-5);
        case.refuses(
            "adapter 5",
            &segmented(&y, &x, &adapters()?, &[Some(5), None]),
            "there is no adapter 5: refuse it",
        );
        Ok(())
    });
}
