//! What the program asks of its surroundings before it has a second thread. The benchmarks ask the same.
//!
//! Both are settings of other people's libraries that are read once; `docs/benchmarks/peers.md` says what they are worth.
#![allow(unsafe_code)]

use std::env;

use deltaw::device::SPIN_LIMIT;

/// Lets candle's workers sleep soon, and keeps memory that was used once.
pub(crate) fn prepare() {
    let (variable, rounds) = SPIN_LIMIT;
    if env::var_os(variable).is_none() {
        // SAFETY: this is the only thread, so nobody reads the environment now.
        unsafe { env::set_var(variable, rounds) };
    }
    keep_memory();
}

/// A training step frees what the next one needs again. glibc gives large blocks back to the kernel, which clears every page before it gives
/// it out again; here they stay with the process until it ends. Where the C library is another, nothing is changed.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two numbers and is called before there are other threads.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
    }
}
