//! diagnosis: integers are divided

pub fn layer_params(d_out: usize, d_in: usize, r: usize) -> usize {
    r * (d_in + d_out)
}

pub fn model_params(shapes: &[(usize, usize)], layers: usize, r: usize) -> usize {
    layers * shapes.iter().map(|&(d_out, d_in)| layer_params(d_out, d_in, r)).sum::<usize>()
}

pub fn share(d_out: usize, d_in: usize, r: usize) -> f64 {
    (layer_params(d_out, d_in, r) / (d_out * d_in)) as f64
}
