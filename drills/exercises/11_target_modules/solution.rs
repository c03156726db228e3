//! Target modules and the budget.
//!
//! The count is that of Hu et al. 2021 (arXiv 2106.09685) §4; the names are those of Hugging Face's LLaMA. `deltaw demo params` counts other
//! methods the same way.

use std::collections::BTreeSet;

/// The sizes of a decoder.
pub struct Model {
    /// Width of the hidden state.
    pub hidden: usize,
    /// Width of keys and of values.
    pub kv: usize,
    /// Width of the MLP.
    pub mlp: usize,
    /// Blocks.
    pub layers: usize,
}

/// (d_out, d_in) of the linear layer of this name.
pub fn shape_of(model: &Model, target: &str) -> Option<(usize, usize)> {
    let Model { hidden, kv, mlp, .. } = *model;
    match target {
        "q_proj" | "o_proj" => Some((hidden, hidden)),
        "k_proj" | "v_proj" => Some((kv, hidden)),
        "gate_proj" | "up_proj" => Some((mlp, hidden)),
        "down_proj" => Some((hidden, mlp)),
        // A misspelt target must not train nothing in silence.
        _ => None,
    }
}

/// What a LoRA of rank `r` on `targets` trains in the whole model.
pub fn trained(model: &Model, targets: &[&str], r: usize) -> Option<usize> {
    // A set: there is one adapter at a layer, however often its name is given.
    let once: BTreeSet<&str> = targets.iter().copied().collect();
    let shapes: Option<Vec<_>> = once.iter().map(|target| shape_of(model, target)).collect();
    let sides: usize = shapes?.iter().map(|(d_out, d_in)| d_out + d_in).sum();
    Some(model.layers * r * sides)
}

/// The largest rank at which `to` trains no more than `from` at rank `r`. None if a target is unknown or `to` is empty.
pub fn equal_rank(model: &Model, from: &[&str], r: usize, to: &[&str]) -> Option<usize> {
    // What a rank costs is constant, so the budget is divided by it. Rounded down: the budget is not to be passed.
    trained(model, from, r)?.checked_div(trained(model, to, 1)?)
}
