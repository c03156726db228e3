//! A GaLore step.

use candle_core::{Result, Tensor};

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
    todo!()
}

/// Numbers of optimiser state of a weight (m, n) at rank `r`: projector and moments.
pub fn state(m: usize, n: usize, r: usize) -> usize {
    todo!()
}
