//! Numbers of a run against those that are committed.

use crate::notebook::{Facts, Stated};

/// How far apart numbers in shown text may be, unless the cell states them with a tolerance of its own.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 1e-6;

/// What differs between the stated numbers.
pub(super) fn stated(now: &Facts, committed: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    for was in &committed.numbers {
        match now.numbers.iter().find(|number| number.name == was.name) {
            None => faults.push(format!("the number “{}” is missing", was.name)),
            Some(is) if !agree(is, was) => faults.push(format!(
                "“{}” is {}, committed is {} within {:e}",
                was.name,
                shown(is.value),
                shown(was.value),
                was.within
            )),
            Some(_) => {}
        }
    }
    faults
}

fn agree(is: &Stated, was: &Stated) -> bool {
    match (is.value, was.value) {
        (Some(is), Some(was_value)) => (is - was_value).abs() <= was.within,
        (None, None) => true,
        _ => false,
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "not finite".to_owned(), |value| value.to_string())
}

/// What differs first between the numbers in two texts.
pub(super) fn texts(now: &str, committed: &str) -> Option<String> {
    let (is, was) = (numbers(now), numbers(committed));
    if is.len() != was.len() {
        return Some(format!("shows {} numbers, committed are {}", is.len(), was.len()));
    }
    let far = |(is, was): &(&f64, &f64)| (*is - *was).abs() > RELATIVE * is.abs().max(was.abs()) + ABSOLUTE;
    is.iter().zip(&was).find(far).map(|(is, was)| format!("shows {is}, committed is {was}"))
}

/// The numbers in `text`, thousands separators taken out. Digits inside a word, as in `g07` or `f32`, are no numbers.
fn numbers(text: &str) -> Vec<f64> {
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let inside = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        if !digit(at) {
            at += 1;
            continue;
        }
        let start = at;
        while digit(at) || (matches!(chars.get(at), Some('.' | ',')) && digit(at + 1)) {
            at += 1;
        }
        let sign = usize::from(matches!(chars.get(at + 1), Some('-' | '+')));
        if matches!(chars.get(at), Some('e' | 'E')) && digit(at + 1 + sign) {
            at += 1 + sign;
            while digit(at) {
                at += 1;
            }
        }
        let negative =
            start > 0 && matches!(chars[start - 1], '-' | '−') && (start < 2 || !chars[start - 2].is_alphanumeric());
        let written: String = chars[start..at].iter().filter(|c| **c != ',').collect();
        if let (false, Ok(value)) = (inside, written.parse::<f64>()) {
            found.push(if negative { -value } else { value });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_shown() {
        assert_eq!(
            numbers("g07: 6,738 of 1.5e-9, -2.5 f32 [2, 3] r=8; 4-bit"),
            [6738.0, 1.5e-9, -2.5, 2.0, 3.0, 8.0, 4.0]
        );
    }

    #[test]
    fn texts_agree_within_two_percent() {
        assert_eq!(texts("loss 0.425", "loss 0.426"), None);
        assert!(texts("loss 0.425", "loss 0.5").is_some());
        assert!(texts("loss", "loss 0.5").is_some());
    }
}
