//! The question bank: its schema, its loader and its checks.

mod load;
mod schema;

pub use load::{BankError, SIZE_LIMIT, builtin, load, load_file, read};
pub use schema::*;
