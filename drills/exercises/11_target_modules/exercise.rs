//! Target modules and the budget.

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
    todo!()
}

/// What a LoRA of rank `r` on `targets` trains in the whole model.
pub fn trained(model: &Model, targets: &[&str], r: usize) -> Option<usize> {
    todo!()
}

/// The largest rank at which `to` trains no more than `from` at rank `r`. None if a target is unknown or `to` is empty.
pub fn equal_rank(model: &Model, from: &[&str], r: usize, to: &[&str]) -> Option<usize> {
    todo!()
}
