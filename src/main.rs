//! Parses the arguments, runs the command, prints the error, sets the exit code.

mod start;

use std::process::ExitCode;

use deltaw::arena::Meter;
use peak_alloc::PeakAlloc;

/// Counts what is alive, for `deltaw arena`: exact, the same on every system, and one atomic addition per allocation. The resident set
/// that an operating system reports moves with its own caching, and cannot be asked for one step.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    start::prepare();
    deltaw::cli::main(Meter {
        live: || ALLOCATOR.current_usage(),
        peak: || ALLOCATOR.peak_usage(),
        reset: || ALLOCATOR.reset_peak_usage(),
    })
}
