//! What every cell has in scope: `use deltaw_prelude::*` stands before each, by `notebooks/evcxr.toml`.
#![forbid(unsafe_code)]

pub use candle_core::{self, D, DType, Device, Tensor, Var};
pub use candle_nn;
pub use deltaw::{
    self,
    notebook::{self, Show, ask, draw, exercise, graph, heat_map, number, progress},
};
pub use ndarray;
pub use plotters;
pub use rand;
pub use rand_chacha;
pub use rand_distr;

/// The interview: `quiz::ask("g07", "your answer")`.
pub mod quiz {
    pub use deltaw::notebook::{ask, ask_seeded};
    pub use deltaw::quiz::*;
}

/// The device that `DELTAW_DEVICE` names (`cpu`, `cuda`, `cuda:1`, `auto`): the CPU where it names none. Demos compute there from now on.
///
/// # Errors
/// It names no device, or a GPU that cannot be used.
pub fn device() -> Result<Device, String> {
    use_device(&std::env::var("DELTAW_DEVICE").unwrap_or_else(|_| "cpu".to_owned()))
}

/// The device called `name`, as for [`device`].
///
/// # Errors
/// As [`device`].
pub fn use_device(name: &str) -> Result<Device, String> {
    let opened = name.parse::<deltaw::device::Choice>()?.open()?;
    if let Some(note) = opened.note {
        println!("{note}");
    }
    deltaw::device::make_current(&opened.device);
    Ok(opened.device)
}

/// Runs a demo by name, its arguments as pairs: `demo("b-zero", &[("init", "both-zero")])`.
///
/// # Errors
/// See [`deltaw::demos::run`].
pub fn demo(name: &str, args: &[(&str, &str)]) -> Result<deltaw::demos::Report, deltaw::demos::Error> {
    let args = args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    deltaw::demos::run(name, &args)
}
