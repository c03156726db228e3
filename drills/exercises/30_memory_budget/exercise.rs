//! A method from a memory budget.

/// A way of fine-tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Full,
    Lora,
    Qlora,
}

/// What is to be trained.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// Numbers in the base.
    pub base: u64,
    /// Numbers in the adapter, for LoRA and QLoRA.
    pub adapter: u64,
    /// Bytes of activations.
    pub activations: u64,
}

/// Bytes of weights, gradients and optimiser states.
pub fn state_bytes(way: Way, job: &Job) -> u64 {
    todo!()
}

/// The first of full fine-tuning, LoRA, QLoRA that fits into `budget` bytes with its activations.
pub fn choose(job: &Job, budget: u64) -> Option<Way> {
    todo!()
}

/// The largest rank with which `way` fits, at `per_rank` trained numbers a rank; `job.adapter` does not count.
pub fn largest_rank(way: Way, job: &Job, per_rank: u64, budget: u64) -> Option<u64> {
    todo!()
}
