//! `deltaw bank lint`: rubrics at odds with themselves.

use std::io::{self, Write as _};

use crate::{
    cli::{Failure, Global, open_bank, verdict::clean},
    quiz::lint::lint,
};

pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let remarks = lint(&bank);
    let mut out = io::stdout().lock();
    for remark in &remarks {
        if global.json {
            writeln!(out, "{}", serde_json::to_string(remark).map_err(|error| Failure::machine(error.to_string()))?)?;
        } else {
            writeln!(out, "{}", clean(&format!("{}: {}", remark.question, remark.message)))?;
        }
    }
    match remarks.len() {
        0 => {
            if !global.json {
                writeln!(out, "Nothing to remark.")?;
            }
            Ok(())
        }
        1 => Err(Failure::Finding("1 remark".to_owned())),
        count => Err(Failure::Finding(format!("{count} remarks"))),
    }
}
