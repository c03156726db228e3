//! Learning rates: a rise from zero, then constant, or a fall along a line or a cosine (Loshchilov & Hutter 2016, arXiv 1608.03983).
//!
//! ```text
//! step < warmup:  η (step + 1) / warmup              afterwards, with p = (step − warmup) / (steps − warmup):
//! constant: η      linear: η (f + (1 − f)(1 − p))      cosine: η (f + (1 − f)(1 + cos π p) / 2)
//! ```

use serde::{Deserialize, Serialize};

/// How the rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Not at all.
    Constant,
    /// Along a line.
    Linear,
    /// Along half a cosine.
    Cosine,
}

/// Learning rates of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// How it falls.
    pub shape: Shape,
    /// η, the peak.
    pub peak: f64,
    /// Steps of the rise.
    pub warmup: usize,
    /// All steps.
    pub steps: usize,
    /// f, the share of the peak that is left at the end.
    pub floor: f64,
}

impl Schedule {
    /// The learning rate of step `index`, counted from 0.
    #[must_use]
    pub fn rate(&self, index: usize) -> f64 {
        if index < self.warmup {
            return self.peak * (index + 1) as f64 / self.warmup as f64;
        }
        let progress = (index - self.warmup) as f64 / self.steps.saturating_sub(self.warmup).max(1) as f64;
        let left = match self.shape {
            Shape::Constant => return self.peak,
            Shape::Linear => 1.0 - progress.min(1.0),
            Shape::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.peak * (self.floor + (1.0 - self.floor) * left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_to_the_peak_and_falls_to_the_floor() {
        let of = |shape| Schedule { shape, peak: 2.0, warmup: 4, steps: 14, floor: 0.1 };
        for shape in [Shape::Constant, Shape::Linear, Shape::Cosine] {
            assert_eq!((of(shape).rate(0), of(shape).rate(3), of(shape).rate(4)), (0.5, 2.0, 2.0), "{shape:?}");
        }
        assert_eq!(of(Shape::Constant).rate(13), 2.0);
        assert!((of(Shape::Linear).rate(9) - 1.1).abs() < 1e-12);
        assert!((of(Shape::Cosine).rate(9) - 1.1).abs() < 1e-12);
        assert!((of(Shape::Cosine).rate(14) - 0.2).abs() < 1e-12);
    }
}
