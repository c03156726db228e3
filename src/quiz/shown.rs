//! Numbers as the terminal and the notebooks show them.

use super::grade::numeric::shown;
use crate::demos::Value;

/// A cell as text: counts with separators, reals with four significant digits.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Count(count) => shown(*count as f64),
        Value::Real(real) => significant(*real),
    }
}

/// Four significant digits; very large and very small numbers in scientific notation.
#[must_use]
pub fn significant(real: f64) -> String {
    let size = real.abs();
    if real == 0.0 {
        "0".to_owned()
    } else if !real.is_finite() {
        format!("{real}")
    } else if (1e-3..1e6).contains(&size) {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        let text = format!("{real:.digits$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    } else {
        format!("{real:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(value(&Value::Count(6_738_415_616)), "6,738,415,616");
        assert_eq!(significant(0.015625), "0.01562");
        assert_eq!(significant(124.73), "124.7");
        assert_eq!(significant(35.0), "35");
        assert_eq!(significant(1.5e-9), "1.500e-9");
    }
}
