//! What is wrong with this adapter?
//!
//! `deltaw adapter audit` does the same with real files, and looks at their numbers too.

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
    // What is left before the end must be nothing, or end in the dot that closes a part.
    module.strip_suffix(target).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What the update of `module` is multiplied by.
pub fn scale(config: &Config, module: &str) -> f64 {
    let own = config.ranks.iter().find(|(target, _)| matches(target, module)).map(|(_, rank)| *rank);
    let rank = own.unwrap_or(config.rank) as f64;
    config.alpha / if config.rank_stabilised { rank.sqrt() } else { rank }
}

/// All that is wrong; `tokens` is the size of the tokenizer's vocabulary.
pub fn audit(config: &Config, factors: &[Factors], base: &Base, tokens: usize) -> Result<Vec<Finding>> {
    let adapted = |module: &str| config.targets.iter().any(|target| matches(target, module));
    let mut found = Vec::new();
    // Each target for itself: that another one matches does not help.
    for target in &config.targets {
        if !base.modules.iter().any(|module| matches(target, module)) {
            found.push(Finding::NoMatch((*target).to_owned()));
        }
    }
    for module in base.modules.iter().filter(|module| adapted(module)) {
        match factors.iter().find(|factors| factors.module == *module) {
            None => found.push(Finding::Missing((*module).to_owned())),
            // B, not A: A is random from the start, B leaves zero with the first step.
            Some(factors) if largest(&factors.b)? == 0.0 => found.push(Finding::Untrained((*module).to_owned())),
            Some(_) => {}
        }
    }
    for factors in factors {
        // In the base and matched, or nobody asks for it.
        if !(adapted(factors.module) && base.modules.contains(&factors.module)) {
            found.push(Finding::Stray(factors.module.to_owned()));
        }
    }
    let (embedding, rows) = base.embedding;
    let mut trained = config.targets.iter().chain(&config.modules_to_save);
    if tokens > rows && !trained.any(|target| matches(target, embedding)) {
        found.push(Finding::Embedding(tokens - rows));
    }
    Ok(found)
}

fn largest(tensor: &Tensor) -> Result<f32> {
    tensor.abs()?.flatten_all()?.max(0)?.to_scalar()
}
