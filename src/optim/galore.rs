//! GaLore (Zhao et al. 2024, arXiv 2403.03507, algorithm 2), as galore-torch computes it: every weight trains, but Adam sees only a low-rank
//! projection of its gradient.
//!
//! ```text
//! every T steps:  G = U S Vᵀ (m, n);   m ≥ n: Q = first r rows of Vᵀ (r, n),  R = G Qᵀ (m, r)
//!                                       m < n: Q = first r columns of U (m, r), R = Qᵀ G (r, n)
//! M ← β₁ M + (1 − β₁) R     V ← β₂ V + (1 − β₂) R²     N = M / (√V + ε)
//! W ← W − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · a · (N Q or Q N),     then  W ← W − η λ W
//! ```
//!
//! Unlike in PyTorch's AdamW ε is added before the bias correction and the decay comes after the update. The moments are neither reset nor
//! rotated when the basis changes. Tensors that are not projected get the same Adam without a. State: m·r or r·n twice, and Q.

use candle_core::{DType, Result, Tensor, Var, backprop::GradStore};
use ndarray::{Axis, Slice};

use super::{Hyper, Optimizer, State as Stored, adamw::Moments, in_place};
use crate::linalg::{from_array, svd, to_array};

/// How gradients are projected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// r.
    pub rank: usize,
    /// T, steps between two bases.
    pub every: usize,
    /// a.
    pub scale: f64,
}

impl Default for Projection {
    /// galore-torch's usual: r = 128, T = 200, a = 0.25.
    fn default() -> Self {
        Self { rank: 128, every: 200, scale: 0.25 }
    }
}

/// Q, and on which side it multiplies.
#[derive(Debug, Clone)]
enum Basis {
    /// (m, r), from the left.
    Left(Tensor),
    /// (r, n), from the right.
    Right(Tensor),
}

impl Basis {
    /// The leading singular vectors of `grad`. Their signs are free: they are those that agree with `like`, where one is given.
    fn of(grad: &Tensor, rank: usize, like: Option<&Tensor>) -> Result<Self> {
        let (m, n) = grad.dims2()?;
        let rank = rank.min(m.min(n));
        let parts = svd(&to_array(grad)?)?;
        let first = Slice::from(..rank);
        let right = m >= n;
        let mut basis = match right {
            true => from_array(&parts.vt.slice_axis(Axis(0), first).to_owned(), grad.device())?,
            false => from_array(&parts.u.slice_axis(Axis(1), first).to_owned(), grad.device())?,
        };
        if let Some(like) = like {
            let along = usize::from(right);
            let signs = (&basis * like)?.sum_keepdim(along)?.ge(0.0)?.to_dtype(basis.dtype())?;
            basis = basis.broadcast_mul(&((signs * 2.0)? - 1.0)?)?;
        }
        Ok(if right { Self::Right(basis) } else { Self::Left(basis) })
    }

    /// R.
    fn project(&self, grad: &Tensor) -> Result<Tensor> {
        match self {
            Self::Right(q) => grad.matmul(&q.t()?),
            Self::Left(q) => q.t()?.matmul(grad),
        }
    }

    /// The step in the full space.
    fn lift(&self, step: &Tensor) -> Result<Tensor> {
        match self {
            Self::Right(q) => step.matmul(q),
            Self::Left(q) => q.matmul(step),
        }
    }

    /// The basis of a gradient (m, n) that was written down.
    fn stored(stored: &Stored, name: &str, dims: &[usize], rank: usize) -> Result<Self> {
        let &[m, n] = dims else { candle_core::bail!("the optimiser's `{name}` belongs to no matrix") };
        let rank = rank.min(m.min(n));
        Ok(match m >= n {
            true => Self::Right(stored.get(name, &[rank, n], DType::F32)?.clone()),
            false => Self::Left(stored.get(name, &[m, rank], DType::F32)?.clone()),
        })
    }

    fn matrix(&self) -> &Tensor {
        let (Self::Left(q) | Self::Right(q)) = self;
        q
    }
}

/// `(W − rate · step) · decay`.
fn descended(weight: &Tensor, step: &Tensor, rate: f64, decay: f64) -> Result<Tensor> {
    (weight - (step * rate)?)? * decay
}

/// The same into `weight`, in one pass where that is possible.
fn descend(weight: &Tensor, step: &Tensor, rate: f64, decay: f64) -> Result<()> {
    if !in_place::takes(&[weight, step]) {
        return in_place::set(weight, &descended(weight, step, rate, decay)?);
    }
    let (rate, decay) = (rate as f32, decay as f32);
    in_place::each(weight, step, step, |w, step, _| (w - step * rate) * decay)
}

#[derive(Debug)]
struct State {
    name: String,
    variable: Var,
    projected: bool,
    basis: Option<Basis>,
    moments: Option<Moments>,
}

