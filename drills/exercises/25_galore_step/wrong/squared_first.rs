//! diagnosis: squared before projecting

use candle_core::{Result, Tensor};

pub struct State {
    pub w: Tensor,
    pub first: Tensor,
    pub second: Tensor,
}

pub fn step(state: &State, g: &Tensor, p: &Tensor, t: i32, rate: f64, scale: f64) -> Result<State> {
    let r = p.t()?.matmul(g)?;
    let first = ((&state.first * 0.9)? + (&r * 0.1)?)?;
    let second = ((&state.second * 0.999)? + (p.t()?.matmul(&g.sqr()?)? * 0.001)?)?;
    let mean = (&first / (1.0 - 0.9f64.powi(t)))?;
    let spread = ((&second / (1.0 - 0.999f64.powi(t)))?.sqrt()? + 1e-8)?;
    let w = (&state.w - (p.matmul(&(mean / spread)?)? * (rate * scale))?)?;
    Ok(State { w, first, second })
}

pub fn state(m: usize, n: usize, r: usize) -> usize {
    r * m.min(n) + 2 * r * m.max(n)
}
