//! What every cell has in scope: `use deltaw_prelude::*` stands before each, by `notebooks/evcxr.toml`.
#![forbid(unsafe_code)]

pub use candle_core::{self, D, DType, Device, Tensor, Var};
pub use candle_nn;
pub use deltaw::{
    self,
    notebook::{self, Show, ask, device, draw, exercise, graph, heat_map, here, number, progress, use_device},
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

/// Runs a demo by name on the notebook's device, its arguments as pairs: `demo("b-zero", &[("init", "both-zero")])`.
///
/// # Errors
/// See [`deltaw::demos::run`].
pub fn demo(name: &str, args: &[(&str, &str)]) -> Result<deltaw::demos::Report, deltaw::demos::Error> {
    let _ = here();
    let args = args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    deltaw::demos::run(name, &args)
}
