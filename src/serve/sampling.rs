//! Choosing the next token: greedy, or by temperature and nucleus (top-p: Holtzman et al. 2019, arXiv 1904.09751), each request with its own seed.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How a request wants its tokens chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; 0 takes the largest.
    pub temperature: f64,
    /// Only the likeliest tokens that together have this probability are drawn from.
    pub top_p: f64,
    /// Equal seeds give equal answers.
    pub seed: u64,
}

/// Draws the tokens of one request.
#[derive(Debug)]
pub(super) struct Chooser {
    sampling: Sampling,
    rng: ChaCha8Rng,
}

impl Chooser {
    /// A chooser at its start.
    #[must_use]
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { sampling, rng: ChaCha8Rng::seed_from_u64(sampling.seed) }
    }

    /// The next token; none when the logits are not all numbers.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        if logits.iter().any(|logit| logit.is_nan()) {
            return None;
        }
        // The first of equals, so that the choice does not depend on the order of comparison.
        let best = (0..logits.len()).reduce(|best, id| if logits[id] > logits[best] { id } else { best })?;
        if self.sampling.temperature <= 0.0 || !logits[best].is_finite() {
            return logits[best].is_finite().then_some(best as u32);
        }
        let weight = |id: usize| ((f64::from(logits[id]) - f64::from(logits[best])) / self.sampling.temperature).exp();
        let mut likely: Vec<(usize, f64)> = (0..logits.len()).map(|id| (id, weight(id))).collect();
        likely.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f64 = likely.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let cut = likely.iter().position(|(_, weight)| {
            kept += weight;
            kept >= self.sampling.top_p * total
        });
        likely.truncate(cut.map_or(likely.len(), |cut| cut + 1));
        let mut point = self.rng.random_range(0.0..1.0) * likely.iter().map(|(_, weight)| weight).sum::<f64>();
        let drawn = likely.iter().find(|(_, weight)| {
            point -= weight;
            point <= 0.0
        });
        drawn.or(likely.last()).map(|(id, _)| *id as u32)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn draw(temperature: f64, top_p: f64, seed: u64, logits: &[f32]) -> Vec<u32> {
        let mut chooser = Chooser::new(Sampling { temperature, top_p, seed });
        (0..2000).map(|_| chooser.choose(logits).unwrap()).collect()
    }

    #[test]
    fn frequencies_are_the_softmax_and_the_nucleus_cuts_the_tail() {
        let logits = [0.0, 2f32.ln(), f32::NEG_INFINITY, 5f32.ln()];
        let share = |drawn: &[u32], id: u32| drawn.iter().filter(|other| **other == id).count() as f64 / 2000.0;
        let drawn = draw(1.0, 1.0, 1, &logits);
        assert!((share(&drawn, 0) - 0.125).abs() < 0.03 && (share(&drawn, 3) - 0.625).abs() < 0.04);
        assert_eq!(share(&drawn, 2), 0.0);
        let drawn = draw(1.0, 0.8, 1, &logits);
        assert!(share(&drawn, 0) == 0.0 && (share(&drawn, 1) - 2.0 / 7.0).abs() < 0.04);
        assert_eq!(draw(1.0, 1.0, 7, &logits), draw(1.0, 1.0, 7, &logits));
        assert_ne!(draw(1.0, 1.0, 7, &logits), draw(1.0, 1.0, 8, &logits));
    }

    #[test]
    fn zero_temperature_takes_the_first_largest_and_nan_gives_nothing() {
        let mut greedy = Chooser::new(Sampling { temperature: 0.0, top_p: 1.0, seed: 0 });
        assert_eq!(greedy.choose(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(greedy.choose(&[1.0, f32::NAN]), None);
        assert_eq!(greedy.choose(&[]), None);
        assert_eq!(greedy.choose(&[f32::NEG_INFINITY]), None);
    }
}
