//! Count what LoRA trains.
//!
//! `A` has `r · d_in` numbers and `B` has `d_out · r`: together `r · (d_in + d_out)`. The sum of the dimensions, not their product: that is where
//! LoRA's saving comes from. It grows with the side of the matrix while the matrix grows with its area.

/// Numbers that LoRA of rank `r` trains at a linear layer with `d_in` inputs and `d_out` outputs.
pub fn layer_params(d_out: usize, d_in: usize, r: usize) -> usize {
    // The frozen weight does not count, and the order of the two dimensions does not matter.
    r * (d_in + d_out)
}

/// Numbers that LoRA trains in a model of `layers` equal blocks, each with adapted matrices of the `shapes` `(d_out, d_in)`.
pub fn model_params(shapes: &[(usize, usize)], layers: usize, r: usize) -> usize {
    // Each block has factors of its own; only methods such as VeRA and Tied-LoRA share them.
    layers * shapes.iter().map(|&(d_out, d_in)| layer_params(d_out, d_in, r)).sum::<usize>()
}

/// LoRA's numbers at one layer, over those of full fine-tuning there.
pub fn share(d_out: usize, d_in: usize, r: usize) -> f64 {
    layer_params(d_out, d_in, r) as f64 / (d_out * d_in) as f64
}
