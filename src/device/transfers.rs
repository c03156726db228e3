//! The one place where numbers go to a device or come back.
//!
//! A copy between host and GPU makes the program wait for the GPU. In a training step the batch goes in and the loss comes out; anything
//! else is worth a look. The same code runs on the CPU, where nothing is really copied: so the count of a step is tested without a GPU.

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
}

thread_local! {
    static SO_FAR: Cell<Transfers> = const { Cell::new(Transfers { up: 0, down: 0, bytes: 0 }) };
}

impl Transfers {
    /// What this thread has copied since it began.
    #[must_use]
    pub fn so_far() -> Self {
        SO_FAR.get()
    }

    fn note(up: u64, down: u64, bytes: usize) {
        let before = SO_FAR.get();
        SO_FAR.set(Self { up: before.up + up, down: before.down + down, bytes: before.bytes + bytes as u64 });
    }
}

impl Sub for Transfers {
    type Output = Self;

    /// What came between two counts.
    fn sub(self, earlier: Self) -> Self {
        Self { up: self.up - earlier.up, down: self.down - earlier.down, bytes: self.bytes - earlier.bytes }
    }
}

impl Sum for Transfers {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            up: sum.up + one.up,
            down: sum.down + one.down,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// A tensor of `shape` on `device` from `values` of the host, row by row.
///
/// # Errors
/// The values do not fill the shape, or the device has no room.
pub fn up<T: WithDType>(values: Vec<T>, shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
    Transfers::note(1, 0, values.len() * T::DTYPE.size_in_bytes());
    Tensor::from_vec(values, shape.into(), device)
}

/// All values of a tensor, row by row, on the host.
///
/// # Errors
/// The tensor is of another type than `T`.
pub fn down<T: WithDType>(tensor: &Tensor) -> Result<Vec<T>> {
    Transfers::note(0, 1, tensor.elem_count() * T::DTYPE.size_in_bytes());
    tensor.flatten_all()?.to_vec1()
}

/// The one value of a tensor in f32.
///
/// # Errors
/// It has another number of values, or another type.
pub fn scalar(tensor: &Tensor) -> Result<f32> {
    Transfers::note(0, 1, size_of::<f32>());
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
        assert_eq!(Transfers::so_far() - before, Transfers { up: 1, down: 2, bytes: 36 });
    }
}
