//! Decompositions of matrices, computed in f64, and the way between candle's tensors and ndarray's arrays.

mod qr;
mod randomised;
mod svd;

use candle_core::{Device, Tensor};
use faer::MatRef;
use ndarray::Array2;

use crate::device::{down, up};

pub use qr::qr;
pub use randomised::top;
pub use svd::{Svd, singular_values, svd};

/// Why a decomposition failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An entry is NaN or infinite.
    #[error("the matrix has an entry that is not a finite number")]
    NotFinite,
    /// The iteration did not converge.
    #[error("the singular value decomposition did not converge: {0}")]
    Failed(String),
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        Self::Msg(error.to_string())
    }
}

/// A matrix out of candle.
///
/// # Errors
/// `tensor` is no matrix of f32.
pub fn to_array(tensor: &Tensor) -> candle_core::Result<Array2<f32>> {
    let shape = tensor.dims2()?;
    let values = down(tensor)?;
    Array2::from_shape_vec(shape, values).map_err(candle_core::Error::wrap)
}

/// A matrix into candle, as f32.
///
/// # Errors
/// The device has no room.
pub fn from_array(array: &Array2<f64>, device: &Device) -> candle_core::Result<Tensor> {
    let values: Vec<f32> = array.iter().map(|value| *value as f32).collect();
    up(values, array.dim(), device)
}

/// In f64, row after row.
fn checked(matrix: &Array2<f32>) -> Result<Array2<f64>, Error> {
    match matrix.iter().all(|value| value.is_finite()) {
        true => Ok(matrix.as_standard_layout().mapv(f64::from)),
        false => Err(Error::NotFinite),
    }
}

/// What `checked` gave, as faer sees it: no copy.
fn view(matrix: &Array2<f64>) -> Result<MatRef<'_, f64>, Error> {
    let rows = matrix.as_slice().ok_or_else(|| Error::Failed("the matrix does not lie row after row".to_owned()))?;
    Ok(MatRef::from_row_major_slice(rows, matrix.nrows(), matrix.ncols()))
}
