//! Measuring updates: effective rank, and the counts of parameters and bytes that methods cost.

pub mod adapter;
pub mod advise;
pub mod arch;
pub mod audit;
pub mod memory;
pub mod params;
pub mod spectrum;
