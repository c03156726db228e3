//! CUDA kernels (feature `cuda`): each `.cu` source beside the Rust that launches it on candle's stream.
//!
//! | source | kernels | CPU twin |
//! |---|---|---|
//! | `nf4.cu` | dequantise; a product with the four-bit weight and its transposed, which never write the dense one | `quant::block` |
//! | `lora.cu` | BGMV and SGMV, shrink and expand, for adapters of different ranks | `serve::kernels` |
//!
//! `paging.rs` has no kernel: it moves pages of the optimiser's state on a stream of its own, as `optim::paged` says.
//!
//! # What each kernel reads and writes
//!
//! All of them wait for memory: the least time is bytes / bandwidth. W is (out, in), n = out · in; a number in NF4 takes 0.5 bytes and its share
//! of the scales, 4 / 64 bytes in f32 or about 1 / 64 with double quantisation. m is the number of rows, r a rank, t the bytes of a number of the
//! product's type: 4 or 2.
//!
//! | kernel | reads | writes |
//! |---|---|---|
//! | `nf4_dequantise_f32`, `_bf16`, `_f16` | (0.516 to 0.563) n | t n |
//! | `nf4_matvec_f32`, `_bf16`, `_f16` | m (0.516 to 0.563) n + t m · in | t m · out |
//! | `nf4_matvec_transposed_f32`, `_bf16`, `_f16` | the same with `out` | t m · in |
//! | `bgmv_shrink`, `bgmv_expand` | 4 r (in, out) a row | 4 r, 4 · out a row, which expand also reads |
//! | `sgmv_shrink`, `sgmv_expand` | the factors once a segment of up to 32 rows, as far as caches hold them | the same |
//!
//! So a product in four bits reads an eighth of what the dense one in f32 reads, and pays for it in each of the m rows: it is taken for few rows.
//! Weights are rounded to the product's type in both ways, sums are in f32: both ways multiply by the same matrix.
//!
//! Mixed batches are in f32 on any base: adapters are small, and activations are in f32 between products (`device::Precision`).
//! The goals of `gpu-check` are shares of the copies' bandwidth; no GPU has been lent to measure them so far.
//!
//! # Why NVRTC
//!
//! The sources are compiled when first used. They need no header, so where the program runs a driver is enough, with the libraries that candle
//! links anyway (NVRTC is one); a change of GPU needs no other build, and a change of a kernel no `build.rs`. nvcc is still needed to *build*:
//! candle compiles its own kernels with it. `cargo xtask cuda-toolchain` brings it.
//!
//! `tests/kernels` compiles the same sources with a host compiler and holds them to their twins where there is no GPU; each of the mistakes that
//! its `mutations.rs` makes in them is found. CI also compiles them with nvcc. `--fmad=false` keeps the arithmetic of the twins: these kernels wait for memory, not for arithmetic.
//!
//! This is the one room where `unsafe` is allowed: a launch hands pointers to code that Rust does not see.

mod lora;
mod nf4;
mod paging;

use std::sync::OnceLock;

use candle_core::{
    CudaDevice, Error, Result,
    cuda_backend::cudarc::{
        driver::CudaFunction,
        nvrtc::{CompileOptions, compile_ptx_with_opts},
    },
};

pub(crate) use lora::{Factors, Sent};
pub(crate) use nf4::{Nf4, apply};
pub(crate) use paging::PinnedCopies;

/// A source and what NVRTC made of it.
struct Source {
    name: &'static str,
    text: &'static str,
    compiled: OnceLock<std::result::Result<String, String>>,
}

impl Source {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, compiled: OnceLock::new() }
    }

    /// The kernel `name` on `device`.
    fn kernel(&self, name: &str, device: &CudaDevice) -> Result<CudaFunction> {
        let compile = || {
            let options = CompileOptions { fmad: Some(false), ..CompileOptions::default() };
            let ptx = compile_ptx_with_opts(self.text, options);
            ptx.map(|ptx| ptx.to_src()).map_err(|error| format!("NVRTC does not compile {}.cu: {error:?}", self.name))
        };
        let ptx = self.compiled.get_or_init(compile).as_ref().map_err(|why| Error::Msg(why.clone()))?;
        device.get_or_load_custom_func(name, self.name, ptx).map(|kernel| kernel.into_cuda_function())
    }
}
