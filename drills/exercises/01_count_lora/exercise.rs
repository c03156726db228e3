//! Count what LoRA trains.

/// Numbers that LoRA of rank `r` trains at a linear layer with `d_in` inputs and `d_out` outputs.
pub fn layer_params(d_out: usize, d_in: usize, r: usize) -> usize {
    todo!("A is (r, d_in), B is (d_out, r)")
}

/// Numbers that LoRA trains in a model of `layers` equal blocks, each with adapted matrices of the `shapes` `(d_out, d_in)`.
pub fn model_params(shapes: &[(usize, usize)], layers: usize, r: usize) -> usize {
    todo!()
}

/// LoRA's numbers at one layer, over those of full fine-tuning there.
pub fn share(d_out: usize, d_in: usize, r: usize) -> f64 {
    todo!()
}
