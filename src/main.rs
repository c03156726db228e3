//! Parses the arguments, runs the command, prints the error, sets the exit code.

use std::process::ExitCode;

use deltaw::{arena::Meter, device::SPIN_LIMIT};
use peak_alloc::PeakAlloc;

/// Counts what is alive, for `deltaw arena`: exact, the same on every system, and one atomic addition per allocation. The resident set
/// that an operating system reports moves with its own caching, and cannot be asked for one step.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let (variable, rounds) = SPIN_LIMIT;
    if std::env::var_os(variable).is_none() {
        // SAFETY: this is the only thread, so nobody reads the environment now.
        #[expect(unsafe_code, reason = "candle takes the number from nowhere else")]
        unsafe {
            std::env::set_var(variable, rounds);
        }
    }
    deltaw::cli::main(Meter {
        live: || ALLOCATOR.current_usage(),
        peak: || ALLOCATOR.peak_usage(),
        reset: || ALLOCATOR.reset_peak_usage(),
    })
}
