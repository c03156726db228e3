//! One batch, many adapters.
//!
//! Chen et al. 2023 (Punica, arXiv 2310.18547). `deltaw::serve` does this for a whole decoder.

use std::collections::BTreeMap;

use candle_core::{Error, Result, Tensor};

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
    let mut rows = Vec::with_capacity(index.len());
    for (place, adapter) in index.iter().enumerate() {
        let row = y.narrow(0, place, 1)?;
        rows.push(match adapter {
            Some(adapter) => (row + update(&x.narrow(0, place, 1)?, find(adapters, *adapter)?)?)?,
            None => row,
        });
    }
    Tensor::cat(&rows, 0)
}

/// The adapters that occur, ascending, each with its rows, ascending.
pub fn segments(index: &[Option<usize>]) -> Vec<(usize, Vec<usize>)> {
    let mut segments: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, adapter) in index.iter().enumerate() {
        if let Some(adapter) = adapter {
            segments.entry(*adapter).or_default().push(row);
        }
    }
    segments.into_iter().collect()
}

/// What `gathered` returns, with two matrix products for each segment.
pub fn segmented(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    let mut y = y.clone();
    for (adapter, rows) in segments(index) {
        let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
        let rows = Tensor::new(rows, x.device())?;
        // The factors are read once for all rows of the segment.
        let update = update(&x.index_select(&rows, 0)?, find(adapters, adapter)?)?;
        // Each row goes back to where it came from.
        y = y.index_add(&rows, &update, 0)?;
    }
    Ok(y)
}

/// `s · B A x` for each row.
fn update(x: &Tensor, adapter: &Adapter) -> Result<Tensor> {
    x.matmul(&adapter.a.t()?)?.matmul(&adapter.b.t()?)? * adapter.s
}

fn find(adapters: &[Adapter], index: usize) -> Result<&Adapter> {
    adapters.get(index).ok_or_else(|| Error::Msg(format!("there is no adapter {index}")))
}
