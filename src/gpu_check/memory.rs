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

use crate::arena::Meter;

/// Between two looks at a GPU.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs `work` and gives its result with the most bytes in use meanwhile: on a GPU all that the driver counts as used, libraries and other
/// programs there included; on the CPU what the program's allocator gave out. None where the driver does not say.
pub(super) fn most<T>(device: &Device, meter: Meter, work: impl FnOnce() -> Result<T>) -> Result<(T, Option<u64>)> {
    if device.is_cpu() {
        (meter.reset)();
        let done = work()?;
        return Ok((done, Some((meter.peak)() as u64)));
    }
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watcher = {
        let (over, most, device) = (Arc::clone(&over), Arc::clone(&most), device.clone());
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(used(&device).unwrap_or(0), Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        })
    };
    let done = work();
    over.store(true, Ordering::Relaxed);
    // A watcher that stumbled saw what it saw.
    drop(watcher.join());
    let most = most.load(Ordering::Relaxed);
    Ok((done?, (most > 0).then_some(most)))
}

/// Bytes of a GPU that are not free.
#[cfg(feature = "cuda")]
fn used(device: &Device) -> Option<u64> {
    let Device::Cuda(gpu) = device else { return None };
    let (free, total) = gpu.cuda_stream().context().mem_get_info().ok()?;
    Some((total - free) as u64)
}

#[cfg(not(feature = "cuda"))]
fn used(_: &Device) -> Option<u64> {
    None
}
