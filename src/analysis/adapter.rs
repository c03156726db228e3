//! What is in a LoRA: the size and spectrum of each module's update, and how far two adapters are apart. The update itself, (out, in), is
//! never formed: with `B = Q_b R_b` and `Aᵀ = Q_a R_a`, the singular values of `s·BA` are those of the small `s·R_b R_aᵀ`.

use candle_core::Result;
use ndarray::Array2;
use serde::Serialize;

use super::spectrum::{effective_rank, energy_at, numerical_rank};
use crate::{
    linalg::{qr, singular_values, to_array},
    peft::{hub::Modules, lora::Factors},
};

/// One module's update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Module {
    /// The module's path.
    pub module: String,
    /// r.
    pub rank: usize,
    /// s.
    pub scale: f64,
    /// ‖ΔW‖ (Frobenius).
    pub norm: f64,
    /// Singular values of ΔW, largest first, r of them.
    pub singular_values: Vec<f64>,
    /// exp of the entropy of the singular values.
    pub effective_rank: f64,
    /// How many singular values exceed a thousandth of the largest.
    pub numerical_rank: usize,
    /// The smallest rank that keeps 99 % of ‖ΔW‖².
    pub rank_for_99: usize,
}

/// An adapter's updates, module by module.
///
/// # Errors
/// A number is not finite, or a decomposition fails.
pub fn modules(adapter: &Modules) -> Result<Vec<Module>> {
    adapter.factors.iter().map(|(path, factors)| module(path, factors)).collect()
}

fn module(path: &str, factors: &Factors) -> Result<Module> {
    let values = spectrum(factors)?;
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let keeps = |rank: &usize| energy_at(&values, *rank) >= 0.99;
    Ok(Module {
        module: path.to_owned(),
        rank: factors.rank(),
        scale: factors.scale(),
        norm,
        effective_rank: effective_rank(&values),
        numerical_rank: numerical_rank(&values, 1e-3),
        rank_for_99: (1..=values.len()).find(keeps).unwrap_or(values.len()),
        singular_values: values,
    })
}

/// Singular values of `s · B A`, largest first.
///
/// # Errors
/// A number is not finite, or the decomposition fails.
pub fn spectrum(factors: &Factors) -> Result<Vec<f64>> {
    let (a, b) = (to_array(factors.a.as_tensor())?, to_array(factors.b.as_tensor())?);
    let ((_, of_b), (_, of_a)) = (qr(&b)?, qr(&a.t().to_owned())?);
    let small: Array2<f64> = of_b.dot(&of_a.t()) * factors.scale();
    Ok(singular_values(&small.mapv(|value| value as f32))?)
}

/// How two adapters' updates of one module compare.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The module's path.
    pub module: String,
    /// ‖ΔW₁‖; 0 where the first does not adapt it.
    pub first: f64,
    /// ‖ΔW₂‖.
    pub second: f64,
    /// ‖ΔW₂ − ΔW₁‖.
    pub distance: f64,
    /// ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖ ‖ΔW₂‖); none where one of them is zero.
    pub cosine: Option<f64>,
}

/// Compares two adapters module by module; modules of either are listed.
///
/// # Errors
/// The shapes of a module differ.
pub fn difference(first: &Modules, second: &Modules) -> Result<Vec<Difference>> {
    let mut paths: Vec<&String> = first.factors.keys().chain(second.factors.keys()).collect();
    paths.sort();
    paths.dedup();
    let one = |path: &String| {
        let (a, b) = (first.factors.get(path), second.factors.get(path));
        let product = |x: Option<&Factors>, y: Option<&Factors>| match (x, y) {
            (Some(x), Some(y)) => inner(x, y).map_err(|error| error.context(format!("at {path}"))),
            _ => Ok(0.0),
        };
        let (aa, bb, ab) = (product(a, a)?, product(b, b)?, product(a, b)?);
        Ok(Difference {
            module: path.clone(),
            first: aa.max(0.0).sqrt(),
            second: bb.max(0.0).sqrt(),
            // Cancellation may leave a tiny negative number for equal adapters.
            distance: (aa + bb - 2.0 * ab).max(0.0).sqrt(),
            cosine: (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt()),
        })
    };
    paths.into_iter().map(one).collect()
}

/// `⟨s₁B₁A₁, s₂B₂A₂⟩ = s₁s₂ Σ (B₁ᵀB₂) ⊙ (A₁A₂ᵀ)`, in f64.
fn inner(x: &Factors, y: &Factors) -> Result<f64> {
    let wide = |factor: &candle_core::Tensor| Ok::<_, candle_core::Error>(to_array(factor)?.mapv(f64::from));
    let (ax, bx) = (wide(x.a.as_tensor())?, wide(x.b.as_tensor())?);
    let (ay, by) = (wide(y.a.as_tensor())?, wide(y.b.as_tensor())?);
    if ax.ncols() != ay.ncols() || bx.nrows() != by.nrows() {
        candle_core::bail!(
            "one update is [{}, {}], the other [{}, {}]",
            bx.nrows(),
            ax.ncols(),
            by.nrows(),
            ay.ncols()
        );
    }
    Ok((bx.t().dot(&by) * ax.dot(&ay.t())).sum() * x.scale() * y.scale())
}
