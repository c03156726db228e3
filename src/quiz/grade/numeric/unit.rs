//! Units of numeric answers, and how one is turned into another.

/// What a word behind a number does to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Suffix {
    /// Thousand, million…: multiplies the number.
    Scale(f64),
    /// A unit that stands for so many of its family's base unit.
    Unit(Family, f64),
    /// `parameters`, `per`, `about`…: means nothing for the value.
    Filler,
}

/// Units that can be turned into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Base unit: one byte.
    Bytes,
    /// Base unit: one bit.
    Bits,
    /// Base unit: one per cent.
    Percent,
    /// A ratio, `125x`.
    Times,
}

const BINARY: f64 = 1024.0;

/// Reads the word behind a number; `target` decides what `G`, `M` and `B` alone mean.
pub(super) fn suffix(word: &str, target: &str) -> Option<Suffix> {
    let lower = word.to_lowercase();
    let bytes = family(target).is_some_and(|(family, _)| family == Family::Bytes);
    Some(match lower.as_str() {
        "g" if bytes => Suffix::Unit(Family::Bytes, 1e9),
        "m" if bytes => Suffix::Unit(Family::Bytes, 1e6),
        "k" if bytes => Suffix::Unit(Family::Bytes, 1e3),
        "t" if bytes => Suffix::Unit(Family::Bytes, 1e12),
        "b" if bytes => Suffix::Unit(Family::Bytes, 1.0),
        "k" | "thousand" | "thousands" => Suffix::Scale(1e3),
        "m" | "mn" | "mio" | "million" | "millions" => Suffix::Scale(1e6),
        "b" | "bn" | "g" | "billion" | "billions" => Suffix::Scale(1e9),
        "t" | "tn" | "trillion" | "trillions" => Suffix::Scale(1e12),
        "x" | "times" | "fold" | "factor" => Suffix::Unit(Family::Times, 1.0),
        "percent" | "pct" | "procent" => Suffix::Unit(Family::Percent, 1.0),
        "bit" | "bits" => Suffix::Unit(Family::Bits, 1.0),
        "parameter" | "parameters" | "param" | "params" | "weights" | "trainable" | "trained" | "per" | "of" | "in"
        | "total" | "values" | "numbers" => Suffix::Filler,
        _ => return byte_unit(&lower).map(|size| Suffix::Unit(Family::Bytes, size)),
    })
}

fn byte_unit(lower: &str) -> Option<f64> {
    Some(match lower {
        "byte" | "bytes" => 1.0,
        "kb" | "kilobyte" | "kilobytes" => 1e3,
        "mb" | "megabyte" | "megabytes" => 1e6,
        "gb" | "gbs" | "gbyte" | "gigabyte" | "gigabytes" | "gig" | "gigs" => 1e9,
        "tb" | "terabyte" | "terabytes" => 1e12,
        "kib" => BINARY,
        "mib" => BINARY.powi(2),
        "gib" => BINARY.powi(3),
        "tib" => BINARY.powi(4),
        _ => return None,
    })
}

/// The family of a bank's unit and how many base units it is; none for counts and bare numbers.
pub(super) fn family(unit: &str) -> Option<(Family, f64)> {
    match unit {
        "%" => Some((Family::Percent, 1.0)),
        "x" => Some((Family::Times, 1.0)),
        "bits" => Some((Family::Bits, 1.0)),
        _ => byte_unit(&unit.to_lowercase()).map(|size| (Family::Bytes, size)),
    }
}

/// Whether a bank may name this unit.
#[must_use]
pub fn is_known(unit: &str) -> bool {
    matches!(unit, "" | "parameters") || family(unit).is_some()
}

/// `value` given in (`family`, `size`), in the bank's unit; none where they cannot be turned into each other.
pub(super) fn convert(value: f64, given: (Family, f64), target: &str) -> Option<f64> {
    let (family_wanted, size_wanted) = family(target)?;
    let base = value * given.1;
    match (given.0, family_wanted) {
        (a, b) if a == b => Some(base / size_wanted),
        (Family::Bytes, Family::Bits) => Some(8.0 * base / size_wanted),
        (Family::Bits, Family::Bytes) => Some(base / 8.0 / size_wanted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_turn_into_each_other_within_their_families() {
        assert_eq!(convert(1100.0, (Family::Bytes, 1e9), "TB"), Some(1.1));
        assert_eq!(convert(1.0, (Family::Bytes, BINARY.powi(3)), "GB"), Some(1.073_741_824));
        assert_eq!(convert(2.0, (Family::Bytes, 1.0), "bits"), Some(16.0));
        assert_eq!(convert(2.0, (Family::Percent, 1.0), "GB"), None);
        assert_eq!(suffix("M", "parameters"), Some(Suffix::Scale(1e6)));
        assert_eq!(suffix("M", "MB"), Some(Suffix::Unit(Family::Bytes, 1e6)));
        assert_eq!(suffix("bananas", "MB"), None);
    }
}
