//! The door of a mixed batch: one product with the base's weight for all rows, then each row's own low-rank update.

use std::{ops::Range, sync::Arc};

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
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
            let adapts = adapter.adapts(site);
            numbers.push(adapts.then_some(here.len()));
            here.extend(adapts.then_some(&**adapter));
        }
        if here.is_empty() {
            return Ok(y);
        }
        let index: Vec<Option<usize>> = self.index.iter().map(|index| index.and_then(|index| numbers[index])).collect();
        y.inplace_op2(&x.contiguous()?, &LowRankUpdates { index, adapters: here, site, dims: weight.dims2()? })?;
        Ok(y)
    }
}

/// `y_i += s · B (A x_i)`, in place, on the device where `y` lies.
struct LowRankUpdates<'a> {
    index: Vec<Option<usize>>,
    /// Those that adapt the site.
    adapters: Vec<&'a Packed>,
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
        let ((out, width), rows) = (self.dims, self.index.len());
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
        let adapters: Vec<LowRank> = self.adapters.iter().filter_map(|adapter| adapter.at(self.site)).collect();
        let segments = sgmv::segments(&self.index, adapters.len());
        if sgmv::shares_nothing(&segments) {
            let mut v = bgmv::shrink(x, width, &self.index, &adapters);
            bgmv::expand(&mut v, &self.index, &adapters, y, out);
        } else {
            let mut v = sgmv::shrink(x, width, &segments, &adapters);
            sgmv::expand(&mut v, &segments, &adapters, y, out);
        }
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, y: &mut CudaStorage, y_at: &Layout, x: &CudaStorage, x_at: &Layout) -> Result<()> {
        let rows = self.rows(y_at, x_at)?;
        let factors = |packed: &&Packed| packed.on_gpu(self.site, &y.device).transpose();
        let adapters = self.adapters.iter().filter_map(factors).collect::<Result<Vec<_>>>()?;
        crate::kernels::low_rank_updates((y, rows.0), (x, rows.1), &self.index, &adapters, self.dims)
    }
}
