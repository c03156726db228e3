//! The ledger: what is said about LoRA and its kin, what is true, and the evidence.
//!
//! The entries are data, in `assets/claims.yaml`. A computation in [`live`] shows an entry: it states criteria beside the numbers it computes,
//! and the outcome follows from them. Where the tiny base contradicts an entry, that is what is reported. [`recorded`] adds what a run on
//! SmolLM2 says, which takes too long to be repeated at every look.

mod bench;
mod evidence;
pub mod ledger;
pub mod live;
pub mod recorded;
mod report;

pub use bench::Bench;
pub use evidence::{Criterion, Evidence, Finding, Number, Outcome, written};
pub use ledger::{Checked, Claim, Ledger, Verdict, find, ledger};
pub use report::{Entry, Summary, markdown, summary};

/// Everything wrong with the ledger that is part of the program; empty when it is sound.
///
/// # Errors
/// Its text cannot be read at all.
pub fn check() -> Result<Vec<String>, String> {
    let names: Vec<&str> = live::all().map(|(name, _)| *name).collect();
    Ok(ledger::faults(ledger()?, &names))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_ledger_is_sound_and_covers_enough() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
        let claims = &ledger().unwrap().claims;
        assert!(claims.len() >= 60 && claims.iter().filter(|claim| claim.run.is_some()).count() >= 35);
    }
}
