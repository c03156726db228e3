//! The kernels again under NVIDIA's compute-sanitizer: memory that is not theirs, or was never written.

use std::{env, path::PathBuf, process::Command};

use super::{Check, Found, Plan, child};

/// How compute-sanitizer ends when it found something.
const FAULT: i32 = 86;

/// Runs this program's kernel checks under the tool, where it is installed.
pub(super) fn run(plan: &Plan, found: &mut Found) {
    if plan.device.is_cpu() {
        found.notes.push("compute-sanitizer was not run: it watches a GPU".to_owned());
        return;
    }
    let Some(tool) = tool() else {
        found.notes.push("compute-sanitizer was not run: it is neither on PATH nor under CUDA_HOME".to_owned());
        return;
    };
    let Ok(program) = env::current_exe() else {
        found.notes.push("compute-sanitizer was not run: this program does not find itself".to_owned());
        return;
    };
    let mut command = Command::new(tool);
    command.args(["--tool", "memcheck", "--error-exitcode", &FAULT.to_string()]).arg(program);
    command.args(["gpu-check", "--only", "kernels", "--small", "--device", &format!("cuda:{}", plan.index)]);
    let (passed, detail) = match child::run(&mut command, found.left()) {
        Err(error) => (false, error.to_string()),
        Ok(None) => {
            found.notes.push("compute-sanitizer had not ended when no time was left".to_owned());
            return;
        }
        Ok(Some(ended)) => {
            let text = ended.out + &ended.errors;
            let summary = text.lines().rev().find(|line| line.contains("ERROR SUMMARY"));
            (ended.status.success(), summary.map_or_else(|| ended.status.to_string(), |line| line.trim().to_owned()))
        }
    };
    found.checks.push(Check {
        part: "sanitizer".to_owned(),
        name: "kernels under memcheck".to_owned(),
        passed,
        detail,
    });
}

fn tool() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let home = env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let usual = PathBuf::from("/usr/local/cuda/bin");
    let places = env::split_paths(&path).chain(home).chain([usual]);
    places.map(|place| place.join("compute-sanitizer")).find(|file| file.is_file())
}
