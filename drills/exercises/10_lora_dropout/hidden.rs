//! Hidden tests: two inputs with masks of their own, by hand, and the expected value.
//!
//! ```text
//! x = [1 2 3; 1 1 1]    mask = [0 1 1; 1 0 0]    p = 0.2    x ⊙ mask / 0.8 = [0 2.5 3.75; 1.25 0 0]
//! A = [2 0 0; 0 2 2]: [0 12.5; 2.5 0]    B = [1 0; 0 1; 1 1]: [0 12.5 12.5; 2.5 0 2.5]    s = 0.4: [0 5 5; 1 0 1]
//! W₀ = [1 0 0; 0 1 0; 0 0 1]: y = [1 7 8; 2 1 2]
//! ```

use candle_core::{DType, Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{Lora, dropped, forward};

fn layer() -> Result<(Tensor, Tensor, Lora)> {
    let a = Tensor::new(&[[2f32, 0.0, 0.0], [0.0, 2.0, 2.0]], &Cpu)?;
    let b = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?;
    let x = Tensor::new(&[[1f32, 2.0, 3.0], [1.0, 1.0, 1.0]], &Cpu)?;
    Ok((x, Tensor::eye(3, DType::F32, &Cpu)?, Lora { a, b, s: 0.4 }))
}

pub fn register(suite: &mut Suite) {
    suite.case("each input has its own mask", 3, |case| {
        let (x, w, lora) = layer()?;
        let mask = Tensor::new(&[[0f32, 1.0, 1.0], [1.0, 0.0, 0.0]], &Cpu)?;
        case.close("y", forward(&x, &w, &lora, Some((&mask, 0.2)))?, [[1.0, 7.0, 8.0], [2.0, 1.0, 2.0]], 1e-5);
        Ok(())
    });
    suite.case("all dropped leaves the base", 1, |case| {
        let (x, w, lora) = layer()?;
        let y = forward(&x, &w, &lora, Some((&x.zeros_like()?, 0.5)))?;
        case.close("y", y, [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], 1e-6);
        Ok(())
    });
    suite.case("evaluated, it is the merged layer", 2, |case| {
        let (x, w, lora) = layer()?;
        let merged = (&w + (lora.b.matmul(&lora.a)? * lora.s)?)?;
        case.close("y", forward(&x, &w, &lora, None)?, x.matmul(&merged.t()?)?, 1e-5);
        Ok(())
    });
    suite.case("the factors train", 1, |case| {
        let (x, w, Lora { a, b, s }) = layer()?;
        let a = Var::from_tensor(&a)?;
        let mask = Tensor::new(&[[0f32, 1.0, 1.0], [1.0, 0.0, 0.0]], &Cpu)?;
        let y = forward(&x, &w, &Lora { a: a.as_tensor().clone(), b, s }, Some((&mask, 0.2)))?;
        // s · Bᵀ 1 = 0.8 for both ranks; the dropped inputs sum to (1.25, 2.5, 3.75).
        let gradients = y.sum_all()?.backward()?;
        case.gradient("dL/dA", gradients.get(&a), [[1.0, 2.0, 3.0]; 2], 1e-5);
        case.refuses("p = NaN", &dropped(&x, &mask, f64::NAN), "NaN is no probability: refuse it");
        Ok(())
    });
}
