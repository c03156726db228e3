//! Several LoRAs made into one, as PEFT's `add_weighted_adapter` does it (scales s_i, weights w_i, densities d):
//!
//! ```text
//! linear:           A = Σ sign(w_i s_i) √|w_i s_i| A_i      B = Σ √|w_i s_i| B_i
//! cat:              A = [w_i s_i A_i] stacked               B = [B_i] side by side           B A = Σ w_i s_i B_i A_i, exactly
//! svd:              B A = best rank-r approximation of Σ w_i s_i B_i A_i
//! magnitude_prune:  linear, after keeping in each A_i and B_i only the ⌊d · size⌋ largest entries
//! ties:             the same pruning; then, entry by entry, only those with the sign of their plain sum count: their weighted mean
//! ```
//!
//! `linear` is not the sum of the updates: (Σ B_i)(Σ A_i) has cross terms B_i A_j, and so has any average of factors. Factors are also
//! not unique (B M⁻¹, M A is the same update), so adding them adds arbitrary choices; only ΔW has a meaning. `cat` is exact, `svd` the best
//! at its rank. The result has scale 1. TIES: Yadav et al. 2023, arXiv 2306.01708, applied by PEFT to factors instead of updates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use candle_core::{Result, Tensor, Var, bail};

use super::{Dropout, Lora, lora::Factors, pissa::principal};
use crate::device::{down, up};

/// How adapters are combined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Combination {
    /// Weighted sums of the factors; the ranks must be equal.
    Linear,
    /// Factors side by side; ranks add up.
    Cat,
    /// The best approximation of the sum of the updates.
    Svd {
        /// r of the result.
        rank: usize,
    },
    /// Pruned factors, then linear.
    MagnitudePrune {
        /// Share of entries that are kept.
        density: f64,
    },
    /// Pruned factors, signs elected.
    Ties {
        /// Share of entries that are kept.
        density: f64,
    },
}

/// One adapter of the given ones, each with its weight. A site that only some adapt is combined from those.
///
/// # Errors
/// There are none, ranks differ where they must not, a density is outside (0, 1], or an adapter has a bias.
pub fn combine(adapters: &[(&Lora, f64)], how: Combination) -> Result<Lora> {
    let parts: Vec<_> = adapters.iter().map(|(lora, weight)| (lora.factors(), *weight)).collect();
    Lora::from_factors(combine_factors(&parts, how)?, Dropout::new(0.0, 0)?)
}

/// The same for factors by any key: a site here, a module's path in a file.
///
/// # Errors
/// As [`combine`].
pub fn combine_factors<K: Ord + Clone + Display>(
    adapters: &[(&BTreeMap<K, Factors>, f64)],
    how: Combination,
) -> Result<BTreeMap<K, Factors>> {
    let places: BTreeSet<&K> = adapters.iter().flat_map(|(factors, _)| factors.keys()).collect();
    let mut combined = BTreeMap::new();
    for place in places {
        let mut parts = Vec::new();
        for (factors, weight) in adapters {
            match factors.get(place) {
                Some(Factors { bias: Some(_), .. }) => bail!("{place}: adapters whose B has a bias cannot be combined"),
                Some(factors) => parts.push((factors, weight * factors.scale())),
                None => {}
            }
        }
        let (a, b) = pair(&parts, how).map_err(|error| error.context(format!("at {place}")))?;
        let alpha = a.dim(0)? as f64;
        let (a, b) = (Var::from_tensor(&a)?, Var::from_tensor(&b)?);
        combined.insert(place.clone(), Factors { a, b, bias: None, alpha, rank_stabilised: false });
    }
    if combined.is_empty() {
        bail!("there is nothing to combine");
    }
    Ok(combined)
}

