//! Public tests, worked by hand with one dimension and scores that are logarithms:
//!
//! ```text
//! q = 1, 1    P_K = ln 3, P_V = 10    K = 0, ln 2    V = 2, -4
//! query 0: weights 3 : 1,      out (3 · 10 + 2) / 4 = 8
//! query 1: weights 3 : 1 : 2,  out (30 + 2 - 8) / 6 = 4
//! loss sum(out):  dP_V = 3/4 + 3/6 = 1.25    dP_K = Σ w (P_V - out) = 3/4 · 2 + 1/2 · 6 = 4.5
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{attend, params, visible};

struct Head {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    pk: Var,
    pv: Var,
}

fn head() -> Result<Head> {
    Ok(Head {
        q: Tensor::new(&[[1f32], [1.0]], &Cpu)?,
        k: Tensor::new(&[[0f32], [2f32.ln()]], &Cpu)?,
        v: Tensor::new(&[[2f32], [-4.0]], &Cpu)?,
        pk: Var::new(&[[3f32.ln()]], &Cpu)?,
        pv: Var::new(&[[10f32]], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("who sees what", 2, |case| {
        case.exact("p = 2, n = 2", visible(2, 2), [[1, 1, 1, 0], [1, 1, 1, 1]])
            .mistake("the mask is not extended: every query sees the whole prefix", [[1, 0, 0, 0], [1, 1, 0, 0]])
            .mistake("a query sees its own token too", [[1, 1, 0, 0], [1, 1, 1, 0]])
            .mistake("the tokens are not causal any more", [[1; 4]; 2])
            .mistake("the prefix stands behind the tokens; it belongs in front", [[1, 0, 1, 1], [1, 1, 1, 1]]);
        Ok(())
    });
    suite.case("the output", 3, |case| {
        let Head { q, k, v, pk, pv } = head()?;
        case.close("out", attend(&q, &k, &v, &pk, &pv)?, [[8.0], [4.0]], 1e-5)
            .mistake("the tokens are not causal any more", [[4.0], [4.0]])
            .mistake("the mask is not extended: every query sees the whole prefix", [[10.0], [8.0]])
            .mistake("the prefix is missing", [[2.0], [-2.0]])
            .mistake("masked after the softmax: hidden keys still share in the sum", [[32.0 / 6.0], [4.0]]);
        Ok(())
    });
    suite.case("four dimensions", 2, |case| {
        // q · k / √4: with q = (2, 0, 0, 0) the score is the key's first number, so weights and outputs are as above.
        let row = |value: f32| [value, 0.0, 0.0, 0.0];
        let q = Tensor::new(&[row(2.0), row(2.0)], &Cpu)?;
        let k = Tensor::new(&[row(0.0), row(2f32.ln())], &Cpu)?;
        let v = Tensor::new(&[row(2.0), row(-4.0)], &Cpu)?;
        let (pk, pv) = (Tensor::new(&[row(3f32.ln())], &Cpu)?, Tensor::new(&[row(10.0)], &Cpu)?);
        let want = |a: f64, b: f64| [[a, 0.0, 0.0, 0.0], [b, 0.0, 0.0, 0.0]];
        case.close("out", attend(&q, &k, &v, &pk, &pv)?, want(8.0, 4.0), 1e-5)
            // Weights 9 : 1 and 9 : 1 : 4.
            .mistake("the division by √d is missing", want(9.2, (90.0 + 2.0 - 16.0) / 14.0))
            // Weights √3 : 1 and √3 : 1 : √2.
            .mistake(
                "divided by d; it is its root",
                want(
                    (10.0 * 3f64.sqrt() + 2.0) / (3f64.sqrt() + 1.0),
                    (10.0 * 3f64.sqrt() + 2.0 - 4.0 * 2f64.sqrt()) / (3f64.sqrt() + 1.0 + 2f64.sqrt()),
                ),
            );
        Ok(())
    });
    suite.case("the prefix trains", 2, |case| {
        let Head { q, k, v, pk, pv } = head()?;
        let gradients = attend(&q, &k, &v, &pk, &pv)?.sum_all()?.backward()?;
        case.gradient("dL/dP_V", gradients.get(&pv), [[1.25]], 1e-5);
        case.gradient("dL/dP_K", gradients.get(&pk), [[4.5]], 1e-5);
        Ok(())
    });
    suite.case("numbers", 1, |case| {
        // Llama-2-7B, p = 20: 2 · 20 · 32 · 4096
        case.exact("p = 20, 32 layers, 4096", params(20, 32, 4096), 5_242_880)
            .mistake("keys and values: there are two of them", 2_621_440)
            .mistake("each layer has its own prefix", 163_840);
        Ok(())
    });
}
