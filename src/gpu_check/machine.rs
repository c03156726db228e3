//! The device and what surrounds it.

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use candle_core::Device;
use serde::{Deserialize, Serialize};

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What its maker calls it; `CPU` if it is none.
    pub name: String,
    /// Whether it is a GPU.
    pub gpu: bool,
    /// The driver's version.
    pub driver: String,
    /// Its memory, as the driver says it.
    pub memory: String,
    /// Its compute capability, such as 9.0.
    pub capability: String,
}

impl Machine {
    /// Asks the driver: through `nvidia-smi`, and itself where that is missing, as in a container.
    pub(super) fn of(device: &Device, index: usize) -> Self {
        if device.is_cpu() {
            let (name, nothing) = ("CPU".to_owned(), String::new);
            return Self { name, gpu: false, driver: nothing(), memory: nothing(), capability: nothing() };
        }
        let [name, memory, capability] = own(device).unwrap_or_default();
        let ask = |what, known: Option<String>| query(index, what).or(known).unwrap_or_else(|| "unknown".to_owned());
        Self {
            name: ask("name", name),
            gpu: true,
            driver: ask("driver_version", module()),
            memory: ask("memory.total", memory),
            capability: ask("compute_cap", capability),
        }
    }
}

/// Name, memory and compute capability, as the driver's library says them.
#[cfg(feature = "cuda")]
fn own(device: &Device) -> Option<[Option<String>; 3]> {
    let Device::Cuda(gpu) = device else { return None };
    let stream = gpu.cuda_stream();
    let context = stream.context();
    let memory = context.total_mem().ok().map(|bytes| format!("{} MiB", bytes >> 20));
    let capability = context.compute_capability().ok().map(|(major, minor)| format!("{major}.{minor}"));
    Some([context.name().ok(), memory, capability])
}

#[cfg(not(feature = "cuda"))]
fn own(_: &Device) -> Option<[Option<String>; 3]> {
    None
}

/// The version of the kernel's module: a number with dots in the first line of what it says of itself.
fn module() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    version(text.lines().next()?)
}

fn version(line: &str) -> Option<String> {
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    line.split_whitespace().find(is_version).map(str::to_owned)
}

/// A property of a GPU, in the words of `nvidia-smi`.
fn query(index: usize, what: &str) -> Option<String> {
    let mut command = Command::new("nvidia-smi");
    let index = index.to_string();
    command.args(["--format=csv,noheader", "-i", &index]).arg(format!("--query-gpu={what}"));
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The day in UTC, as 2026-01-31.
pub(super) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    day(since / 86_400)
}

/// The date `days` after 1970-01-01.
fn day(mut days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::{day, version};

    #[test]
    fn the_driver_is_read_from_what_its_module_says() {
        let line = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.82.07  Wed Aug 27 17:27:15 UTC 2026";
        assert_eq!(version(line).as_deref(), Some("580.82.07"));
        assert_eq!(version("NVRM version: unknown"), None);
    }

    #[test]
    fn days_become_dates() {
        let known = [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
        ];
        for (days, date) in known {
            assert_eq!(day(days), date);
        }
    }
}
