//! Processor time, to be read where neighbours on the machine disturb the clock.

use std::fs;

/// Seconds that all threads of this process have computed (Linux).
pub(crate) fn cpu_seconds() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let spent = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("schedstat")).ok());
    spent.map(|text| text.split(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>() / 1e9
}
