//! FNV-1a over words: tells whether what a run began with is still the same. Nothing that an enemy could not forge.

use std::fmt;

use candle_core::Result;

use crate::{
    device::down,
    peft::{Method as _, bottleneck::Adapters},
};

const PRIME: u64 = 0x0100_0000_01b3;

/// A fingerprint in the making; printed as 16 hexadecimal digits.
pub(super) struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Adds a word.
    pub(super) fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(PRIME);
    }

    /// Of adapters: their names, their tensors' names and every number.
    pub(super) fn of(adapters: &[Adapters]) -> Result<Self> {
        let mut print = Self::default();
        for (name, variable) in adapters.iter().flat_map(Adapters::named_variables) {
            name.bytes().for_each(|byte| print.add(byte.into()));
            let numbers = down::<f32>(&variable)?;
            numbers.iter().for_each(|number| print.add(number.to_bits().into()));
        }
        Ok(print)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
