//! diagnosis: belong together

use candle_core::{Result, Tensor, bail};

pub struct Adapter {
    pub a: Tensor,
    pub b: Tensor,
    pub s: f64,
}

fn update(x: &Tensor, adapters: &[Adapter], index: usize) -> Result<Tensor> {
    let Some(adapter) = adapters.get(index) else { bail!("no adapter") };
    x.matmul(&adapter.a.t()?)?.matmul(&adapter.b.t()?)? * adapter.s
}

pub fn gathered(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    let mut rows = Vec::new();
    for (i, adapter) in index.iter().enumerate() {
        let row = y.narrow(0, i, 1)?;
        rows.push(match adapter {
            Some(a) => (row + update(&x.narrow(0, i, 1)?, adapters, *a)?)?,
            None => row,
        });
    }
    Tensor::cat(&rows, 0)
}

pub fn segments(index: &[Option<usize>]) -> Vec<(usize, Vec<usize>)> {
    let mut runs: Vec<(usize, Vec<usize>)> = Vec::new();
    for (row, adapter) in index.iter().enumerate() {
        let Some(adapter) = adapter else { continue };
        match runs.last_mut() {
            Some((last, rows)) if last == adapter => rows.push(row),
            _ => runs.push((*adapter, vec![row])),
        }
    }
    runs
}

pub fn segmented(y: &Tensor, x: &Tensor, adapters: &[Adapter], index: &[Option<usize>]) -> Result<Tensor> {
    gathered(y, x, adapters, index)
}
