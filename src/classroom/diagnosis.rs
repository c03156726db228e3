//! What is wrong, in words: mistakes that can be recognised from numbers alone.

use serde::{Deserialize, Serialize};

use super::measure::{Numbers, shape};

/// The kind of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing is written yet.
    Todo,
    /// One that the exercise's author foresaw.
    Named,
    /// The shape is another one.
    Shape,
    /// A factor, or the result, is transposed.
    Transposed,
    /// One factor off everywhere.
    Scale,
    /// The sign is flipped.
    Sign,
    /// One more or one less.
    OffByOne,
    /// One constant added everywhere.
    Offset,
    /// No gradient where there should be one.
    Detached,
    /// All is zero.
    Zero,
    /// NaN or infinite.
    NotFinite,
    /// Right numbers in another order.
    Permuted,
    /// Only some values are wrong.
    Partly,
    /// Wrong in no way that is recognised.
    Other,
    /// The code panicked.
    Panicked,
    /// The code returned an error, or none where it should.
    Error,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The kind.
    pub kind: Kind,
    /// In words, for the student.
    pub text: String,
}

impl Diagnosis {
    /// Of `kind`, in the words `text`.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// Whether `got` is `want` within `tolerance`, relative to what is larger than 1 and absolute below.
#[must_use]
pub(super) fn near(got: f64, want: f64, tolerance: f64) -> bool {
    got == want || (got - want).abs() <= tolerance * want.abs().max(1.0)
}

/// Whether all of `got` is near `want`, in the same shape.
#[must_use]
pub(super) fn alike(got: &Numbers, want: &Numbers, tolerance: f64) -> bool {
    got.shape == want.shape && all_near(&got.values, &want.values, tolerance)
}

fn all_near(got: &[f64], want: &[f64], tolerance: f64) -> bool {
    got.len() == want.len() && got.iter().zip(want).all(|(got, want)| near(*got, *want, tolerance))
}

/// What is wrong with `got`, which differs from `want`; `factors` are constants of the exercise by their names.
#[must_use]
pub(super) fn recognise(got: &Numbers, want: &Numbers, tolerance: f64, factors: &[(String, f64)]) -> Diagnosis {
    not_finite(got, want)
        .or_else(|| transposed(got, want, tolerance))
        .or_else(|| other_shape(got, want, tolerance))
        .or_else(|| zero(got))
        .or_else(|| off_by_one(got, want, tolerance))
        .or_else(|| proportional(got, want, tolerance, factors))
        .or_else(|| offset(got, want, tolerance))
        .or_else(|| permuted(got, want, tolerance))
        .unwrap_or_else(|| partly(got, want, tolerance))
}

fn not_finite(got: &Numbers, want: &Numbers) -> Option<Diagnosis> {
    if want.values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let place = got.values.iter().position(|value| !value.is_finite())?;
    let (what, why) = match got.values[place].is_nan() {
        true => ("NaN", "zero was divided by zero, or a root or logarithm of a negative number taken"),
        false => ("infinite", "something was divided by zero, or an exponential overflowed"),
    };
    Some(Diagnosis::new(Kind::NotFinite, format!("{}is {what}: {why}", at(got, place))))
}

fn transposed(got: &Numbers, want: &Numbers, tolerance: f64) -> Option<Diagnosis> {
    let flipped = want.transposed()?;
    if alike(got, &flipped, tolerance) {
        return Some(Diagnosis::new(Kind::Transposed, "the result is transposed: rows and columns are exchanged"));
    }
    (got.shape != want.shape && got.shape == flipped.shape).then(|| {
        let text = format!(
            "shape mismatch: got {}, wanted {}; rows and columns are exchanged, so a factor is transposed",
            shape(&got.shape),
            shape(&want.shape)
        );
        Diagnosis::new(Kind::Transposed, text)
    })
}

fn other_shape(got: &Numbers, want: &Numbers, tolerance: f64) -> Option<Diagnosis> {
    if got.shape == want.shape {
        return None;
    }
    let met = format!("shape mismatch: got {}, wanted {}", shape(&got.shape), shape(&want.shape));
    let more = if all_near(&got.values, &want.values, tolerance) {
        "; the numbers are right, only the shape is not"
    } else if got.shape.len() == 1 && want.shape.len() == 1 && got.shape[0].abs_diff(want.shape[0]) == 1 {
        "; off by one: one number too many or too few"
    } else {
        ""
    };
    Some(Diagnosis::new(Kind::Shape, met + more))
}

/// `got` is not `want`, so all zeros are wrong.
fn zero(got: &Numbers) -> Option<Diagnosis> {
    let all = !got.values.is_empty() && got.values.iter().all(|value| *value == 0.0);
    (all && got.values.len() > 1).then(|| Diagnosis::new(Kind::Zero, "everything is zero"))
}

fn off_by_one(got: &Numbers, want: &Numbers, tolerance: f64) -> Option<Diagnosis> {
    let counts = tolerance == 0.0 && got.values.len() == 1;
    (counts && (got.values[0] - want.values[0]).abs() == 1.0)
        .then(|| Diagnosis::new(Kind::OffByOne, "off by one: is an end counted that should not be, or left out?"))
}

fn proportional(got: &Numbers, want: &Numbers, tolerance: f64, factors: &[(String, f64)]) -> Option<Diagnosis> {
    // The largest value gives the factor with the least error.
    let largest = (0..want.values.len()).max_by(|a, b| want.values[*a].abs().total_cmp(&want.values[*b].abs()))?;
    if want.values[largest] == 0.0 {
        return None;
    }
    let factor = got.values[largest] / want.values[largest];
    let scaled: Vec<f64> = want.values.iter().map(|value| value * factor).collect();
    if factor == 0.0 || !all_near(&got.values, &scaled, tolerance.max(1e-9) * factor.abs().max(1.0)) {
        return None;
    }
    if let Some(text) = named(factor, tolerance, factors) {
        return Some(Diagnosis::new(Kind::Scale, text));
    }
    let close = tolerance.max(1e-6);
    if near(factor, -1.0, close) {
        return Some(Diagnosis::new(Kind::Sign, "the sign is flipped: it should be the negative of this"));
    }
    let whole = |factor: f64| factor.abs() > 1.5 && near(factor, factor.round(), close);
    // Any two numbers are proportional: of a single one only a whole ratio says something.
    if want.values.len() < 2 && !whole(factor) && !whole(1.0 / factor) {
        return None;
    }
    let written = if whole(1.0 / factor) { format!("1/{}", (1.0 / factor).round()) } else { short(factor) };
    let where_ = if want.values.len() > 1 { "every value is" } else { "it is" };
    Some(Diagnosis::new(
        Kind::Scale,
        format!("{where_} {written} times what it should be: a scale is missing or wrong"),
    ))
}

/// A factor that the exercise knows: left out, applied twice, or upside down.
fn named(factor: f64, tolerance: f64, factors: &[(String, f64)]) -> Option<String> {
    let close = tolerance.max(1e-5);
    let is = |value: f64| value.is_finite() && near(factor, value, close) && !near(value, 1.0, close);
    factors.iter().find_map(|(name, value)| {
        if is(1.0 / value) {
            Some(format!("the scale {name} is missing: every value is {} times what it should be", short(factor)))
        } else if is(*value) {
            Some(format!("the scale {name} is applied twice: every value is {} times what it should be", short(factor)))
        } else if is(1.0 / (value * value)) {
            Some(format!("the scale {name} is upside down: every value is {} times what it should be", short(factor)))
        } else {
            None
        }
    })
}

fn offset(got: &Numbers, want: &Numbers, tolerance: f64) -> Option<Diagnosis> {
    let by = got.values.first()? - want.values.first()?;
    let moved: Vec<f64> = want.values.iter().map(|value| value + by).collect();
    (want.values.len() > 2 && all_near(&got.values, &moved, tolerance)).then(|| {
        let one = if by.abs() == 1.0 { " (off by one)" } else { "" };
        Diagnosis::new(Kind::Offset, format!("every value is off by the same {}{one}", short(by)))
    })
}

fn permuted(got: &Numbers, want: &Numbers, tolerance: f64) -> Option<Diagnosis> {
    let rows = *want.shape.first()?;
    let width = want.values.len().checked_div(rows)?;
    if rows < 2 || width == 0 {
        return None;
    }
    let mut left: Vec<&[f64]> = want.values.chunks(width).collect();
    for row in got.values.chunks(width) {
        let found = left.iter().position(|other| all_near(row, other, tolerance))?;
        left.swap_remove(found);
    }
    let what = if want.shape.len() == 1 { "numbers" } else { "rows" };
    Some(Diagnosis::new(Kind::Permuted, format!("the right {what} in the wrong order: they are permuted")))
}

fn partly(got: &Numbers, want: &Numbers, tolerance: f64) -> Diagnosis {
    let pairs = || got.values.iter().zip(&want.values);
    let wrong: Vec<usize> = pairs()
        .enumerate()
        .filter(|(_, (got, want))| !near(**got, **want, tolerance))
        .map(|(place, _)| place)
        .collect();
    let (count, all) = (wrong.len(), want.values.len());
    let signs = pairs().all(|(got, want)| near(got.abs(), want.abs(), tolerance));
    if signs && count > 0 {
        return Diagnosis::new(Kind::Sign, format!("{count} of {all} values have the wrong sign"));
    }
    if all < 2 || count == all {
        return Diagnosis::new(Kind::Other, "the values are wrong");
    }
    let edge = match (wrong.first(), wrong.last()) {
        (Some(first), Some(last)) if last - first + 1 == count && *last == all - 1 => {
            ", all at the end: is the rest handled?"
        }
        (Some(0), Some(last)) if last + 1 == count => ", all at the beginning",
        _ => "",
    };
    Diagnosis::new(Kind::Partly, format!("{count} of {all} values are wrong{edge}"))
}

/// `value [0, 1] `, or nothing for a single number.
fn at(numbers: &Numbers, place: usize) -> String {
    if numbers.shape.is_empty() { "it ".to_owned() } else { format!("value {} ", shape(&numbers.index(place))) }
}

/// A number in at most six digits.
#[must_use]
pub(super) fn short(value: f64) -> String {
    let magnitude = value.abs();
    if value.fract() == 0.0 && magnitude < 1e15 {
        return format!("{value}");
    }
    if !(1e-4..1e7).contains(&magnitude) {
        return format!("{value:.4e}");
    }
    let digits = (5.0 - magnitude.log10().floor()).clamp(0.0, 9.0) as usize;
    let written = format!("{value:.digits$}");
    if written.contains('.') { written.trim_end_matches('0').trim_end_matches('.').to_owned() } else { written }
}
