//! The thread that asks for products computes them too. A program of its own: there is one global pool in each.
#![allow(clippy::unwrap_used)]

use std::{sync::mpsc, thread, time::Duration};

use candle_core::{Device, Tensor, utils::get_num_threads};
use deltaw::device::join_pool;
use rayon::prelude::*;

#[test]
fn the_calling_thread_joins_once_and_others_are_not_kept_waiting() {
    let several = get_num_threads() > 1;
    assert_eq!(join_pool(), several);
    assert_eq!(rayon::current_thread_index(), several.then_some(0));
    assert!(!join_pool(), "the pool exists already, or there is one core");
    // This thread sleeps now and computes nothing; what another asks for is computed all the same.
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let sum: u64 = (0..1_000_000u64).into_par_iter().sum();
        let ones = Tensor::ones((512, 512), candle_core::DType::F32, &Device::Cpu).unwrap();
        let product = ones.matmul(&ones).unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        done.send((sum, product)).unwrap();
    });
    assert_eq!(wait.recv_timeout(Duration::from_secs(60)).unwrap(), (499_999_500_000, 512.0));
}
