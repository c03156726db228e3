//! What training keeps in memory.
//!
//! `deltaw demo memory` prints these sums for real models, with activations beside them.

/// Bytes of states for one trained number, from the bytes of its parts. `master` is 0 where no master copy is kept.
pub fn per_number(weight: u64, gradient: u64, master: u64, moment: u64) -> u64 {
    // Adam has two moments: the mean of the gradient and the mean of its square.
    weight + gradient + master + 2 * moment
}

/// Bytes of full fine-tuning with Adam: `params` numbers of `per_number` bytes each.
pub fn full(params: u64, per_number: u64) -> u64 {
    params * per_number
}

/// Bytes with LoRA: a frozen base of `base` numbers of `base_bits` bits, and `trained` numbers of `per_number` bytes beside it.
pub fn lora(base: u64, base_bits: u64, trained: u64, per_number: u64) -> u64 {
    // Bits first, bytes last: 4 bits are half a byte, which no whole number of bytes says. An odd number of them needs one more byte.
    (base * base_bits).div_ceil(8) + full(trained, per_number)
}

/// The fewest GPUs of `gpu_bytes` that hold `bytes`.
pub fn gpus(bytes: u64, gpu_bytes: u64) -> u64 {
    // Rounded up: the last part needs a card too.
    bytes.div_ceil(gpu_bytes)
}
