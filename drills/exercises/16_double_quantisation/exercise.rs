//! Quantising the constants.

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
    todo!()
}

/// Bits per weight with an fp32 constant for each block.
pub fn bits_single(block: usize) -> f64 {
    todo!()
}

/// Quantises `constants`, of which there is at least one.
pub fn encode(constants: &[f64], table: &[f64], group: usize) -> Constants {
    todo!()
}

/// The constants as a layer will use them.
pub fn decode(constants: &Constants, table: &[f64], group: usize) -> Vec<f64> {
    todo!()
}
