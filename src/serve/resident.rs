//! A LoRA's factors in one piece on the device where the adapter is: what a GPU's kernels read.
//!
//! ```text
//! site 0: A (r, in)  Bᵀ (r, out)  bias (out)  |  site 1: …
//! ```
//!
//! Nothing passes through the host. The bytes are claimed from the pool of pages, whose own pages lie in host memory.

use std::collections::BTreeMap;

use candle_core::{DType, Result, Tensor};

use crate::{model::Site, peft::Lora};

/// All factors of one adapter.
#[derive(Debug)]
pub(crate) struct Resident {
    /// Flat, in f32.
    pub(crate) numbers: Tensor,
    sites: BTreeMap<Site, Place>,
}

/// Where one projection's factors begin, in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) bias: Option<usize>,
    pub(crate) rank: usize,
    /// s: α / r, or α / √r.
    pub(crate) scale: f32,
}

impl Resident {
    /// Copies `lora`, on its device.
    pub(crate) fn new(lora: &Lora) -> Result<Self> {
        let (mut parts, mut count, mut sites) = (Vec::new(), 0, BTreeMap::new());
        let mut put = |tensor: &Tensor| -> Result<usize> {
            let start = count;
            count += tensor.elem_count();
            parts.push(tensor.detach().to_dtype(DType::F32)?.flatten_all()?);
            Ok(start)
        };
        for (site, factors) in lora.factors() {
            let (rank, _) = factors.a.dims2()?;
            let place = Place {
                a: put(factors.a.as_tensor())?,
                b: put(&factors.b.as_tensor().t()?)?,
                bias: factors.bias.as_ref().map(|bias| put(bias.as_tensor())).transpose()?,
                rank,
                scale: factors.scale() as f32,
            };
            sites.insert(*site, place);
        }
        Ok(Self { numbers: Tensor::cat(&parts, 0)?, sites })
    }

    /// The factors at `site`, if it is adapted.
    pub(crate) fn at(&self, site: Site) -> Option<Place> {
        self.sites.get(&site).copied()
    }

    /// The adapted projections.
    pub(crate) fn sites(&self) -> impl Iterator<Item = Site> {
        self.sites.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::{
        device::down,
        model::tiny,
        peft::{Targets, lora},
    };

    #[test]
    fn every_factor_lies_where_its_place_says() {
        let base = tiny::load(&Device::Cpu).unwrap();
        let config = lora::Config { rank: 3, targets: Targets::AllLinear, ..Default::default() };
        let lora = Lora::new(&base, config).unwrap();
        let resident = Resident::new(&lora).unwrap();
        let numbers = down::<f32>(&resident.numbers).unwrap();
        assert_eq!(resident.sites().count(), lora.factors().len());
        for (site, factors) in lora.factors() {
            let place = resident.at(*site).unwrap();
            let a = down::<f32>(factors.a.as_tensor()).unwrap();
            let b = down::<f32>(&factors.b.as_tensor().t().unwrap()).unwrap();
            assert_eq!(numbers[place.a..][..a.len()], a);
            assert_eq!(numbers[place.b..][..b.len()], b);
            assert_eq!((place.rank, place.scale), (3, factors.scale() as f32));
        }
    }
}
