//! What a program may use.

use std::time::Duration;

/// Most of everything that a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processor time of all its threads, in seconds.
    pub cpu: u64,
    /// Time on the clock.
    pub wall: Duration,
    /// Address space, in bytes.
    pub memory: u64,
    /// Largest file, in bytes.
    pub file: u64,
    /// Size of its scratch directory, which lies in memory, in bytes.
    pub scratch: u64,
    /// Open files.
    pub open: u32,
    /// Whether it is a compiler: it may start processes, and sees `/proc` of its own namespace.
    pub processes: bool,
}

const MIB: u64 = 1 << 20;

impl Limits {
    /// For a test program that may compute for `seconds`. A machine that is busy with others may take twice as long and five seconds.
    #[must_use]
    pub fn tests(seconds: u64, memory: u64) -> Self {
        Self {
            cpu: seconds,
            wall: Duration::from_secs(2 * seconds + 5),
            memory,
            file: 8 * MIB,
            scratch: 16 * MIB,
            open: 64,
            processes: false,
        }
    }

    /// For the compiler, on code that nobody has read.
    #[must_use]
    pub fn compiler(seconds: u64) -> Self {
        Self {
            cpu: seconds,
            wall: Duration::from_secs(2 * seconds + 10),
            memory: 4096 * MIB,
            file: 512 * MIB,
            scratch: 256 * MIB,
            open: 1024,
            processes: true,
        }
    }
}
