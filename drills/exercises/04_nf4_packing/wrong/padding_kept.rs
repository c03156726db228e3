//! diagnosis: stop at the count
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
pub fn quantise(values: &[f32], block: usize) -> (Vec<f32>, Vec<u8>) {
    let mut absmax = Vec::new();
    let mut codes = Vec::new();
    for chunk in values.chunks(block) {
        let largest = chunk.iter().fold(0f32, |most, value| most.max(value.abs()));
        let divisor = if largest > 0.0 { largest } else { 1.0 };
        absmax.push(largest);
        codes.extend(chunk.iter().map(|value| nearest(value / divisor)));
    }
    (absmax, codes)
}
fn nearest(x: f32) -> u8 {
    let distance = |code: &u8| (LEVELS[usize::from(*code)] - x).abs();
    (0..16).min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(7)
}
pub fn pack(codes: &[u8]) -> Vec<u8> {
    codes.chunks(2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(7)).collect()
}
pub fn dequantise(packed: &[u8], absmax: &[f32], block: usize, _count: usize) -> Vec<f32> {
    let codes = packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    codes
        .enumerate()
        .map(|(index, code)| LEVELS[usize::from(code)] * absmax[(index / block).min(absmax.len() - 1)])
        .collect()
}
