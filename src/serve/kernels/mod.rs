//! The low-rank half of a mixed batch, on the CPU.
//!
//! ```text
//! y_i += s · B (A x_i)        for every row i, with the factors of the row's own adapter, or none
//!
//! shrink:  v_i = A x_i        (r numbers a row)
//! expand:  y_i += s · B v_i
//! ```
//!
//! The base's product `x Wᵀ` is one matrix product for all rows; only this half differs from row to row. Two kernels do it, under the names
//! they have in the literature (Punica: Chen et al. 2023, arXiv 2310.18547; S-LoRA: Sheng et al. 2023, arXiv 2311.03285):
//!
//! - [`bgmv`], batched gather matrix-vector: each row gathers its factors by an index, in any order. For decoding, where a request has one row.
//! - [`sgmv`], segmented gather matrix-vector: rows are sorted into segments of one adapter, so that a factor is read once for a whole
//!   segment. For prefill, and whenever rows share an adapter.
//!
//! Ranks may differ from adapter to adapter; nothing is padded to a common rank. B is stored transposed, so that both factors are r rows
//! that lie in one piece: (r, in) and (r, out).

pub mod bgmv;
pub mod sgmv;
mod simd;

/// One adapter's factors at one projection.
#[derive(Debug, Clone)]
pub struct LowRank<'a> {
    /// Rows of A: r slices of `in` numbers.
    pub a: Vec<&'a [f32]>,
    /// Columns of B: r slices of `out` numbers.
    pub b: Vec<&'a [f32]>,
    /// s: α / r, or α / √r.
    pub scale: f32,
    /// Bias of B (out), scaled like the rest.
    pub bias: Option<&'a [f32]>,
}

impl LowRank<'_> {
    /// r.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.a.len()
    }
}

#[cfg(test)]
mod tests;
