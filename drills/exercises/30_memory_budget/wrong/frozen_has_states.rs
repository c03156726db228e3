//! diagnosis: the frozen base has gradients and states

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Full,
    Lora,
    Qlora,
}
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub base: u64,
    pub adapter: u64,
    pub activations: u64,
}
const TRAINED: u64 = 2 + 2 + 4 + 8;
pub fn state_bytes(way: Way, job: &Job) -> u64 {
    match way {
        Way::Full => TRAINED * job.base,
        Way::Lora => TRAINED * job.base + TRAINED * job.adapter,
        Way::Qlora => nf4_bytes(job.base) + TRAINED * job.adapter,
    }
}
fn nf4_bytes(count: u64) -> u64 {
    let blocks = count.div_ceil(64);
    count.div_ceil(2) + blocks + 4 * blocks.div_ceil(256)
}
pub fn choose(job: &Job, budget: u64) -> Option<Way> {
    [Way::Full, Way::Lora, Way::Qlora].into_iter().find(|way| state_bytes(*way, job) + job.activations <= budget)
}
pub fn largest_rank(way: Way, job: &Job, per_rank: u64, budget: u64) -> Option<u64> {
    if way == Way::Full {
        return None;
    }
    let fixed = state_bytes(way, &Job { adapter: 0, ..*job }) + job.activations;
    let left = budget.checked_sub(fixed)?;
    let rank = left / (TRAINED * per_rank);
    (rank > 0).then_some(rank)
}
