//! The `adapters` library states a bottleneck's width as `reduction_factor`: width = hidden // factor, in Python's floating point.

/// `hidden // factor` as Python has it: the exact quotient rounded down, which is not always the rounded quotient rounded down.
pub(super) fn floor_division(hidden: f64, factor: f64) -> f64 {
    ((hidden - hidden % factor) / factor).round()
}

/// The reduction factor that makes the library build a bottleneck `width` wide: `hidden / width` itself may give one less.
pub(super) fn factor_for(hidden: f64, width: f64) -> f64 {
    let factor = hidden / width;
    if floor_division(hidden, factor) == width { factor } else { factor.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_pythons() {
        // 48 // 1.6 == 29 and 64 // 12.8 == 4 in Python, because 1.6 and 12.8 are a little more than that in binary.
        assert_eq!(floor_division(48.0, 1.6), 29.0);
        assert_eq!(floor_division(64.0, 12.8), 4.0);
        assert_eq!(floor_division(64.0, 16.0), 4.0);
        assert_eq!(floor_division(64.0, 0.5), 128.0);
        for hidden in [40.0, 64.0, 576.0] {
            for width in 1..=1200 {
                assert_eq!(floor_division(hidden, factor_for(hidden, f64::from(width))), f64::from(width));
            }
        }
    }
}
