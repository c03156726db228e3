//! diagnosis: the blocks are not counted

pub fn layer_params(d_out: usize, d_in: usize, r: usize) -> usize {
    r * (d_in + d_out)
}

pub fn model_params(shapes: &[(usize, usize)], _layers: usize, r: usize) -> usize {
    shapes.iter().map(|&(d_out, d_in)| layer_params(d_out, d_in, r)).sum()
}

pub fn share(d_out: usize, d_in: usize, r: usize) -> f64 {
    layer_params(d_out, d_in, r) as f64 / (d_out * d_in) as f64
}
