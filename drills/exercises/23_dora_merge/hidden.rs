//! Hidden tests: three outputs against candle's own backward pass, orthogonality, and by hand a fresh layer.

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{direction_gradient, magnitude_gradient, merged, true_direction_gradient};

fn parts() -> Result<[Var; 3]> {
    Ok([
        Var::new(&[[1f32, -2.0], [0.5, 3.0], [2.0, 1.0]], &Cpu)?,
        Var::new(&[[1f32, 2.0], [-3.0, 1.0], [0.5, 0.5]], &Cpu)?,
        Var::new(&[2f32, 0.5, 1.5], &Cpu)?,
    ])
}

fn loss(g: &Tensor, v: &Tensor, m: &Tensor, held: bool) -> Result<Tensor> {
    let norms = v.sqr()?.sum_keepdim(1)?.sqrt()?;
    let norms = if held { norms.detach() } else { norms };
    (g * v.broadcast_div(&norms)?.broadcast_mul(&m.unsqueeze(1)?)?)?.sum_all()
}

pub fn register(suite: &mut Suite) {
    suite.case("against automatic differentiation", 4, |case| {
        let [g, v, m] = parts()?;
        let (held, whole) = (loss(&g, &v, &m, true)?.backward()?, loss(&g, &v, &m, false)?.backward()?);
        case.gradient("dm", Some(&magnitude_gradient(&g, &v)?), held.get(&m), 1e-5);
        case.gradient("dV, held", Some(&direction_gradient(&g, &v, &m)?), held.get(&v), 1e-5);
        case.gradient("dV, true", Some(&true_direction_gradient(&g, &v, &m)?), whole.get(&v), 1e-5);
        Ok(())
    });
    suite.case("the true gradient is orthogonal to each row", 1, |case| {
        let [g, v, m] = parts()?;
        let along = (true_direction_gradient(&g, &v, &m)? * v.as_tensor())?.sum(1)?;
        case.close("dV · V", along, [0.0, 0.0, 0.0], 1e-5);
        case.close("dm", magnitude_gradient(&v, &v)?, [5f64.sqrt(), 10f64.sqrt(), 0.5f64.sqrt()], 1e-5);
        Ok(())
    });
    suite.case("other weights", 2, |case| {
        // V = [0 3 4; 0 0 2], rows 5 and 2 long; m = (5, 2) leaves V, m = (10, 1) doubles and halves.
        let w = Tensor::new(&[[0f32, 3.0, 0.0], [0.0, 0.0, 2.0]], &Cpu)?;
        let a = Tensor::new(&[[0f32, 0.0, 1.0]], &Cpu)?;
        let b = Tensor::new(&[[8f32], [0.0]], &Cpu)?;
        let v = [[0.0, 3.0, 4.0], [0.0, 0.0, 2.0]];
        case.close("W', m = c", merged(&w, &a, &b, &Tensor::new(&[5f32, 2.0], &Cpu)?, 0.5)?, v, 1e-5);
        let other = merged(&w, &a, &b, &Tensor::new(&[10f32, 1.0], &Cpu)?, 0.5)?;
        case.close("W', another m", other, [[0.0, 6.0, 8.0], [0.0, 0.0, 1.0]], 1e-5);
        Ok(())
    });
}
