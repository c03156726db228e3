//! Sizes as people write them: 24GB, 80 GiB, 8B, 135M.

/// A number and the letters after it.
fn split(text: &str) -> Option<(f64, String)> {
    let text = text.trim().replace(['_', ','], "");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    (number.is_finite() && number > 0.0).then(|| (number, text[end..].trim().to_lowercase()))
}

/// Bytes of a memory size; a bare number is gigabytes.
///
/// # Errors
/// It is no size, or an absurd one.
pub(super) fn bytes(text: &str) -> Result<f64, String> {
    let wrong = || {
        format!(
            "`{}` is no memory size; write 24GB, 80GiB or 16000MB (without a GPU: the machine's own memory)",
            super::super::verdict::clean(text)
        )
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let bytes = number
        * match unit.as_str() {
            "" | "g" | "gb" => 1e9,
            "gib" => f64::from(1u32 << 30),
            "m" | "mb" => 1e6,
            "mib" => f64::from(1u32 << 20),
            "t" | "tb" => 1e12,
            _ => return Err(wrong()),
        };
    match (1e8..=1e13).contains(&bytes) {
        true => Ok(bytes),
        false => Err(format!("{text} of GPU memory? it takes 100MB to 10TB")),
    }
}

/// Parameters of a model; a bare number below 2000 is billions.
///
/// # Errors
/// It is no number of parameters, or an absurd one.
pub(super) fn parameters(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{}` is no number of parameters; write 8B, 135M or 7000000000", super::super::verdict::clean(text));
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let count = number
        * match unit.as_str() {
            "" if number < 2000.0 => 1e9,
            "" => 1.0,
            "k" => 1e3,
            "m" => 1e6,
            "b" | "g" => 1e9,
            "t" => 1e12,
            _ => return Err(wrong()),
        };
    match (1e6..=1e13).contains(&count) {
        true => Ok(count.round() as u64),
        false => Err(format!("{text} parameters? it takes 1M to 10T")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sizes_are_read_as_written() {
        for (text, value) in [("24GB", 24e9), ("24", 24e9), (" 80 gib", 80.0 * 1_073_741_824.0), ("16000MB", 16e9)] {
            assert_eq!(bytes(text).unwrap(), value, "{text}");
        }
        for (text, value) in [("8B", 8_000_000_000), ("135M", 135_000_000), ("7", 7_000_000_000), ("7e", 0)] {
            assert_eq!(parameters(text).unwrap_or(0), value, "{text}");
        }
        for text in ["", "GB", "-3GB", "24XB", "1e400", "0", "99999999999GB", "∞"] {
            assert!(bytes(text).is_err() && parameters(text).is_err(), "{text}");
        }
    }
}
