//! 8-bit AdamW (Dettmers et al. 2021, arXiv 2110.02861): the moments rest in eight bits between steps.
//!
//! ```text
//! per block of 256: m = map±[code] · absmax,  v = map₊[code] · absmax          a step in 32 bits, then rounded back
//! ```
//!
//! Rounded as bitsandbytes' CPU kernel rounds ([`DynamicMap::code`]): a second moment never comes back as zero, which would make its next
//! step huge. Tensors of fewer than 4,096 entries keep 32 bits, as there.

use candle_core::{DType, Device, Result, Tensor, Var, backprop::GradStore};

use super::{
    Groups, Hyper, Optimizer, State as Stored,
    adamw::{Moments, advance},
};
use crate::{
    device::{down, up},
    quant::{DynamicMap, EightBit},
};

/// Numbers that share a scale.
const BLOCK: usize = 256;

/// The smallest tensor whose moments are rounded (bitsandbytes' `min_8bit_size`).
pub const SMALLEST: usize = 4096;

#[derive(Debug)]
enum State {
    Whole(Moments),
    Rounded(EightBit, EightBit),
}

/// AdamW with 8-bit moments.
#[derive(Debug)]
pub struct AdamW8bit {
    hyper: Hyper,
    states: Vec<(Var, f64, State)>,
    steps: i32,
}

impl AdamW8bit {
    /// A fresh optimiser; tensors of fewer than `smallest` entries ([`SMALLEST`] in bitsandbytes) keep 32-bit moments.
    ///
    /// # Errors
    /// The device has no room for the moments.
    pub fn new(groups: Groups, hyper: Hyper, smallest: usize) -> Result<Self> {
        let state = |(variable, factor): (&Var, f64)| {
            let state = if variable.elem_count() < smallest {
                State::Whole(Moments::zeros_like(variable)?)
            } else {
                let zeros = vec![0.0; variable.elem_count()];
                State::Rounded(
                    EightBit::quantise(&zeros, BLOCK, DynamicMap::signed()),
                    EightBit::quantise(&zeros, BLOCK, DynamicMap::unsigned()),
                )
            };
            Ok((variable.clone(), factor, state))
        };
        Ok(Self { hyper, states: groups.each().map(state).collect::<Result<_>>()?, steps: 0 })
    }
}

impl Optimizer for AdamW8bit {
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.steps += 1;
        for (variable, factor, state) in &mut self.states {
            let Some(grad) = grads.get(variable.as_tensor()) else { continue };
            let (p, rate) = (variable.as_detached_tensor(), self.hyper.learning_rate * *factor);
            match state {
                State::Whole(moments) => advance(&self.hyper, rate, self.steps, &p, grad, moments)?,
                State::Rounded(first, second) => {
                    let read = |codes: &EightBit, map| up(codes.dequantise(map), p.shape(), p.device());
                    let (signed, unsigned) = (DynamicMap::signed(), DynamicMap::unsigned());
                    let mut moments = Moments { first: read(first, signed)?, second: read(second, unsigned)? };
                    advance(&self.hyper, rate, self.steps, &p, grad, &mut moments)?;
                    let flat = |moment: &Tensor| down::<f32>(moment);
                    *first = EightBit::quantise(&flat(&moments.first)?, BLOCK, signed);
                    *second = EightBit::quantise(&flat(&moments.second)?, BLOCK, unsigned);
                }
            }
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.hyper.learning_rate = rate;
    }

    fn state_bytes(&self) -> usize {
        let bytes = |(variable, _, state): &(Var, f64, State)| match state {
            State::Whole(_) => 8 * variable.elem_count(),
            State::Rounded(first, second) => first.bytes() + second.bytes(),
        };
        self.states.iter().map(bytes).sum()
    }

    fn state(&mut self) -> Result<Stored> {
        let mut stored = Stored::after(self.steps)?;
        for (index, (_, _, state)) in self.states.iter().enumerate() {
            match state {
                State::Whole(moments) => stored.put_moments(index, moments)?,
                State::Rounded(first, second) => {
                    for (name, numbers) in [("first", first), ("second", second)] {
                        let codes = Tensor::new(&numbers.codes[..], &Device::Cpu)?;
                        stored.put(format!("{index}.{name}.codes"), codes);
                        stored.put(format!("{index}.{name}.absmax"), Tensor::new(&numbers.absmax[..], &Device::Cpu)?);
                    }
                }
            }
        }
        Ok(stored)
    }

    fn restore(&mut self, stored: &Stored) -> Result<()> {
        self.steps = stored.steps()?;
        for (index, (variable, _, state)) in self.states.iter_mut().enumerate() {
            match state {
                State::Whole(moments) => *moments = stored.moments(index, variable)?,
                State::Rounded(first, second) => {
                    for (name, numbers) in [("first", first), ("second", second)] {
                        let part = |what: &str, count: usize, dtype| {
                            stored.get(&format!("{index}.{name}.{what}"), &[count], dtype)
                        };
                        numbers.codes = part("codes", numbers.codes.len(), DType::U8)?.to_vec1()?;
                        numbers.absmax = part("absmax", numbers.absmax.len(), DType::F32)?.to_vec1()?;
                    }
                }
            }
        }
        Ok(())
    }
}
