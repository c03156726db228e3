//! diagnosis: raise β to the power t

use candle_core::{Result, Tensor};

pub struct State {
    pub w: Tensor,
    pub first: Tensor,
    pub second: Tensor,
}

pub fn step(state: &State, g: &Tensor, p: &Tensor, _t: i32, rate: f64, scale: f64) -> Result<State> {
    let r = p.t()?.matmul(g)?;
    let first = ((&state.first * 0.9)? + (&r * 0.1)?)?;
    let second = ((&state.second * 0.999)? + (r.sqr()? * 0.001)?)?;
    let n = ((&first / 0.1)? / ((&second / 0.001)?.sqrt()? + 1e-8)?)?;
    let w = (&state.w - (p.matmul(&n)? * (rate * scale))?)?;
    Ok(State { w, first, second })
}

pub fn state(m: usize, n: usize, r: usize) -> usize {
    r * m.min(n) + 2 * r * m.max(n)
}
