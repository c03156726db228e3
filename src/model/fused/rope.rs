//! The rotation of RoPE (Su et al. 2021, arXiv 2104.09864) in the rotate-half form: the first half of a head is the real part, the second
//! the imaginary part.
//!
//! ```text
//! y = (a cos − b sin, b cos + a sin) for x = (a, b)      ∂L/∂x is ∂L/∂y turned back: the same with −sin
//! ```

use candle_core::{D, Result, Tensor};

use super::{
    fuses,
    rows::{Rows, apply},
};

/// Turns `x` (batch, heads, tokens, n) by angles whose cosines and sines are (tokens, n / 2) each.
pub(in crate::model) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let fits = x.dims4()?.2 == cos.dim(0)? && x.dim(D::Minus1)? == 2 * cos.dim(D::Minus1)? && cos.dims() == sin.dims();
    if !fits || !fuses(&[x, cos, sin]) {
        return textbook(x, &cos.to_dtype(x.dtype())?, &sin.to_dtype(x.dtype())?);
    }
    apply(x, Rotation { angles: Tensor::cat(&[cos, sin], D::Minus1)? })
}

fn textbook(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    let real = x.narrow(D::Minus1, 0, half)?;
    let imaginary = x.narrow(D::Minus1, half, half)?;
    let turned_real = (real.broadcast_mul(cos)? - imaginary.broadcast_mul(sin)?)?;
    let turned_imaginary = (imaginary.broadcast_mul(cos)? + real.broadcast_mul(sin)?)?;
    Tensor::cat(&[turned_real, turned_imaginary], D::Minus1)
}

struct Rotation {
    /// Cosines, then sines, of each token: (tokens, n).
    angles: Tensor,
}

impl Rows for Rotation {
    const NAME: &'static str = "rope";

    fn shared(&self) -> &Tensor {
        &self.angles
    }

    #[inline(always)]
    fn forward(&self, angles: &[f32], row: usize, x: &[f32], y: &mut [f32]) {
        turn(angles, row, 1.0, x, y);
    }

    #[inline(always)]
    fn backward(&self, angles: &[f32], row: usize, [_, _, dy]: [&[f32]; 3], dx: &mut [f32]) {
        turn(angles, row, -1.0, dy, dx);
    }
}

#[inline(always)]
fn turn(angles: &[f32], row: usize, sign: f32, x: &[f32], y: &mut [f32]) {
    let token = row % (angles.len() / x.len());
    let half = x.len() / 2;
    let (cos, sin) = angles[token * x.len()..][..x.len()].split_at(half);
    let (a, b) = x.split_at(half);
    let (real, imaginary) = y.split_at_mut(half);
    for i in 0..half {
        real[i] = a[i] * cos[i] - sign * b[i] * sin[i];
        imaginary[i] = b[i] * cos[i] + sign * a[i] * sin[i];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};

    use super::{super::same, rotate, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        for (batch, heads, tokens, n) in [(1, 1, 1, 2), (2, 3, 5, 8), (1, 9, 33, 64)] {
            let angles = Tensor::randn(0f32, 3f32, (tokens, n / 2), &Device::Cpu).unwrap();
            let (cos, sin) = (angles.cos().unwrap(), angles.sin().unwrap());
            // As attention hands it over: a view with heads and tokens exchanged.
            let heads_first = |x: &Tensor| x.transpose(1, 2);
            same::forward_and_backward(
                &[&[batch, tokens, heads, n]],
                |x| rotate(&heads_first(x[0])?, &cos, &sin),
                |x| textbook(&heads_first(x[0])?, &cos, &sin),
            );
        }
    }
}
