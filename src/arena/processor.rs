//! Time of the processor: what a step costs whoever else uses the machine.

use std::fs;

/// Seconds of the processor that this process's living threads have had, all together; none where the system does not tell (Linux does, in
/// `/proc/self/task/*/schedstat`, whose first number is nanoseconds on a core: the kernel's Documentation/scheduler/sched-stats.rst).
pub(super) fn seconds() -> Option<f64> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread may end meanwhile.
        let Ok(text) = fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn work_costs_processor_time() {
        let (clock, before) = (std::time::Instant::now(), seconds().unwrap());
        while clock.elapsed().as_millis() < 300 {
            std::hint::black_box((0..1000u64).sum::<u64>());
        }
        // Shared cores: at least a little of it was ours. Other tests' threads only add.
        assert!(seconds().unwrap() - before > 0.01);
    }
}
