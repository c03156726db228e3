//! Names of the places where a linear projection stands.

use std::{fmt, str::FromStr};

/// Which projection of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Queries: hidden → heads × head_dim.
    Q,
    /// Keys: hidden → key/value heads × head_dim.
    K,
    /// Values: as keys.
    V,
    /// Attention output: heads × head_dim → hidden.
    O,
    /// MLP gate: hidden → intermediate.
    Gate,
    /// MLP up: hidden → intermediate.
    Up,
    /// MLP down: intermediate → hidden.
    Down,
}

impl Projection {
    /// All seven, in the order of the forward pass.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// Hugging Face's name of the module, such as `q_proj`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// The module it belongs to: `self_attn` or `mlp`.
    #[must_use]
    pub fn parent(self) -> &'static str {
        match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        }
    }
}

impl FromStr for Projection {
    type Err = String;

    /// Reads `q`, `q_proj`, `gate`, …
    fn from_str(text: &str) -> Result<Self, String> {
        let short = text.trim().trim_end_matches("_proj");
        Self::ALL
            .into_iter()
            .find(|projection| projection.name().trim_end_matches("_proj") == short)
            .ok_or_else(|| format!("no projection is called `{text}`; there are q, k, v, o, gate, up, down"))
    }
}

/// One projection of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// Index of the block, from 0.
    pub layer: usize,
    /// Which of its projections.
    pub projection: Projection,
}

impl fmt::Display for Site {
    /// Hugging Face's module path, such as `model.layers.0.self_attn.q_proj`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model.layers.{}.{}.{}", self.layer, self.projection.parent(), self.projection.name())
    }
}
