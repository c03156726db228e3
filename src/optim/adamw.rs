//! AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2), as PyTorch computes it.
//!
//! ```text
//! p ← p · (1 − η λ)                                decay, decoupled from the gradient
//! m ← β₁ m + (1 − β₁) g      v ← β₂ v + (1 − β₂) g²
//! p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//! ```

use candle_core::{Result, Tensor, Var, backprop::GradStore};

use super::{Groups, Optimizer, State};

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
#[derive(Debug, Clone)]
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
}

/// Step `t` (from 1) for parameters `p` with gradient `g`; the new parameters. Entry by entry, so a piece of a tensor gets the bits that
/// the whole would.
///
/// # Errors
/// The shapes differ.
pub fn update(hyper: &Hyper, rate: f64, t: i32, p: &Tensor, g: &Tensor, moments: &mut Moments) -> Result<Tensor> {
    let (beta1, beta2) = hyper.betas;
    moments.first = ((&moments.first * beta1)? + (g * (1.0 - beta1))?)?;
    moments.second = ((&moments.second * beta2)? + (g.sqr()? * (1.0 - beta2))?)?;
    let decayed = (p * (1.0 - rate * hyper.weight_decay))?;
    let scale = ((&moments.second.sqrt()? / (1.0 - beta2.powi(t)).sqrt())? + hyper.eps)?;
    decayed - ((&moments.first / scale)? * (rate / (1.0 - beta1.powi(t))))?
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
                let next = update(&self.hyper, rate, self.steps, &variable.as_detached_tensor(), grad, moments)?;
                variable.set(&next)?;
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
        self.states.iter().enumerate().for_each(|(index, (_, _, moments))| state.put_moments(index, moments));
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
