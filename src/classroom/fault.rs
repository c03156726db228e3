//! What an error or a panic of a student's code means.

use std::error::Error as StdError;

use candle_core::Error;

use super::{Diagnosis, Kind, measure::shape};

/// What an error says, in one line without a backtrace.
pub(super) fn line(error: &dyn StdError) -> String {
    crate::model::one_line(&error.to_string())
}

/// What an error that a student's code returned means.
#[must_use]
pub(super) fn of_error(error: &(dyn StdError + 'static)) -> Diagnosis {
    let Some(candle) = error.downcast_ref::<Error>() else {
        return Diagnosis::new(Kind::Error, format!("an error came back: {}", line(error)));
    };
    of_candle(candle)
}

fn of_candle(error: &Error) -> Diagnosis {
    match error {
        Error::WithBacktrace { inner, .. } | Error::Context { inner, .. } | Error::WithPath { inner, .. } => {
            of_candle(inner)
        }
        Error::ShapeMismatchBinaryOp { lhs, rhs, op } => of_shapes(lhs.dims(), rhs.dims(), op),
        Error::BroadcastIncompatibleShapes { src_shape, dst_shape } => Diagnosis::new(
            Kind::Shape,
            format!(
                "shape mismatch: {} cannot be stretched to {}; a dimension is missing (unsqueeze) or in the wrong place",
                shape(src_shape.dims()),
                shape(dst_shape.dims())
            ),
        ),
        Error::UnexpectedNumberOfDims { expected, got, shape: found } => Diagnosis::new(
            Kind::Shape,
            format!("shape mismatch: {expected} dimensions are needed, {} has {got}", shape(found.dims())),
        ),
        Error::UnexpectedShape { .. } | Error::ShapeMismatch { .. } | Error::ShapeMismatchCat { .. } => {
            Diagnosis::new(Kind::Shape, format!("shape mismatch: {}", line(error)))
        }
        other => Diagnosis::new(Kind::Error, format!("an error came back: {}", line(other))),
    }
}

fn of_shapes(left: &[usize], right: &[usize], op: &str) -> Diagnosis {
    let met = format!("shape mismatch in {op}: {} meets {}", shape(left), shape(right));
    let ([.., rows, inner], [.., other, columns]) = (left, right) else { return Diagnosis::new(Kind::Shape, met) };
    if op != "matmul" {
        let text = if (rows, inner) == (columns, other) { format!("{met}; one of them is transposed") } else { met };
        return Diagnosis::new(Kind::Shape, text);
    }
    let inside = format!("{met}, and the inner two, {inner} and {other}, must be equal");
    match (inner == columns, rows == other) {
        (true, _) => {
            Diagnosis::new(Kind::Transposed, format!("{inside}: the right factor is transposed, take its .t()"))
        }
        (_, true) => {
            Diagnosis::new(Kind::Transposed, format!("{inside}: the left factor is transposed, take its .t()"))
        }
        _ => Diagnosis::new(Kind::Shape, format!("{inside}: are the factors in the right order?")),
    }
}

/// What a panic of a student's code means; `place` is where it happened.
#[must_use]
pub(super) fn of_panic(message: &str, place: Option<&str>) -> Diagnosis {
    let place = place.map_or_else(String::new, |place| format!(" at {place}"));
    if message.starts_with("not yet implemented") {
        return Diagnosis::new(Kind::Todo, format!("still to do: there is a todo!(){place}"));
    }
    let text = format!("the code panicked{place}: {}", crate::model::one_line(&message));
    let overflow = message.contains("overflow");
    let hint =
        if overflow { " (an unsigned number went below zero, or a number grew too large for its type)" } else { "" };
    Diagnosis::new(Kind::Panicked, text + hint)
}
