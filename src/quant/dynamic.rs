//! The dynamic 8-bit map (Dettmers 2015, arXiv 1511.04561; Dettmers et al. 2021, arXiv 2110.02861, §2.1): a decimal exponent in unary, then a linear
//! fraction, so that small numbers have small relative errors. The second level of double quantisation, and 8-bit optimiser states, use it.
//!
//! bitsandbytes' CPU kernel does not look for the nearest value: it first rounds to one of 65,536 even steps from −1 to 1. Zero lies between
//! two steps and goes up, so no stored second moment is ever zero. [`DynamicMap::code`] does the same, bit for bit.

use std::sync::OnceLock;

/// 256 values, ascending, from −1 (or 0) to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicMap {
    values: Vec<f32>,
}

/// Bits of the exponent at most.
const EXPONENT_BITS: u32 = 7;

/// Half the steps between −1 and 1 that bitsandbytes' CPU kernel rounds to first.
const HALF_STEPS: f32 = 32_767.5;

impl DynamicMap {
    /// Values of both signs.
    #[must_use]
    pub fn signed() -> &'static Self {
        static MAP: OnceLock<DynamicMap> = OnceLock::new();
        MAP.get_or_init(|| Self::build(true))
    }

    /// Values from zero, twice as fine.
    #[must_use]
    pub fn unsigned() -> &'static Self {
        static MAP: OnceLock<DynamicMap> = OnceLock::new();
        MAP.get_or_init(|| Self::build(false))
    }

    /// For each exponent the middles of equal parts of [0.1, 1]: one part at the smallest exponent, twice as many at each next.
    fn build(signed: bool) -> Self {
        let mut values = vec![0.0, 1.0];
        for exponent in 0..EXPONENT_BITS {
            let parts = 1usize << (exponent + u32::from(!signed));
            let power = 10f64.powi(exponent as i32 - (EXPONENT_BITS as i32 - 1));
            let boundary = |index: usize| 0.1 + 0.9 * index as f64 / parts as f64;
            for index in 0..parts {
                let middle = (power * (boundary(index) + boundary(index + 1)) / 2.0) as f32;
                values.push(middle);
                if signed {
                    values.push(-middle);
                }
            }
        }
        values.sort_by(f32::total_cmp);
        Self { values }
    }

    /// The values, by code.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The code of the value nearest to `x`.
    #[must_use]
    pub fn nearest(&self, x: f32) -> u8 {
        let above = self.values.partition_point(|value| *value < x).clamp(1, self.values.len() - 1);
        let (low, high) = (self.values[above - 1], self.values[above]);
        (if x - low <= high - x { above - 1 } else { above }) as u8
    }

    /// The code that bitsandbytes stores for `x` in [−1, 1]: that of the value nearest to the nearest of its 65,536 even steps.
    #[must_use]
    pub fn code(&self, x: f32) -> u8 {
        let step = ((x.clamp(-1.0, 1.0) + 1.0) * HALF_STEPS + 0.5).floor();
        self.nearest(step / HALF_STEPS - 1.0)
    }
}

/// Numbers in eight bits, with a scale for each block.
#[derive(Debug, Clone, PartialEq)]
pub struct EightBit {
    /// One code a number.
    pub codes: Vec<u8>,
    /// Largest magnitude of each block.
    pub absmax: Vec<f32>,
    /// Numbers in a block.
    pub block: usize,
}

impl EightBit {
    /// Quantises `values` in blocks.
    #[must_use]
    pub fn quantise(values: &[f32], block: usize, map: &DynamicMap) -> Self {
        let block = block.max(1);
        let (mut codes, mut absmax) = (Vec::with_capacity(values.len()), Vec::new());
        for chunk in values.chunks(block) {
            let largest = chunk.iter().fold(0f32, |most, value| most.max(value.abs()));
            absmax.push(largest);
            let scale = if largest > 0.0 { largest } else { 1.0 };
            codes.extend(chunk.iter().map(|value| map.code(value / scale)));
        }
        Self { codes, absmax, block }
    }

    /// Number `index`.
    #[must_use]
    pub fn get(&self, index: usize, map: &DynamicMap) -> f32 {
        map.values[usize::from(self.codes[index])] * self.absmax[index / self.block]
    }

    /// All numbers.
    #[must_use]
    pub fn dequantise(&self, map: &DynamicMap) -> Vec<f32> {
        (0..self.codes.len()).map(|index| self.get(index, map)).collect()
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.codes.len() + 4 * self.absmax.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_have_256_values_with_zero_and_one() {
        for map in [DynamicMap::signed(), DynamicMap::unsigned()] {
            assert_eq!(map.values().len(), 256);
            assert!(map.values().contains(&0.0) && map.values().contains(&1.0));
            for (code, value) in (0..=255u8).zip(map.values()) {
                assert_eq!(map.nearest(*value), code);
            }
        }
        assert_eq!(DynamicMap::unsigned().values()[0], 0.0);
    }

    #[test]
    fn codes_are_those_of_bitsandbytes_near_a_boundary_and_at_zero() {
        // Seen in bitsandbytes 0.50.2 on the CPU: the value that each number comes back as, not the nearest one.
        let (signed, unsigned) = (DynamicMap::signed(), DynamicMap::unsigned());
        for (map, x, back) in [
            (signed, 0.0, 2.125e-5),
            (signed, 8.940_133e-5, 6.625e-5),
            (signed, -3.279_777_7e-6, -2.125e-5),
            (signed, -1.0, -0.992_968_74),
            (unsigned, 0.0, 1.562_5e-5),
            (unsigned, 1e-9, 1.562_5e-5),
            (unsigned, 0.002_962_916_2, 0.003_109_374_8),
            (unsigned, 1.0, 1.0),
        ] {
            let value = map.values()[usize::from(map.code(x))];
            assert!((value / back - 1.0).abs() < 1e-6, "{x}: {value} is not {back}");
        }
    }
}
