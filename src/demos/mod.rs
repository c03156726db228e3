//! Live demos: each computes something on the spot and returns a [`Report`] of numbers, a table and a figure.
//!
//! The quiz knows them only by name, through [`registry`].

mod adapter;
mod adapter_size;
mod alpha;
mod b_zero;
mod backward;
mod batch;
mod compose;
mod dora;
mod dropout;
mod first_step;
mod flops;
mod galore;
mod ia3;
pub(crate) mod lab;
mod memory;
mod merge;
mod multi_lora;
mod nf4;
mod paged;
mod params;
mod prefix;
mod qlora_merge;
mod random_direction;
mod rank;
mod report;
mod svd;
pub(crate) mod toy;
mod vera;

use std::collections::BTreeMap;

pub use report::{Chart, Figure, Report, Series, Table, Value};

/// Arguments of a demo by name. What is left out takes the demo's default.
pub type Args = BTreeMap<String, String>;

/// What can go wrong in a demo.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such demo.
    #[error("no demo is called `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are, comma-separated.
        known: String,
    },
    /// An argument the demo does not take, or a value it cannot use.
    #[error("demo `{demo}`: {message}")]
    Argument {
        /// The demo.
        demo: &'static str,
        /// What is wrong and what is accepted.
        message: String,
    },
    /// The computation failed.
    #[error("demo failed: {0}")]
    Compute(#[from] candle_core::Error),
    /// The linear algebra failed.
    #[error("demo failed: {0}")]
    Other(String),
}

/// An argument a demo takes.
#[derive(Debug, Clone, Copy)]
pub struct ArgSpec {
    /// Name, as in `--set name=value`.
    pub name: &'static str,
    /// Default, as text.
    pub default: &'static str,
    /// What it means, and the values it takes.
    pub help: &'static str,
}

/// One registered demo.
pub struct Demo {
    /// Name on the command line.
    pub name: &'static str,
    /// One line: what it shows.
    pub about: &'static str,
    /// The arguments it takes.
    pub args: &'static [ArgSpec],
    /// Computes it.
    pub run: fn(&Args) -> Result<Report, Error>,
}

/// All demos, in the order they are listed.
#[must_use]
pub fn registry() -> &'static [Demo] {
    const DEMOS: &[Demo] = &[
        svd::DEMO,
        params::DEMO,
        b_zero::DEMO,
        memory::DEMO,
        alpha::DEMO,
        first_step::DEMO,
        rank::DEMO,
        backward::DEMO,
        random_direction::DEMO,
        nf4::DEMO,
        merge::DEMO,
        compose::DEMO,
        batch::DEMO,
        flops::DEMO,
        dropout::DEMO,
        adapter::DEMO,
        prefix::DEMO,
        dora::DEMO,
        ia3::DEMO,
        vera::DEMO,
        galore::DEMO,
        paged::DEMO,
        qlora_merge::DEMO,
        multi_lora::DEMO,
        adapter_size::DEMO,
    ];
    DEMOS
}

/// The demo called `name`, after checking that it takes every argument in `args`.
///
/// # Errors
/// The name or an argument is unknown.
pub fn find(name: &str, args: &Args) -> Result<&'static Demo, Error> {
    let demo = registry().iter().find(|demo| demo.name == name).ok_or_else(|| Error::Unknown {
        name: name.chars().filter(|c| !c.is_control()).take(40).collect(),
        known: registry().iter().map(|demo| demo.name).collect::<Vec<_>>().join(", "),
    })?;
    match args.keys().find(|key| !demo.args.iter().any(|spec| spec.name == key.as_str())) {
        None => Ok(demo),
        Some(key) => {
            let known: Vec<_> = demo.args.iter().map(|spec| spec.name).collect();
            let takes = if known.is_empty() { "no arguments".to_owned() } else { known.join(", ") };
            Err(Error::Argument { demo: demo.name, message: format!("no argument `{key}`; it takes {takes}") })
        }
    }
}

/// Runs the demo called `name`.
///
/// # Errors
/// The name or an argument is unknown, a value is unusable, or the computation fails.
pub fn run(name: &str, args: &Args) -> Result<Report, Error> {
    (find(name, args)?.run)(args)
}
