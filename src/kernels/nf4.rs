//! Launches `nf4.cu`: a four-bit weight that stays in four bits on the device.
//!
//! ```text
//! y = x Wᵀ            few rows of x: the four-bit product; many: W is made dense once and cuBLAS multiplies
//! ∂L/∂x = ∂L/∂y · W   the same with the transposed product; nothing is kept between the passes
//! ```
//!
//! x and y are in f32, bf16 or f16, and so is the dense W; sums are in f32.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, CustomOp1, DType, Layout, Result, Shape, Storage, Tensor, WithDType,
    backend::BackendStorage as _,
    bail,
    cuda_backend::{
        CudaDType, WrapErr as _,
        cudarc::driver::{CudaSlice, DeviceRepr, LaunchArgs, LaunchConfig, PushKernelArg as _},
    },
    op::BackpropOp,
};
use half::{bf16, f16};

use super::Source;
use crate::{
    device::{Precision, Transfers},
    quant::{DynamicMap, Quantised, Scales},
};

static NF4: Source = Source::new("nf4", include_str!("nf4.cu"));

/// Threads of a block.
const THREADS: u32 = 256;

/// Threads of a warp, which makes one output of a product.
const WARP: u32 = 32;

/// Rows of x up to which codes are read again for each row rather than made dense: beyond, cuBLAS gains more than the dense copy costs.
const FEW: usize = 8;

/// A matrix (out, in) in four bits on a device.
pub(crate) struct Nf4 {
    packed: CudaSlice<u8>,
    table: CudaSlice<f32>,
    scales: OnDevice,
    shape: (usize, usize),
    block: usize,
    /// log2 of `block`, or −1 where it is no power of two.
    shift: i32,
    device: CudaDevice,
}

enum OnDevice {
    Plain(CudaSlice<f32>),
    Double { coded: CudaSlice<u8>, map: CudaSlice<f32>, coarse: CudaSlice<f32>, offset: f32 },
}

/// A pointer to nothing, and the offset that plain scales have.
static NONE: (u64, f32) = (0, 0.0);

/// A type of inputs and outputs: the kernels' names end in what candle calls it.
trait Number: CudaDType + DeviceRepr + WithDType {}

impl Number for f32 {}
impl Number for bf16 {}
impl Number for f16 {}

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// x Wᵀ.
    Forward,
    /// dy W.
    Backward,
}

impl Nf4 {
    /// Copies codes and scales to the device, once.
    pub(crate) fn new(numbers: &Quantised, shape: (usize, usize), device: &CudaDevice) -> Result<Self> {
        let scales = match numbers.scales() {
            Scales::Plain(absmax) => OnDevice::Plain(device.clone_htod(absmax)?),
            Scales::Double { coded, offset } => OnDevice::Double {
                coded: device.clone_htod(&coded.codes)?,
                map: device.clone_htod(DynamicMap::signed().values())?,
                coarse: device.clone_htod(&coded.absmax)?,
                offset: *offset,
            },
        };
        Transfers::count_up(numbers.bytes());
        let packed = device.clone_htod(numbers.packed())?;
        let table = device.clone_htod(numbers.codebook().values())?;
        let block = numbers.block();
        let shift = if block.is_power_of_two() { block.ilog2() as i32 } else { -1 };
        Ok(Self { packed, table, scales, shape, block, shift, device: device.clone() })
    }

    /// The dense matrix, made on the device.
    pub(crate) fn dense(&self, precision: Precision) -> Result<Tensor> {
        let storage = match precision {
            Precision::F32 => self.wrap(self.dequantise::<f32>()?),
            Precision::Bf16 => self.wrap(self.dequantise::<bf16>()?),
            Precision::F16 => self.wrap(self.dequantise::<f16>()?),
        };
        Ok(Tensor::from_storage(Storage::Cuda(storage), self.shape, BackpropOp::none(), false))
    }

    fn wrap<T: Number>(&self, numbers: CudaSlice<T>) -> CudaStorage {
        CudaStorage::wrap_cuda_slice(numbers, self.device.clone())
    }

