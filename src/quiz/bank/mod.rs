//! The question bank: its schema, its loader and its checks.

mod schema;

pub use schema::*;
