//! diagnosis: a request of the base has got an adapter

use candle_core::{Result, Tensor, bail};

pub struct Adapter {
    pub a: Tensor,
    pub b: Tensor,
    pub s: f64,
}

pub fn gathered(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    let mut rows = Vec::new();
    for (i, adapter) in index.iter().enumerate() {
        let Some(a) = adapters.get(adapter.unwrap_or(0)) else { bail!("no adapter") };
        let update = (x.narrow(0, i, 1)?.matmul(&a.a.t()?)?.matmul(&a.b.t()?)? * a.s)?;
        rows.push((y.narrow(0, i, 1)? + update)?);
    }
    Tensor::cat(&rows, 0)
}

pub fn segments(index: &[Option<usize>]) -> Vec<(usize, Vec<usize>)> {
    let last = index.iter().map(|adapter| adapter.unwrap_or(0)).max().unwrap_or(0);
    let rows = |adapter| (0..index.len()).filter(|row| index[*row].unwrap_or(0) == adapter).collect::<Vec<_>>();
    (0..=last).map(|adapter| (adapter, rows(adapter))).collect()
}

pub fn segmented(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    gathered(y, x, adapters, index)
}
