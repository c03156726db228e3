//! An optimiser's state as named tensors: what a checkpoint writes, and reads to go on with the same bits.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, bail};

use super::adamw::Moments;

/// Where the count of steps stands.
const STEPS: &str = "steps";

/// Named tensors.
#[derive(Debug, Clone, Default)]
pub struct State(pub BTreeMap<String, Tensor>);

impl State {
    /// The state after `steps` steps, to be filled.
    ///
    /// # Errors
    /// Never on the CPU.
    pub(super) fn after(steps: i32) -> Result<Self> {
        let steps = Tensor::from_vec(vec![i64::from(steps)], 1, &Device::Cpu)?;
        Ok(Self(BTreeMap::from([(STEPS.to_owned(), steps)])))
    }

    pub(super) fn put(&mut self, name: String, tensor: Tensor) {
        self.0.insert(name, tensor);
    }

    /// A copy: the moments themselves change in place.
    pub(super) fn put_moments(&mut self, index: usize, moments: &Moments) -> Result<()> {
        self.put(format!("{index}.first"), moments.first.copy()?);
        self.put(format!("{index}.second"), moments.second.copy()?);
        Ok(())
    }

    /// How many steps were done.
    pub(super) fn steps(&self) -> Result<i32> {
        let steps = self.get(STEPS, &[1], DType::I64)?.to_vec1::<i64>()?;
        i32::try_from(steps[0]).map_err(candle_core::Error::wrap)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A tensor of this shape and type.
    pub(super) fn get(&self, name: &str, shape: &[usize], dtype: DType) -> Result<&Tensor> {
        match self.0.get(name) {
            Some(tensor) if tensor.dims() == shape && tensor.dtype() == dtype => Ok(tensor),
            Some(tensor) => {
                bail!(
                    "the optimiser's `{name}` is {:?} {:?}; {shape:?} {dtype:?} is needed",
                    tensor.dims(),
                    tensor.dtype()
                )
            }
            None => bail!("the optimiser's state has no `{name}`: it is of another optimiser or method"),
        }
    }

    pub(super) fn moments(&self, index: usize, like: &Tensor) -> Result<Moments> {
        let part = |name: &str| {
            self.get(&format!("{index}.{name}"), like.dims(), like.dtype())?.copy()?.to_device(like.device())
        };
        Ok(Moments { first: part("first")?, second: part("second")? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Var;

    use super::*;
    use crate::optim::{
        AdamW, Groups, Hyper, Optimizer,
        eight_bit::AdamW8bit,
        galore::{GaLore, Projection},
        paged::PagedAdamW,
    };

    fn variables() -> Vec<(String, Var)> {
        let values = |count: usize| (0..count).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<_>>();
        let matrix = Tensor::from_vec(values(96), (8, 12), &Device::Cpu).unwrap();
        let vector = Tensor::from_vec(values(300), 300, &Device::Cpu).unwrap();
        [("matrix", matrix), ("vector", vector)]
            .map(|(name, t)| (name.to_owned(), Var::from_tensor(&t).unwrap()))
            .into()
    }

    fn optimizer(kind: &str, variables: &[(String, Var)]) -> Box<dyn Optimizer> {
        let groups = Groups::from(variables.iter().map(|(_, var)| var.clone()).collect::<Vec<_>>());
        let projection = Projection { rank: 3, every: 4, scale: 0.5 };
        match kind {
            "adamw" => Box::new(AdamW::new(groups, Hyper::default()).unwrap()),
            "eight-bit" => Box::new(AdamW8bit::new(groups, Hyper::default(), 100).unwrap()),
            "paged" => Box::new(PagedAdamW::new(&groups, Hyper::default(), 1).unwrap()),
            _ => Box::new(GaLore::new(variables, Hyper::default(), projection, |_| true)),
        }
    }

    fn steps(optimizer: &mut dyn Optimizer, variables: &[(String, Var)], which: std::ops::Range<usize>) {
        for step in which {
            let loss = variables.iter().map(|(_, var)| (var.as_tensor() - step as f64).unwrap().sqr().unwrap());
            let loss = loss.map(|square| square.sum_all().unwrap()).reduce(|a, b| (a + b).unwrap()).unwrap();
            optimizer.step(&loss.backward().unwrap()).unwrap();
        }
    }

    fn bits(variables: &[(String, Var)]) -> Vec<Vec<u32>> {
        let of =
            |var: &Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
        variables.iter().map(|(_, var)| of(var)).collect()
    }

    #[test]
    fn every_optimiser_goes_on_from_its_state_with_the_same_bits() {
        for kind in ["adamw", "eight-bit", "paged", "galore"] {
            let straight = variables();
            steps(optimizer(kind, &straight).as_mut(), &straight, 0..7);
            let (broken, resumed) = (variables(), variables());
            let mut first = optimizer(kind, &broken);
            steps(first.as_mut(), &broken, 0..3);
            let state = first.state().unwrap();
            for ((_, from), (_, to)) in broken.iter().zip(&resumed) {
                to.set(&from.as_detached_tensor()).unwrap();
            }
            let mut second = optimizer(kind, &resumed);
            second.restore(&state).unwrap();
            steps(second.as_mut(), &resumed, 3..7);
            assert_eq!(bits(&straight), bits(&resumed), "{kind}");
            let other = if kind == "adamw" { "eight-bit" } else { "adamw" };
            if kind != "paged" && kind != "galore" {
                assert!(optimizer(other, &resumed).restore(&state).is_err(), "{kind}'s state is not {other}'s");
            }
        }
    }
}
