//! One batch, many adapters.

use candle_core::{Result, Tensor};

/// An adapter of one matrix.
pub struct Adapter {
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
    /// alpha / r
    pub s: f64,
}

/// `y` (n, d_out) with the update of each row's adapter, row by row.
pub fn gathered(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    todo!()
}

/// The adapters that occur, ascending, each with its rows, ascending.
pub fn segments(index: &[Option<usize>]) -> Vec<(usize, Vec<usize>)> {
    todo!()
}

/// What `gathered` returns, with two matrix products for each segment.
pub fn segmented(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    todo!()
}
