//! CUDA kernels (feature `cuda`): each `.cu` source beside the Rust that launches it on candle's stream.
//!
//! | source | kernels | CPU twin |
//! |---|---|---|
//! | `nf4.cu` | dequantise; a product with the four-bit weight and its transposed, which never write the dense one | `quant::block` |
//! | `lora.cu` | BGMV and SGMV, shrink and expand, for adapters of different ranks | `serve::kernels` |
//!
//! `lora.cu` is not launched yet: adapters' pages lie in host memory (`serve::page`), and copying them for each pass would cost more than it gains.
//!
//! They are compiled by NVRTC when first used: the sources need no header, so a machine needs a driver and the libraries that candle links
//! anyway, and a change of GPU needs no other build. `tests/kernels.rs` compiles the same sources with a host compiler and holds them to
//! their twins where there is no GPU. `--fmad=false` keeps the arithmetic of the twins: these kernels wait for memory, not for arithmetic.
//!
//! This is the one room where `unsafe` is allowed: a launch hands pointers to code that Rust does not see.

mod nf4;

use std::sync::OnceLock;

use candle_core::{
    CudaDevice, Error, Result,
    cuda_backend::cudarc::{
        driver::CudaFunction,
        nvrtc::{CompileOptions, compile_ptx_with_opts},
    },
};

pub(crate) use nf4::{Nf4, apply};

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
