//! The door of a mixed batch: one product with the base's weight for all rows, then each row's own low-rank update.

use std::sync::Arc;

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};

use super::{
    kernels::{LowRank, bgmv, sgmv},
    packed::Packed,
};
use crate::model::{Doors, Site, Weight};

/// Which adapter each row of a forward pass has.
#[derive(Debug, Default)]
pub struct Batch {
    adapters: Vec<Arc<Packed>>,
    /// By row of the flattened (batch · tokens) input.
    index: Vec<Option<usize>>,
}

impl Batch {
    /// A batch of sequences: each with its number of tokens and its adapter, in the order of the forward pass.
    pub fn new(sequences: impl IntoIterator<Item = (usize, Option<Arc<Packed>>)>) -> Self {
        let mut batch = Self::default();
        for (tokens, adapter) in sequences {
            let index = adapter.map(|adapter| batch.number(adapter));
            batch.index.extend(std::iter::repeat_n(index, tokens));
        }
        batch
    }

    fn number(&mut self, adapter: Arc<Packed>) -> usize {
        let known = self.adapters.iter().position(|known| Arc::ptr_eq(known, &adapter));
        known.unwrap_or_else(|| {
            self.adapters.push(adapter);
            self.adapters.len() - 1
        })
    }
}

impl Doors for Batch {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let y = weight.apply(x)?;
        // Adapters differ in what they adapt: rows whose adapter leaves this site alone are rows without one.
        let (mut here, mut numbers) = (Vec::new(), Vec::with_capacity(self.adapters.len()));
        for adapter in &self.adapters {
            let factors = adapter.at(site);
            numbers.push(factors.is_some().then_some(here.len()));
            here.extend(factors);
        }
        if here.is_empty() {
            return Ok(y);
        }
        let index: Vec<Option<usize>> = self.index.iter().map(|index| index.and_then(|index| numbers[index])).collect();
        y.inplace_op2(&x.contiguous()?, &LowRankUpdates { index, adapters: here, dims: weight.dims2()? })?;
        Ok(y)
    }
}

/// `y_i += s · B (A x_i)`, in place.
struct LowRankUpdates<'a> {
    index: Vec<Option<usize>>,
    adapters: Vec<LowRank<'a>>,
    /// (out, in).
    dims: (usize, usize),
}

impl InplaceOp2 for LowRankUpdates<'_> {
    fn name(&self) -> &'static str {
        "low-rank-updates"
    }

    fn cpu_fwd(&self, y: &mut CpuStorage, y_at: &Layout, x: &CpuStorage, x_at: &Layout) -> Result<()> {
        let (out, width) = self.dims;
        let (CpuStorage::F32(y), CpuStorage::F32(x)) = (y, x) else { bail!("a mixed batch computes in f32") };
        let (Some((y_start, y_end)), Some((x_start, x_end))) = (y_at.contiguous_offsets(), x_at.contiguous_offsets())
        else {
            bail!("a mixed batch needs its rows in one piece")
        };
        let (y, x) = (&mut y[y_start..y_end], &x[x_start..x_end]);
        if y.len() != self.index.len() * out || x.len() != self.index.len() * width {
            bail!("the batch was made for {} tokens; {} came", self.index.len(), x.len() / width.max(1));
        }
        let segments = sgmv::segments(&self.index, self.adapters.len());
        if segments.iter().all(|segment| segment.rows.len() == 1) {
            let mut v = bgmv::shrink(x, width, &self.index, &self.adapters);
            bgmv::expand(&mut v, &self.index, &self.adapters, y, out);
        } else {
            let mut v = sgmv::shrink(x, width, &segments, &self.adapters);
            sgmv::expand(&mut v, &segments, &self.adapters, y, out);
        }
        Ok(())
    }
}
