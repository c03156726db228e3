//! Products with a quantised matrix, of which only a few rows are dense at a time.
//!
//! ```text
//! y = x Wᵀ            few rows of x: each row of W is made dense in a buffer that stays in the cache, and used at once;
//!                     many: tile by tile of W, so that making it dense is paid once for all of x
//! ∂L/∂x = ∂L/∂y · W   tile by tile; W itself is frozen
//! ```

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::{
    device::up,
    model::few::{FEW, STRIP, dot},
};

/// Numbers that are dense at once: a tile of rows of four megabytes, and at most a quarter of the matrix.
const TILE: usize = 1 << 20;

/// A quantised matrix (out, in).
pub(super) trait Tiled: Send + Sync {
    /// (out, in).
    fn shape(&self) -> (usize, usize);

    /// Writes the rows from `start` on into `out`, on this thread.
    fn read(&self, start: usize, out: &mut [f32]) -> Result<()>;

    /// Rows `start .. start + count`, dense, by all threads.
    fn rows(&self, start: usize, count: usize, device: &Device) -> Result<Tensor> {
        let width = self.shape().1;
        let step = (STRIP / width.max(1)).max(1);
        let mut values = vec![0.0; count * width];
        let strips = values.par_chunks_mut(step * width).enumerate();
        strips.try_for_each(|(strip, out)| self.read(start + strip * step, out))?;
        up(values, (count, width), device)
    }
}

/// (start, count) of the tiles of rows.
pub(super) fn tiles((out, width): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let step = (TILE.min(out * width / 4) / width.max(1)).max(1);
    (0..out).step_by(step).map(move |start| (start, step.min(out - start)))
}

/// `W x` for the last dimension of `x` (…, in).
pub(super) fn apply<W: Tiled + 'static>(weight: &Arc<W>, x: &Tensor) -> Result<Tensor> {
    let (out, width) = weight.shape();
    let mut shape = x.dims().to_vec();
    match shape.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => bail!("linear: the input is {:?}, but the weight (out, in) is {:?}", x.shape(), weight.shape()),
    }
    x.reshape(((), width))?.contiguous()?.apply_op1(TiledLinear(Arc::clone(weight)))?.reshape(shape)
}

struct TiledLinear<W>(Arc<W>);

impl<W: Tiled> TiledLinear<W> {
    /// `x Wᵀ` (rows, out) for few rows of `x`.
    fn few(&self, x: &[f32]) -> Result<Vec<f32>> {
        let (out, width) = self.0.shape();
        let step = (STRIP / width.max(1)).max(1);
        let starts: Vec<usize> = (0..out).step_by(step).collect();
        // For each strip of W's rows, and in it for each row of x, the products.
        let strips = starts.into_par_iter().map_init(
            || vec![0.0; step * width],
            |buffer, start| {
                let strip = &mut buffer[..step.min(out - start) * width];
                self.0.read(start, strip)?;
                Ok(x.chunks(width).map(|x| strip.chunks(width).map(|row| dot(x, row)).collect()).collect())
            },
        );
        let strips = strips.collect::<Result<Vec<Vec<Vec<f32>>>>>()?;
        Ok((0..x.len() / width)
            .flat_map(|row| strips.iter().flat_map(move |strip| strip[row].iter().copied()))
            .collect())
    }
}

impl<W: Tiled> CustomOp1 for TiledLinear<W> {
    fn name(&self) -> &'static str {
        "tiled-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("tiled-linear: the input must be contiguous f32")
        };
        let (rows, out) = (layout.shape().dims2()?.0, self.0.shape().0);
        if rows <= FEW {
            return Ok((CpuStorage::F32(self.few(&values[start..end])?), Shape::from((rows, out))));
        }
        let x = Tensor::from_slice(&values[start..end], layout.shape(), &Device::Cpu)?;
        let mut y = vec![0.0; rows * out];
        for (start, count) in tiles(self.0.shape()) {
            let part = x.matmul(&self.0.rows(start, count, &Device::Cpu)?.t()?)?.flatten_all()?.to_vec1::<f32>()?;
            for (row, part) in y.chunks_mut(out).zip(part.chunks(count)) {
                row[start..start + count].copy_from_slice(part);
            }
        }
        Ok((CpuStorage::F32(y), Shape::from((rows, out))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = x.zeros_like()?;
        for (start, count) in tiles(self.0.shape()) {
            let rows = self.0.rows(start, count, grad.device())?;
            dx = (dx + grad.narrow(1, start, count)?.contiguous()?.matmul(&rows)?)?;
        }
        Ok(Some(dx))
    }
}
