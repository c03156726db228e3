//! NF4 and two codes to a byte.
//!
//! `deltaw::quant` is the same with double quantisation and threads. Its speed comes from a table of all 256 bytes: one look-up for two numbers.

/// The sixteen levels by their codes, as printed in Dettmers et al. 2023 (arXiv 2305.14314), appendix E.
pub const LEVELS: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The largest absolute value of each block, and the code of each number.
pub fn quantise(values: &[f32], block: usize) -> (Vec<f32>, Vec<u8>) {
    let mut absmax = Vec::new();
    let mut codes = Vec::new();
    for chunk in values.chunks(block) {
        // Absolute: the largest may be negative, and then it takes code 0.
        let largest = chunk.iter().fold(0f32, |most, value| most.max(value.abs()));
        // A block of zeros is divided by one instead: its numbers stay zero.
        let divisor = if largest > 0.0 { largest } else { 1.0 };
        absmax.push(largest);
        codes.extend(chunk.iter().map(|value| nearest(value / divisor)));
    }
    (absmax, codes)
}

/// The code of the level nearest to `x`. The levels are not evenly spaced, so no rounding formula does it.
fn nearest(x: f32) -> u8 {
    let distance = |code: &u8| (LEVELS[usize::from(*code)] - x).abs();
    (0..16).min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(7)
}

/// Two codes to a byte, the first in the high half; an odd one out is followed by the code of zero.
pub fn pack(codes: &[u8]) -> Vec<u8> {
    codes.chunks(2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(7)).collect()
}

/// The first `count` numbers of `packed`, whose blocks have the largest absolute values `absmax`.
pub fn dequantise(packed: &[u8], absmax: &[f32], block: usize, count: usize) -> Vec<f32> {
    let codes = packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    // The padding is dropped by the count. A number's block is its own index over the block's length, not the byte's.
    codes.take(count).enumerate().map(|(index, code)| LEVELS[usize::from(code)] * absmax[index / block]).collect()
}
