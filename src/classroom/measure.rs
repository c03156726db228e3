//! What a test measures: an array of numbers, a text, or nothing.

use candle_core::{DType, Tensor, Var};

use super::fault;

/// Most numbers of one thing that are compared.
const MOST: usize = 1 << 24;

/// An array of numbers in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// Lengths of its dimensions; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers. Integers are exact up to 2⁵³.
    pub values: Vec<f64>,
}

impl Numbers {
    /// Index along each dimension of number `place`.
    #[must_use]
    pub fn index(&self, mut place: usize) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        for (position, length) in index.iter_mut().zip(&self.shape).rev() {
            (*position, place) = (place % length.max(&1), place / length.max(&1));
        }
        index
    }

    /// The transpose of a matrix.
    #[must_use]
    pub fn transposed(&self) -> Option<Self> {
        let [rows, columns] = self.shape[..] else { return None };
        let at = |place: usize| self.values[(place % rows) * columns + place / rows];
        Some(Self { shape: vec![columns, rows], values: (0..rows * columns).map(at).collect() })
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// There is none: a gradient that was never computed, an `Option` that is `None`.
    Nothing,
    /// Numbers.
    Numbers(Numbers),
    /// Anything else, as its `Debug` writes it.
    Text(String),
    /// It could not be read; says why.
    Unreadable(String),
}

mod sealed {
    pub trait Sealed {}
}

/// What [`Case::close`](super::Case::close) can compare: numbers, slices, arrays and vectors of them up to two dimensions, tensors, and options
/// of these. Only this crate implements it.
pub trait Measure: sealed::Sealed {
    /// Its numbers.
    fn measure(&self) -> Measured;
}

macro_rules! number {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}
        impl Measure for $number {
            fn measure(&self) -> Measured {
                Measured::Numbers(Numbers { shape: Vec::new(), values: vec![*self as f64] })
            }
        }
    )*};
}
number!(f32, f64, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl sealed::Sealed for bool {}
impl Measure for bool {
    fn measure(&self) -> Measured {
        u8::from(*self).measure()
    }
}

impl<T: Measure + ?Sized> sealed::Sealed for &T {}
impl<T: Measure + ?Sized> Measure for &T {
    fn measure(&self) -> Measured {
        (**self).measure()
    }
}

impl<T: Measure> sealed::Sealed for Option<T> {}
impl<T: Measure> Measure for Option<T> {
    fn measure(&self) -> Measured {
        self.as_ref().map_or(Measured::Nothing, Measure::measure)
    }
}

impl<T: Measure> sealed::Sealed for [T] {}
impl<T: Measure> Measure for [T] {
    fn measure(&self) -> Measured {
        let mut all = Numbers { shape: vec![self.len()], values: Vec::new() };
        for (place, part) in self.iter().enumerate() {
            match part.measure() {
                Measured::Numbers(part) => {
                    if place == 0 {
                        all.shape.extend(&part.shape);
                    } else if all.shape[1..] != part.shape {
                        return Measured::Unreadable(format!(
                            "its rows differ in length: row 0 has {}, row {place} has {}",
                            shape(&all.shape[1..]),
                            shape(&part.shape)
                        ));
                    }
                    all.values.extend(part.values);
                }
                other => return other,
            }
        }
        Measured::Numbers(all)
    }
}

impl<T: Measure, const N: usize> sealed::Sealed for [T; N] {}
impl<T: Measure, const N: usize> Measure for [T; N] {
    fn measure(&self) -> Measured {
        self.as_slice().measure()
    }
}

impl<T: Measure> sealed::Sealed for Vec<T> {}
impl<T: Measure> Measure for Vec<T> {
    fn measure(&self) -> Measured {
        self.as_slice().measure()
    }
}

impl sealed::Sealed for Tensor {}
impl Measure for Tensor {
    fn measure(&self) -> Measured {
        if self.elem_count() > MOST {
            return Measured::Unreadable(format!("it has {} numbers", self.elem_count()));
        }
        // A broadcast tensor has no numbers of its own in order.
        let flat = self.contiguous().and_then(|own| own.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>());
        match flat {
            Ok(values) => Measured::Numbers(Numbers { shape: self.dims().to_vec(), values }),
            Err(error) => Measured::Unreadable(fault::line(&error)),
        }
    }
}

impl sealed::Sealed for Var {}
impl Measure for Var {
    fn measure(&self) -> Measured {
        self.as_tensor().measure()
    }
}

/// A shape as `[2, 3]`.
#[must_use]
pub(super) fn shape(dims: &[usize]) -> String {
    format!("{dims:?}")
}
