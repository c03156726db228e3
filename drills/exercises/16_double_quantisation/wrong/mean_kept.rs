//! diagnosis: half the table lies idle

pub struct Constants {
    pub codes: Vec<usize>,
    pub scales: Vec<f64>,
    pub mean: f64,
}

pub fn bits(block: usize, group: usize) -> f64 {
    4.0 + 8.0 / block as f64 + 32.0 / (block * group) as f64
}

pub fn bits_single(block: usize) -> f64 {
    4.0 + 32.0 / block as f64
}

fn nearest(table: &[f64], wanted: f64) -> usize {
    let distance = |i: &usize| (table[*i] - wanted).abs();
    (0..table.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
}

pub fn encode(constants: &[f64], table: &[f64], group: usize) -> Constants {
    let scales: Vec<f64> = constants.chunks(group).map(|part| part.iter().copied().fold(0.0, f64::max)).collect();
    let codes = constants.iter().enumerate().map(|(i, c)| nearest(table, c / scales[i / group])).collect();
    Constants { codes, scales, mean: 0.0 }
}

pub fn decode(constants: &Constants, table: &[f64], group: usize) -> Vec<f64> {
    let codes = constants.codes.iter().enumerate();
    codes.map(|(i, code)| table[*code] * constants.scales[i / group] + constants.mean).collect()
}
