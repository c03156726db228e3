//! Public tests, worked by hand:
//!
//! ```text
//! x = (2, 4)    mask = (1, 0)    p = 0.5    dropout(x) = (4, 0)    W₀ = [1 1; 0 1]    A = [1 1]    B = [1; 2]    s = 3
//! W₀ x = (6, 4)    A dropout(x) = 4    y = (6, 4) + 3 · 4 · (1, 2) = (18, 28)
//! evaluated: A x = 6, y = (6, 4) + 18 · (1, 2) = (24, 40)
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Lora, dropped, forward};

fn layer() -> Result<(Tensor, Tensor, Lora)> {
    let lora = Lora { a: Tensor::new(&[[1f32, 1.0]], &Cpu)?, b: Tensor::new(&[[1f32], [2.0]], &Cpu)?, s: 3.0 };
    Ok((Tensor::new(&[[2f32, 4.0]], &Cpu)?, Tensor::new(&[[1f32, 1.0], [0.0, 1.0]], &Cpu)?, lora))
}

pub fn register(suite: &mut Suite) {
    suite.case("dropping", 2, |case| {
        let x = Tensor::new(&[[2f32, 4.0, 6.0]], &Cpu)?;
        let mask = Tensor::new(&[[1f32, 0.0, 1.0]], &Cpu)?;
        case.close("p = 0.75", dropped(&x, &mask, 0.75)?, [[8.0, 0.0, 24.0]], 1e-6)
            .mistake("the division by 1 - p is missing: the expected value shrinks", [[2.0, 0.0, 6.0]])
            .mistake("divided by p; what is kept is 1 - p", [[2.0 / 0.75, 0.0, 8.0]])
            .mistake("multiplied by 1 - p; divide by it", [[0.5, 0.0, 1.5]])
            .mistake("the mask is upside down: 1 means kept", [[0.0, 16.0, 0.0]]);
        Ok(())
    });
    suite.case("training", 3, |case| {
        let (x, w, lora) = layer()?;
        let mask = Tensor::new(&[[1f32, 0.0]], &Cpu)?;
        case.close("y", forward(&x, &w, &lora, Some((&mask, 0.5)))?, [[18.0, 28.0]], 1e-5)
            .mistake("the base's input is dropped too; it must see the whole x", [[16.0, 24.0]])
            .mistake("the division by 1 - p is missing: the expected value shrinks", [[12.0, 16.0]])
            .mistake("dropout stands behind B; it belongs before A", [[42.0, 4.0]])
            .mistake("there is no dropout", [[24.0, 40.0]])
            .mistake("the scale s is missing", [[10.0, 12.0]]);
        Ok(())
    });
    suite.case("evaluating", 2, |case| {
        let (x, w, lora) = layer()?;
        case.close("y", forward(&x, &w, &lora, None)?, [[24.0, 40.0]], 1e-5)
            .mistake("the scale s is missing", [[12.0, 16.0]])
            .mistake("the update is missing", [[6.0, 4.0]]);
        Ok(())
    });
    suite.case("what is refused", 1, |case| {
        let x = Tensor::new(&[[2f32]], &Cpu)?;
        let mask = Tensor::new(&[[1f32]], &Cpu)?;
        case.close("p = 0 changes nothing", dropped(&x, &mask, 0.0)?, [[2.0]], 1e-6);
        case.refuses("p = 1", &dropped(&x, &mask, 1.0), "p = 1 divides by zero: refuse it");
        case.refuses("p < 0", &dropped(&x, &mask, -0.1), "a negative p is no probability: refuse it");
        Ok(())
    });
}
