//! A mixed batch on a model of SmolLM2-135M's shape: 32 rows over 16 LoRAs of rank 16, each of which takes two rows.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use deltaw::{
    model::Decoder,
    peft::{Lora, Targets, lora},
    serve::{Batch, Packed, page::PagePool},
};

pub(crate) const ROWS: usize = 32;
pub(crate) const ADAPTERS: usize = 16;
pub(crate) const RANK: usize = 16;

/// The adapters.
pub(crate) fn loras(base: &Decoder, targets: &Targets) -> Vec<Lora> {
    let one = |seed| {
        let config =
            lora::Config { rank: RANK, alpha: 2.0 * RANK as f64, targets: targets.clone(), seed, ..Default::default() };
        Lora::new(base, config).unwrap()
    };
    (0..ADAPTERS as u64).map(one).collect()
}

/// The adapters as the server keeps them.
pub(crate) fn packs(base: &Decoder, loras: &[Lora]) -> Vec<Arc<Packed>> {
    let pool = PagePool::new(1 << 30, 4 * base.config().intermediate_size);
    loras.iter().map(|lora| Packed::new(lora, &pool).unwrap().unwrap()).collect()
}

/// Which adapter each row takes, and ids (rows, tokens).
pub(crate) fn batch(base: &Decoder, packs: &[Arc<Packed>], tokens: usize) -> (Batch, Tensor) {
    let share = ROWS / ADAPTERS;
    let batch = Batch::new((0..ROWS).map(|row| (tokens, Some(Arc::clone(&packs[row / share])))));
    let ids: Vec<u32> = (0..ROWS * tokens).map(|place| (place * 7919 % base.config().vocab_size) as u32).collect();
    (batch, Tensor::from_vec(ids, (ROWS, tokens), &Device::Cpu).unwrap())
}
