//! What a notebook's cell shows.
//!
//! A cell of a Rust notebook shows its last expression. [`Show`] says how: tensors and arrays as tables, reports as tables with their figure,
//! verdicts and checks as lists, errors as text. Several things in one cell are a tuple or a vector: evcxr keeps only the last block of a
//! MIME type.
//!
//! Beside the HTML each output carries [`Facts`]: which figures it has, which numbers it states and how exact they are, which checks passed.
//! `deltaw notebooks run` reads these, so that a notebook is judged by what it computed and not by how it looks.
//!
//! ```
//! use deltaw::notebook::{Show, exercise, number};
//!
//! let checked = exercise("area", |case| {
//!     case.exact("of 2 × 3", 2 * 3, 6);
//!     Ok(())
//! });
//! assert!(checked.passed());
//! let stated = number("π", std::f64::consts::PI).within(0.01);
//! assert!(stated.output().text.contains("3.142"));
//! ```

mod ask;
mod device;
mod exercise;
mod figure;
mod heat_map;
pub mod html;
mod matrix;
mod number;
mod output;
mod progress;
mod report;
mod show;

pub use ask::{Asked, ask, ask_seeded};
pub use device::{device, here, use_device};
pub use exercise::{Checked, exercise};
pub use figure::{Drawing, Graph, draw, graph};
pub use heat_map::{HeatMap, heat_map};
pub use matrix::{Matrix, Readable};
pub use number::{Number, number};
pub use output::{Check, FACTS, Facts, Output, Pictured, Stated};
pub use progress::{BAR, Progress, progress};
pub use show::Show;

#[cfg(test)]
mod tests;
