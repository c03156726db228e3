//! Optimisers: groups of tensors with learning rates of their own, clipping, AdamW and what saves its memory.
//!
//! | optimiser | state | file |
//! |---|---|---|
//! | AdamW | two moments in 32 bits: 8 bytes a parameter | [`adamw`] |
//! | paged AdamW | the same, most of it elsewhere | [`paged`] |
//! | 8-bit AdamW | two moments in 8 bits: 2.03 bytes a parameter | [`eight_bit`] |
//! | GaLore | moments of a low-rank projection of the gradient | [`galore`] |

pub mod adamw;
mod clip;
pub mod eight_bit;
pub mod galore;
mod groups;
mod in_place;
pub mod paged;
mod state;

use candle_core::{Result, backprop::GradStore};

pub use adamw::{AdamW, Hyper};
pub use clip::clip;
pub use groups::Groups;
pub use state::State;

/// An optimiser: gradients in, variables changed.
pub trait Optimizer {
    /// One update of every tensor that has a gradient.
    ///
    /// # Errors
    /// A tensor operation fails, or the state cannot be reached.
    fn step(&mut self, grads: &GradStore) -> Result<()>;

    /// Sets the learning rate; each group multiplies it by its factor.
    fn set_learning_rate(&mut self, rate: f64);

    /// Bytes of state, wherever they are.
    fn state_bytes(&self) -> usize;

    /// All state, from which [`restore`](Self::restore) goes on with the same bits.
    ///
    /// # Errors
    /// The state cannot be reached.
    fn state(&mut self) -> Result<State>;

    /// Goes on from a state that an optimiser of the same kind gave for the same tensors.
    ///
    /// # Errors
    /// Something is missing or has another shape.
    fn restore(&mut self, state: &State) -> Result<()>;
}
