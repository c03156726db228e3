//! The question bank: its schema, its loader and its checks.

mod check;
mod decode;
mod load;
mod meaning;
mod schema;
#[cfg(test)]
mod tests;
mod tree;

pub use check::{Problem, check};
pub use load::{BUILTIN, BankError, SIZE_LIMIT, builtin, load, load_file, read};
pub use schema::*;
