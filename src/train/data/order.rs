//! In which order examples come: a new permutation every epoch, a function of the seed and the epoch alone, so that a run can go on anywhere.

use rand::{SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

/// An endless sequence of indices below a count.
#[derive(Debug, Clone)]
pub struct Order {
    seed: u64,
    cursor: u64,
    epoch: Option<u64>,
    permutation: Vec<usize>,
}

impl Order {
    /// The sequence of `count` examples (at least one) under `seed`, from `cursor` on.
    #[must_use]
    pub fn new(count: usize, seed: u64, cursor: u64) -> Self {
        Self { seed, cursor, epoch: None, permutation: (0..count.max(1)).collect() }
    }

    /// How many indices were given.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The next index, without going on.
    pub fn peek(&mut self) -> usize {
        let count = self.permutation.len() as u64;
        let epoch = self.cursor / count;
        if self.epoch != Some(epoch) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(epoch);
            self.permutation.sort_unstable();
            self.permutation.shuffle(&mut rng);
            self.epoch = Some(epoch);
        }
        self.permutation[(self.cursor % count) as usize]
    }

    /// The next index.
    pub fn take(&mut self) -> usize {
        let index = self.peek();
        self.cursor += 1;
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_is_another_permutation_and_any_place_can_be_entered() {
        let mut order = Order::new(10, 7, 0);
        let all: Vec<usize> = (0..35).map(|_| order.take()).collect();
        for epoch in all.chunks_exact(10) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(all[..10], all[10..20]);
        for start in [0, 3, 10, 27] {
            let mut late = Order::new(10, 7, start as u64);
            assert_eq!((start..35).map(|_| late.take()).collect::<Vec<_>>(), all[start..], "{start}");
        }
    }
}
