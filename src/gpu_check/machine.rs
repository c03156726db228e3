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
}

impl Machine {
    /// Asks the driver.
    pub(super) fn of(device: &Device, index: usize) -> Self {
        if device.is_cpu() {
            return Self { name: "CPU".to_owned(), gpu: false, driver: String::new(), memory: String::new() };
        }
        let ask = |what| query(index, what).unwrap_or_else(|| "unknown".to_owned());
        Self { name: ask("name"), gpu: true, driver: ask("driver_version"), memory: ask("memory.total") }
    }
}

/// A property of a GPU, in the words of `nvidia-smi`.
pub(super) fn query(index: usize, what: &str) -> Option<String> {
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
    use super::day;

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
