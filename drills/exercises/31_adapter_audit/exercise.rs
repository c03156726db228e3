//! What is wrong with this adapter?

use candle_core::{Result, Tensor};

/// What the adapter's configuration says.
#[derive(Debug, Clone)]
pub struct Config {
    pub rank: usize,
    pub alpha: f64,
    pub rank_stabilised: bool,
    pub targets: Vec<&'static str>,
    /// Ranks of their own: target and rank.
    pub ranks: Vec<(&'static str, usize)>,
    /// What is trained and saved whole.
    pub modules_to_save: Vec<&'static str>,
}

/// What the base is.
#[derive(Debug, Clone)]
pub struct Base {
    pub modules: Vec<&'static str>,
    /// The path of the embedding, and its rows.
    pub embedding: (&'static str, usize),
}

/// The factors of one module, as the file has them.
#[derive(Debug, Clone)]
pub struct Factors {
    pub module: &'static str,
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
}

/// A mistake, with the target or the module that it is about.
#[derive(Debug, Clone)]
pub enum Finding {
    NoMatch(String),
    Missing(String),
    Stray(String),
    Untrained(String),
    /// How many tokens have a row that was never trained.
    Embedding(usize),
}

/// Whether `target` is the path `module`, or its end in whole parts.
pub fn matches(target: &str, module: &str) -> bool {
    todo!()
}

/// What the update of `module` is multiplied by.
pub fn scale(config: &Config, module: &str) -> f64 {
    todo!()
}

/// All that is wrong; `tokens` is the size of the tokenizer's vocabulary.
pub fn audit(config: &Config, factors: &[Factors], base: &Base, tokens: usize) -> Result<Vec<Finding>> {
    todo!()
}
