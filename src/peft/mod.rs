//! One file per method of fine-tuning. Each opens with its formula, its shapes and its paper.
//!
//! | method | file | door | merges |
//! |---|---|---|---|
//! | full fine-tuning | [`full`] | none: the weights themselves train | is a model |
//! | LoRA, rsLoRA | [`lora`] | `linear` | yes |
//! | LoRA+ | [`lora_plus`] | as LoRA, two learning rates | yes |
//! | PiSSA, OLoRA, LoftQ | [`pissa`], [`olora`], [`loftq`] | as LoRA, other starts | yes |
//! | DoRA | [`dora`] | `linear` | yes |
//! | VeRA, Tied-LoRA | [`vera`], [`tied_lora`] | `linear` | yes |
//! | (IA)³ | [`ia3`] | `linear` | yes |
//! | Houlsby and Pfeiffer adapters | [`houlsby`], [`pfeiffer`] | `sublayer` | no |
//! | AdapterFusion | [`fusion`] | `sublayer` | no |
//! | prefix tuning | [`prefix`] | `cache` | no |
//! | prompt tuning, p-tuning | [`prompt`], [`p_tuning`] | `prompt` | no |
//!
//! ```
//! use deltaw::{model::tiny, peft::{Lora, Method as _, Targets, hub, lora, merge}};
//!
//! let base = tiny::load(&candle_core::Device::Cpu)?;
//! let lora = Lora::new(&base, lora::Config { rank: 4, targets: Targets::AllLinear, ..Default::default() })?;
//! assert!(lora.parameter_count() * 10 < base.parameter_count());
//! let merged = merge(&base, &lora)?.model;
//! assert_eq!(merged.parameter_count(), base.parameter_count());
//! let dir = tempfile::tempdir()?;
//! hub::save(dir.path(), &lora, &base, "tiny")?;
//! assert_eq!(hub::load(dir.path(), &base)?.name(), "LoRA");
//! # Ok::<(), candle_core::Error>(())
//! ```

pub mod bottleneck;
pub mod compose;
pub mod dense;
pub mod dora;
mod dropout;
pub mod full;
pub mod fusion;
pub mod houlsby;
pub mod hub;
pub mod ia3;
pub mod loftq;
pub mod lora;
pub mod lora_plus;
mod merge;
mod method;
pub mod olora;
pub mod p_tuning;
pub mod pfeiffer;
pub mod pissa;
pub mod prefix;
pub mod prompt;
mod residual;
mod switch;
mod target;
pub mod tied_lora;
pub mod vera;

pub use dora::Dora;
pub use dropout::Dropout;
pub use full::Full;
pub use fusion::Fusion;
pub use ia3::Ia3;
pub use lora::Lora;
pub use merge::{Mergeable, Merged, merge};
pub use method::Method;
pub use p_tuning::PTuning;
pub use prefix::Prefix;
pub use prompt::Prompt;
pub use residual::Start;
pub use switch::Switch;
pub use target::{Pattern, Targets};
pub use tied_lora::TiedLora;
pub use vera::Vera;
