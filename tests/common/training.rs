//! What tests of training share.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use candle_core::{Device, Tensor, backprop::GradStore};
use deltaw::{
    device::Precision,
    model::{Base, Decoder, tiny},
    optim::{Optimizer, State},
    train::{Data, Job, Kind, Recipe, Settings, job::Source},
};

/// The tiny base.
pub fn base() -> Decoder {
    tiny::load(&Device::Cpu).unwrap()
}

/// The first examples of a task on the tiny base.
pub fn data(count: usize, held: usize) -> Data {
    let base = Base::tiny(&Device::Cpu).unwrap();
    let mut data = job(Kind::Lora, Settings::default()).read(&base).unwrap().data;
    data.train.truncate(count);
    data.held.truncate(held);
    data
}

/// A run of a method on the tiny base.
pub fn job(method: Kind, settings: Settings) -> Job {
    Job {
        base: "tiny".to_owned(),
        precision: Precision::F32,
        source: Source::Task("revup".to_owned()),
        max_tokens: None,
        skip_long: false,
        recipe: Recipe::new(method),
        settings,
        fingerprint: String::new(),
        fused: String::new(),
    }
}

/// Keeps the gradients that it is given instead of taking a step.
#[derive(Default)]
pub struct Keep(pub Vec<Option<Tensor>>, pub Vec<candle_core::Var>);

impl Optimizer for Keep {
    fn step(&mut self, grads: &GradStore) -> candle_core::Result<()> {
        self.0 = self.1.iter().map(|variable| grads.get(variable.as_tensor()).cloned()).collect();
        Ok(())
    }

    fn set_learning_rate(&mut self, _: f64) {}

    fn state_bytes(&self) -> usize {
        0
    }

    fn state(&mut self) -> candle_core::Result<State> {
        Ok(State::default())
    }

    fn restore(&mut self, _: &State) -> candle_core::Result<()> {
        Ok(())
    }
}
