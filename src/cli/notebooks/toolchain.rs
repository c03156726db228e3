//! What the kernel reads and calls of the Rust toolchain, and how it gets there sooner.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// The crates of the standard library in whose source the kernel finds the types of variables.
const CRATES: [&str; 3] = ["core", "alloc", "std"];

/// An installed toolchain.
#[derive(Debug)]
pub(super) struct Toolchain {
    sysroot: PathBuf,
}

impl Toolchain {
    /// The one that `rustc` on the PATH belongs to.
    pub(super) fn find() -> Option<Self> {
        let said = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
        let sysroot = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
        sysroot.is_dir().then_some(Self { sysroot })
    }

    fn library(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    /// Whether the source of the standard library is installed.
    pub(super) fn has_source(&self) -> bool {
        CRATES.iter().all(|name| self.library().join(name).join("src/lib.rs").is_file())
    }

    /// Prepares `command`, which will start a kernel, to start it sooner; `folder` is where files for that may lie.
    ///
    /// Most of a start is rust-analyzer, inside the kernel, reading crates and the standard library. With the whole library it takes longer than
    /// with the three crates that variables have their types from, and asks cargo about the rest (notebooks/README.md has the times). And
    /// it calls rustc and cargo through rustup's stand-in, which looks for the toolchain first each time.
    pub(super) fn hasten(&self, command: &mut Command, folder: &Path) -> io::Result<()> {
        let mut give = |variable: &str, path: PathBuf| {
            if env::var_os(variable).is_none() && path.exists() {
                command.env(variable, path);
            }
        };
        give("CARGO", self.sysroot.join("bin/cargo"));
        give("RUSTC", self.sysroot.join("bin/rustc"));
        if self.has_source() {
            give("RUST_SRC_PATH", self.small_library(folder)?);
        }
        Ok(())
    }

    /// A copy of the three crates alone, made again when the toolchain is another.
    fn small_library(&self, folder: &Path) -> io::Result<PathBuf> {
        let copy = folder.join("library");
        let stamp = copy.join("copied-from");
        let about = fs::metadata(self.library().join("core/src/lib.rs"))?;
        let origin = format!("{} {} {:?}", self.sysroot.display(), about.len(), about.modified()?);
        if fs::read_to_string(&stamp).is_ok_and(|found| found == origin) {
            return Ok(copy);
        }
        // Beside it and then renamed: a kernel never reads half a copy, and two that start at once do not stumble over each other.
        let fresh = folder.join(format!("library.{}", process::id()));
        for name in CRATES {
            copy_folder(&self.library().join(name).join("src"), &fresh.join(name).join("src"))?;
        }
        fs::write(fresh.join("copied-from"), &origin)?;
        let old = folder.join(format!("library.{}.old", process::id()));
        let replaced = fs::rename(&copy, &old).is_ok();
        let placed = fs::rename(&fresh, &copy);
        if replaced {
            fs::remove_dir_all(old)?;
        }
        if let Err(error) = placed {
            fs::remove_dir_all(fresh)?;
            if !fs::read_to_string(&stamp).is_ok_and(|found| found == origin) {
                return Err(error);
            }
        }
        Ok(copy)
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_copy_has_three_crates_and_follows_the_toolchain() {
        let root = tempfile::tempdir().unwrap();
        let toolchain = Toolchain { sysroot: root.path().join("rust") };
        assert!(!toolchain.has_source());
        for name in ["core", "alloc", "std", "stdarch"] {
            fs::create_dir_all(toolchain.library().join(name).join("src/deep")).unwrap();
            fs::write(toolchain.library().join(name).join("src/lib.rs"), name).unwrap();
            fs::write(toolchain.library().join(name).join("src/deep/mod.rs"), "").unwrap();
        }
        assert!(toolchain.has_source());
        let copy = toolchain.small_library(root.path()).unwrap();
        assert!(copy.join("std/src/deep/mod.rs").is_file() && !copy.join("stdarch").exists());
        fs::write(copy.join("core/src/lib.rs"), "mine").unwrap();
        toolchain.small_library(root.path()).unwrap();
        assert_eq!(fs::read_to_string(copy.join("core/src/lib.rs")).unwrap(), "mine");
        fs::write(toolchain.library().join("core/src/lib.rs"), "a newer core").unwrap();
        toolchain.small_library(root.path()).unwrap();
        assert_eq!(fs::read_to_string(copy.join("core/src/lib.rs")).unwrap(), "a newer core");
    }
}
