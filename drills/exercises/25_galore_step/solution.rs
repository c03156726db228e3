//! A GaLore step.
//!
//! Zhao et al. 2024 (arXiv 2403.03507), algorithm 2. `deltaw::optim` has the projector with its refreshes.

use candle_core::{Result, Tensor};

const BETA: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// A weight and its projected moments.
pub struct State {
    /// (m, n)
    pub w: Tensor,
    /// First moment, (r, n).
    pub first: Tensor,
    /// Second moment, (r, n).
    pub second: Tensor,
}

/// Step number `t`, from 1, on the gradient `g` (m, n) with the projector `p` (m, r).
pub fn step(state: &State, g: &Tensor, p: &Tensor, t: i32, rate: f64, scale: f64) -> Result<State> {
    // Projected first: Adam's moments are kept for r rows, not for m. That is where the memory is saved.
    let r = p.t()?.matmul(g)?;
    let first = ((&state.first * BETA.0)? + (&r * (1.0 - BETA.0))?)?;
    let second = ((&state.second * BETA.1)? + (r.sqr()? * (1.0 - BETA.1))?)?;
    // Both moments start at zero; early on they are too small by these factors.
    let mean = (&first / (1.0 - BETA.0.powi(t)))?;
    let spread = ((&second / (1.0 - BETA.1.powi(t)))?.sqrt()? + EPSILON)?;
    let update = p.matmul(&(mean / spread)?)?;
    let w = (&state.w - (update * (rate * scale))?)?;
    Ok(State { w, first, second })
}

/// Numbers of optimiser state of a weight (m, n) at rank `r`: projector and moments.
pub fn state(m: usize, n: usize, r: usize) -> usize {
    // The shorter side is projected away, so that the moments keep the longer one.
    r * m.min(n) + 2 * r * m.max(n)
}
