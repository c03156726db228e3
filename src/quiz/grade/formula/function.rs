//! The functions a formula may call.

use super::{
    Fault,
    value::{Matrix, Value},
};

/// A function by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Sqrt,
    Exp,
    Log,
    Log2,
    Log10,
    Abs,
    Ceil,
    Floor,
    Round,
    Min,
    Max,
    Relu,
    Gelu,
    Silu,
    Sigmoid,
    Tanh,
    Sum,
    Trace,
    /// L2 norm of each row of a matrix; of a vector, its length.
    Norm,
    /// Vector to diagonal matrix; matrix to its diagonal.
    Diag,
    /// Of a vector, or of each row of a matrix.
    Softmax,
    Transpose,
    Outer,
}

impl Function {
    /// The function called `name`, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "sqrt" | "root" => Self::Sqrt,
            "exp" => Self::Exp,
            "log" | "ln" => Self::Log,
            "log2" => Self::Log2,
            "log10" => Self::Log10,
            "abs" => Self::Abs,
            "ceil" => Self::Ceil,
            "floor" => Self::Floor,
            "round" => Self::Round,
            "min" => Self::Min,
            "max" => Self::Max,
            "relu" => Self::Relu,
            "gelu" => Self::Gelu,
            "silu" | "swish" => Self::Silu,
            "sigmoid" => Self::Sigmoid,
            "tanh" => Self::Tanh,
            "sum" => Self::Sum,
            "trace" | "tr" => Self::Trace,
            "norm" => Self::Norm,
            "diag" => Self::Diag,
            "softmax" => Self::Softmax,
            "transpose" => Self::Transpose,
            "outer" => Self::Outer,
            _ => return None,
        })
    }

    /// The nonlinearity a letter stands for in papers, where the question's own formula uses one.
    pub(crate) fn is_activation(self) -> bool {
        matches!(self, Self::Relu | Self::Gelu | Self::Silu | Self::Sigmoid | Self::Tanh)
    }

    /// The value for `args`.
    pub(crate) fn apply(self, args: &[&Value]) -> Result<Value, Fault> {
        let pair = matches!(self, Self::Min | Self::Max | Self::Outer);
        let [first, rest @ ..] = args else { return Err(Fault("a function needs something in its brackets".into())) };
        if pair != (rest.len() == 1) || rest.len() > 1 {
            let takes = if pair { "two arguments" } else { "one argument" };
            return Err(Fault(format!("{} takes {takes}", format!("{self:?}").to_lowercase())));
        }
        match self {
            Self::Sqrt => first.map(f64::sqrt),
            Self::Exp => first.map(f64::exp),
            Self::Log => first.map(f64::ln),
            Self::Log2 => first.map(f64::log2),
            Self::Log10 => first.map(f64::log10),
            Self::Abs => first.map(f64::abs),
            Self::Ceil => first.map(f64::ceil),
            Self::Floor => first.map(f64::floor),
            Self::Round => first.map(f64::round),
            Self::Relu => first.map(|v| v.max(0.0)),
            Self::Gelu => first.map(|v| 0.5 * v * (1.0 + (0.797_884_560_8 * (v + 0.044_715 * v.powi(3))).tanh())),
            Self::Silu => first.map(|v| v / (1.0 + (-v).exp())),
            Self::Sigmoid => first.map(|v| 1.0 / (1.0 + (-v).exp())),
            Self::Tanh => first.map(f64::tanh),
            Self::Min | Self::Max => match (first, rest[0]) {
                (Value::Scalar(a), Value::Scalar(b)) => {
                    Ok(Value::Scalar(if self == Self::Min { a.min(*b) } else { a.max(*b) }))
                }
                _ => Err(Fault("min and max compare two numbers".into())),
            },
            Self::Sum => Ok(Value::Scalar(first.numbers().iter().sum())),
            Self::Transpose => Ok(first.transposed()),
            Self::Norm => Ok(norm(first)),
            Self::Trace => match first {
                Value::Matrix(m) if m.rows == m.cols => Ok(Value::Scalar((0..m.rows).map(|i| m.at(i, i)).sum())),
                _ => Err(Fault("the trace needs a square matrix".into())),
            },
            Self::Diag => diag(first),
            Self::Softmax => softmax(first),
            Self::Outer => match (first, rest[0]) {
                (Value::Matrix(a), Value::Matrix(b)) if a.is_vector() && b.is_vector() => {
                    Ok(Value::Matrix(Matrix::new(a.data.len(), b.data.len(), |i, j| a.data[i] * b.data[j])))
                }
                _ => Err(Fault("outer takes two vectors".into())),
            },
        }
    }
}

fn length(numbers: &[f64]) -> f64 {
    numbers.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn norm(value: &Value) -> Value {
    match value {
        Value::Matrix(m) if !m.is_vector() => {
            Value::Matrix(Matrix::new(m.rows, 1, |i, _| length(&m.data[i * m.cols..(i + 1) * m.cols])))
        }
        other => Value::Scalar(length(other.numbers())),
    }
}

fn diag(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Matrix(m) if m.is_vector() => {
            let size = m.data.len();
            Ok(Value::Matrix(Matrix::new(size, size, |i, j| if i == j { m.data[i] } else { 0.0 })))
        }
        Value::Matrix(m) if m.rows == m.cols => Ok(Value::Matrix(Matrix::new(m.rows, 1, |i, _| m.at(i, i)))),
        Value::Scalar(v) => Ok(Value::Identity(*v)),
        _ => Err(Fault("diag takes a vector, or a square matrix".into())),
    }
}

fn softmax(value: &Value) -> Result<Value, Fault> {
    let Value::Matrix(m) = value else { return Err(Fault("softmax takes a vector or a matrix".into())) };
    let row = if m.is_vector() { m.data.len() } else { m.cols };
    let mut data = m.data.clone();
    for row in data.chunks_mut(row) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = row.iter().map(|v| (v - top).exp()).sum();
        for v in row {
            *v = (*v - top).exp() / total;
        }
    }
    Ok(Value::Matrix(Matrix { rows: m.rows, cols: m.cols, data }))
}
