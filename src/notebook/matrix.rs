//! Tensors and arrays as tables, tinted by size and sign so that structure is seen before numbers are read.

use candle_core::{DType, Tensor, Var};
use ndarray::{ArrayBase, Data, Dimension};

use super::{Output, Show, html};
use crate::quiz::shown::significant;

/// Rows and columns that are shown whole; of more, the first and the last.
const WHOLE: usize = 8;
const FIRST: usize = 4;
const LAST: usize = 3;

/// Numbers with a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// What it is: `Tensor f32`, `ndarray`.
    pub kind: String,
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// Its numbers, the last dimension running fastest.
    pub values: Vec<f64>,
}

/// What can be read as numbers with a shape.
pub trait Readable {
    /// Its numbers.
    ///
    /// # Errors
    /// They cannot be brought to the CPU or read as numbers.
    fn matrix(&self) -> Result<Matrix, String>;
}

impl Readable for Tensor {
    fn matrix(&self) -> Result<Matrix, String> {
        let read = self.contiguous().and_then(|own| own.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>());
        let values = read.map_err(|error| crate::model::one_line(&error))?;
        Ok(Matrix { kind: format!("Tensor {}", self.dtype().as_str()), dims: self.dims().to_vec(), values })
    }
}

impl<S: Data<Elem: Copy + Into<f64>>, D: Dimension> Readable for ArrayBase<S, D> {
    fn matrix(&self) -> Result<Matrix, String> {
        let values = self.iter().map(|value| (*value).into()).collect();
        Ok(Matrix { kind: "Array".to_owned(), dims: self.shape().to_vec(), values })
    }
}

impl Readable for Matrix {
    fn matrix(&self) -> Result<Matrix, String> {
        Ok(self.clone())
    }
}

impl Matrix {
    /// Rows and columns: the last dimension is the columns, the one before it the rows; of more dimensions only the first matrix is taken.
    #[must_use]
    pub fn sides(&self) -> (usize, usize) {
        match self.dims.as_slice() {
            [] => (1, 1),
            [columns] => (1, *columns),
            [.., rows, columns] => (*rows, *columns),
        }
    }

    /// The largest absolute value among the finite ones; 0 without any.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.values.iter().filter(|v| v.is_finite()).fold(0.0, |most: f64, v| most.max(v.abs()))
    }

    fn table(&self) -> Output {
        let (rows, columns) = self.sides();
        let largest = self.largest();
        let (mut body, mut text) = (String::new(), String::new());
        for row in places(rows) {
            body += "<tr>";
            let mut line = Vec::new();
            for column in places(columns) {
                let value = match (row, column) {
                    (Some(row), Some(column)) => self.values.get(row * columns + column).copied(),
                    _ => None,
                };
                body += &value.map_or_else(|| "<td>…</td>".to_owned(), |value| cell(value, largest));
                line.push(value.map_or_else(|| "…".to_owned(), significant));
            }
            body += "</tr>\n";
            text += &format!("{}\n", line.join(" "));
        }
        let note = if self.dims.len() > 2 { ", the first matrix" } else { "" };
        let title = format!("{} {:?}{note}", self.kind, self.dims);
        let shown = format!(
            "<table><caption style=\"text-align:left\">{}</caption>\n<tbody>\n{body}</tbody></table>\n",
            html::escape(&title)
        );
        Output::html(shown, format!("{title}\n{}", text.trim_end()))
    }
}

/// Positions along a side; `None` stands for what is left out.
fn places(count: usize) -> Vec<Option<usize>> {
    if count <= WHOLE {
        return (0..count).map(Some).collect();
    }
    (0..FIRST).map(Some).chain([None]).chain((count - LAST..count).map(Some)).collect()
}

fn cell(value: f64, largest: f64) -> String {
    let tint = if largest > 0.0 && value.is_finite() { 0.55 * value.abs() / largest } else { 0.0 };
    let colour = if value < 0.0 { html::WARM } else { html::COOL };
    format!(
        "<td style=\"text-align:right;background-color:rgba({colour},{tint:.2})\">{}</td>",
        html::escape(&significant(value))
    )
}

fn show(read: Result<Matrix, String>) -> Output {
    match read {
        Ok(matrix) => matrix.table(),
        Err(error) => Err::<(), _>(error).output(),
    }
}

impl Show for Matrix {
    fn output(&self) -> Output {
        self.table()
    }
}

impl Show for Tensor {
    fn output(&self) -> Output {
        show(self.matrix())
    }
}

impl Show for Var {
    fn output(&self) -> Output {
        self.as_tensor().output()
    }
}

impl<S: Data<Elem: Copy + Into<f64>>, D: Dimension> Show for ArrayBase<S, D> {
    fn output(&self) -> Output {
        show(self.matrix())
    }
}
