//! Which token comes next.
//!
//! ```text
//! p = softmax(logits / temperature); of the likeliest tokens, the fewest whose p sum to top_p or more; one of them drawn by p
//! ```
//!
//! The cut is nucleus sampling (Holtzman et al. 2020, arXiv 1904.09751).

use candle_core::{Result, bail};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The likeliest.
    Greedy,
    /// Drawn at random.
    Random {
        /// Above 0; 1 is the model's own distribution, less is more certain.
        temperature: f64,
        /// Above 0, at most 1: the share of probability that is kept.
        top_p: f64,
        /// Of the random numbers: the same seed draws the same tokens.
        seed: u64,
    },
}

impl Sampling {
    /// Greedy at temperature 0, as is the custom; random otherwise.
    ///
    /// # Errors
    /// The temperature is negative or not finite, or `top_p` is outside (0, 1].
    pub fn new(temperature: f64, top_p: f64, seed: u64) -> Result<Self> {
        if !(temperature >= 0.0 && temperature.is_finite()) {
            bail!("the temperature is {temperature}; it must be 0 or more");
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            bail!("top-p is {top_p}; it must be above 0 and at most 1");
        }
        Ok(if temperature == 0.0 { Self::Greedy } else { Self::Random { temperature, top_p, seed } })
    }
}

/// Chooses tokens of one sequence.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// Begins a sequence.
    #[must_use]
    pub fn new(sampling: Sampling) -> Self {
        let seed = match sampling {
            Sampling::Greedy => 0,
            Sampling::Random { seed, .. } => seed,
        };
        Self { sampling, rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The next token for `logits` (vocab).
    ///
    /// # Errors
    /// There are none, one is NaN, or none is finite.
    pub fn next(&mut self, logits: &[f32]) -> Result<u32> {
        let Some(best) = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]).then(b.cmp(a))) else {
            bail!("there are no logits to choose from")
        };
        if let Some(id) = logits.iter().position(|logit| logit.is_nan()) {
            bail!("the logit of token {id} is NaN: the model's weights are broken");
        }
        if !logits[best].is_finite() {
            bail!("the largest logit is {}: the model's weights are broken", logits[best]);
        }
        match self.sampling {
            Sampling::Greedy => Ok(best as u32),
            Sampling::Random { temperature, top_p, .. } => {
                let largest = f64::from(logits[best]);
                let weight = |logit: &f32| ((f64::from(*logit) - largest) / temperature).exp();
                let weights: Vec<f64> = logits.iter().map(weight).collect();
                Ok(self.draw(&weights, top_p).unwrap_or(best) as u32)
            }
        }
    }

    /// Draws an index by its weight from the fewest of the largest that make up `top_p` of the sum.
    fn draw(&mut self, weights: &[f64], top_p: f64) -> Option<usize> {
        let total: f64 = weights.iter().sum();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        let mut kept = total;
        if top_p < 1.0 {
            order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
            kept = 0.0;
            let enough = order.iter().position(|index| {
                kept += weights[*index];
                kept >= top_p * total
            });
            order.truncate(enough.map_or(order.len(), |last| last + 1));
        }
        let mut left = self.rng.random::<f64>() * kept;
        order.iter().copied().find(|index| {
            left -= weights[*index];
            left < 0.0
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn greedy_takes_the_first_of_the_largest_and_refuses_nan() {
        let mut sampler = Sampler::new(Sampling::new(0.0, 1.0, 0).unwrap());
        assert_eq!(sampler.next(&[1.0, 3.0, 3.0, f32::NEG_INFINITY]).unwrap(), 1);
        assert!(sampler.next(&[1.0, f32::NAN]).unwrap_err().to_string().contains("token 1"));
        assert!(sampler.next(&[]).is_err() && sampler.next(&[f32::NEG_INFINITY]).is_err());
    }

    #[test]
    fn draws_follow_the_probabilities_and_the_seed() {
        // p = (0.6, 0.3, 0.1) at temperature 1.
        let logits = [0.6f32.ln(), 0.3f32.ln(), 0.1f32.ln()];
        let shares = |temperature, top_p| {
            let mut sampler = Sampler::new(Sampling::new(temperature, top_p, 7).unwrap());
            let mut counts = [0.0; 3];
            for _ in 0..20_000 {
                counts[sampler.next(&logits).unwrap() as usize] += 1.0 / 20_000.0;
            }
            counts
        };
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.02);
        assert!(near(shares(1.0, 1.0), [0.6, 0.3, 0.1]));
        // The first two make up 0.9.
        assert!(near(shares(1.0, 0.8), [2.0 / 3.0, 1.0 / 3.0, 0.0]));
        assert!(near(shares(1.0, 0.5), [1.0, 0.0, 0.0]));
        // At temperature 1/2 probabilities are squared: 36 : 9 : 1.
        assert!(near(shares(0.5, 1.0), [36.0 / 46.0, 9.0 / 46.0, 1.0 / 46.0]));
        assert_eq!(shares(1.0, 1.0), shares(1.0, 1.0));
    }

    #[test]
    fn absurd_settings_are_errors() {
        for (temperature, top_p) in
            [(-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, 0.0), (1.0, 1.1), (1.0, f64::NAN)]
        {
            assert!(Sampling::new(temperature, top_p, 0).is_err(), "{temperature} {top_p}");
        }
    }
}
