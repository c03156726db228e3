//! What training keeps in memory.

/// Bytes of states for one trained number, from the bytes of its parts. `master` is 0 where no master copy is kept.
pub fn per_number(weight: u64, gradient: u64, master: u64, moment: u64) -> u64 {
    todo!()
}

/// Bytes of full fine-tuning with Adam: `params` numbers of `per_number` bytes each.
pub fn full(params: u64, per_number: u64) -> u64 {
    todo!()
}

/// Bytes with LoRA: a frozen base of `base` numbers of `base_bits` bits, and `trained` numbers of `per_number` bytes beside it.
pub fn lora(base: u64, base_bits: u64, trained: u64, per_number: u64) -> u64 {
    todo!()
}

/// The fewest GPUs of `gpu_bytes` that hold `bytes`.
pub fn gpus(bytes: u64, gpu_bytes: u64) -> u64 {
    todo!()
}
