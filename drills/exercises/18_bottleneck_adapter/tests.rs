//! Public tests, worked by hand:
//!
//! ```text
//! u = (1, 2, 3)    D = [1 0 -1; 0 1 1]    b_D = (0, -1)    U = [1 0; 0 2; 1 1]    b_U = (0.5, 0, 0)
//! D u + b_D = (-2, 4)    relu: (0, 4)    U (0, 4) + b_U = (0.5, 8, 4)    a(u) = (1.5, 10, 7)
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Adapter, forward, params};

pub fn adapter() -> Result<Adapter> {
    Ok(Adapter {
        down: Tensor::new(&[[1f32, 0.0, -1.0], [0.0, 1.0, 1.0]], &Cpu)?,
        down_bias: Tensor::new(&[0f32, -1.0], &Cpu)?,
        up: Tensor::new(&[[1f32, 0.0], [0.0, 2.0], [1.0, 1.0]], &Cpu)?,
        up_bias: Tensor::new(&[0.5f32, 0.0, 0.0], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("the output", 3, |case| {
        let u = Tensor::new(&[[1f32, 2.0, 3.0]], &Cpu)?;
        case.close("a(u)", forward(&u, &adapter()?)?, [[1.5, 10.0, 7.0]], 1e-6)
            .mistake("the residual is missing: add u", [[0.5, 8.0, 4.0]])
            .mistake("the nonlinearity is missing: without it the module could be merged", [[-0.5, 10.0, 5.0]])
            .mistake("both biases are missing", [[1.0, 12.0, 8.0]])
            .mistake("the bias of down is missing", [[1.5, 12.0, 8.0]])
            .mistake("the bias of up is missing", [[1.0, 10.0, 7.0]])
            .mistake("relu comes before the bias", [[0.5, 8.0, 6.0]])
            .mistake("the residual is added twice", [[2.5, 12.0, 10.0]]);
        Ok(())
    });
    suite.case("relu stays inside", 2, |case| {
        // u = (-4, 0, 1): D u + b_D = (-5, 0), relu (0, 0): only b_U is added. The output keeps its negative number.
        let u = Tensor::new(&[[-4f32, 0.0, 1.0]], &Cpu)?;
        case.close("a(u)", forward(&u, &adapter()?)?, [[-3.5, 0.0, 1.0]], 1e-6)
            .mistake("relu is applied to the output; it belongs between down and up", [[0.0, 0.0, 1.0]])
            .mistake("the nonlinearity is missing: without it the module could be merged", [[-8.5, 0.0, -4.0]]);
        Ok(())
    });
    suite.case("numbers of a module", 2, |case| {
        // 2 · 3 · 2 + 2 + 3
        case.exact("d = 3, m = 2, one module", params(3, 2, 1, 1), 17)
            .mistake("the biases are not counted", 12)
            .mistake("only one of the two matrices is counted", 11)
            .mistake("the bias of down has m numbers, that of up has d", 18)
            .mistake("the bias of down has m numbers, that of up has d", 16);
        // 32 · 2 · (2 · 4096 · 64 + 64 + 4096)
        case.exact("Houlsby on a 7B model, m = 64", params(4096, 64, 32, 2), 33_820_672)
            .mistake("Houlsby has two modules in each layer", 16_910_336);
        Ok(())
    });
}
