//! The bank on paper and in other programs: decks for Anki, a printable sheet, Markdown.
//!
//! `card` says what stands on a card, free of any format; `math` typesets formulas; the other files each write one format.

#[cfg(feature = "cli")]
pub mod anki;
mod card;
mod html;
mod markdown;
mod math;

pub use card::{Card, Mistake, Piece, Sheet};
pub use html::{Answers, html};
pub use markdown::markdown;
pub use math::{mathml, tex};
