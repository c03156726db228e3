//! Hidden tests: other ranks, by hand, and inverses.

use candle_core::{DType, Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::answer::{alpha_for, delta, moved, scale};

pub fn register(suite: &mut Suite) {
    suite.case("published recipes", 2, |case| {
        // QLoRA's released recipe: r = 64, alpha = 16. microsoft/LoRA's GLUE scripts: r = 8, alpha = 16.
        case.close("QLoRA", scale(16.0, 64, false), 0.25, 1e-12);
        case.close("GLUE", scale(16.0, 8, false), 2.0, 1e-12);
        case.close("rsLoRA at r = 256, alpha = 32", scale(32.0, 256, true), 2.0, 1e-12);
        Ok(())
    });
    suite.case("there and back", 2, |case| {
        for r in [1, 4, 9, 100] {
            for rslora in [false, true] {
                case.close("alpha", alpha_for(scale(7.0, r, rslora), r, rslora), 7.0, 1e-12);
                case.close(
                    "scale after the move",
                    scale(moved(7.0, r, rslora), r, false),
                    scale(7.0, r, rslora),
                    1e-12,
                );
            }
        }
        case.close("r = 9, alpha = 6", moved(6.0, 9, true), 18.0, 1e-12);
        Ok(())
    });
    suite.case("the rank is read from the factors", 2, |case| {
        // A has 4 rows, B = A's transpose: B A = identity of 4. alpha 8: LoRA 2, rsLoRA 4.
        let identity = Tensor::eye(4, DType::F32, &Cpu)?;
        let row = |at: usize, value: f64| -> [f64; 4] {
            std::array::from_fn(|column| if column == at { value } else { 0.0 })
        };
        case.close("LoRA", delta(&identity, &identity, 8.0, false)?, [0, 1, 2, 3].map(|at| row(at, 2.0)), 1e-6);
        case.close("rsLoRA", delta(&identity, &identity, 8.0, true)?, [0, 1, 2, 3].map(|at| row(at, 4.0)), 1e-6);
        Ok(())
    });
}
