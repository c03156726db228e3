//! A measurement of criterion: how many times as long as a reference kernel.

use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use criterion::{
    Bencher, Throughput,
    measurement::{Measurement, ValueFormatter},
};

/// Multiples of the reference's time.
pub(crate) struct Multiple;

/// The product that everything is compared with: 128 tokens through SmolLM2's gate projection, 113 million multiplications.
pub(crate) struct Reference {
    x: Tensor,
    w: Tensor,
}

impl Reference {
    pub(crate) fn new() -> Self {
        let random = |shape: (usize, usize)| Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
        Self { x: random((128, 576)), w: random((576, 1536)) }
    }

    /// Does `work` and the product in turn; what `work` gives is dropped outside the time.
    pub(crate) fn beside<T>(&self, bencher: &mut Bencher<'_, Multiple>, mut work: impl FnMut() -> T) {
        bencher.iter_custom(|times| {
            (0..times)
                .map(|_| {
                    seconds(&mut work).as_secs_f64() / seconds(&mut || self.x.matmul(&self.w).unwrap()).as_secs_f64()
                })
                .sum()
        });
    }
}

fn seconds<T>(work: &mut impl FnMut() -> T) -> Duration {
    let clock = Instant::now();
    let done = work();
    let time = clock.elapsed();
    drop(done);
    time
}

impl Measurement for Multiple {
    type Intermediate = ();
    type Value = f64;

    fn start(&self) {}

    fn end(&self, (): ()) -> f64 {
        // Only `beside` measures; it knows the reference.
        f64::NAN
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Products
    }
}

struct Products;

impl ValueFormatter for Products {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str {
        "products"
    }

    fn scale_throughputs(&self, _: f64, _: &Throughput, _: &mut [f64]) -> &'static str {
        "products"
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "products"
    }
}
