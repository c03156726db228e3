//! The methods by name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A method of fine-tuning that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Every weight trains.
    Full,
    /// Every weight trains, Adam sees a projection of the gradient.
    Galore,
    /// LoRA.
    Lora,
    /// LoRA with the scale α / √r.
    Rslora,
    /// LoRA whose B learns faster.
    LoraPlus,
    /// LoRA that starts from the largest singular values.
    Pissa,
    /// LoRA that starts from a QR decomposition.
    Olora,
    /// LoRA that starts from the quantisation error, on the quantised base.
    Loftq,
    /// LoRA on a base in four bits.
    Qlora,
    /// Magnitude and direction.
    Dora,
    /// Vectors over a shared frozen random pair.
    Vera,
    /// One pair of factors for all layers.
    TiedLora,
    /// Vectors that scale activations.
    Ia3,
    /// Two bottlenecks a layer.
    Houlsby,
    /// One bottleneck a layer.
    Pfeiffer,
    /// Attention over trained bottlenecks, which stay as they are.
    #[serde(rename = "adapterfusion")]
    AdapterFusion,
    /// Virtual keys and values in every layer.
    Prefix,
    /// The same, made by an MLP while it trains.
    PrefixMlp,
    /// Virtual input embeddings.
    Prompt,
    /// The same, made by an encoder while it trains.
    PTuning,
}

/// What sets a method's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// r.
    Rank,
    /// m, the width of a bottleneck.
    Width,
    /// p, virtual tokens.
    Tokens,
    /// Nothing: the base does.
    Fixed,
}

/// Name, what it is in a few words, its size, and a learning rate to begin with.
type About = (&'static str, &'static str, Size, f64);

impl Kind {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Full,
        Self::Galore,
        Self::Lora,
        Self::Rslora,
        Self::LoraPlus,
        Self::Pissa,
        Self::Olora,
        Self::Loftq,
        Self::Qlora,
        Self::Dora,
        Self::Vera,
        Self::TiedLora,
        Self::Ia3,
        Self::Houlsby,
        Self::Pfeiffer,
        Self::AdapterFusion,
        Self::Prefix,
        Self::PrefixMlp,
        Self::Prompt,
        Self::PTuning,
    ];

    fn entry(self) -> About {
        match self {
            Self::Full => ("full", "every weight trains", Size::Fixed, 2e-4),
            Self::Galore => ("galore", "every weight trains, Adam sees a low-rank projection", Size::Rank, 2e-3),
            Self::Lora => ("lora", "low-rank update", Size::Rank, 2e-3),
            Self::Rslora => ("rslora", "LoRA with the scale α/√r", Size::Rank, 1e-3),
            Self::LoraPlus => ("lora-plus", "LoRA whose B learns faster", Size::Rank, 5e-4),
            Self::Pissa => ("pissa", "LoRA from the largest singular values", Size::Rank, 1e-3),
            Self::Olora => ("olora", "LoRA from a QR decomposition", Size::Rank, 5e-4),
            Self::Loftq => ("loftq", "LoRA from the quantisation error, base in NF4", Size::Rank, 2e-3),
            Self::Qlora => ("qlora", "LoRA on a base in NF4", Size::Rank, 2e-3),
            Self::Dora => ("dora", "magnitude and direction", Size::Rank, 2e-3),
            Self::Vera => ("vera", "vectors over a frozen random pair", Size::Rank, 1e-2),
            Self::TiedLora => ("tied-lora", "one pair of factors for all layers", Size::Rank, 2e-3),
            Self::Ia3 => ("ia3", "vectors that scale activations", Size::Fixed, 1e-2),
            Self::Houlsby => ("houlsby", "two bottlenecks a layer", Size::Width, 2e-3),
            Self::Pfeiffer => ("pfeiffer", "one bottleneck a layer", Size::Width, 2e-3),
            Self::AdapterFusion => ("adapterfusion", "attention over trained bottlenecks (--fuse)", Size::Fixed, 1e-3),
            Self::Prefix => ("prefix", "virtual keys and values in every layer", Size::Tokens, 1e-2),
            Self::PrefixMlp => ("prefix-mlp", "the same, made by an MLP while it trains", Size::Tokens, 2e-3),
            Self::Prompt => ("prompt", "virtual input embeddings", Size::Tokens, 3e-2),
            Self::PTuning => ("p-tuning", "the same, made by an encoder while it trains", Size::Tokens, 2e-3),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.entry().1
    }

    /// What sets its size.
    #[must_use]
    pub fn size(self) -> Size {
        self.entry().2
    }

    /// A peak learning rate to begin with; the best one depends on base and task.
    #[must_use]
    pub fn learning_rate(self) -> f64 {
        self.entry().3
    }

    /// Whether it puts virtual tokens before the input, which packed sequences cannot share.
    #[must_use]
    pub fn is_virtual(self) -> bool {
        self.size() == Size::Tokens
    }

    /// Whether all weights train: what comes out is a model, no adapter.
    #[must_use]
    pub fn trains_all(self) -> bool {
        matches!(self, Self::Full | Self::Galore)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("no method is called `{text}`; there are {}", all.join(", "))
        })
    }
}
