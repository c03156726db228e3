//! The most memory in use while something runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use candle_core::{Device, Result};

use super::machine::query;
use crate::arena::Meter;

/// Between two looks at a GPU.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes in a MiB.
const MIB: u64 = 1 << 20;

/// Runs `work` and gives its result with the most bytes in use meanwhile: on a GPU all that the driver counts as used, the libraries and
/// other programs there included; on the CPU what the program's allocator gave out.
pub(super) fn most<T>(
    device: &Device,
    index: usize,
    meter: Meter,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, u64)> {
    if device.is_cpu() {
        (meter.reset)();
        let done = work()?;
        return Ok((done, (meter.peak)() as u64));
    }
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watcher = {
        let (over, most) = (Arc::clone(&over), Arc::clone(&most));
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(used(index), Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        })
    };
    let done = work();
    most.fetch_max(used(index), Ordering::Relaxed);
    over.store(true, Ordering::Relaxed);
    // A watcher that stumbled saw what it saw.
    drop(watcher.join());
    Ok((done?, most.load(Ordering::Relaxed)))
}

fn used(index: usize) -> u64 {
    let text = query(index, "memory.used").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * MIB
}
