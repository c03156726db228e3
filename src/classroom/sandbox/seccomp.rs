//! A filter of system calls (classic BPF, see seccomp(2)) for programs that need threads and files and nothing else.
//!
//! No new process (threads go on), no socket, no tracing or reading of another process's memory, no new namespace. A call that is refused
//! returns EPERM, so the student's code sees an error instead of being killed.

/// Numbers of one architecture, from the kernel's tables (`asm/unistd.h`).
struct Calls {
    /// `AUDIT_ARCH_*`, from `linux/audit.h`.
    architecture: u32,
    clone: u32,
    refused: &'static [u32],
}

// fork, vfork, socket, socketpair, ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_getfd, unshare, setns, mount, umount2, pivot_root,
// open_by_handle_at, bpf, userfaultfd, perf_event_open, add_key, request_key, keyctl, io_uring_setup, memfd_create
#[cfg(target_arch = "x86_64")]
const CALLS: Option<Calls> = Some(Calls {
    architecture: 0xc000_003e,
    clone: 56,
    refused: &[
        57, 58, 41, 53, 101, 310, 311, 312, 438, 272, 308, 165, 166, 155, 304, 321, 323, 298, 248, 249, 250, 425, 319,
    ],
});

// The same without fork and vfork, which this architecture does not have.
#[cfg(target_arch = "aarch64")]
const CALLS: Option<Calls> = Some(Calls {
    architecture: 0xc000_00b7,
    clone: 220,
    refused: &[198, 199, 117, 270, 271, 272, 438, 97, 268, 40, 39, 41, 265, 280, 282, 241, 217, 218, 219, 425, 279],
});

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CALLS: Option<Calls> = None;

const CLONE3: u32 = 435;
const CLONE_THREAD: u32 = 0x0001_0000;
/// Calls of the x32 ABI on x86-64 have this bit; other architectures have no numbers so large.
const X32: u32 = 0x4000_0000;

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const HAS_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const EPERM: u32 = 0x0005_0001;
/// The C library then makes its threads by `clone`, whose flags the filter can see.
const ENOSYS: u32 = 0x0005_0026;

/// The filter as `bwrap --seccomp` reads it; none on architectures whose numbers are not listed here.
#[must_use]
pub(super) fn filter() -> Option<Vec<u8>> {
    let calls = CALLS?;
    let mut program = vec![
        (LOAD, 0, 0, 4), // the architecture
        (EQUAL, 1, 0, calls.architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0), // the call's number
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, ENOSYS),
        (EQUAL, 0, 4, calls.clone),
        (LOAD, 0, 0, 16), // clone's flags, its first argument
        (HAS_BITS, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, EPERM),
    ];
    for call in calls.refused {
        program.extend([(EQUAL, 0, 1, *call), (RETURN, 0, 0, EPERM)]);
    }
    program.push((RETURN, 0, 0, ALLOW));
    let bytes = |(code, yes, no, value): (u16, u8, u8, u32)| {
        let mut bytes = code.to_ne_bytes().to_vec();
        bytes.extend([yes, no]);
        bytes.extend(value.to_ne_bytes());
        bytes
    };
    Some(program.into_iter().flat_map(bytes).collect())
}
