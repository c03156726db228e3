//! Hidden tests: two prefix positions, three tokens, by hand.
//!
//! ```text
//! q = 1, 0, 1    P_K = 0, ln 2    P_V = 6, 12    K = ln 3, 5, 0    V = 0, 6, 20
//! query 0: weights 1 : 2 : 3,           out (6 + 24 + 0) / 6 = 5
//! query 1 (q = 0): equal weights of 4,  out (6 + 12 + 0 + 6) / 4 = 6
//! query 2: weights 1 : 2 : 3 : e⁵ : 1,  out (6 + 24 + 6 e⁵ + 20) / (7 + e⁵)
//! ```

use candle_core::{Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::answer::{attend, params, visible};

pub fn register(suite: &mut Suite) {
    suite.case("three tokens", 3, |case| {
        let column = |values: &[f32]| Tensor::new(values, &Cpu)?.unsqueeze(1);
        let (q, k, v) = (column(&[1.0, 0.0, 1.0])?, column(&[3f32.ln(), 5.0, 0.0])?, column(&[0.0, 6.0, 20.0])?);
        let (pk, pv) = (column(&[0.0, 2f32.ln()])?, column(&[6.0, 12.0])?);
        let last = (50.0 + 6.0 * 5f64.exp()) / (7.0 + 5f64.exp());
        case.close("out", attend(&q, &k, &v, &pk, &pv)?, [[5.0], [6.0], [last]], 1e-5);
        Ok(())
    });
    suite.case("no prefix is plain attention", 1, |case| {
        let q = Tensor::new(&[[1f32], [1.0]], &Cpu)?;
        let (k, v) = (Tensor::new(&[[0f32], [3f32.ln()]], &Cpu)?, Tensor::new(&[[4f32], [8.0]], &Cpu)?);
        case.exact("visible", visible(0, 2), [[1, 0], [1, 1]]);
        // A prefix whose key is far away from the queries counts as none.
        let (pk, pv) = (Tensor::new(&[[-200f32]], &Cpu)?, Tensor::new(&[[99f32]], &Cpu)?);
        case.close("out", attend(&q, &k, &v, &pk, &pv)?, [[4.0], [7.0]], 1e-5);
        Ok(())
    });
    suite.case("the ratios of the tokens stay", 2, |case| {
        // out = λ P_V + (1 - λ) · out without prefix; with P_V = 0 and weights 3 : 1 : 3, λ = 3/7 for the second query.
        let q = Tensor::new(&[[1f32], [1.0]], &Cpu)?;
        let (k, v) = (Tensor::new(&[[0f32], [3f32.ln()]], &Cpu)?, Tensor::new(&[[4f32], [8.0]], &Cpu)?);
        let (pk, pv) = (Tensor::new(&[[3f32.ln()]], &Cpu)?, Tensor::new(&[[0f32]], &Cpu)?);
        case.close("out", attend(&q, &k, &v, &pk, &pv)?, [[1.0], [4.0]], 1e-5);
        Ok(())
    });
    suite.case("other masks and sizes", 1, |case| {
        case.exact("p = 1, n = 3", visible(1, 3), [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]);
        // Llama-3-8B with grouped-query attention, p = 20.
        case.exact("p = 20, 32 layers, 1024", params(20, 32, 1024), 1_310_720);
        Ok(())
    });
}
