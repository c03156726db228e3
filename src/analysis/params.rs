//! Trainable parameters by method (sums over adapted matrices of shape d_i × k_i):
//!
//! | method | trained |
//! |---|---|
//! | full fine-tuning, GaLore | everything (GaLore shrinks the optimiser's state, not the count) |
//! | LoRA, rsLoRA, PiSSA | Σ r(d_i + k_i) |
//! | LoRA-FA | Σ r·d_i |
//! | DoRA | Σ r(d_i + k_i) + d_i |
//! | VeRA | Σ (d_i + r) |
//! | Tied-LoRA, all trained, on q,k,v stacked to h rows | r(d + h) + L(r + h); 4dr + L(r + 3d) where all are d wide |
//! | (IA)³ | L(2·d_kv + d_ff) on k, v, down; else Σ d_i, and k_i where the input of the MLP's last matrix is scaled |
//! | Houlsby / Pfeiffer adapters | 2L(2dm + m + d) / L(2dm + m + d) |
//! | AdapterFusion, in the library's form | L(3d² + 2d) |
//! | prefix | L·p·2·d_kv stored; with the MLP in training (p + h)·d_kv + h + 2Ld_kv(h + 1) |
//! | prompt | p·d |
//! | p-tuning, in training | p·d + (d + 1)h + (h + 1)h + (h + 1)d; stored p·d |

use super::arch::{Architecture, Matrix};

/// A method with its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Everything trains.
    Full,
    /// Rank and targets. Also rsLoRA, PiSSA, LoRA+: the same tensors.
    Lora {
        /// r.
        rank: u64,
        /// As [`Architecture::targets`].
        targets: String,
    },
    /// LoRA with A frozen (arXiv 2308.03303).
    LoraFa {
        /// r.
        rank: u64,
        /// As [`Architecture::targets`].
        targets: String,
    },
    /// LoRA and a magnitude per output row (arXiv 2402.09353).
    Dora {
        /// r.
        rank: u64,
        /// As [`Architecture::targets`].
        targets: String,
    },
    /// Two vectors per matrix over shared frozen factors (arXiv 2310.11454).
    Vera {
        /// r.
        rank: u64,
        /// As [`Architecture::targets`].
        targets: String,
    },
    /// One A and one B for all layers on fused q,k,v, with two vectors per layer, everything trained (arXiv 2311.09578).
    TiedLora {
        /// r.
        rank: u64,
    },
    /// Vectors on activations (arXiv 2205.05638): an output's, or at the MLP's last matrix its input's, as in PEFT's defaults.
    Ia3 {
        /// As [`Architecture::targets`]; the paper's keys, values and MLP activations without it.
        targets: Option<String>,
    },
    /// Two bottleneck adapters a layer (arXiv 1902.00751), without its LayerNorms.
    Houlsby {
        /// Width of the bottleneck.
        bottleneck: u64,
    },
    /// One bottleneck adapter a layer (arXiv 2005.00247).
    Pfeiffer {
        /// Width of the bottleneck.
        bottleneck: u64,
    },
    /// The mixer of AdapterFusion, without the adapters it mixes.
    Fusion,
    /// Keys and values of virtual positions in every layer (arXiv 2101.00190): what is stored.
    Prefix {
        /// Virtual positions.
        tokens: u64,
    },
    /// The same while it trains through the MLP.
    PrefixMlp {
        /// Virtual positions.
        tokens: u64,
        /// Width of the MLP.
        width: u64,
    },
    /// Virtual input embeddings (arXiv 2104.08691).
    Prompt {
        /// Virtual tokens.
        tokens: u64,
    },
    /// Virtual input embeddings while an MLP of three layers makes them (arXiv 2103.10385).
    PTuning {
        /// Virtual tokens.
        tokens: u64,
        /// Width of the MLP.
        width: u64,
    },
}

/// Sizes to compare methods at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// r of the LoRA family.
    pub rank: u64,
    /// As [`Architecture::targets`].
    pub targets: String,
    /// Bottleneck of adapters, and width of the prefix's MLP.
    pub width: u64,
    /// Virtual tokens.
    pub tokens: u64,
}

