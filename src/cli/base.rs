//! The base and the adapter that a command works on.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use candle_core::Device;
use indicatif::ProgressBar;

use super::Failure;
use crate::{
    device::Precision,
    model::{Base, Options, one_line},
    peft::hub::{self, Adapter},
};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// Options that name a base and an adapter.
#[derive(Debug, Clone, clap::Args)]
pub struct BaseArgs {
    /// The base: tiny, smollm2, owner/name on the Hugging Face hub, a transformers directory or a .gguf file
    #[arg(long, value_name = "BASE", default_value = "tiny")]
    pub base: String,
    /// An adapter for it: a directory as Hugging Face PEFT writes it
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// Keep a GGUF file's matrices in their blocks: less memory, slower
    #[arg(long)]
    pub kept: bool,
    /// The type of the base's matrices: f32, bf16 or f16
    #[arg(long, value_name = "TYPE", default_value_t)]
    pub dtype: Precision,
    /// Use what is on this machine, never the network (also HF_HUB_OFFLINE=1)
    #[arg(long)]
    pub offline: bool,
}

impl BaseArgs {
    /// Opens the base on `device`, with a spinner where somebody watches.
    ///
    /// # Errors
    /// There is no such base.
    pub fn open(&self, device: &Device) -> Result<Base, Failure> {
        let watched = io::stderr().is_terminal();
        let spinner = if watched { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        spinner.set_message(format!("reading {}", self.base));
        spinner.enable_steady_tick(TICK);
        let options = Options { offline: self.offline, kept: self.kept, progress: watched, precision: self.dtype };
        let base = Base::open(&self.base, &options, device);
        spinner.finish_and_clear();
        base.map_err(|error| Failure::usage(one_line(&error)))
    }

    /// Loads the adapter, if one is named.
    ///
    /// # Errors
    /// It is malformed or does not fit the base.
    pub fn adapter(&self, base: &Base) -> Result<Option<Adapter>, Failure> {
        let load = |dir: &PathBuf| hub::load(dir, &base.model).map_err(|error| Failure::usage(one_line(&error)));
        self.adapter.as_ref().map(load).transpose()
    }
}