/// A and B of one site, from factors with their w_i s_i.
fn pair(parts: &[(&Factors, f64)], how: Combination) -> Result<(Tensor, Tensor)> {
    let scaled = |scale_a: fn(f64) -> f64, scale_b: fn(f64) -> f64| -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let one = |(part, weight): &(&Factors, f64)| {
            Ok(((part.a.as_detached_tensor() * scale_a(*weight))?, (part.b.as_detached_tensor() * scale_b(*weight))?))
        };
        Ok(parts.iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().unzip())
    };
    let rooted = || scaled(|weight| weight.signum() * weight.abs().sqrt(), |weight| weight.abs().sqrt());
    match how {
        Combination::Linear => {
            let (a, b) = rooted()?;
            Ok((sum(&a)?, sum(&b)?))
        }
        Combination::Cat => {
            let (a, b) = scaled(|weight| weight, |_| 1.0)?;
            Ok((Tensor::cat(&a, 0)?, Tensor::cat(&b, 1)?))
        }
        Combination::Svd { rank } => {
            let (a, b) = scaled(|weight| weight, |_| 1.0)?;
            let products = b.iter().zip(&a).map(|(b, a)| b.matmul(a)).collect::<Result<Vec<_>>>()?;
            best(&sum(&products)?, rank)
        }
        Combination::MagnitudePrune { density } => {
            let (a, b) = rooted()?;
            Ok((sum(&pruned(&a, density)?)?, sum(&pruned(&b, density)?)?))
        }
        Combination::Ties { density } => {
            let (a, b) = scaled(|_| 1.0, |_| 1.0)?;
            let roots: Vec<f64> = parts.iter().map(|(_, weight)| weight.abs().sqrt()).collect();
            let signed: Vec<f64> = parts.iter().zip(&roots).map(|((_, weight), root)| weight.signum() * root).collect();
            Ok((elected(&pruned(&a, density)?, &signed)?, elected(&pruned(&b, density)?, &roots)?))
        }
    }
}

/// The best approximation of `delta` (out, in) of a rank, as A and B.
fn best(delta: &Tensor, rank: usize) -> Result<(Tensor, Tensor)> {
    let most = delta.dims2().map(|(out, width)| out.min(width))?;
    match (1..=most).contains(&rank) {
        true => principal(delta, rank),
        false => bail!("rank {rank} is not between 1 and {most}"),
    }
}

fn sum(tensors: &[Tensor]) -> Result<Tensor> {
    let Some((first, rest)) = tensors.split_first() else { bail!("there is nothing to combine") };
    if let Some(odd) = rest.iter().find(|tensor| tensor.dims() != first.dims()) {
        bail!(
            "factors of shape {:?} and {:?} cannot be added; `cat` and `svd` take any ranks",
            first.dims(),
            odd.dims()
        );
    }
    rest.iter().try_fold(first.clone(), |total, tensor| total + tensor)
}

/// Each tensor with only its ⌊density · size⌋ entries of largest magnitude.
fn pruned(tensors: &[Tensor], density: f64) -> Result<Vec<Tensor>> {
    if !(density > 0.0 && density <= 1.0) {
        bail!("the density is {density}; it must be above 0 and at most 1");
    }
    let prune = |tensor: &Tensor| {
        let mut values = down::<f32>(tensor)?;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|i, j| values[*j].abs().total_cmp(&values[*i].abs()));
        for index in order.into_iter().skip((density * values.len() as f64) as usize) {
            values[index] = 0.0;
        }
        up(values, tensor.shape(), tensor.device())
    };
    tensors.iter().map(prune).collect()
}

/// Entry by entry the weighted mean of those that have the sign of the (unweighted) sum; a sum of zero counts as positive.
fn elected(tensors: &[Tensor], weights: &[f64]) -> Result<Tensor> {
    let total = sum(tensors)?;
    let flat = |tensor: &Tensor| down::<f32>(tensor);
    let signs = flat(&total)?;
    let mut sums = vec![0f32; signs.len()];
    let mut counts = vec![0f32; signs.len()];
    for (tensor, weight) in tensors.iter().zip(weights) {
        for (index, value) in flat(tensor)?.into_iter().enumerate() {
            if value != 0.0 && (value > 0.0) == (signs[index] >= 0.0) {
                sums[index] += value * *weight as f32;
                counts[index] += 1.0;
            }
        }
    }
    let means: Vec<f32> = sums.iter().zip(&counts).map(|(sum, count)| sum / count.max(1.0)).collect();
    up(means, total.shape(), total.device())
}

/// `lora` at another rank: the best approximation of each update.
///
/// # Errors
/// The rank is more than a weight has, or the adapter has a bias.
pub fn rerank(lora: &Lora, rank: usize) -> Result<Lora> {
    combine(&[(lora, 1.0)], Combination::Svd { rank })
}
