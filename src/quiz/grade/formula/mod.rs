//! Formulas typed as text, judged by evaluating them on random matrices of the declared shapes.
//!
//! Any formula that is algebraically equal to the reference is right; a known mistake is called by its name.

mod bench;
mod digits;
mod expression;
mod function;
mod judge;
mod lexer;
mod names;
pub mod notation;
mod parser;
mod read;
#[cfg(test)]
mod tests;
mod value;
mod world;

use std::collections::BTreeMap;

pub use judge::{check, grade};
pub use lexer::MAX_CHARS;
pub(crate) use lexer::{Kind, Source, Token, lex};
pub(crate) use names::Names;
pub use world::MAX_DIM;

use parser::Reading;
use value::Value;
use world::World;

/// Why a formula cannot be used: one line that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// The value of an expression in named numbers, such as `r * (d + k)`.
///
/// # Errors
/// The expression cannot be read, uses an unknown name, or has no finite value.
pub fn scalar(text: &str, params: &BTreeMap<String, f64>) -> Result<f64, Fault> {
    let (source, tokens) = lex(text, false)?;
    scalar_tokens(&source, &tokens, params)
}

/// The value of tokens that have been read already.
pub(crate) fn scalar_tokens(source: &Source, tokens: &[Token], params: &BTreeMap<String, f64>) -> Result<f64, Fault> {
    let mut names = Names::default();
    let world = World::of_scalars(params, &mut names);
    let mut unusable = None;
    for tight in [true, false] {
        match parser::parse(source, tokens, &names, Reading { tight, activation: None })?.evaluate(&world)? {
            Value::Scalar(value) if value.is_finite() => return Ok(value),
            Value::Scalar(value) => unusable = Some(value),
            _ => return Err(Fault("this is a matrix; a number is needed".to_owned())),
        }
    }
    Err(Fault(match unusable {
        Some(value) if value.is_nan() => "this divides zero by zero, or takes a root of a negative number".to_owned(),
        _ => "this divides by zero or is too large to compute".to_owned(),
    }))
}
