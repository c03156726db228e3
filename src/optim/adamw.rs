//! AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2), as PyTorch computes it.
//!
//! ```text
//! p ← p · (1 − η λ)                                decay, decoupled from the gradient
//! m ← β₁ m + (1 − β₁) g      v ← β₂ v + (1 − β₂) g²
//! p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//! ```

use candle_core::{Result, Tensor, Var, backprop::GradStore};

use super::{Groups, Optimizer, State, in_place};

/// η, β, ε, λ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// η.
    pub learning_rate: f64,
    /// β₁ and β₂.
    pub betas: (f64, f64),
    /// ε.
    pub eps: f64,
    /// λ.
    pub weight_decay: f64,
}

impl Default for Hyper {
    /// PyTorch's: η = 1e-3, β = (0.9, 0.999), ε = 1e-8, λ = 0.01.
    fn default() -> Self {
        Self { learning_rate: 1e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.01 }
    }
}

/// The moments of one tensor, or of a piece of it.
#[derive(Debug)]
pub struct Moments {
    /// m.
    pub first: Tensor,
    /// v.
    pub second: Tensor,
}

impl Moments {
    /// Zeros like `tensor`.
    ///
    /// # Errors
    /// The device has no room.
    pub fn zeros_like(tensor: &Tensor) -> Result<Self> {
        Ok(Self { first: tensor.zeros_like()?, second: tensor.zeros_like()? })
    }

    /// m and v after a gradient.
    fn after(&self, hyper: &Hyper, g: &Tensor) -> Result<Self> {
        let (beta1, beta2) = hyper.betas;
        let first = ((&self.first * beta1)? + (g * (1.0 - beta1))?)?;
        let second = ((&self.second * beta2)? + (g.sqr()? * (1.0 - beta2))?)?;
        Ok(Self { first, second })
    }

    /// The same, in place where that is possible.
    pub(super) fn take_up(&mut self, hyper: &Hyper, g: &Tensor) -> Result<()> {
        if !in_place::takes(&[&self.first, &self.second, g]) {
            *self = self.after(hyper, g)?;
            return Ok(());
        }
        let (beta1, beta2) = hyper.betas;
        let (keep, new) = (beta1 as f32, (1.0 - beta1) as f32);
        in_place::each(&self.first, g, g, |m, g, _| m * keep + g * new)?;
        let (keep, new) = (beta2 as f32, (1.0 - beta2) as f32);
        in_place::each(&self.second, g, g, |v, g, _| v * keep + g * g * new)
    }
}

/// Step `t` (from 1) for parameters `p` with gradient `g`; the new parameters. Entry by entry, so a piece of a tensor gets the bits that
/// the whole would.
///
/// # Errors
/// The shapes differ.
pub fn update(hyper: &Hyper, rate: f64, t: i32, p: &Tensor, g: &Tensor, moments: &mut Moments) -> Result<Tensor> {
    let (beta1, beta2) = hyper.betas;
    *moments = moments.after(hyper, g)?;
    let decayed = (p * (1.0 - rate * hyper.weight_decay))?;
    let scale = ((&moments.second.sqrt()? / (1.0 - beta2.powi(t)).sqrt())? + hyper.eps)?;
    decayed - ((&moments.first / scale)? * (rate / (1.0 - beta1.powi(t))))?
}

/// The same step into `p` itself, a variable or a piece of one. In f32 on the CPU the three lines of the formula are a pass over memory each, and
/// no tensor is made: [`update`] is a dozen operations, every one of which reads a tensor and makes another.
pub(super) fn advance(hyper: &Hyper, rate: f64, t: i32, p: &Tensor, g: &Tensor, moments: &mut Moments) -> Result<()> {
    if !in_place::takes(&[p, g, &moments.first, &moments.second]) {
        return in_place::set(p, &update(hyper, rate, t, p, g, moments)?);
    }
    moments.take_up(hyper, g)?;
    let (beta1, beta2) = hyper.betas;
    let decay = (1.0 - rate * hyper.weight_decay) as f32;
    let (root, eps) = ((1.0 / (1.0 - beta2.powi(t)).sqrt()) as f32, hyper.eps as f32);
    let rate = (rate / (1.0 - beta1.powi(t))) as f32;
    in_place::each(p, &moments.first, &moments.second, |p, m, v| p * decay - m / (v.sqrt() * root + eps) * rate)
}

/// AdamW with its moments beside the parameters.
#[derive(Debug)]
pub struct AdamW {
    hyper: Hyper,
    states: Vec<(Var, f64, Moments)>,
    steps: i32,
}

impl AdamW {
    /// A fresh optimiser.
    ///
    /// # Errors
    /// The device has no room for the moments.
    pub fn new(groups: Groups, hyper: Hyper) -> Result<Self> {
        let state = |(variable, factor): (&Var, f64)| Ok((variable.clone(), factor, Moments::zeros_like(variable)?));
        Ok(Self { hyper, states: groups.each().map(state).collect::<Result<_>>()?, steps: 0 })
    }
}

impl Optimizer for AdamW {
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.steps += 1;
        for (variable, factor, moments) in &mut self.states {
            if let Some(grad) = grads.get(variable.as_tensor()) {
                let rate = self.hyper.learning_rate * *factor;
                advance(&self.hyper, rate, self.steps, &variable.as_detached_tensor(), grad, moments)?;
            }
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.hyper.learning_rate = rate;
    }

    fn state_bytes(&self) -> usize {
        self.states.iter().map(|(variable, ..)| 8 * variable.elem_count()).sum()
    }

    fn state(&mut self) -> Result<State> {
        let mut state = State::after(self.steps)?;
        for (index, (_, _, moments)) in self.states.iter().enumerate() {
            state.put_moments(index, moments)?;
        }
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps = state.steps()?;
        for (index, (variable, _, moments)) in self.states.iter_mut().enumerate() {
            *moments = state.moments(index, variable)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn in_place_is_the_textbook_form_bit_for_bit() {
        let hyper = Hyper { learning_rate: 1e-2, weight_decay: 0.1, ..Hyper::default() };
        for dtype in [DType::F32, DType::BF16] {
            let random = || Tensor::randn(0f32, 1f32, (37, 1001), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let mut p = random();
            let in_place = Var::from_tensor(&p).unwrap();
            let (mut moments, mut in_place_moments) =
                (Moments::zeros_like(&p).unwrap(), Moments::zeros_like(&p).unwrap());
            for t in 1..=5 {
                let g = random();
                p = update(&hyper, 1e-2, t, &p, &g, &mut moments).unwrap();
                advance(&hyper, 1e-2, t, &in_place.as_detached_tensor(), &g, &mut in_place_moments).unwrap();
            }
            let pairs = [
                (&p, in_place.as_tensor()),
                (&moments.first, &in_place_moments.first),
                (&moments.second, &in_place_moments.second),
            ];
            for (ours, theirs) in pairs {
                let gap = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_dtype(DType::F32).unwrap();
                assert_eq!(gap.to_scalar::<f32>().unwrap(), 0.0, "{dtype:?}");
            }
        }
    }
}
