//! The dense form of a 4-bit weight is never there as a whole, neither forward nor backward: seen by the allocator.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use candle_core::{Device, Tensor, Var};
use deltaw::model::{Weight, linear};

/// faer's and candle's matrix product keeps a scratch of this size per thread, whatever is multiplied.
const SCRATCH: usize = 64 << 20;

/// The largest allocation that was asked for, that scratch apart.
struct Watching;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() != SCRATCH {
            LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The largest allocation of a forward and a backward pass through `multiply`.
fn largest(x: &Var, multiply: impl Fn(&Tensor) -> Tensor) -> usize {
    LARGEST.store(0, Ordering::Relaxed);
    let grads = multiply(x.as_tensor()).sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(grads.get(x.as_tensor()).is_some());
    LARGEST.load(Ordering::Relaxed)
}

#[test]
fn no_pass_holds_the_dense_weight() {
    let side = 2048;
    let dense_bytes = 4 * side * side;
    let dense = Tensor::randn(0f32, 1f32, (side, side), &Device::Cpu).unwrap();
    let four = Weight::nf4(&dense, true).unwrap();
    for tokens in [1, 32] {
        let x = Var::randn(0f32, 1f32, (tokens, side), &Device::Cpu).unwrap();
        let seen = largest(&x, |x| four.apply(x).unwrap());
        assert!(
            seen <= dense_bytes / 4,
            "{seen} bytes at once with {tokens} tokens; the dense weight has {dense_bytes}"
        );
        // Whoever asks for the dense form gets it, and the watch sees it.
        let seen = largest(&x, |x| linear(x, &four.dense().unwrap()).unwrap());
        assert!(seen >= dense_bytes, "{seen}");
    }
}
