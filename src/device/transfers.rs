//! The one place where numbers go to a device or come back.
//!
//! A copy between host and GPU makes the program wait for the GPU. In a training step the batch goes in and the loss comes out; anything
//! else is worth a look. The same code runs on the CPU, where nothing is really copied: so the count of a step is tested without a GPU.
//!
//! Planned copies are counted apart: they run beside the computation, which does not wait for them unless they are late. The pages of
//! [`crate::optim::PagedAdamW`] are of that kind.

use std::{cell::Cell, iter::Sum, ops::Sub};

use candle_core::{Device, Result, Shape, Tensor, WithDType};
use serde::{Deserialize, Serialize};

/// Copies between host and device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// To the device.
    pub up: u64,
    /// To the host.
    pub down: u64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Planned ones, either way.
    #[serde(default)]
    pub planned: u64,
    /// Bytes of those.
    #[serde(default)]
    pub planned_bytes: u64,
}

/// None.
const NONE: Transfers = Transfers { up: 0, down: 0, bytes: 0, planned: 0, planned_bytes: 0 };

thread_local! {
    static SO_FAR: Cell<Transfers> = const { Cell::new(NONE) };
}

impl Transfers {
    /// What this thread has copied since it began.
    #[must_use]
    pub fn so_far() -> Self {
        SO_FAR.get()
    }

    fn count(more: Self) {
        SO_FAR.set([SO_FAR.get(), more].into_iter().sum());
    }

    /// Counts a copy to the device that is made elsewhere.
    pub(crate) fn count_up(bytes: usize) {
        Self::count(Self { up: 1, bytes: bytes as u64, ..NONE });
    }

    /// Counts a copy to the host.
    fn count_down(bytes: usize) {
        Self::count(Self { down: 1, bytes: bytes as u64, ..NONE });
    }

    /// Counts a planned copy, which is made elsewhere.
    pub(crate) fn count_planned(bytes: usize) {
        Self::count(Self { planned: 1, planned_bytes: bytes as u64, ..NONE });
    }
}

impl Sub for Transfers {
    type Output = Self;

    /// What came between two counts.
    fn sub(self, earlier: Self) -> Self {
        Self {
            up: self.up - earlier.up,
            down: self.down - earlier.down,
            bytes: self.bytes - earlier.bytes,
            planned: self.planned - earlier.planned,
            planned_bytes: self.planned_bytes - earlier.planned_bytes,
        }
    }
}

impl Sum for Transfers {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(NONE, |sum, one| Self {
            up: sum.up + one.up,
            down: sum.down + one.down,
            bytes: sum.bytes + one.bytes,
            planned: sum.planned + one.planned,
            planned_bytes: sum.planned_bytes + one.planned_bytes,
        })
    }
}

/// A tensor of `shape` on `device` from `values` of the host, row by row.
///
/// # Errors
/// The values do not fill the shape, or the device has no room.
pub fn up<T: WithDType>(values: Vec<T>, shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
    Transfers::count_up(values.len() * T::DTYPE.size_in_bytes());
    Tensor::from_vec(values, shape.into(), device)
}

/// All values of a tensor, row by row, on the host.
///
/// # Errors
/// The tensor is of another type than `T`.
pub fn down<T: WithDType>(tensor: &Tensor) -> Result<Vec<T>> {
    Transfers::count_down(tensor.elem_count() * T::DTYPE.size_in_bytes());
    tensor.flatten_all()?.to_vec1()
}

/// The one value of a tensor in f32.
///
/// # Errors
/// It has another number of values, or another type.
pub fn scalar(tensor: &Tensor) -> Result<f32> {
    Transfers::count_down(size_of::<f32>());
    tensor.to_scalar()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_way_is_counted_with_its_bytes() {
        let before = Transfers::so_far();
        let x = up(vec![1f32, 2.0, 3.0, 4.0], (2, 2), &Device::Cpu).unwrap();
        assert_eq!(down::<f32>(&x.t().unwrap()).unwrap(), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(scalar(&x.sum_all().unwrap()).unwrap(), 10.0);
        assert_eq!(Transfers::so_far() - before, Transfers { up: 1, down: 2, bytes: 36, ..NONE });
        Transfers::count_planned(8);
        let both = Transfers { up: 1, down: 2, bytes: 36, planned: 1, planned_bytes: 8 };
        assert_eq!(Transfers::so_far() - before, both);
    }
}
