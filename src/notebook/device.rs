//! The device of a notebook: all its cells, its functions and its demos compute there.

use std::{env, sync::OnceLock};

use candle_core::Device;

use crate::device::{Choice, current, join_pool, make_current};

/// What came of opening the device; done once.
static OPENED: OnceLock<Result<(), String>> = OnceLock::new();

/// The device that `DELTAW_DEVICE` names (`cpu`, `cuda`, `cuda:1`, `auto`): the CPU where it names none. Demos compute there from now on. A
/// fallback from `auto` to the CPU is one line, once.
///
/// # Errors
/// It names no device, or a GPU that cannot be used.
pub fn device() -> Result<Device, String> {
    let named = || open(&env::var("DELTAW_DEVICE").unwrap_or_else(|_| Choice::Cpu.to_string()));
    OPENED.get_or_init(named).clone().map(|()| current())
}

/// The device called `name`, as for [`device`]; it is that of the cells that follow.
///
/// # Errors
/// As [`device`].
pub fn use_device(name: &str) -> Result<Device, String> {
    open(name)?;
    // One that could not be opened before stays in no cell's way now.
    let _ = OPENED.set(Ok(()));
    Ok(current())
}

/// The same as [`device`], for the middle of an expression: `tiny::load(&here())?`.
///
/// # Panics
/// Where [`device`] is an error: a notebook that was told to compute on a GPU computes nowhere else.
#[must_use]
#[expect(clippy::panic, reason = "a cell that computes elsewhere than it was told is worse than one that ends")]
pub fn here() -> Device {
    device().unwrap_or_else(|why| panic!("{why}"))
}

fn open(name: &str) -> Result<(), String> {
    // A kernel runs all cells on one thread.
    join_pool();
    let opened = name.parse::<Choice>()?.open()?;
    if let Some(note) = opened.note {
        println!("{note}");
    }
    make_current(&opened.device);
    Ok(())
}
