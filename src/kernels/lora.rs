//! Launches `lora.cu`: the low-rank half of a mixed batch, on the device where the batch lies.
//!
//! ```text
//! few rows of each adapter: BGMV, a row gathers its factors by an index
//! rows that share adapters: SGMV, a segment reads its factors once
//! ```
//!
//! An adapter's pages are copied to the device once. A pass sends only where rows of factors begin: 8 bytes a row, and a few a token.

use std::ops::Range;

use candle_core::{
    CudaDevice, CudaStorage, Result, bail,
    cuda_backend::{
        WrapErr as _,
        cudarc::driver::{CudaSlice, CudaView, DevicePtr as _, LaunchArgs, LaunchConfig, PushKernelArg as _},
    },
};

use super::Source;
use crate::serve::kernels::sgmv;

static LORA: Source = Source::new("lora", include_str!("lora.cu"));

/// Threads of a block.
const THREADS: u32 = 256;

/// Bytes of a number.
const NUMBER: u64 = size_of::<f32>() as u64;

/// The most that a grid's second dimension may be.
const MOST_Y: usize = 65_535;

/// An adapter's pages in one piece of device memory.
#[derive(Debug)]
pub(crate) struct Pages {
    numbers: CudaSlice<f32>,
    length: usize,
}

impl Pages {
    /// Copies pages of `length` numbers to the device, once.
    pub(crate) fn new<'a>(pages: impl Iterator<Item = &'a [f32]>, length: usize, device: &CudaDevice) -> Result<Self> {
        let numbers: Vec<f32> = pages.flatten().copied().collect();
        let numbers = device.clone_htod(&numbers)?;
        // Each thread has a stream of its own in candle, and kernels are given addresses, whose use nobody tracks.
        numbers.stream().synchronize().w()?;
        Ok(Self { numbers, length })
    }

    /// The device address of `count` numbers that begin at `start` of page `page`.
    pub(crate) fn row(&self, page: usize, start: usize, count: usize) -> Result<u64> {
        let begin = page * self.length + start;
        if start + count > self.length || begin + count > self.numbers.len() {
            bail!("a row of factors lies outside its page");
        }
        let (address, _read) = self.numbers.device_ptr(self.numbers.stream());
        Ok(address + NUMBER * begin as u64)
    }
}

impl Drop for Pages {
    /// A kernel on another thread's stream may still read.
    fn drop(&mut self) {
        // A device that has failed reads no more.
        let _ = self.numbers.stream().context().synchronize();
    }
}

/// Device addresses of one adapter's factors at one projection.
#[derive(Debug)]
pub(crate) struct FactorRows {
    /// Rows of A: r times `in` numbers.
    pub(crate) a: Vec<u64>,
    /// Columns of B: r times `out` numbers.
    pub(crate) b: Vec<u64>,
    /// Bias of B (out).
    pub(crate) bias: Option<u64>,
    /// s.
    pub(crate) scale: f32,
}

/// `Adapters` of `lora.cu`, on the device.
struct Gathered {
    /// All of a, all of b, all biases.
    addresses: CudaSlice<u64>,
    /// First rows, ranks.
    numbers: CudaSlice<i32>,
    scales: CudaSlice<f32>,
    adapters: usize,
    ranks: usize,
}

impl Gathered {
    fn new(adapters: &[FactorRows], device: &CudaDevice) -> Result<Self> {
        let all = |rows: fn(&FactorRows) -> &[u64]| adapters.iter().flat_map(move |adapter| rows(adapter)).copied();
        let biases = adapters.iter().map(|adapter| adapter.bias.unwrap_or(0));
        let addresses: Vec<u64> = all(|adapter| &adapter.a).chain(all(|adapter| &adapter.b)).chain(biases).collect();
        let ranks = adapters.iter().map(|adapter| adapter.a.len());
        let firsts = ranks.clone().scan(0, |sum, rank| Some(std::mem::replace(sum, *sum + rank)));
        let numbers = firsts.chain(ranks.clone()).map(|number| number as i32).collect::<Vec<_>>();
        let scales: Vec<f32> = adapters.iter().map(|adapter| adapter.scale).collect();
        Ok(Self {
            addresses: device.clone_htod(&addresses)?,
            numbers: device.clone_htod(&numbers)?,
            scales: device.clone_htod(&scales)?,
            adapters: adapters.len(),
            ranks: ranks.sum(),
        })
    }

    /// The views that a launch passes, in the order of the macro `ADAPTERS`.
    fn views(&self) -> Views<'_> {
        let (n, r) = (self.adapters, self.ranks);
        Views {
            addresses: [(0, r), (r, 2 * r), (2 * r, 2 * r + n)].map(|(from, to)| self.addresses.slice(from..to)),
            numbers: [(0, n), (n, 2 * n)].map(|(from, to)| self.numbers.slice(from..to)),
            scales: self.scales.slice(..),
        }
    }
}

