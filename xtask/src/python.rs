//! Python environments for chores that hold deltaw to other people's libraries.

use std::{error::Error, fs, path::PathBuf, process::Command};

/// A Python under `target/python-NAME` with the packages of the file `requirements`; made once. `what` is for the user.
pub(crate) fn environment(name: &str, what: &str, requirements: &str) -> Result<PathBuf, Box<dyn Error>> {
    let dir = PathBuf::from(format!("target/python-{name}"));
    let python = dir.join("bin/python");
    if !dir.join("ready").exists() {
        eprintln!("installing {what} into {}", dir.display());
        let made = Command::new("python3").args(["-m", "venv"]).arg(&dir).status()?;
        let pip = ["-m", "pip", "install", "--quiet", "-r", requirements];
        if !(made.success() && Command::new(&python).args(pip).status()?.success()) {
            return Err(format!("{what} could not be installed").into());
        }
        fs::write(dir.join("ready"), "")?;
    }
    Ok(python)
}
