//! A method by name with its options: what makes something trainable of a base.

mod fused;
mod kind;
mod trainee;

use std::{path::PathBuf, str::FromStr};

use candle_core::{Error, Result};
use serde::{Deserialize, Serialize};

pub use kind::{Kind, Size};
pub use trainee::Trainee;

use crate::{
    model::Projection,
    peft::{Targets, lora, lora_plus},
};

/// A method with its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Which.
    pub method: Kind,
    /// r, of the LoRA family and of GaLore's projection.
    pub rank: usize,
    /// α; the rank where absent, so that the scale is 1.
    pub alpha: Option<f64>,
    /// Probability that an entry of a LoRA's input is dropped.
    pub dropout: f64,
    /// Projections that the LoRA family and VeRA adapt: `all-linear`, or names with commas such as `q,v`.
    pub targets: String,
    /// Width of bottlenecks and of the networks that make prefixes and prompts.
    pub width: usize,
    /// Virtual tokens.
    pub tokens: usize,
    /// LoRA+'s λ.
    pub ratio: f64,
    /// Steps between two of GaLore's bases.
    pub every: usize,
    /// Directories of the trained adapters that AdapterFusion fuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fuse: Vec<PathBuf>,
    /// What updates the tensors.
    pub optimizer: OptimizerKind,
    /// Seed of the first values and of dropout.
    pub seed: u64,
}

impl Recipe {
    /// A method with usual options: r = 8 on all projections, 16 virtual tokens, bottlenecks 16 wide, AdamW.
    #[must_use]
    pub fn new(method: Kind) -> Self {
        let rank = match method {
            // VeRA's rank costs next to nothing: PEFT's default.
            Kind::Vera => 256,
            Kind::Galore => 32,
            _ => 8,
        };
        Self {
            method,
            rank,
            alpha: None,
            dropout: 0.0,
            targets: "all-linear".to_owned(),
            width: 16,
            tokens: 16,
            ratio: lora_plus::RATIO,
            every: 50,
            fuse: Vec::new(),
            optimizer: OptimizerKind::Adamw,
            seed: 0,
        }
    }

    /// The projections that are adapted.
    ///
    /// # Errors
    /// A name is no projection's.
    pub fn targets(&self) -> Result<Targets> {
        if self.targets.trim() == "all-linear" {
            return Ok(Targets::AllLinear);
        }
        let names = self.targets.split(',').map(Projection::from_str).collect::<std::result::Result<Vec<_>, _>>();
        Ok(Targets::from(&names.map_err(Error::Msg)?[..]))
    }

    fn lora(&self) -> Result<lora::Config> {
        Ok(lora::Config {
            rank: self.rank,
            alpha: self.alpha.unwrap_or(self.rank as f64),
            rank_stabilised: self.method == Kind::Rslora,
            dropout: self.dropout,
            targets: self.targets()?,
            seed: self.seed,
            ..lora::Config::default()
        })
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// A size is zero or out of reach, or an option does not go with the method.
    pub fn check(&self) -> Result<()> {
        let Self { method, .. } = self;
        for (name, value, limit) in
            [("rank", self.rank, 1 << 14), ("width", self.width, 1 << 14), ("tokens", self.tokens, 1 << 12)]
        {
            if value == 0 || value > limit {
                candle_core::bail!("the {name} is {value}; it must be from 1 to {limit}");
            }
        }
        if self.dropout > 0.0
            && !matches!(method, Kind::Lora | Kind::Rslora | Kind::LoraPlus | Kind::Qlora | Kind::Dora)
        {
            candle_core::bail!("{method} has no dropout here; leave it out");
        }
        if *method != Kind::AdapterFusion && !self.fuse.is_empty() {
            candle_core::bail!("{method} fuses nothing; --fuse goes with --method adapterfusion");
        }
        if *method == Kind::Galore && self.optimizer != OptimizerKind::Adamw {
            candle_core::bail!("galore is an optimiser itself; leave --optimizer out");
        }
        if *method == Kind::Loftq && self.alpha.is_some_and(|alpha| alpha != self.rank as f64) {
            candle_core::bail!(
                "LoftQ's factors hold the quantisation error itself, so its alpha is its rank; leave alpha out"
            );
        }
        self.targets().map(|_| ())
    }
}

/// What updates the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// AdamW.
    Adamw,
    /// AdamW whose moments are paged.
    Paged,
    /// AdamW with 8-bit moments.
    EightBit,
}