    /// The arguments that say what the weight is, in the order of every kernel's declaration.
    fn arguments<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        let (null, zero) = (&NONE.0, &NONE.1);
        launch.arg(&self.packed).arg(&self.table);
        match &self.scales {
            OnDevice::Plain(absmax) => launch.arg(absmax).arg(null).arg(null).arg(null).arg(zero),
            OnDevice::Double { coded, map, coarse, offset } => {
                launch.arg(null).arg(coded).arg(map).arg(coarse).arg(offset)
            }
        };
        launch.arg(&self.block).arg(&self.shift);
    }

    fn dequantise<T: Number>(&self) -> Result<CudaSlice<T>> {
        let count = self.shape.0 * self.shape.1;
        // SAFETY: the memory is unset; the kernel writes all of it.
        let mut out = unsafe { self.device.alloc::<T>(count) }?;
        let kernel = NF4.kernel(&format!("nf4_dequantise_{}", T::DTYPE.as_str()), &self.device)?;
        let stream = self.device.cuda_stream();
        let mut launch = stream.launch_builder(&kernel);
        launch.arg(&mut out);
        self.arguments(&mut launch);
        launch.arg(&count);
        let blocks = count.div_ceil(2).div_ceil(THREADS as usize).clamp(1, i32::MAX as usize) as u32;
        let config = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are those of the kernel's declaration, `out` has `count` places, and every array is as long as
        // `Quantised` guarantees for `count` numbers.
        unsafe { launch.launch(config) }.w()?;
        Ok(out)
    }

    /// The four-bit product with `rows` rows of `x`, which begin at `start`.
    fn product<T: Number>(&self, x: &CudaSlice<T>, (start, rows): (usize, usize), side: Side) -> Result<CudaSlice<T>> {
        let (out, width) = self.shape;
        let (name, taken, made, a_block) = match side {
            Side::Forward => ("nf4_matvec", width, out, (THREADS / WARP) as usize),
            Side::Backward => ("nf4_matvec_transposed", out, width, THREADS as usize),
        };
        // SAFETY: the memory is unset; the kernel writes all of it.
        let mut y = unsafe { self.device.alloc::<T>(rows * made) }?;
        let x = x.slice(start..start + rows * taken);
        let kernel = NF4.kernel(&format!("{name}_{}", T::DTYPE.as_str()), &self.device)?;
        let stream = self.device.cuda_stream();
        let mut launch = stream.launch_builder(&kernel);
        launch.arg(&mut y).arg(&x);
        self.arguments(&mut launch);
        launch.arg(&out).arg(&width);
        let grid_dim = (made.div_ceil(a_block) as u32, rows as u32, 1);
        let config = LaunchConfig { grid_dim, block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are those of the kernel's declaration; `x` has rows · taken numbers and `y` rows · made.
        unsafe { launch.launch(config) }.w()?;
        Ok(y)
    }

    /// Few rows: the four-bit product; many: the dense one.
    fn multiply<T: Number>(&self, x: &CudaStorage, layout: &Layout, side: Side) -> Result<CudaStorage> {
        let (rows, _) = layout.shape().dims2()?;
        let Some((start, _)) = layout.contiguous_offsets() else { bail!("nf4-linear: the input must be contiguous") };
        if (1..=FEW).contains(&rows) {
            return Ok(self.wrap(self.product(x.as_cuda_slice::<T>()?, (start, rows), side)?));
        }
        let ((out, width), dense) = (self.shape, self.wrap(self.dequantise::<T>()?));
        let dense_layout = Layout::contiguous(self.shape);
        match side {
            Side::Forward => x.matmul(&dense, (1, rows, out, width), layout, &dense_layout.transpose(0, 1)?),
            Side::Backward => x.matmul(&dense, (1, rows, width, out), layout, &dense_layout),
        }
    }
}

/// `W x` for the last dimension of `x` (…, in) on the device.
pub(crate) fn apply(weight: &Arc<Nf4>, x: &Tensor) -> Result<Tensor> {
    let (out, width) = weight.shape;
    let mut shape = x.dims().to_vec();
    match shape.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => bail!("linear: the input is {:?}, but the weight (out, in) is {:?}", x.shape(), weight.shape),
    }
    let product = Product { weight: Arc::clone(weight), side: Side::Forward };
    x.reshape(((), width))?.contiguous()?.apply_op1(product)?.reshape(shape)
}

struct Product {
    weight: Arc<Nf4>,
    side: Side,
}

impl CustomOp1 for Product {
    fn name(&self) -> &'static str {
        "nf4-linear"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("nf4-linear: the weight is on the GPU, the input is not")
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let (out, width) = self.weight.shape;
        let made = if self.side == Side::Forward { out } else { width };
        let y = match x.dtype() {
            DType::F32 => self.weight.multiply::<f32>(x, layout, self.side)?,
            DType::BF16 => self.weight.multiply::<bf16>(x, layout, self.side)?,
            DType::F16 => self.weight.multiply::<f16>(x, layout, self.side)?,
            other => bail!("nf4-linear: the input is in {}; products are in f32, bf16 or f16", other.as_str()),
        };
        Ok((y, Shape::from((rows, made))))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if self.side == Side::Backward {
            bail!("nf4-linear: there is no second derivative")
        }
        let product = Self { weight: Arc::clone(&self.weight), side: Side::Backward };
        grad.contiguous()?.apply_op1(product).map(Some)
    }
}
