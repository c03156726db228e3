//! NF4 and two codes to a byte.

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
    todo!()
}

/// Two codes to a byte, the first in the high half; an odd one out is followed by the code of zero.
pub fn pack(codes: &[u8]) -> Vec<u8> {
    todo!()
}

/// The first `count` numbers of `packed`, whose blocks have the largest absolute values `absmax`.
pub fn dequantise(packed: &[u8], absmax: &[f32], block: usize, count: usize) -> Vec<f32> {
    todo!()
}
