//! Time on a device: it is asked to finish before and after.

use std::time::Instant;

use candle_core::{Device, Result};

use super::Spread;

/// A round lasts at least this long: a launch takes microseconds, and a clock is not finer than that.
const ROUND: f64 = 5e-3;

/// The most repetitions in a round.
const MOST: usize = 1000;

/// Seconds of `work`, which is done once before.
pub(super) fn seconds(device: &Device, rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<Spread> {
    work()?;
    let once = round(device, 1, &mut work)?;
    let repeats = ((ROUND / once.max(1e-9)).ceil() as usize).clamp(1, MOST);
    let times = (0..rounds).map(|_| round(device, repeats, &mut work)).collect::<Result<Vec<f64>>>()?;
    Ok(Spread::of(times))
}

/// Seconds of one of `repeats` repetitions.
fn round(device: &Device, repeats: usize, work: &mut impl FnMut() -> Result<()>) -> Result<f64> {
    device.synchronize()?;
    let clock = Instant::now();
    for _ in 0..repeats {
        work()?;
    }
    device.synchronize()?;
    Ok(clock.elapsed().as_secs_f64() / repeats as f64)
}
