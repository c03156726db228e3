//! Hidden tests: other shapes, by hand, and folding against scaling.

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{fold_inputs, fold_outputs, mlp, params, scaled};

fn parts() -> Result<[Tensor; 3]> {
    Ok([
        Tensor::new(&[[1f32, 0.5, -1.0], [2.0, 0.0, 1.0]], &Cpu)?,
        Tensor::new(&[[1f32, 2.0, 3.0], [0.0, -1.0, 1.0]], &Cpu)?,
        Tensor::new(&[-1f32, 3.0], &Cpu)?,
    ])
}

pub fn register(suite: &mut Suite) {
    suite.case("two inputs, three to two", 2, |case| {
        let [x, w, l] = parts()?;
        // W x = (-1, -1.5), (5, 1)
        case.close("l ⊙ W x", scaled(&x, &w, &l)?, [[1.0, -4.5], [-5.0, 3.0]], 1e-5);
        case.close("folded", x.matmul(&fold_outputs(&w, &l)?.t()?)?, [[1.0, -4.5], [-5.0, 3.0]], 1e-5);
        Ok(())
    });
    suite.case("the MLP folded", 3, |case| {
        let [x, w1, l] = parts()?;
        let w2 = Tensor::new(&[[1f32, 2.0], [0.0, 1.0], [5.0, 0.0]], &Cpu)?;
        // relu(W₁ x) = (0, 0), (5, 1); l: (0, 0), (-5, 3); W₂: (1, 3, -25)
        let want = [[0.0, 0.0, 0.0], [1.0, 3.0, -25.0]];
        case.close("y", mlp(&x, &w1, &w2, &l)?, want, 1e-5);
        let folded = fold_inputs(&w2, &l)?;
        case.close("y, folded", mlp(&x, &w1, &folded, &l.ones_like()?)?, want, 1e-5);
        Ok(())
    });
    suite.case("ones change nothing", 1, |case| {
        let [_, w, l] = parts()?;
        case.close("diag(1) W", fold_outputs(&w, &l.ones_like()?)?, &w, 0.0);
        case.close("W diag(1)", fold_inputs(&w, &Tensor::new(&[1f32; 3], &Cpu)?)?, &w, 0.0);
        Ok(())
    });
    suite.case("other sizes", 1, |case| {
        // Llama-3-8B with grouped-query attention
        case.exact("32, 1024, 14336", params(32, 1024, 14_336), 524_288);
        Ok(())
    });
}
