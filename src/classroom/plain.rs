//! What [`Case::same`](super::Case::same) compares: types of the standard library, and nothing else.
//!
//! A type of the student's own brings its own `==` and its own `Debug`, and nothing keeps either from saying yes to everything. So the tests turn
//! such a value into words or numbers of their own first, by `match`, which no type can answer for itself.

use std::fmt::Debug;

mod sealed {
    pub trait Sealed {}
}

/// Texts, numbers, options, results, lists and tuples of them. Only this crate implements it.
///
/// ```compile_fail,E0277
/// struct Mine;
/// impl PartialEq for Mine {
///     fn eq(&self, _: &Self) -> bool {
///         true
///     }
/// }
/// impl std::fmt::Debug for Mine {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("right")
///     }
/// }
/// fn passes(case: &mut deltaw::classroom::Case) {
///     case.same("a type that is equal to everything", Some(Mine), Some(Mine));
/// }
/// ```
pub trait Plain: sealed::Sealed + PartialEq + Debug {}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl sealed::Sealed for $type {}
        impl Plain for $type {}
    )*};
}
plain!((), bool, char, str, String, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64);

impl<T: Plain + ?Sized> sealed::Sealed for &T {}
impl<T: Plain + ?Sized> Plain for &T {}
impl<T: Plain> sealed::Sealed for [T] {}
impl<T: Plain> Plain for [T] {}
impl<T: Plain, const N: usize> sealed::Sealed for [T; N] {}
impl<T: Plain, const N: usize> Plain for [T; N] {}
impl<T: Plain> sealed::Sealed for Vec<T> {}
impl<T: Plain> Plain for Vec<T> {}
impl<T: Plain> sealed::Sealed for Option<T> {}
impl<T: Plain> Plain for Option<T> {}
impl<T: Plain, E: Plain> sealed::Sealed for Result<T, E> {}
impl<T: Plain, E: Plain> Plain for Result<T, E> {}
impl<A: Plain, B: Plain> sealed::Sealed for (A, B) {}
impl<A: Plain, B: Plain> Plain for (A, B) {}
impl<A: Plain, B: Plain, C: Plain> sealed::Sealed for (A, B, C) {}
impl<A: Plain, B: Plain, C: Plain> Plain for (A, B, C) {}
