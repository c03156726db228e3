//! Dropout (Srivastava et al. 2014) as the adapters use it: on the adapter's input, in training only.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use candle_core::{Result, Tensor};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::device::up;

/// Zeroes entries with probability p and scales the others by 1 / (1 − p); does nothing until it is switched on.
#[derive(Debug)]
pub struct Dropout {
    rate: f64,
    seed: u64,
    training: AtomicBool,
    draws: AtomicU64,
}

impl Dropout {
    /// Dropout at `rate`, switched off.
    ///
    /// # Errors
    /// The rate is not in [0, 1).
    pub fn new(rate: f64, seed: u64) -> Result<Self> {
        if !(0.0..1.0).contains(&rate) {
            candle_core::bail!("dropout must be at least 0 and below 1, not {rate}");
        }
        Ok(Self { rate, seed, training: AtomicBool::new(false), draws: AtomicU64::new(0) })
    }

    /// p.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Switches it on (training) or off (evaluation, merging).
    pub fn train(&self, on: bool) {
        self.training.store(on, Ordering::Relaxed);
    }

    /// Whether it drops anything now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.rate > 0.0 && self.training.load(Ordering::Relaxed)
    }

    /// How many masks were drawn: where a run stands.
    #[must_use]
    pub fn draws(&self) -> u64 {
        self.draws.load(Ordering::Relaxed)
    }

    /// Goes to another place in the sequence of masks: back, to draw the same ones again, or on, to resume a run.
    pub fn set_draws(&self, draws: u64) {
        self.draws.store(draws, Ordering::Relaxed);
    }

    /// `x` with a fresh mask; `x` itself while inactive. Masks follow the seed and the number of calls.
    ///
    /// # Errors
    /// The device has no room for the mask.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if !self.is_active() {
            return Ok(x.clone());
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.draws.fetch_add(1, Ordering::Relaxed));
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let mask: Vec<f32> = (0..x.elem_count()).map(|_| if rng.random_bool(self.rate) { 0.0 } else { kept }).collect();
        x * up(mask, x.shape(), x.device())?.to_dtype(x.dtype())?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn it_drops_in_training_only_and_keeps_the_mean() {
        let x = Tensor::ones((100, 100), DType::F32, &Device::Cpu).unwrap();
        let dropout = Dropout::new(0.3, 7).unwrap();
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&dropout.apply(&x).unwrap()), values(&x));
        dropout.train(true);
        let (first, second) = (values(&dropout.apply(&x).unwrap()), values(&dropout.apply(&x).unwrap()));
        assert_ne!(first, second, "every call has its own mask");
        let dropped = first.iter().filter(|value| **value == 0.0).count();
        assert!((2800..3200).contains(&dropped), "{dropped}");
        assert!((first.iter().sum::<f32>() / 1e4 - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_rate_of_one_is_refused() {
        assert!(Dropout::new(1.0, 0).is_err() && Dropout::new(-0.1, 0).is_err() && Dropout::new(0.0, 0).is_ok());
    }
}
