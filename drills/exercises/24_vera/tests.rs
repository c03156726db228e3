//! Public tests, worked by hand:
//!
//! ```text
//! x = (1, 2)    W₀ = [1 0; 0 1; 1 1]    A = [1 1 9; 0 1 9]    B = [1 0; 0 1; 1 1; 9 9]    d = (0.5, 2)    b = (2, 1, 0)
//! W₀ x = (1, 2, 3)    A x = (3, 2)    d: (1.5, 4)    B: (1.5, 4, 5.5)    b: (3, 4, 0)    y = (4, 6, 3)
//! loss sum(y):  db = (1.5, 4, 5.5)    dd = Bᵀ b ⊙ A x = (2, 1) ⊙ (3, 2) = (6, 2)
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{forward, params, start};

struct Layer {
    x: Tensor,
    w: Var,
    a: Var,
    b_shared: Var,
    d: Var,
    b: Var,
}

fn layer() -> Result<Layer> {
    Ok(Layer {
        x: Tensor::new(&[[1f32, 2.0]], &Cpu)?,
        w: Var::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?,
        a: Var::new(&[[1f32, 1.0, 9.0], [0.0, 1.0, 9.0]], &Cpu)?,
        b_shared: Var::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0], [9.0, 9.0]], &Cpu)?,
        d: Var::new(&[0.5f32, 2.0], &Cpu)?,
        b: Var::new(&[2f32, 1.0, 0.0], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("a fresh layer's vectors", 1, |case| {
        let (d, b) = start(2, 3)?;
        case.close("d", d, [0.1, 0.1], 1e-6)
            .mistake("d starts at 0.1: with both vectors zero nothing ever trains", [0.0, 0.0])
            .mistake("d and b are exchanged", [0.0, 0.0, 0.0])
            .mistake("d starts at 0.1, not at one", [1.0, 1.0]);
        case.close("b", b, [0.0, 0.0, 0.0], 0.0)
            .mistake("b starts at zero, or the fresh layer is not the base", [0.1; 3]);
        Ok(())
    });
    suite.case("the output", 3, |case| {
        let Layer { x, w, a, b_shared, d, b } = layer()?;
        case.close("y", forward(&x, &w, &a, &b_shared, &d, &b)?, [[4.0, 6.0, 3.0]], 1e-5)
            .mistake("the vector d is missing", [[7.0, 4.0, 3.0]])
            .mistake("the vector b is missing", [[2.5, 6.0, 8.5]])
            .mistake("both vectors are missing: that is LoRA with frozen factors", [[4.0, 4.0, 8.0]])
            .mistake("the base is missing", [[3.0, 4.0, 0.0]])
            .mistake("b scales the base too", [[5.0, 6.0, 0.0]])
            .mistake("the last columns of A are taken; the slice is the first", [[22.0, 42.0, 3.0]]);
        Ok(())
    });
    suite.case("the vectors train, nothing else", 3, |case| {
        let Layer { x, w, a, b_shared, d, b } = layer()?;
        let gradients = forward(&x, &w, &a, &b_shared, &d, &b)?.sum_all()?.backward()?;
        case.gradient("dL/db", gradients.get(&b), [1.5, 4.0, 5.5], 1e-5);
        case.gradient("dL/dd", gradients.get(&d), [6.0, 2.0], 1e-5);
        case.no_gradient("dL/dA", gradients.get(&a));
        case.no_gradient("dL/dB", gradients.get(&b_shared));
        case.no_gradient("dL/dW₀", gradients.get(&w));
        Ok(())
    });
    suite.case("numbers", 2, |case| {
        case.exact("(3, 2) and (5, 7) at r = 4", params(&[(3, 2), (5, 7)], 4), 16)
            .mistake("that is LoRA's count: VeRA's matrices are frozen", 4 * 17)
            .mistake("b has a number for each output, not each input", 17)
            .mistake("d has r numbers at each matrix", 12)
            .mistake("b is missing: it has a number for each output", 8);
        Ok(())
    });
}
