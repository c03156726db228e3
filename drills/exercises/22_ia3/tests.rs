//! Public tests, worked by hand, with square weights so that a wrong axis gives numbers and no error:
//!
//! ```text
//! W = [1 2; 3 4]    l = (2, 10)    x = (1, 1)    W x = (3, 7)    l ⊙ W x = (6, 70)
//! diag(l) W = [2 4; 30 40]    W diag(l) = [2 20; 6 40]
//! MLP: W₁ = [1 0; 0 -1; 1 1]    x = (1, 2)    W₁ x = (1, -2, 3)    relu (1, 0, 3)    l = (2, 5, -1): (2, 0, -3)
//! W₂ = [1 1 0; 0 1 1]:  (2, -3)
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{fold_inputs, fold_outputs, mlp, params, scaled};

fn layer() -> Result<(Tensor, Tensor)> {
    Ok((Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Cpu)?, Tensor::new(&[2f32, 10.0], &Cpu)?))
}

pub fn register(suite: &mut Suite) {
    suite.case("keys and values", 2, |case| {
        let (w, l) = layer()?;
        let x = Tensor::new(&[[1f32, 1.0]], &Cpu)?;
        case.close("l ⊙ W x", scaled(&x, &w, &l)?, [[6.0, 70.0]], 1e-5)
            .mistake("the input is scaled; the output is what (IA)³ scales here", [[22.0, 46.0]])
            .mistake("the vector is added; (IA)³ multiplies", [[5.0, 17.0]])
            .mistake("the vector is not used", [[3.0, 7.0]])
            .mistake("one plus the vector multiplies: the vector itself starts at one", [[9.0, 77.0]])
            .mistake("W is transposed", [[8.0, 60.0]]);
        Ok(())
    });
    suite.case("the MLP", 2, |case| {
        let x = Tensor::new(&[[1f32, 2.0]], &Cpu)?;
        let w1 = Tensor::new(&[[1f32, 0.0], [0.0, -1.0], [1.0, 1.0]], &Cpu)?;
        let w2 = Tensor::new(&[[1f32, 1.0, 0.0], [0.0, 1.0, 1.0]], &Cpu)?;
        let l = Tensor::new(&[2f32, 5.0, -1.0], &Cpu)?;
        case.close("y", mlp(&x, &w1, &w2, &l)?, [[2.0, -3.0]], 1e-5)
            .mistake("the vector stands before relu; it belongs behind it", [[2.0, 0.0]])
            .mistake("relu is missing", [[-8.0, -13.0]])
            .mistake("the vector is not used", [[1.0, 3.0]]);
        Ok(())
    });
    suite.case("folding", 2, |case| {
        let (w, l) = layer()?;
        let (outputs, inputs) = ([[2.0, 4.0], [30.0, 40.0]], [[2.0, 20.0], [6.0, 40.0]]);
        case.close("diag(l) W", fold_outputs(&w, &l)?, outputs, 1e-5)
            .mistake("the columns are scaled; outputs are the rows of W", inputs);
        case.close("W diag(l)", fold_inputs(&w, &l)?, inputs, 1e-5)
            .mistake("the rows are scaled; inputs are the columns of W", outputs);
        Ok(())
    });
    suite.case("the vector trains", 1, |case| {
        let (w, l) = layer()?;
        let l = Var::from_tensor(&l)?;
        let x = Tensor::new(&[[1f32, 1.0], [1.0, 0.0]], &Cpu)?;
        let gradients = scaled(&x, &w, &l)?.sum_all()?.backward()?;
        // The sum of W x over both inputs.
        case.gradient("dL/dl", gradients.get(&l), [4.0, 10.0], 1e-5);
        Ok(())
    });
    suite.case("numbers", 1, |case| {
        case.exact("Llama-2-7B: 32, 4096, 11008", params(32, 4096, 11_008), 614_400)
            .mistake("keys and values have a vector each", 32 * (4096 + 11_008))
            .mistake("the MLP has a vector too", 32 * 2 * 4096)
            .mistake("the blocks are not counted", 19_200);
        Ok(())
    });
}
