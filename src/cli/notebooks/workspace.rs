//! The workspace in which the kernel builds the crates that it makes of cells.
//!
//! At each start the kernel builds an empty crate first. Were that crate alone, cargo would empty its lock file, and then ask the registry
//! for the newest versions of everything. A second member that always depends on the prelude keeps the lock file full.

use std::{fs, io, path::Path};

/// Its profile is the one that evcxr writes into its crate, where cargo does not read it.
const WORKSPACE: &str = r#"# Made by `deltaw notebooks`: holds the versions for the crate that the kernel makes of cells.
[workspace]
resolver = "3"
members = ["cells", "keeper"]

[profile.dev]
opt-level = 2
debug = false
strip = "debuginfo"
rpath = true
lto = false
debug-assertions = true
codegen-units = 16
panic = "unwind"
incremental = true
overflow-checks = true
"#;

/// Makes it in `folder`, where it is not there: `cells` is the kernel's crate in it, `prelude` what chapters depend on, with these
/// `features`, and `lock` the lock file with the versions to build with.
pub(super) fn make(folder: &Path, cells: &Path, prelude: &Path, features: &[&str], lock: &Path) -> io::Result<()> {
    let keeper = format!(
        "{}deltaw-prelude = {{ path = {prelude:?}, features = {features:?} }}\n",
        package("keeper") + "\n[dependencies]\n"
    );
    write_if_other(&folder.join("Cargo.toml"), WORKSPACE)?;
    write_if_other(&folder.join("keeper/Cargo.toml"), &keeper)?;
    write_if_other(&folder.join("keeper/src/lib.rs"), "")?;
    // Cargo refuses a workspace whose member is not there yet.
    if !cells.join("Cargo.toml").exists() {
        write_if_other(&cells.join("Cargo.toml"), &package("ctx"))?;
        write_if_other(&cells.join("src/lib.rs"), "")?;
    }
    let pinned = folder.join("Cargo.lock");
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if time(lock) > time(&pinned) {
        fs::copy(lock, &pinned)?;
    }
    Ok(())
}

fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
}

/// Leaves a file that is right as it is, so that cargo sees no change.
fn write_if_other(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::Command;

    use super::*;

    #[test]
    fn the_lock_file_stays_full_when_the_kernel_builds_an_empty_crate() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let leaf = package("deltaw-prelude")
            + "\n[workspace]\n\n[features]\ncuda = []\n\n[dependencies]\nleaf = { path = \"../leaf\" }\n";
        for (path, text) in [("prelude/Cargo.toml", leaf), ("leaf/Cargo.toml", package("leaf"))] {
            write_if_other(&at(path), &text).unwrap();
            write_if_other(&at(path).with_file_name("src").join("lib.rs"), "").unwrap();
        }
        let (folder, cells) = (at("build"), at("build/cells"));
        for features in [&[][..], &["cuda"]] {
            make(&folder, &cells, &at("prelude"), features, &at("none.lock")).unwrap();
            // What the kernel does first.
            fs::write(cells.join("Cargo.toml"), package("ctx")).unwrap();
            let mut cargo = Command::new("cargo");
            cargo.args(["metadata", "--offline", "--format-version", "1"]).current_dir(&cells);
            let said = cargo.output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            let lock = fs::read_to_string(folder.join("Cargo.lock")).unwrap();
            assert!(lock.contains("name = \"leaf\""), "{lock}");
        }
    }
}
