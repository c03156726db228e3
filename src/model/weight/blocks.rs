//! Rows of GGUF's blocks as numbers. The two types of SmolLM2's published file are read here, as they lie; candle reads the others.
//!
//! ```text
//! Q4_1, 20 bytes for 32 numbers: f16 d, f16 m, 16 bytes q      y_j = d (q_j mod 16) + m,  y_{j+16} = d ⌊q_j / 16⌋ + m
//! Q8_0, 34 bytes for 32 numbers: f16 d, 32 signed bytes q      y_j = d q_j
//! ```
//!
//! (`block_q4_1` and `block_q8_0` in ggml's `ggml-common.h`.)

use std::borrow::Cow;

use candle_core::{CpuStorage, Result, bail, quantized::GgmlDType};
use half::f16;

/// Numbers in a block of either type.
const BLOCK: usize = 32;

/// Writes the numbers that `bytes` hold into `out`.
pub(super) fn read(dtype: GgmlDType, bytes: &[u8], out: &mut [f32]) -> Result<()> {
    match dtype {
        GgmlDType::Q4_1 => bytes.chunks_exact(20).zip(out.chunks_exact_mut(BLOCK)).for_each(|(block, out)| {
            let (d, m) = (half(block, 0), half(block, 2));
            let (low, high) = out.split_at_mut(BLOCK / 2);
            for ((low, high), q) in low.iter_mut().zip(high).zip(&block[4..]) {
                *low = f32::from(q & 15) * d + m;
                *high = f32::from(q >> 4) * d + m;
            }
        }),
        GgmlDType::Q8_0 => bytes.chunks_exact(34).zip(out.chunks_exact_mut(BLOCK)).for_each(|(block, out)| {
            let d = half(block, 0);
            for (out, q) in out.iter_mut().zip(&block[2..]) {
                *out = f32::from(q.cast_signed()) * d;
            }
        }),
        _ => match dtype.from_data(Cow::Borrowed(bytes)).dequantize(out.len())? {
            CpuStorage::F32(values) => out.copy_from_slice(&values),
            _ => bail!("blocks were dequantised to another type than f32"),
        },
    }
    Ok(())
}

fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}
