//! Sums, maxima and exponentials that the compiler can keep in vector registers: they run side by side in lanes, which changes the order of
//! summation and nothing else.

use std::f32::consts::LOG2_E;

const LANES: usize = 16;

/// Runs `work` compiled for the widest vectors that the processor has; what it calls must be inlined into it.
#[inline(always)]
pub(super) fn wide<T>(work: impl FnOnce() -> T) -> T {
    pulp::Arch::new().dispatch(work)
}

/// Σ f(aᵢ, bᵢ).
#[inline(always)]
pub(super) fn sum(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| f(*a, *b)).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += f(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The largest entry; −∞ if there is none.
#[inline(always)]
pub(super) fn max(a: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut tops = [f32::NEG_INFINITY; LANES];
    let lanes = a.chunks_exact(LANES);
    let rest = lanes.remainder().iter().copied().fold(f32::NEG_INFINITY, larger);
    for a in lanes {
        for lane in 0..LANES {
            tops[lane] = larger(tops[lane], a[lane]);
        }
    }
    tops.iter().copied().fold(rest, larger)
}

/// eˣ with a relative error under 2.5e-7 (the test tries 1.75 million places); 0 below −87.3, where f32 has no normal numbers left. Numbers above 88
/// count as 88; the callers have none above 0, but for a sigmoid that is 0 there all the same.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2: a polynomial for eʳ, and 2ⁿ written into the exponent. The standard library's `exp` is a call per
/// number, which the compiler cannot put side by side.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Added and taken away, it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const LEAST: f32 = -87.3;
    let bounded = if x < LEAST { LEAST } else { x };
    let bounded = if bounded > 88.0 { 88.0 } else { bounded };
    let shifted = bounded * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let tail = ((((1.0 / 720.0) * r + 1.0 / 120.0) * r + 1.0 / 24.0) * r + 1.0 / 6.0) * r + 0.5;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = (tail * r * r + r + 1.0) * power;
    if x < LEAST { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_double_precision() {
        let mut worst = 0f64;
        for step in -870_000..880_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 2.5e-7, "{worst:e}");
        assert_eq!([exp(f32::NEG_INFINITY), exp(-1e9), exp(0.0)], [0.0, 0.0, 1.0]);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_and_maxima_take_every_entry_once() {
        for length in [0, 1, 15, 16, 17, 100] {
            let numbers: Vec<f32> = (1..=length).map(|i| i as f32).collect();
            assert_eq!(sum(&numbers, &numbers, |a, _| a), (length * (length + 1) / 2) as f32);
            assert_eq!(max(&numbers), if length == 0 { f32::NEG_INFINITY } else { length as f32 });
        }
    }
}
