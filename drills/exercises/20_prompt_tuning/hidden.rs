//! Hidden tests: other sizes, by hand.

use candle_core::{Device::Cpu, Tensor, Var};
use deltaw::classroom::Suite;

use super::{
    answer::{params, positions, prepend, targets},
    tests::flat,
};

pub fn register(suite: &mut Suite) {
    suite.case("one vector before two tokens", 2, |case| {
        let p = Tensor::new(&[[7f32]], &Cpu)?;
        let x = Tensor::new(&[[[1f32], [2.0]], [[3.0], [4.0]]], &Cpu)?;
        case.close("X'", flat(&prepend(&p, &x)?)?, [[7.0, 1.0, 2.0], [7.0, 3.0, 4.0]], 0.0);
        Ok(())
    });
    suite.case("each place of the prompt has its own gradient", 2, |case| {
        // Weights 1, 2 on the prompt and 0 on the token, four sequences: (4, 8).
        let p = Var::new(&[[1f32], [1.0]], &Cpu)?;
        let x = Tensor::zeros((4, 1, 1), candle_core::DType::F32, &Cpu)?;
        let weights = Tensor::new(&[[[1f32], [2.0], [0.0]]], &Cpu)?;
        let gradients = prepend(&p, &x)?.broadcast_mul(&weights)?.sum_all()?.backward()?;
        case.gradient("dL/dP", gradients.get(&p), [[4.0], [8.0]], 1e-6);
        Ok(())
    });
    suite.case("other targets", 3, |case| {
        case.exact("p = 1, tokens 8 9", targets(1, &[8, 9]), [8, 9, -100]);
        case.exact("p = 3, one token", targets(3, &[4]), [-100, -100, 4, -100]);
        case.exact("no prompt", targets(0, &[5, 6, 7]), [6, 7, -100]);
        Ok(())
    });
    suite.case("other positions and numbers", 1, |case| {
        case.exact("no prompt", positions(0, 2), [0, 1]);
        case.exact("1 and 1", positions(1, 1), [0, 1]);
        case.exact("p = 20, d = 64", params(20, 64, 2), 1280);
        Ok(())
    });
}
