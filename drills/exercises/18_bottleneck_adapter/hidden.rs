//! Hidden tests: several inputs, the identity, gradients; by hand.

use candle_core::{Device::Cpu, Tensor, Var};
use deltaw::classroom::Suite;

use super::{
    answer::{Adapter, forward, params},
    tests::adapter,
};

pub fn register(suite: &mut Suite) {
    suite.case("several inputs", 3, |case| {
        // D u + b_D: (1, 0), (-1, 3), (3, -3);  relu: (1, 0), (0, 3), (3, 0);  up: (1.5, 0, 1), (0.5, 6, 3), (3.5, 0, 3)
        let u = Tensor::new(&[[1f32, 1.0, 0.0], [1.0, 2.0, 2.0], [3.0, -2.0, 0.0]], &Cpu)?;
        let want = [[2.5, 1.0, 1.0], [1.5, 8.0, 5.0], [6.5, -2.0, 3.0]];
        case.close("a(u)", forward(&u, &adapter()?)?, want, 1e-6);
        Ok(())
    });
    suite.case("zero up is the identity", 1, |case| {
        let Adapter { down, down_bias, up, up_bias } = adapter()?;
        let (up, up_bias) = (up.zeros_like()?, up_bias.zeros_like()?);
        let u = Tensor::new(&[[1f32, -2.0, 3.0]], &Cpu)?;
        case.close("a(u)", forward(&u, &Adapter { down, down_bias, up, up_bias })?, [[1.0, -2.0, 3.0]], 0.0);
        Ok(())
    });
    suite.case("gradients", 2, |case| {
        // u = (1, 2, 3): only the second narrow number is alive. dU = 1 (0, 4)ᵀ; dD = (0; 2 + 1) uᵀ; du = 1 + 3 · (0, 1, 1)
        let Adapter { down, down_bias, up, up_bias } = adapter()?;
        let (down, up) = (Var::from_tensor(&down)?, Var::from_tensor(&up)?);
        let u = Var::new(&[[1f32, 2.0, 3.0]], &Cpu)?;
        let module = Adapter { down: down.as_tensor().clone(), down_bias, up: up.as_tensor().clone(), up_bias };
        let gradients = forward(&u, &module)?.sum_all()?.backward()?;
        case.gradient("dL/dU", gradients.get(&up), [[0.0, 4.0]; 3], 1e-6);
        case.gradient("dL/dD", gradients.get(&down), [[0.0, 0.0, 0.0], [3.0, 6.0, 9.0]], 1e-6);
        case.gradient("dL/du", gradients.get(&u), [[1.0, 4.0, 4.0]], 1e-6);
        Ok(())
    });
    suite.case("other sizes", 2, |case| {
        case.exact("Pfeiffer on a 7B model, m = 64", params(4096, 64, 32, 1), 16_910_336);
        case.exact("d = 10, m = 1, three layers of two", params(10, 1, 3, 2), 6 * 31);
        Ok(())
    });
}
