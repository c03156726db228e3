//! The CUDA kernels without a GPU: the same sources compiled by the host's C++ compiler (`host.h` plays the device), against their CPU twins,
//! over random shapes and types; under ThreadSanitizer, for which a missing barrier is a data race, and under AddressSanitizer and
//! UndefinedBehaviorSanitizer.
//!
//! `mutations.rs` makes mistakes in the sources, one at a time, and sees each of them found.
#![allow(clippy::unwrap_used)]

mod arguments;
mod lora;
mod mutations;
mod nf4;
mod program;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use program::Build;

fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

#[test]
fn nf4_kernels_equal_their_cpu_twins() {
    let Some(program) = Build::Plain.of_the_sources() else { return };
    nf4::all(&program).unwrap();
}

#[test]
fn mixed_batch_kernels_equal_their_cpu_twins() {
    let Some(program) = Build::Plain.of_the_sources() else { return };
    lora::all(&program).unwrap();
}

#[test]
fn no_kernel_races_reads_outside_its_arrays_or_does_what_c_leaves_undefined() {
    for build in [Build::Thread, Build::Address] {
        let Some(program) = build.of_the_sources() else { continue };
        nf4::few(&program).unwrap();
        lora::few(&program).unwrap();
    }
}
