//! Adapters in the format of Hugging Face PEFT: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! An option that is not supported is refused by name, never ignored. What is written here loads in PEFT, and in vLLM where it serves the
//! method; `cargo xtask peft-roundtrip` shows it. Bottleneck adapters and fusions have a format of their own: [`adapterhub`].

pub mod adapterhub;
mod config;
mod modules;
mod read;
mod reduction;
mod write;

use std::{collections::BTreeMap, path::Path};

use candle_core::{Error, Result, Tensor, Var};

pub use modules::{Modules, combine_modules, load_modules, rerank_modules};
pub use read::{Layer, check_config, load, load_layer};
pub use write::{PeftFormat, save};

use super::{Dora, Fusion, Ia3, Lora, Mergeable, Method, Prefix, Prompt, Vera, bottleneck::Adapters};
use crate::{
    device::scalar,
    model::{Doors, one_line},
};

/// Name of the configuration file.
pub const CONFIG: &str = "adapter_config.json";

/// Name of the tensors file.
pub const TENSORS: &str = "adapter_model.safetensors";

/// A loaded adapter.
#[derive(Debug)]
pub enum Adapter {
    /// LoRA or rsLoRA.
    Lora(Lora),
    /// DoRA.
    Dora(Dora),
    /// VeRA.
    Vera(Vera),
    /// (IA)³.
    Ia3(Ia3),
    /// Prefix tuning.
    Prefix(Prefix),
    /// Prompt tuning, and p-tuning once its encoder has made the prompt.
    Prompt(Prompt),
    /// Houlsby or Pfeiffer adapters.
    Bottleneck(Adapters),
    /// AdapterFusion.
    Fusion(Fusion),
}

/// Why a method has no merged weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{method} cannot be merged: {why}")]
pub struct NotMergeable {
    /// The method.
    pub method: &'static str,
    /// The reason.
    pub why: &'static str,
}

impl Adapter {
    /// The field's name of the method.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lora(lora) if lora.factors().values().any(|factors| factors.rank_stabilised) => "rsLoRA",
            Self::Lora(_) => "LoRA",
            Self::Dora(_) => "DoRA",
            Self::Vera(_) => "VeRA",
            Self::Ia3(_) => "(IA)³",
            Self::Prefix(_) => "prefix tuning",
            Self::Prompt(_) => "prompt tuning",
            Self::Bottleneck(adapters) if adapters.placement().attention => "Houlsby adapter",
            Self::Bottleneck(_) => "Pfeiffer adapter",
            Self::Fusion(_) => "AdapterFusion",
        }
    }

    /// The adapter as a method.
    #[must_use]
    pub fn method(&self) -> &dyn Method {
        match self {
            Self::Lora(method) => method,
            Self::Dora(method) => method,
            Self::Vera(method) => method,
            Self::Ia3(method) => method,
            Self::Prefix(method) => method,
            Self::Prompt(method) => method,
            Self::Bottleneck(method) => method,
            Self::Fusion(method) => method,
        }
    }

    /// The adapter as a method of unnamed type.
    #[must_use]
    pub fn into_method(self) -> Box<dyn Method> {
        match self {
            Self::Lora(method) => Box::new(method),
            Self::Dora(method) => Box::new(method),
            Self::Vera(method) => Box::new(method),
            Self::Ia3(method) => Box::new(method),
            Self::Prefix(method) => Box::new(method),
            Self::Prompt(method) => Box::new(method),
            Self::Bottleneck(method) => Box::new(method),
            Self::Fusion(method) => Box::new(method),
        }
    }

    /// The adapter as doors of the model.
    #[must_use]
    pub fn doors(&self) -> &dyn Doors {
        self.method()
    }

    /// The adapter as something to merge.
    ///
    /// # Errors
    /// The method has no merged weight; the error says why.
    pub fn mergeable(&self) -> std::result::Result<&dyn Mergeable, NotMergeable> {
        let why = match self {
            Self::Lora(method) => return Ok(method),
            Self::Dora(method) => return Ok(method),
            Self::Vera(method) => return Ok(method),
            Self::Ia3(method) => return Ok(method),
            Self::Prefix(_) => "it adds keys and values for attention to look at, and changes no weight",
            Self::Prompt(_) => "it adds positions to the input, and changes no weight",
            Self::Bottleneck(_) => "its nonlinearity stands between its two matrices, so no one matrix does the same",
            Self::Fusion(_) => "its mixture depends on the token, so no one matrix does the same",
        };
        Err(NotMergeable { method: self.name(), why })
    }
}

/// Tensors of a file that are taken out one by one; what is left was not understood.
pub(super) struct Parts {
    tensors: BTreeMap<String, Tensor>,
}

impl Parts {
    /// Checks that every number is finite.
    fn new(tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        for (name, tensor) in &tensors {
            // Zero times a number is zero; zero times NaN or infinity is NaN.
            if tensor.elem_count() > 0 && scalar(&(tensor * 0.0)?.sum_all()?)? != 0.0 {
                candle_core::bail!("`{name}` holds NaN or infinity");
            }
        }
        Ok(Self { tensors })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn take(&mut self, name: &str) -> Result<Var> {
        match self.tensors.remove(name) {
            Some(tensor) => Var::from_tensor(&tensor),
            None => candle_core::bail!("the adapter has no tensor `{name}`"),
        }
    }

    /// Takes a tensor of a given shape.
    fn shaped(&mut self, name: &str, shape: &[usize]) -> Result<Var> {
        let variable = self.take(name)?;
        if variable.dims() != shape {
            candle_core::bail!("`{name}` has shape {:?}; this base and configuration need {shape:?}", variable.dims());
        }
        Ok(variable)
    }

    /// Refuses what nobody took.
    fn finish(self, method: &str) -> Result<()> {
        match self.tensors.keys().next() {
            None => Ok(()),
            Some(name) => {
                candle_core::bail!("the adapter has a tensor `{name}` that {method} on this base does not use")
            }
        }
    }
}

fn at(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Msg(format!("{}: {}", path.display(), one_line(&error)))
}
