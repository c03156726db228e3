//! Scalars and small dense matrices, with the products that formulas use.

use super::Fault;

/// A value in a formula. Vectors are matrices of one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(f64),
    /// A multiple of the identity, of whatever size fits.
    Identity(f64),
    Matrix(Matrix),
}

/// A dense matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) data: Vec<f64>,
}

impl Matrix {
    pub(crate) fn new(rows: usize, cols: usize, mut at: impl FnMut(usize, usize) -> f64) -> Self {
        let data = (0..rows * cols).map(|i| at(i / cols, i % cols)).collect();
        Self { rows, cols, data }
    }

    pub(crate) fn at(&self, row: usize, col: usize) -> f64 {
        self.data[row * self.cols + col]
    }

    /// The transposed matrix.
    pub(crate) fn transposed(&self) -> Self {
        Self::new(self.cols, self.rows, |i, j| self.at(j, i))
    }

    /// The elements mapped by `f`.
    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { rows: self.rows, cols: self.cols, data: self.data.iter().map(|&v| f(v)).collect() }
    }

    /// Whether it is a row or a column.
    pub(crate) fn is_vector(&self) -> bool {
        self.rows == 1 || self.cols == 1
    }

    fn times(&self, other: &Self) -> Self {
        Self::new(self.rows, other.cols, |i, j| (0..self.cols).map(|l| self.at(i, l) * other.at(l, j)).sum())
    }

    /// Element by element; a column or a row is stretched over a matrix that it fits.
    fn elementwise(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Option<Self> {
        let fits = |a: usize, b: usize| a == b || a == 1 || b == 1;
        if !fits(self.rows, other.rows) || !fits(self.cols, other.cols) {
            return None;
        }
        // A column against a row would be an outer product in disguise.
        if self.is_vector() && other.is_vector() && (self.rows, self.cols) != (other.rows, other.cols) {
            return None;
        }
        let pick = |m: &Self, i: usize, j: usize| m.at(i.min(m.rows - 1), j.min(m.cols - 1));
        let (rows, cols) = (self.rows.max(other.rows), self.cols.max(other.cols));
        Some(Self::new(rows, cols, |i, j| f(pick(self, i, j), pick(other, i, j))))
    }
}

impl Value {
    /// A one-by-one matrix is a scalar.
    fn of(matrix: Matrix) -> Self {
        if matrix.data.len() == 1 { Self::Scalar(matrix.data[0]) } else { Self::Matrix(matrix) }
    }

    /// The value with every number mapped by `f`.
    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Result<Self, Fault> {
        match self {
            Self::Scalar(v) => Ok(Self::Scalar(f(*v))),
            Self::Matrix(m) => Ok(Self::Matrix(m.map(f))),
            Self::Identity(_) => Err(Fault("write out the identity matrix's size to apply a function to it".into())),
        }
    }

    /// The transposed value.
    pub(crate) fn transposed(&self) -> Self {
        match self {
            Self::Matrix(m) => Self::Matrix(m.transposed()),
            other => other.clone(),
        }
    }

    /// Sum (or difference, with `sign` −1); `None` where the shapes differ.
    pub(crate) fn plus(&self, other: &Self, sign: f64) -> Option<Self> {
        Some(match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(a + sign * b),
            (Self::Identity(a), Self::Identity(b)) => Self::Identity(a + sign * b),
            (Self::Scalar(a), Self::Matrix(m)) => Self::Matrix(m.map(|v| a + sign * v)),
            (Self::Matrix(m), Self::Scalar(b)) => Self::Matrix(m.map(|v| v + sign * b)),
            (Self::Matrix(a), Self::Matrix(b)) if (a.rows, a.cols) == (b.rows, b.cols) => {
                Self::Matrix(a.elementwise(b, |x, y| x + sign * y)?)
            }
            (Self::Matrix(m), Self::Identity(c)) if m.rows == m.cols => {
                Self::Matrix(Matrix::new(m.rows, m.cols, |i, j| m.at(i, j) + if i == j { sign * c } else { 0.0 }))
            }
            (Self::Identity(c), Self::Matrix(m)) if m.rows == m.cols => {
                Self::Matrix(Matrix::new(m.rows, m.cols, |i, j| sign * m.at(i, j) + if i == j { *c } else { 0.0 }))
            }
            _ => return None,
        })
    }

    /// The matrix product. Where it does not fit, two vectors of one size (or a vector that fits a matrix's rows) are
    /// multiplied element by element, as array libraries do with `*`.
    pub(crate) fn times(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(a * b),
            (Self::Identity(a), Self::Identity(b) | Self::Scalar(b)) | (Self::Scalar(a), Self::Identity(b)) => {
                Self::Identity(a * b)
            }
            (Self::Scalar(a) | Self::Identity(a), Self::Matrix(m))
            | (Self::Matrix(m), Self::Scalar(a) | Self::Identity(a)) => Self::Matrix(m.map(|v| a * v)),
            (Self::Matrix(a), Self::Matrix(b)) if a.cols == b.rows => Self::of(a.times(b)),
            (Self::Matrix(a), Self::Matrix(b)) if a.is_vector() => Self::Matrix(a.elementwise(b, |x, y| x * y)?),
            _ => return None,
        })
    }

    /// The elementwise product.
    pub(crate) fn hadamard(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Matrix(a), Self::Matrix(b)) => Some(Self::Matrix(a.elementwise(b, |x, y| x * y)?)),
            _ => self.times(other),
        }
    }

    /// Division by a scalar, or element by element.
    pub(crate) fn over(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(a / b),
            (Self::Identity(a), Self::Scalar(b)) => Self::Identity(a / b),
            (Self::Matrix(m), Self::Scalar(b)) => Self::Matrix(m.map(|v| v / b)),
            (Self::Scalar(a), Self::Matrix(m)) if m.is_vector() => Self::Matrix(m.map(|v| a / v)),
            (Self::Matrix(a), Self::Matrix(b)) => Self::Matrix(a.elementwise(b, |x, y| x / y)?),
            _ => return None,
        })
    }

    /// The numbers in it.
    pub(crate) fn numbers(&self) -> &[f64] {
        match self {
            Self::Scalar(v) | Self::Identity(v) => std::slice::from_ref(v),
            Self::Matrix(m) => &m.data,
        }
    }

    /// Rows and columns; `None` for a scalar or a multiple of the identity.
    pub(crate) fn shape(&self) -> Option<(usize, usize)> {
        match self {
            Self::Matrix(m) => Some((m.rows, m.cols)),
            _ => None,
        }
    }
}
