//! Sixteen values that four bits can name.

use super::nf4;

/// A table of sixteen values in [−1, 1], by their codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    values: [f32; 16],
    /// Codes in ascending order of their values.
    order: [u8; 16],
    /// Half-way between neighbours in that order.
    boundaries: [f32; 15],
    /// Both values of a byte, by the byte: one look-up for two numbers.
    pairs: Box<[[f32; 2]; 256]>,
}

/// bitsandbytes' FP4 (1 sign, 2 exponent, 1 mantissa bit), its eight magnitudes by code, times twelve.
const FP4_TWELFTHS: [f32; 8] = [0.0, 0.0625, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0];

impl Codebook {
    /// NF4: quantiles of the normal distribution, see [`nf4`]; bitsandbytes' constants, to the last bit.
    #[must_use]
    pub fn nf4() -> Self {
        Self::of(nf4::PUBLISHED)
    }

    /// FP4 with bitsandbytes' values and codes; code 8 is −0.
    #[must_use]
    pub fn fp4() -> Self {
        let magnitude = FP4_TWELFTHS.map(|twelfths| twelfths / 12.0);
        let value = |code: usize| if code < 8 { magnitude[code] } else { -magnitude[code - 8] };
        Self::of(std::array::from_fn(value))
    }

    /// INT4: fifteen even steps from −1 to 1; the sixteenth code repeats 1.
    #[must_use]
    pub fn int4() -> Self {
        Self::of(std::array::from_fn(|code| (code.min(14) as f32 - 7.0) / 7.0))
    }

    /// A table of any sixteen values, by their codes.
    #[must_use]
    pub fn of(values: [f32; 16]) -> Self {
        let mut order: [u8; 16] = std::array::from_fn(|code| code as u8);
        order.sort_by(|a, b| values[usize::from(*a)].total_cmp(&values[usize::from(*b)]));
        let value = |place: usize| values[usize::from(order[place])];
        Self {
            values,
            order,
            boundaries: std::array::from_fn(|place| (value(place) + value(place + 1)) / 2.0),
            pairs: Box::new(std::array::from_fn(|byte| [values[byte >> 4], values[byte & 15]])),
        }
    }

    /// The values, by code.
    #[must_use]
    pub fn values(&self) -> &[f32; 16] {
        &self.values
    }

    /// The values that a byte of two codes stands for.
    #[must_use]
    pub fn pair(&self, byte: u8) -> [f32; 2] {
        self.pairs[usize::from(byte)]
    }

    /// The code of the value nearest to `x`; half-way the lower one.
    #[must_use]
    pub fn nearest(&self, x: f32) -> u8 {
        let place = self.boundaries.iter().filter(|boundary| **boundary < x).count();
        let code = self.order[place];
        // A zero has no sign to keep.
        if x == 0.0 && code == 8 && self.values[8] == 0.0 { 0 } else { code }
    }

    /// How far `x` is from the nearest boundary between two codes.
    #[must_use]
    pub fn margin(&self, x: f32) -> f32 {
        self.boundaries.iter().map(|boundary| (x - boundary).abs()).fold(f32::INFINITY, f32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_nearest_to_itself() {
        for book in [Codebook::nf4(), Codebook::fp4(), Codebook::int4()] {
            for value in book.values() {
                assert_eq!(book.values()[usize::from(book.nearest(*value))], *value);
            }
            assert_eq!(book.values()[usize::from(book.nearest(0.0))], 0.0);
            assert_eq!(book.values()[usize::from(book.nearest(7.0))], 1.0);
        }
    }

    #[test]
    fn half_way_takes_the_lower_value() {
        let book = Codebook::nf4();
        for pair in book.values().windows(2) {
            let middle = (pair[0] + pair[1]) / 2.0;
            assert_eq!(book.values()[usize::from(book.nearest(middle))], pair[0]);
            assert_eq!(book.margin(middle), 0.0);
        }
    }
}
