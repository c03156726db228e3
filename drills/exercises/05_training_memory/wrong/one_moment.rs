//! diagnosis: Adam has two moments

pub fn per_number(weight: u64, gradient: u64, master: u64, moment: u64) -> u64 {
    weight + gradient + master + moment
}

pub fn full(params: u64, per_number: u64) -> u64 {
    params * per_number
}

pub fn lora(base: u64, base_bits: u64, trained: u64, per_number: u64) -> u64 {
    (base * base_bits).div_ceil(8) + trained * per_number
}

pub fn gpus(bytes: u64, gpu_bytes: u64) -> u64 {
    bytes.div_ceil(gpu_bytes)
}
