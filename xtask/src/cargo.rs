//! Cargo, called as from a shell.

use std::{env, process::Command};

/// `cargo` without what cargo told this program about its own package: some build scripts run again when those variables change, and then
/// everything that depends on them is compiled again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}