/// What the signs of a new basis are chosen to agree with: step and name of the tensor, to a matrix of the basis's shape.
pub type Reference = Box<dyn Fn(usize, &str) -> Option<Tensor>>;

/// GaLore's AdamW.
pub struct GaLore {
    hyper: Hyper,
    projection: Projection,
    states: Vec<State>,
    steps: i32,
    reference: Option<Reference>,
}

impl GaLore {
    /// A fresh optimiser for named variables; matrices whose names `project` accepts are projected, the others are left to Adam.
    #[must_use]
    pub fn new(
        variables: &[(String, Var)],
        hyper: Hyper,
        projection: Projection,
        project: impl Fn(&str) -> bool,
    ) -> Self {
        let state = |(name, variable): &(String, Var)| State {
            name: name.clone(),
            variable: variable.clone(),
            projected: variable.dims().len() == 2 && project(name),
            basis: None,
            moments: None,
        };
        Self { hyper, projection, states: variables.iter().map(state).collect(), steps: 0, reference: None }
    }

    /// Chooses the signs of new bases to agree with a reference: singular vectors are unique up to sign, and moments that outlive their basis
    /// depend on the choice.
    #[must_use]
    pub fn with_reference(self, reference: Reference) -> Self {
        Self { reference: Some(reference), ..self }
    }
}

impl Optimizer for GaLore {
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        let index = self.steps as usize;
        self.steps += 1;
        let (beta1, beta2) = self.hyper.betas;
        let correction = (1.0 - beta2.powi(self.steps)).sqrt() / (1.0 - beta1.powi(self.steps));
        for state in &mut self.states {
            let Some(grad) = grads.get(state.variable.as_tensor()) else { continue };
            if state.projected && index.is_multiple_of(self.projection.every.max(1)) {
                let like = self.reference.as_ref().and_then(|reference| reference(index, &state.name));
                state.basis = Some(Basis::of(grad, self.projection.rank, like.as_ref())?);
            }
            let small = match &state.basis {
                Some(basis) => basis.project(grad)?,
                None => grad.clone(),
            };
            let moments = match &mut state.moments {
                Some(moments) => moments,
                empty @ None => empty.insert(Moments::zeros_like(&small)?),
            };
            moments.take_up(&self.hyper, &small)?;
            let rate = self.hyper.learning_rate * correction;
            let decay = 1.0 - self.hyper.learning_rate * self.hyper.weight_decay;
            let weight = state.variable.as_detached_tensor();
            let step = (&moments.first / (moments.second.sqrt()? + self.hyper.eps)?)?;
            match &state.basis {
                Some(basis) => descend(&weight, &basis.lift(&step)?, rate * self.projection.scale, decay)?,
                None => descend(&weight, &step, rate, decay)?,
            }
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.hyper.learning_rate = rate;
    }

    fn state_bytes(&self) -> usize {
        let numbers = |state: &State| {
            let moments = state.moments.as_ref().map_or(0, |moments| 2 * moments.first.elem_count());
            moments + state.basis.as_ref().map_or(0, |basis| basis.matrix().elem_count())
        };
        4 * self.states.iter().map(numbers).sum::<usize>()
    }

    fn state(&mut self) -> Result<Stored> {
        let mut stored = Stored::after(self.steps)?;
        for (index, state) in self.states.iter().enumerate() {
            if let Some(basis) = &state.basis {
                stored.put(format!("{index}.basis"), basis.matrix().clone());
            }
            if let Some(moments) = &state.moments {
                stored.put_moments(index, moments)?;
            }
        }
        Ok(stored)
    }

    fn restore(&mut self, stored: &Stored) -> Result<()> {
        self.steps = stored.steps()?;
        for (index, state) in self.states.iter_mut().enumerate() {
            let (name, dims) = (format!("{index}.basis"), state.variable.dims().to_vec());
            state.basis = match stored.has(&name) {
                true => Some(Basis::stored(stored, &name, &dims, self.projection.rank)?),
                false => None,
            };
            let small = match &state.basis {
                Some(basis) => basis.project(&state.variable.zeros_like()?)?,
                None => state.variable.zeros_like()?,
            };
            // A tensor that never had a gradient has no moments yet.
            state.moments = match stored.has(&format!("{index}.first")) {
                true => Some(stored.moments(index, &small)?),
                false => None,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;

    #[test]
    fn descending_in_place_is_the_textbook_form_bit_for_bit() {
        for dtype in [DType::F32, DType::BF16] {
            let random = || Tensor::randn(0f32, 1f32, (37, 1001), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let (weight, step) = (random(), random());
            let expected = descended(&weight, &step, 0.01, 0.9).unwrap();
            descend(&weight, &step, 0.01, 0.9).unwrap();
            let gap = (weight - expected).unwrap().abs().unwrap().max_all().unwrap().to_dtype(DType::F32).unwrap();
            assert_eq!(gap.to_scalar::<f32>().unwrap(), 0.0, "{dtype:?}");
        }
    }
}
