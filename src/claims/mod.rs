//! The ledger: what is said about LoRA and its kin, what is true, and how its source was read.

pub mod ledger;

pub use ledger::{Checked, Claim, Ledger, Verdict, find, ledger};
