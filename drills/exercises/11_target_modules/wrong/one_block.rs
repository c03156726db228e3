//! diagnosis: the blocks are not counted

pub struct Model {
    pub hidden: usize,
    pub kv: usize,
    pub mlp: usize,
    pub layers: usize,
}

pub fn shape_of(model: &Model, target: &str) -> Option<(usize, usize)> {
    match target {
        "q_proj" | "o_proj" => Some((model.hidden, model.hidden)),
        "k_proj" | "v_proj" => Some((model.kv, model.hidden)),
        "gate_proj" | "up_proj" => Some((model.mlp, model.hidden)),
        "down_proj" => Some((model.hidden, model.mlp)),
        _ => None,
    }
}

pub fn trained(model: &Model, targets: &[&str], r: usize) -> Option<usize> {
    let mut targets = targets.to_vec();
    targets.sort_unstable();
    targets.dedup();
    let shapes: Option<Vec<_>> = targets.iter().map(|target| shape_of(model, target)).collect();
    Some(r * shapes?.iter().map(|(o, i)| o + i).sum::<usize>())
}

pub fn equal_rank(model: &Model, from: &[&str], r: usize, to: &[&str]) -> Option<usize> {
    trained(model, from, r)?.checked_div(trained(model, to, 1)?)
}