struct Views<'a> {
    addresses: [CudaView<'a, u64>; 3],
    numbers: [CudaView<'a, i32>; 2],
    scales: CudaView<'a, f32>,
}

impl Views<'_> {
    fn arguments<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        self.addresses.iter().for_each(|addresses| {
            launch.arg(addresses);
        });
        self.numbers.iter().for_each(|numbers| {
            launch.arg(numbers);
        });
        launch.arg(&self.scales);
    }
}

/// How rows find their adapters: BGMV's index, or SGMV's order, starts and owners.
fn routes(index: &[Option<usize>], segments: &[sgmv::Segment]) -> Vec<Vec<i32>> {
    if sgmv::shares_nothing(segments) {
        return vec![index.iter().map(|adapter| adapter.map_or(-1, |adapter| adapter as i32)).collect()];
    }
    let order = segments.iter().flat_map(|segment| segment.rows.iter().map(|row| *row as i32)).collect();
    let ends = segments.iter().scan(0, |sum, segment| {
        *sum += segment.rows.len() as i32;
        Some(*sum)
    });
    let starts = std::iter::once(0).chain(ends).collect();
    vec![order, starts, segments.iter().map(|segment| segment.adapter as i32).collect()]
}

/// `y_i += s · (B (A x_i) + bias)` for the rows in `y`'s and `x`'s ranges; `index` says whose each row is, `dims` is (out, in).
pub(crate) fn low_rank_updates(
    (y, y_rows): (&mut CudaStorage, Range<usize>),
    (x, x_rows): (&CudaStorage, Range<usize>),
    index: &[Option<usize>],
    adapters: &[FactorRows],
    (out, width): (usize, usize),
) -> Result<()> {
    let segments = sgmv::segments(index, adapters.len());
    let widest = adapters.iter().map(|adapter| adapter.a.len()).max().unwrap_or(0);
    if segments.is_empty() || out == 0 {
        return Ok(());
    }
    let tiles = out.div_ceil(THREADS as usize);
    if tiles > MOST_Y || widest > MOST_Y || index.len() > i32::MAX as usize {
        bail!("a mixed batch of {} rows, rank {widest} and {out} outputs is too large for one launch", index.len());
    }
    let device = y.device.clone();
    let stream = device.cuda_stream();
    let (y, x) = (y.as_cuda_slice_mut::<f32>()?, x.as_cuda_slice::<f32>()?);
    let (mut y, x) = (y.slice_mut(y_rows), x.slice(x_rows));
    let mut v = device.alloc_zeros::<f32>((index.len() * widest).max(1))?;
    let gathered = Gathered::new(adapters, &device)?;
    let views = gathered.views();
    let routes = routes(index, &segments).iter().map(|route| device.clone_htod(route)).collect::<Result<Vec<_>>>()?;
    let (shrink, expand, first) = match routes.len() {
        1 => ("bgmv_shrink", "bgmv_expand", index.len()),
        _ => ("sgmv_shrink", "sgmv_expand", segments.len()),
    };
    let grid = |second: usize| LaunchConfig {
        grid_dim: (first as u32, second as u32, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    };
    let widest_place = widest as i32;
    // Adapters whose factors have no rows still have a bias.
    if widest > 0 {
        let kernel = LORA.kernel(shrink, &device)?;
        let mut launch = stream.launch_builder(&kernel);
        launch.arg(&mut v).arg(&x);
        routes.iter().for_each(|route| {
            launch.arg(route);
        });
        views.arguments(&mut launch);
        launch.arg(&width).arg(&widest_place);
        // SAFETY: the arguments are those of the kernel's declaration; `x` has a row of `width` numbers and `v` one of `widest` for each
        // entry of `index`; routes name rows and adapters that exist; addresses of A are of `width` numbers each, in pages that the batch
        // holds, whose copy was waited for, and which wait for the device before they are freed.
        unsafe { launch.launch(grid(widest)) }.w()?;
    }
    let kernel = LORA.kernel(expand, &device)?;
    let mut launch = stream.launch_builder(&kernel);
    launch.arg(&mut y).arg(&v);
    routes.iter().for_each(|route| {
        launch.arg(route);
    });
    views.arguments(&mut launch);
    launch.arg(&out).arg(&widest_place);
    // SAFETY: as above; `y` has a row of `out` numbers for each entry of `index`, and addresses of B and of biases are of `out` numbers.
    unsafe { launch.launch(grid(tiles)) }.w()?;
    Ok(())
}
