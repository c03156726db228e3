//! SwiGLU's product (Shazeer 2020, arXiv 2002.05202): `y = silu(gate) ⊙ up`, silu(g) = g σ(g).
//!
//! ```text
//! ∂L/∂gate = ∂L/∂y ⊙ up ⊙ σ (1 + gate (1 − σ)),  σ = σ(gate)      ∂L/∂up = ∂L/∂y ⊙ silu(gate)
//! ```

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{
    fuses,
    lanes::{exp, wide},
    rows::numbers,
};

/// Numbers that one thread takes at once.
const STRIP: usize = 1 << 13;

/// `gate` and `up` have the same shape.
pub(in crate::model) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if !fuses(&[gate, up]) || gate.dims() != up.dims() {
        return textbook(gate, up);
    }
    gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu)
}

fn textbook(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.silu()? * up
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

struct SwiGlu;

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (numbers(gate, gate_layout)?, numbers(up, up_layout)?);
        let mut y = vec![0f32; gate.len()];
        let strips = y.par_chunks_mut(STRIP).zip(gate.par_chunks(STRIP)).zip(up.par_chunks(STRIP));
        strips.for_each(|((y, gate), up)| {
            wide(
                #[inline(always)]
                || {
                    for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
                        *y = gate * sigmoid(*gate) * up;
                    }
                },
            );
        });
        Ok((CpuStorage::F32(y), gate_layout.shape().clone()))
    }

    fn bwd(&self, gate: &Tensor, up: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let both = gate.apply_op3_no_bwd(up, &dy.contiguous()?, &Gradients)?;
        let one = |index: usize| both.get(index)?.reshape(gate.shape()).map(Some);
        Ok((one(0)?, one(1)?))
    }
}

/// Both gradients in one pass, (2, numbers).
struct Gradients;

impl CustomOp3 for Gradients {
    fn name(&self) -> &'static str {
        "swiglu-gradients"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up, dy) = (numbers(gate, gate_layout)?, numbers(up, up_layout)?, numbers(dy, dy_layout)?);
        let count = gate.len();
        let mut both = vec![0f32; 2 * count];
        let (dgate, dup) = both.split_at_mut(count);
        let results = dgate.par_chunks_mut(STRIP).zip(dup.par_chunks_mut(STRIP));
        let inputs = gate.par_chunks(STRIP).zip(up.par_chunks(STRIP)).zip(dy.par_chunks(STRIP));
        results.zip(inputs).for_each(|((dgate, dup), ((gate, up), dy))| {
            wide(
                #[inline(always)]
                || {
                    let numbers = gate.iter().zip(up).zip(dy);
                    for ((dgate, dup), ((gate, up), dy)) in dgate.iter_mut().zip(dup).zip(numbers) {
                        let s = sigmoid(*gate);
                        *dgate = dy * up * s * (1.0 + gate * (1.0 - s));
                        *dup = dy * gate * s;
                    }
                },
            );
        });
        Ok((CpuStorage::F32(both), Shape::from((2, count))))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::same, swiglu, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        for shape in [vec![1], vec![3, 5], vec![2, 7, 1536]] {
            same::forward_and_backward(&[&shape, &shape], |x| swiglu(x[0], x[1]), |x| textbook(x[0], x[1]));
        }
    }
}
