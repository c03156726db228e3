//! Random values for the symbols of a question, in which two formulas are compared.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    Fault,
    names::Names,
    value::{Matrix, Value},
};
use crate::quiz::bank::Formula;

/// Largest dimension a question may declare.
pub const MAX_DIM: usize = 32;
/// How many draws two formulas must agree on.
pub(crate) const DRAWS: u64 = 3;
/// The one size of everything where shapes are set aside.
const SQUARE: usize = 4;
/// Relative difference below which two values are the same.
const CLOSE: f64 = 1e-8;

/// Which shapes the symbols take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shapes {
    /// As declared.
    Declared,
    /// As declared, with vectors as rows: the convention `y = x Wᵀ`.
    Rows,
    /// Every matrix square and of one size, so that every product fits.
    Square,
    /// As declared, with every scalar 1: what is left is the formula's structure.
    UnitScalars,
}

/// One draw: a value for each name, in the order of the names.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) values: Vec<Value>,
    dims: BTreeMap<String, usize>,
}

impl World {
    /// Draws values for the symbols of `formula`. Draws after the first change the sizes too, so that no number can
    /// stand in for a dimension.
    pub(crate) fn draw(formula: &Formula, names: &mut Names, shapes: Shapes, draw: u64) -> Result<Self, Fault> {
        let sizes = sizes(&formula.dims, draw)?;
        let mut rng = ChaCha8Rng::seed_from_u64(0x5eed_0000 + draw);
        let mut values = Vec::new();
        for (name, shape) in &formula.symbols {
            let of = |dim: &String| {
                let size = sizes.get(dim).copied().ok_or_else(|| Fault(format!("`{dim}` is not in dims")))?;
                Ok::<_, Fault>(if shapes == Shapes::Square { SQUARE } else { size })
            };
            let value = match shape.as_slice() {
                [] => {
                    let free = rng.random_range(0.4..2.6);
                    let size = sizes.get(name).map_or(free, |&size| as_f64(size));
                    Value::Scalar(if shapes == Shapes::UnitScalars { 1.0 } else { size })
                }
                [length] => {
                    let column = Matrix::new(of(length)?, 1, |_, _| rng.random_range(-1.0..1.0));
                    Value::Matrix(if shapes == Shapes::Rows { column.transposed() } else { column })
                }
                [rows, cols] => Value::Matrix(Matrix::new(of(rows)?, of(cols)?, |_, _| rng.random_range(-1.0..1.0))),
                _ => return Err(Fault(format!("symbol `{name}` has more than two dimensions"))),
            };
            put(&mut values, names.add(name), value);
        }
        for (name, &size) in &sizes {
            let at = names.add(name);
            if at >= values.len() {
                put(&mut values, at, Value::Scalar(if shapes == Shapes::UnitScalars { 1.0 } else { as_f64(size) }));
            }
        }
        Ok(Self { values, dims: if shapes == Shapes::Square { BTreeMap::new() } else { sizes } })
    }

    /// A world of scalars alone: the parameters of a number to compute.
    pub(crate) fn of_scalars(params: &BTreeMap<String, f64>, names: &mut Names) -> Self {
        let mut values = Vec::new();
        for (name, &value) in params {
            put(&mut values, names.add(name), Value::Scalar(value));
        }
        Self { values, dims: BTreeMap::new() }
    }

    /// A value's shape in the question's own dimensions, such as `r×k`.
    pub(crate) fn shape_name(&self, value: &Value) -> String {
        let name = |size: usize| {
            let mut named = self.dims.iter().filter(|(_, dim)| **dim == size).map(|(name, _)| name.clone());
            named.next().unwrap_or_else(|| size.to_string())
        };
        match value {
            Value::Scalar(_) => "a scalar".to_owned(),
            Value::Identity(_) => "identity".to_owned(),
            Value::Matrix(m) if m.cols == 1 => format!("vector of {}", name(m.rows)),
            Value::Matrix(m) => format!("{}×{}", name(m.rows), name(m.cols)),
        }
    }
}

/// Two names that are spelt alike share the later value.
fn put(values: &mut Vec<Value>, at: usize, value: Value) {
    if at < values.len() {
        values[at] = value;
    } else {
        values.push(value);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a dimension is at most a few dozen")]
fn as_f64(size: usize) -> f64 {
    size as f64
}

/// The dimensions in one draw: distinct sizes stay distinct and in the same order.
fn sizes(dims: &BTreeMap<String, usize>, draw: u64) -> Result<BTreeMap<String, usize>, Fault> {
    let mut distinct: Vec<usize> = dims.values().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.iter().any(|&size| size == 0 || size > MAX_DIM) {
        return Err(Fault(format!("dimensions go from 1 to {MAX_DIM}")));
    }
    let step = usize::try_from(draw).unwrap_or(0);
    let grown = |size: usize| size + step * (1 + distinct.iter().filter(|&&other| other < size).count());
    Ok(dims.iter().map(|(name, &size)| (name.clone(), grown(size))).collect())
}

/// Whether two values agree in shape and in every number.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    let scale = b.numbers().iter().fold(0.0_f64, |top, v| top.max(v.abs()));
    a.shape() == b.shape()
        && matches!(a, Value::Identity(_)) == matches!(b, Value::Identity(_))
        && a.numbers().iter().zip(b.numbers()).all(|(x, y)| (x - y).abs() <= CLOSE * scale.max(f64::MIN_POSITIVE))
}

/// The factor c with a = c·b, where there is one.
pub(crate) fn ratio(a: &Value, b: &Value) -> Option<f64> {
    if a.shape() != b.shape() {
        return None;
    }
    let (x, y) = a.numbers().iter().zip(b.numbers()).max_by(|p, q| p.1.abs().total_cmp(&q.1.abs()))?;
    let factor = x / y;
    let scaled = b.map(|v| v * factor).ok()?;
    (factor.is_finite() && factor != 0.0 && same(a, &scaled)).then_some(factor)
}
