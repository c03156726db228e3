//! Public tests, worked by hand with scores that are logarithms:
//!
//! ```text
//! h₁ = (ln 3, 0)    h₂ = (0, 0)    z_1 = (1, 0) twice    z_2 = (0, 4) twice    Q = K = identity    V = [0 1; 2 0]
//! scores of h₁: ln 3 and 0, weights 3/4 and 1/4    of h₂: 0 and 0, weights 1/2 and 1/2
//! V z_1 = (0, 2)    V z_2 = (4, 0)    o₁ = (1, 1.5)    o₂ = (2, 1)
//! ```

use candle_core::{DType, Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{fuse, params};

struct Layer {
    h: Tensor,
    z: Vec<Tensor>,
    identity: Tensor,
    v: Tensor,
}

fn layer() -> Result<Layer> {
    Ok(Layer {
        h: Tensor::new(&[[3f32.ln(), 0.0], [0.0, 0.0]], &Cpu)?,
        z: vec![Tensor::new(&[[1f32, 0.0], [1.0, 0.0]], &Cpu)?, Tensor::new(&[[0f32, 4.0], [0.0, 4.0]], &Cpu)?],
        identity: Tensor::eye(2, DType::F32, &Cpu)?,
        v: Tensor::new(&[[0f32, 1.0], [2.0, 0.0]], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("two inputs, two adapters", 4, |case| {
        let Layer { h, z, identity, v } = layer()?;
        // With a division by √2 the first weight is 3^(1/√2) over itself plus one.
        let power = 3f64.powf(0.5f64.sqrt());
        let (one, two) = (power / (power + 1.0), 1.0 / (power + 1.0));
        case.close("o", fuse(&h, &z, &identity, &identity, &v)?, [[1.0, 1.5], [2.0, 1.0]], 1e-5)
            .mistake("the scores are divided by √d; fusion does not do that", [[4.0 * two, 2.0 * one], [2.0, 1.0]])
            .mistake("the adapters are averaged: the scores are not used", [[2.0, 1.0], [2.0, 1.0]])
            .mistake("the softmax goes over the inputs; it must go over the adapters", [[2.0, 1.5], [2.0, 0.5]])
            .mistake("there is no softmax: the scores themselves weigh", [[0.0, 2.0 * 3f64.ln()], [0.0, 0.0]])
            .mistake("V is left out", [[0.75, 1.0], [0.5, 2.0]])
            .mistake("V is transposed", [[2.0, 0.75], [4.0, 0.5]])
            .mistake("the hidden state is added: only the mix is asked for", [[1.0 + 3f64.ln(), 1.5], [2.0, 1.0]]);
        Ok(())
    });
    suite.case("Q and K are not symmetric", 2, |case| {
        // Q h = (0, ln 3) for h = (ln 3, 0) and Q = [0 0; 1 0]; K z_1 = (0, 1) for K = [0 0; 1 0]; K z_2 = (0, 0).
        let Layer { h, z, identity, .. } = layer()?;
        let q = Tensor::new(&[[0f32, 0.0], [1.0, 0.0]], &Cpu)?;
        let y = fuse(&h, &z, &q, &q, &identity)?;
        case.close("o", y, [[0.75, 1.0], [0.5, 2.0]], 1e-5)
            .mistake("Q or K is transposed, or left out", [[0.5, 2.0], [0.5, 2.0]]);
        Ok(())
    });
    suite.case("the mixer trains, the adapters do not", 2, |case| {
        let Layer { h, z, identity, v } = layer()?;
        let [q, k, v] = [&identity, &identity, &v].map(Var::from_tensor);
        let (q, k, v) = (q?, k?, v?);
        let first = Var::from_tensor(&z[0])?;
        let z = [first.as_tensor().clone(), z[1].clone()];
        let gradients = fuse(&h, &z, &q, &k, &v)?.sum_all()?.backward()?;
        // Σ weight · z in both rows: (3/4 + 1/2, 4 · (1/4 + 1/2))
        case.gradient("dL/dV", gradients.get(&v), [[1.25, 3.0]; 2], 1e-5);
        // The sum of o is 2 w + 4 (1 - w), so dw = -2 and each score gets -2 w (1 - w) = ∓0.375 for h₁.
        let slope = -0.375 * 3f64.ln();
        case.gradient("dL/dQ", gradients.get(&q), [[slope, 0.0], [-4.0 * slope, 0.0]], 1e-5);
        case.gradient("dL/dK", gradients.get(&k), [[slope, -4.0 * slope], [0.0, 0.0]], 1e-5);
        case.no_gradient("dL/dz", gradients.get(&first));
        Ok(())
    });
    suite.case("numbers", 1, |case| {
        // BERT-base: 12 · 3 · 768²
        case.exact("d = 768, 12 layers", params(768, 12), 21_233_664)
            .mistake("Q, K and V are three matrices", 7_077_888)
            .mistake("each matrix is d by d", 27_648);
        Ok(())
    });
}
