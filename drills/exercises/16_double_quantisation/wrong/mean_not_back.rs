//! diagnosis: the mean is not added back

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
    let mean = constants.iter().sum::<f64>() / constants.len() as f64;
    let largest = |part: &[f64]| part.iter().map(|c| (c - mean).abs()).fold(0.0, f64::max);
    let scales: Vec<f64> = constants.chunks(group).map(largest).collect();
    let code = |(i, c): (usize, &f64)| nearest(table, (c - mean) / scales[i / group].max(1e-30));
    Constants { codes: constants.iter().enumerate().map(code).collect(), scales, mean }
}

pub fn decode(constants: &Constants, table: &[f64], group: usize) -> Vec<f64> {
    constants.codes.iter().enumerate().map(|(i, code)| table[*code] * constants.scales[i / group]).collect()
}
