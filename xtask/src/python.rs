//! Python environments for chores that hold deltaw to other people's libraries.

use std::{error::Error, fs, path::PathBuf, process::Command};

/// The environments of the checks that are not benchmarks: name, what for the user, requirements.
const CHECKS: [(&str, &str, &str); 5] = [
    ("peft", "torch and PEFT (minutes)", "xtask/peft/requirements-peft.txt"),
    ("adapters", "torch and adapters (minutes)", "xtask/peft/requirements-adapters.txt"),
    ("openai", "the OpenAI client", "xtask/serve/requirements.txt"),
    ("anki", "Anki's library", "xtask/anki/requirements.txt"),
    ("browser", "Playwright", "xtask/notebooks/requirements.txt"),
];

/// Makes those of all checks.
pub(crate) fn all() -> Result<(), Box<dyn Error>> {
    CHECKS.iter().try_for_each(|(name, what, requirements)| environment(name, what, requirements).map(drop))
}

/// The one of the check called `name`.
pub(crate) fn of(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    match CHECKS.iter().find(|check| check.0 == name) {
        Some((name, what, requirements)) => environment(name, what, requirements),
        None => Err(format!("no check needs a Python environment called {name}").into()),
    }
}

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
