//! Launches `lora.cu`: the low-rank half of a mixed batch, on the device where the batch lies.
//!
//! ```text
//! few rows of each adapter: BGMV, a row gathers its factors by an index
//! rows that share adapters: SGMV, a segment reads its factors once
//! ```
//!
//! An adapter's factors lie on the device from when it was loaded. A pass sends one table for all projections (`serve::table`): where factors
//! begin, three addresses for each adapter and projection, and which rows are whose.

use std::ops::Range;

use candle_core::{
    CudaDevice, CudaStorage, Result, Storage, bail,
    cuda_backend::{
        WrapErr as _,
        cudarc::driver::{CudaSlice, CudaView, DevicePtr as _, LaunchArgs, LaunchConfig, PushKernelArg as _},
    },
};

use super::Source;
use crate::{
    device::Transfers,
    model::Site,
    serve::{
        resident::Resident,
        table::{Entry, Routes, Table},
    },
};

static LORA: Source = Source::new("lora", include_str!("lora.cu"));

/// Threads of a block.
const THREADS: u32 = 256;

/// The most that a grid's second dimension may be.
const MOST_Y: usize = 65_535;

/// An adapter's factors in device memory.
#[derive(Debug)]
pub(crate) struct Factors {
    resident: Resident,
    gpu: CudaDevice,
}

impl Factors {
    /// Makes `resident`, which lies on `gpu`, ready for kernels.
    pub(crate) fn new(resident: Resident, gpu: &CudaDevice) -> Result<Self> {
        // Each thread has a stream of its own in candle, and kernels are given addresses, whose use nobody tracks.
        gpu.cuda_stream().synchronize().w()?;
        Ok(Self { resident, gpu: gpu.clone() })
    }

    /// Where the numbers begin.
    fn address(&self) -> Result<u64> {
        let (storage, layout) = self.resident.numbers.storage_and_layout();
        let (Storage::Cuda(numbers), Some((start, _))) = (&*storage, layout.contiguous_offsets()) else {
            bail!("an adapter's factors are not in one piece on the GPU")
        };
        let numbers = numbers.as_cuda_slice::<f32>()?;
        let (address, _read) = numbers.device_ptr(numbers.stream());
        Ok(address + (size_of::<f32>() * start) as u64)
    }
}

impl Drop for Factors {
    /// A kernel on another thread's stream may still read.
    fn drop(&mut self) {
        // A device that has failed reads no more.
        let _ = self.gpu.cuda_stream().context().synchronize();
    }
}

/// A batch's table on the device.
#[derive(Debug)]
pub(crate) struct Sent {
    table: Table,
    bytes: CudaSlice<u8>,
    rows: usize,
}

impl Sent {
    /// Sends what the kernels need to know of rows with the adapters of `index`.
    pub(crate) fn new(index: &[Option<usize>], adapters: &[&Factors], gpu: &CudaDevice) -> Result<Self> {
        let known = |factors: &&Factors| factors.address();
        let addresses = adapters.iter().map(known).collect::<Result<Vec<u64>>>()?;
        let adapters: Vec<(u64, &Resident)> =
            addresses.into_iter().zip(adapters).map(|(address, factors)| (address, &factors.resident)).collect();
        if index.len() > i32::MAX as usize {
            bail!("a mixed batch of {} rows is too large", index.len());
        }
        let table = Table::new(index, &adapters);
        Transfers::count_up(table.bytes.len());
        let bytes = gpu.clone_htod(&table.bytes)?;
        Ok(Self { table, bytes, rows: index.len() })
    }

    fn from(&self, start: usize) -> CudaView<'_, u8> {
        self.bytes.slice(start..)
    }

    /// `y_i += s · (B (A x_i) + bias)` at `site` for the rows in `y`'s and `x`'s ranges; `dims` is (out, in).
    pub(crate) fn low_rank_updates(
        &self,
        (y, y_rows): (&mut CudaStorage, Range<usize>),
        (x, x_rows): (&CudaStorage, Range<usize>),
        site: Site,
        (out, width): (usize, usize),
    ) -> Result<()> {
        let Some(entry) = self.table.at(site) else { return Ok(()) };
        let (shrink, expand, first, routes) = match self.table.routes {
            Routes::Nothing => return Ok(()),
            Routes::Gathered { index, rows } => ("bgmv_shrink", "bgmv_expand", rows, vec![index]),
            Routes::Segmented { order, starts, owners, segments } => {
                ("sgmv_shrink", "sgmv_expand", segments, vec![order, starts, owners])
            }
        };
        let (tiles, widest) = (out.div_ceil(THREADS as usize), entry.widest);
        if tiles > MOST_Y || widest > MOST_Y {
            bail!("a mixed batch of rank {widest} and {out} outputs is too large for one launch");
        }
        if out == 0 {
            return Ok(());
        }
        let (device, widest_place) = (y.device.clone(), widest as i32);
        let stream = device.cuda_stream();
        let (y, x) = (y.as_cuda_slice_mut::<f32>()?, x.as_cuda_slice::<f32>()?);
        let (mut y, x) = (y.slice_mut(y_rows), x.slice(x_rows));
        // SAFETY: the memory is unset; `expand` reads of a row what `shrink` has written: as many numbers as its adapter's rank.
        let mut v = unsafe { device.alloc::<f32>((self.rows * widest).max(1)) }?;
        let routes: Vec<CudaView<u8>> = routes.into_iter().map(|start| self.from(start)).collect();
        let told = self.views(entry);
        let grid = |second: usize| LaunchConfig {
            grid_dim: (first as u32, second as u32, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // Adapters whose factors have no rows still have a bias.
        if widest > 0 {
            let kernel = LORA.kernel(shrink, &device)?;
            let mut launch = stream.launch_builder(&kernel);
            launch.arg(&mut v).arg(&x);
            push(&mut launch, &routes);
            push(&mut launch, &told);
            launch.arg(&width).arg(&widest_place);
            // SAFETY: the arguments are those of the kernel's declaration; `x` has a row of `width` numbers and `v` one of `widest` for each
            // row of the batch; routes name rows and adapters that exist; addresses of A are of rank · `width` numbers, in memory that the
            // batch holds, whose copy was waited for, and which waits for the device before it is freed.
            unsafe { launch.launch(grid(widest)) }.w()?;
        }
        let kernel = LORA.kernel(expand, &device)?;
        let mut launch = stream.launch_builder(&kernel);
        launch.arg(&mut y).arg(&v);
        push(&mut launch, &routes);
        push(&mut launch, &told);
        launch.arg(&out).arg(&widest_place);
        // SAFETY: as above; `y` has a row of `out` numbers for each row of the batch; addresses of Bᵀ are of rank · `out` numbers, those of
        // biases of `out`.
        unsafe { launch.launch(grid(tiles)) }.w()?;
        Ok(())
    }

    /// `Adapters` of `lora.cu`, in the order of the macro `ADAPTERS`.
    fn views(&self, entry: Entry) -> Vec<CudaView<'_, u8>> {
        [entry.a, entry.b, entry.bias, entry.rank, entry.scale].map(|start| self.from(start)).into()
    }
}

fn push<'a>(launch: &mut LaunchArgs<'a>, views: &'a [CudaView<'a, u8>]) {
    views.iter().for_each(|view| {
        launch.arg(view);
    });
}
