//! Gradient clipping by the norm over all tensors (Pascanu et al. 2012, arXiv 1211.5063, §3.2).

use candle_core::{Result, Tensor, Var, backprop::GradStore};

use crate::device::down;

/// Scales the gradients of `variables` by `limit / (norm + 1e-6)` if their joint Euclidean norm is larger than `limit`, as
/// torch's `clip_grad_norm_` does; returns the norm before.
///
/// # Errors
/// A tensor operation fails.
pub fn clip(grads: &mut GradStore, variables: &[Var], limit: f64) -> Result<f64> {
    let grads_of = variables.iter().filter_map(|variable| grads.get(variable.as_tensor()));
    let squares = grads_of.map(|grad| grad.sqr()?.sum_all()).collect::<Result<Vec<_>>>()?;
    if squares.is_empty() {
        return Ok(0.0);
    }
    // All of them in one piece: each copy from a GPU waits until it has caught up.
    let squares = down::<f32>(&Tensor::stack(&squares, 0)?)?;
    let norm = squares.into_iter().map(f64::from).sum::<f64>().sqrt();
    let scale = limit / (norm + 1e-6);
    if scale < 1.0 {
        for variable in variables {
            if let Some(grad) = grads.remove(variable.as_tensor()) {
                grads.insert(variable.as_tensor(), (grad * scale)?);
            }
        }
    }
    Ok(norm)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;

    #[test]
    fn a_long_gradient_gets_the_limit_and_a_short_one_stays() {
        let variable = Var::new(&[3f32, 4.0], &Device::Cpu).unwrap();
        for (limit, expected) in [(1.0, 1.0), (50.0, 10.0)] {
            // The gradient of the sum of squares is twice the variable: (6, 8), of length 10.
            let mut grads = variable.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let norm = clip(&mut grads, std::slice::from_ref(&variable), limit).unwrap();
            assert!((norm - 10.0).abs() < 1e-5);
            let grad = grads.get(variable.as_tensor()).unwrap().to_vec1::<f32>().unwrap();
            let length = f64::from(grad[0].hypot(grad[1]));
            assert!((length - expected).abs() < 1e-5, "{length}");
        }
    }
}
