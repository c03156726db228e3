//! Quantising the constants.
//!
//! Dettmers et al. 2023 (arXiv 2305.14314) §3; mean, signed table and group as in bitsandbytes' `quantize_4bit(compress_statistics=True)`.

/// Quantised constants.
pub struct Constants {
    /// Place in the table, for each constant.
    pub codes: Vec<usize>,
    /// Largest absolute deviation from the mean, for each group.
    pub scales: Vec<f64>,
    /// Mean of all constants.
    pub mean: f64,
}

/// Bits per weight with double quantisation: blocks of `block` weights, groups of `group` blocks.
pub fn bits(block: usize, group: usize) -> f64 {
    // The code, its block's 8-bit constant shared by a block, and the fp32 scale shared by a group of blocks.
    4.0 + 8.0 / block as f64 + 32.0 / (block * group) as f64
}

/// Bits per weight with an fp32 constant for each block.
pub fn bits_single(block: usize) -> f64 {
    4.0 + 32.0 / block as f64
}

/// Quantises `constants`, of which there is at least one.
pub fn encode(constants: &[f64], table: &[f64], group: usize) -> Constants {
    // All constants are positive. Without the mean, the negative half of the table would lie idle.
    let mean = constants.iter().sum::<f64>() / constants.len() as f64;
    let (mut codes, mut scales) = (Vec::new(), Vec::new());
    for part in constants.chunks(group) {
        let scale = part.iter().fold(0f64, |largest, constant| largest.max((constant - mean).abs()));
        codes.extend(part.iter().map(|constant| {
            // 0 / 0 has no nearest entry; a group without deviations is all zeros.
            let wanted = if scale > 0.0 { (constant - mean) / scale } else { 0.0 };
            nearest(table, wanted)
        }));
        scales.push(scale);
    }
    Constants { codes, scales, mean }
}

/// The constants as a layer will use them.
pub fn decode(constants: &Constants, table: &[f64], group: usize) -> Vec<f64> {
    let codes = constants.codes.iter().enumerate();
    codes.map(|(place, code)| table[*code] * constants.scales[place / group] + constants.mean).collect()
}

fn nearest(table: &[f64], wanted: f64) -> usize {
    let distance = |place: &usize| (table[*place] - wanted).abs();
    (0..table.len()).min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or_default()
}