/// Every method at these sizes: a short name, a title, the method.
#[must_use]
pub fn every(sizes: &Sizes) -> Vec<(&'static str, String, Method)> {
    let Sizes { rank, targets, width, tokens } = sizes;
    let (rank, width, tokens, targets) = (*rank, *width, *tokens, targets.clone());
    let lora = |targets: &str| Method::Lora { rank, targets: targets.to_owned() };
    let all = "all-linear".to_owned();
    vec![
        ("full", "full fine-tuning".to_owned(), Method::Full),
        ("lora", format!("LoRA r={rank} on {targets}"), lora(&targets)),
        ("lora", format!("LoRA r={rank} on {all}"), lora(&all)),
        ("lora-fa", format!("LoRA-FA r={rank} on {targets}"), Method::LoraFa { rank, targets: targets.clone() }),
        ("dora", format!("DoRA r={rank} on {targets}"), Method::Dora { rank, targets: targets.clone() }),
        ("vera", format!("VeRA r={rank} on {targets}"), Method::Vera { rank, targets }),
        ("tied-lora", format!("Tied-LoRA r={rank} on q,k,v"), Method::TiedLora { rank }),
        ("ia3", "(IA)³".to_owned(), Method::Ia3 { targets: None }),
        ("houlsby", format!("Houlsby adapters m={width}"), Method::Houlsby { bottleneck: width }),
        ("pfeiffer", format!("Pfeiffer adapters m={width}"), Method::Pfeiffer { bottleneck: width }),
        ("fusion", "AdapterFusion, the mixer alone".to_owned(), Method::Fusion),
        ("prefix", format!("prefix tuning p={tokens}"), Method::Prefix { tokens }),
        (
            "prefix-mlp",
            format!("prefix tuning p={tokens}, MLP {width} in training"),
            Method::PrefixMlp { tokens, width },
        ),
        ("prompt", format!("prompt tuning p={tokens}"), Method::Prompt { tokens }),
        ("p-tuning", format!("p-tuning p={tokens}, MLP {width} in training"), Method::PTuning { tokens, width }),
    ]
}

/// Methods that train the tensors of another one, by the short names of [`every`]: they differ in start, scale, learning rate or base.
pub const SAME_TENSORS: [(&str, &str); 7] = [
    ("rslora", "lora"),
    ("lora+", "lora"),
    ("pissa", "lora"),
    ("olora", "lora"),
    ("loftq", "lora"),
    ("qlora", "lora"),
    ("galore", "full"),
];

/// Number of parameters that `method` trains on `model`.
///
/// # Errors
/// A target is not a matrix of the model.
///
/// ```
/// use deltaw::analysis::{arch::Architecture, params::{Method, trainable}};
/// let llama = Architecture::named("llama-2-7b")?;
/// let lora = Method::Lora { rank: 16, targets: "q,v".into() };
/// assert_eq!(trainable(llama, &lora)?, 8_388_608);
/// # Ok::<(), String>(())
/// ```
pub fn trainable(model: &Architecture, method: &Method) -> Result<u64, String> {
    let (layers, d) = (model.layers, model.hidden);
    let bottleneck = |m: u64| 2 * d * m + m + d;
    Ok(match method {
        Method::Full => model.total,
        Method::Lora { rank, targets } => layers * sum(model, targets, |out, width| rank * (out + width))?,
        Method::LoraFa { rank, targets } => layers * sum(model, targets, |out, _| rank * out)?,
        Method::Dora { rank, targets } => layers * sum(model, targets, |out, width| rank * (out + width) + out)?,
        Method::Vera { rank, targets } => layers * sum(model, targets, |out, _| out + rank)?,
        Method::TiedLora { rank } => {
            let stacked = model.query + 2 * model.kv;
            rank * (d + stacked) + layers * (rank + stacked)
        }
        Method::Ia3 { targets } => {
            let targets = targets.as_deref().unwrap_or_else(|| model.scaled_targets());
            let scaled = |matrix: &Matrix| if matrix.ends_mlp() { matrix.width } else { matrix.out };
            layers * model.targets(targets)?.iter().map(scaled).sum::<u64>()
        }
        Method::Houlsby { bottleneck: m } => 2 * layers * bottleneck(*m),
        Method::Pfeiffer { bottleneck: m } => layers * bottleneck(*m),
        Method::Fusion => layers * (3 * d * d + 2 * d),
        Method::Prefix { tokens } => layers * tokens * 2 * model.kv,
        Method::PrefixMlp { tokens, width } => {
            tokens * model.kv + model.kv * width + width + 2 * layers * model.kv * (width + 1)
        }
        Method::Prompt { tokens } => tokens * d,
        Method::PTuning { tokens, width } => tokens * d + (d + 1) * width + (width + 1) * width + (width + 1) * d,
    })
}

fn sum(model: &Architecture, targets: &str, count: impl Fn(u64, u64) -> u64) -> Result<u64, String> {
    Ok(model.targets(targets)?.into_iter().map(|matrix| count(matrix.out, matrix.width)).sum())
}
