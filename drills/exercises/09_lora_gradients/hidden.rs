//! Hidden tests: rank 2 with four inputs, against candle's own backward pass through the formula of the forward pass.

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::backward;

/// Numbers without a pattern: the fractional parts of multiples of the golden ratio, about zero.
fn var(rows: usize, columns: usize, from: usize) -> Result<Var> {
    let value = |place: usize| (((place + from) as f64 * 0.618_033_988_75).fract() - 0.5) as f32;
    Var::from_tensor(&Tensor::from_vec((0..rows * columns).map(value).collect(), (rows, columns), &Cpu)?)
}

pub fn register(suite: &mut Suite) {
    for (name, n, s) in [("rank 2, four inputs", 4, 1.5), ("one input, a small scale", 1, 0.125)] {
        suite.case(name, 3, move |case| {
            let (x, w, a, b) = (var(n, 5, 1)?, var(3, 5, 40)?, var(2, 5, 80)?, var(3, 2, 120)?);
            let g = var(n, 3, 160)?;
            let update = (x.matmul(&a.t()?)?.matmul(&b.t()?)? * s)?;
            let loss = ((x.matmul(&w.t()?)? + update)? * g.as_tensor())?.sum_all()?;
            let want = loss.backward()?;
            let got = backward(&x, &g, &w, &a, &b, s)?;
            case.gradient("dA", Some(&got.a), want.get(&a), 1e-5).scale("s", s);
            case.gradient("dB", Some(&got.b), want.get(&b), 1e-5).scale("s", s);
            case.gradient("dx", Some(&got.x), want.get(&x), 1e-5);
            Ok(())
        });
    }
}
