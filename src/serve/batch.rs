//! The door of a mixed batch: one product with the base's weight for all rows, then each row's own low-rank update.
//!
//! Adapters are in f32 and small. On a base in bf16 or f16 their half is computed in f32 all the same, so that what they add is not rounded
//! before it is added; where activations are in a narrower type too, they are widened for it and the sum is rounded once.

use std::{ops::Range, sync::Arc};

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Result, Tensor, bail};

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
    /// What a GPU's kernels are told, from their first launch.
    #[cfg(feature = "cuda")]
    sent: std::sync::OnceLock<crate::kernels::Sent>,
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

impl Batch {
    /// Adds every row's low-rank update at `site`, whose weight is (out, in), to `y` (…, out) for `x` (…, in).
    ///
    /// # Errors
    /// The batch was made for another number of tokens.
    pub(crate) fn add(&self, site: Site, dims: (usize, usize), y: Tensor, x: &Tensor) -> Result<Tensor> {
        if !self.adapters.iter().any(|adapter| adapter.adapts(site)) {
            return Ok(y);
        }
        let wide = y.to_dtype(DType::F32)?;
        wide.inplace_op2(&x.to_dtype(DType::F32)?.contiguous()?, &LowRankUpdates { batch: self, site, dims })?;
        wide.to_dtype(y.dtype())
    }

    /// What the kernels are told; the first call sends it.
    #[cfg(feature = "cuda")]
    fn sent(&self, gpu: &candle_core::CudaDevice) -> Result<&crate::kernels::Sent> {
        if self.sent.get().is_none() {
            let Some(factors) = self.adapters.iter().map(|adapter| adapter.on_gpu()).collect::<Option<Vec<_>>>() else {
                bail!("a mixed batch on the GPU has an adapter in host memory")
            };
            // Another thread may have been first; what it sent is the same.
            let _ = self.sent.set(crate::kernels::Sent::new(&self.index, &factors, gpu)?);
        }
        match self.sent.get() {
            Some(sent) => Ok(sent),
            None => bail!("the batch's table is gone"),
        }
    }
}

impl Doors for Batch {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        self.add(site, weight.dims2()?, weight.apply(x)?, x)
    }
}

/// `y_i += s · B (A x_i)`, in place, on the device where `y` lies.
struct LowRankUpdates<'a> {
    batch: &'a Batch,
    site: Site,
    /// (out, in).
    dims: (usize, usize),
}

impl LowRankUpdates<'_> {
    /// The rows of `y` and of `x`, as ranges of what they are stored in.
    fn rows(&self, y: &Layout, x: &Layout) -> Result<(Range<usize>, Range<usize>)> {
        let (Some((y_start, y_end)), Some((x_start, x_end))) = (y.contiguous_offsets(), x.contiguous_offsets()) else {
            bail!("a mixed batch needs its rows in one piece")
        };
        let ((out, width), rows) = (self.dims, self.batch.index.len());
        if y_end - y_start != rows * out || x_end - x_start != rows * width {
            bail!("the batch was made for {rows} tokens; {} came", (x_end - x_start) / width.max(1));
        }
        Ok((y_start..y_end, x_start..x_end))
    }
}

impl InplaceOp2 for LowRankUpdates<'_> {
    fn name(&self) -> &'static str {
        "low-rank-updates"
    }

    fn cpu_fwd(&self, y: &mut CpuStorage, y_at: &Layout, x: &CpuStorage, x_at: &Layout) -> Result<()> {
        let (out, width) = self.dims;
        let (CpuStorage::F32(y), CpuStorage::F32(x)) = (y, x) else { bail!("a mixed batch computes in f32") };
        let (y_rows, x_rows) = self.rows(y_at, x_at)?;
        let (y, x) = (&mut y[y_rows], &x[x_rows]);
        // Adapters differ in what they adapt: rows whose adapter leaves this site alone are rows without one.
        let (mut adapters, mut numbers) = (Vec::<LowRank>::new(), Vec::with_capacity(self.batch.adapters.len()));
        for adapter in &self.batch.adapters {
            let here = adapter.at(self.site);
            numbers.push(here.is_some().then_some(adapters.len()));
            adapters.extend(here);
        }
        let index: Vec<Option<usize>> =
            self.batch.index.iter().map(|index| index.and_then(|index| numbers[index])).collect();
        let segments = sgmv::segments(&index, adapters.len());
        if sgmv::shares_nothing(&segments) {
            let mut v = bgmv::shrink(x, width, &index, &adapters);
            bgmv::expand(&mut v, &index, &adapters, y, out);
        } else {
            let mut v = sgmv::shrink(x, width, &segments, &adapters);
            sgmv::expand(&mut v, &segments, &adapters, y, out);
        }
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, y: &mut CudaStorage, y_at: &Layout, x: &CudaStorage, x_at: &Layout) -> Result<()> {
        let (y_rows, x_rows) = self.rows(y_at, x_at)?;
        let sent = self.batch.sent(&y.device)?;
        sent.low_rank_updates((y, y_rows), (x, x_rows), self.site, self.dims)
    }
}
