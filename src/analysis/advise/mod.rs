//! What to fine-tune with: from model, hardware, data and serving to a method, with the arithmetic behind it.
//!
//! | situation | first choice | claim |
//! |---|---|---|
//! | one task or a few, the 16-bit base fits | LoRA on all linear layers | `where-to-apply` |
//! | the base fits only in four bits | QLoRA | `qlora-headline` |
//! | very little memory | QLoRA and checkpointing, not prompts or (IA)³ | `prompt-or-ia3-for-memory` |
//! | many tasks over one base | LoRA kept apart, batched | `s-lora`, `serve-hot-swap` |
//! | one task, latency counts | LoRA, merged into 16 bits | `lora-no-latency`, `merge-into-quantised` |
//! | a new domain or language, a large corpus | full fine-tuning if it fits, else LoRA at a high rank | `lora-matches-if-rank-enough` |
//!
//! A starting point, not a law: ranks and rates are to be swept (`rank-tiers`, `alpha-r-independent`).

mod alternatives;
mod commands;
mod fit;
mod serving;

use serde::Serialize;

use super::{
    arch::Architecture,
    params::{Method, trainable},
};
pub use alternatives::Alternative;
pub use commands::Commands;
pub use fit::Fit;

/// What is to be learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Labels or short answers.
    Classification,
    /// A format, a tone.
    Style,
    /// Following instructions of a kind.
    Instructions,
    /// Code or mathematics.
    Code,
    /// A new domain or language from a corpus: continued pretraining.
    Knowledge,
    /// Reinforcement learning.
    Reinforcement,
}

impl Goal {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Classification, Self::Style, Self::Instructions, Self::Code, Self::Knowledge, Self::Reinforcement];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Style => "style",
            Self::Instructions => "instructions",
            Self::Code => "code",
            Self::Knowledge => "knowledge",
            Self::Reinforcement => "rl",
        }
    }

    /// A rank to begin with. No law: capacity must exceed what the data holds.
    #[must_use]
    fn rank(self) -> u64 {
        match self {
            Self::Classification | Self::Style | Self::Reinforcement => 8,
            Self::Instructions => 16,
            Self::Code => 64,
            Self::Knowledge => 256,
        }
    }
}

/// How the result is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Whichever fits the number of tasks.
    Auto,
    /// One model a task, the adapter folded in.
    Merged,
    /// One base, adapters beside it, batched.
    Many,
}

impl Serving {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Merged, Self::Many];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Merged => "merged",
            Self::Many => "many",
        }
    }
}

/// What the advice is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// The base.
    pub model: Architecture,
    /// What a loader calls it.
    pub base: String,
    /// Memory of one card, bytes.
    pub memory: f64,
    /// Cards.
    pub gpus: u64,
    /// What is to be learnt.
    pub goal: Goal,
    /// Training examples.
    pub examples: u64,
    /// Tasks, each with an adapter of its own.
    pub tasks: u64,
    /// Tokens of a training sequence.
    pub length: u64,
    /// How it is served.
    pub serving: Serving,
    /// Whether the latency of a single request counts most.
    pub latency: bool,
}

/// The method that is recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Every weight.
    Full,
    /// LoRA beside a 16-bit base.
    Lora,
    /// LoRA beside a base in NF4.
    Qlora,
    /// Nothing fits.
    None,
}

/// A line of arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// What is counted.
    pub what: String,
    /// Its value.
    pub value: f64,
    /// Unit: `GB`, `MB`, `parameters`, `%`.
    pub unit: &'static str,
}

/// The advice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// The method.
    pub method: Choice,
    /// The recommendation, in a sentence.
    pub recommendation: String,
    /// Why, one thought a line; claims of the ledger are named.
    pub because: Vec<String>,
    /// What was counted.
    pub arithmetic: Vec<Item>,
    /// What each way of training needs, and whether it fits.
    pub fits: Vec<Fit>,
    /// What was ruled out, and why.
    pub alternatives: Vec<Alternative>,
    /// Where to start from.
    #[serde(flatten)]
    pub commands: Commands,
}

/// r, α and the learning rate to begin with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Start {
    rank: u64,
    alpha: u64,
    rate: f64,
    adapter: u64,
}

/// QLoRA's released recipe takes 2e-4, and 1e-4 from 33B on.
const LARGE: u64 = 30_000_000_000;

/// α is kept whatever the rank: under Adam α/r then holds the first steps' progress about level (`alpha-r-independent`).
const ALPHA: u64 = 32;

impl Start {
    fn of(situation: &Situation) -> Result<Self, String> {
        let rank = situation.goal.rank();
        let adapter = trainable(&situation.model, &Method::Lora { rank, targets: "all-linear".to_owned() })?;
        let rate = if situation.model.total >= LARGE { 1e-4 } else { 2e-4 };
        Ok(Self { rank, alpha: ALPHA, rate, adapter })
    }
}

/// Advice for `situation`.
///
/// # Errors
/// The model's shapes do not allow an adapter.
pub fn advise(situation: &Situation) -> Result<Advice, String> {
    let start = Start::of(situation)?;
    let fits = fit::all(situation, start.adapter);
    let choice = fit::choose(situation, &fits);
    let served = serving::of(situation, choice, &start);
    let mut because = fit::because(situation, choice, &fits);
    because.extend(served.because);
    let mut arithmetic = fit::arithmetic(situation, &start);
    arithmetic.extend(served.arithmetic);
    let recommendation = match choice {
        Choice::Full => format!("Fine-tune all weights, with a rate near {:.0e}", start.rate / 10.0),
        Choice::Lora => {
            format!("LoRA over the 16-bit base, r = {}, α = {}, on all linear layers", start.rank, start.alpha)
        }
        Choice::Qlora => {
            format!("QLoRA: LoRA over the base in NF4, r = {}, α = {}, on all linear layers", start.rank, start.alpha)
        }
        Choice::None => {
            "Nothing fits this hardware: take more memory, a shorter sequence or a smaller model".to_owned()
        }
    };
    Ok(Advice {
        method: choice,
        recommendation: format!("{recommendation}{}.", served.how),
        because,
        arithmetic,
        alternatives: alternatives::of(situation, choice, &fits),
        commands: commands::of(situation, choice, &start, served.many),
        fits,
    })
}

#[cfg(test)]
mod tests;
