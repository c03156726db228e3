//! Reading one written number: separators, decimals, exponents, and how precisely it was written.

/// Plain whole numbers are taken as rounded to three significant digits where they end in zeros.
const WHOLE_DIGITS: usize = 3;

/// Reads the number at `start`: its value, one unit in its last significant place, and where it ends.
///
/// Accepts `131072`, `131,072`, `1_000`, `0.13`, `0,13`, `1.31e5`; with `grouped` also `131 072` and `131'072`.
pub(crate) fn read(chars: &[char], start: usize, grouped: bool) -> (f64, f64, usize) {
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let run = |from: usize| (from..chars.len()).take_while(|&at| digit(at)).count();
    let mut at = start;
    let mut text = String::new();
    let mut decimals = 0_i32;
    let mut exact_decimals = false;

    let lead = run(at);
    text.extend(&chars[at..at + lead]);
    at += lead;
    let leading_zero = lead > 0 && chars[start] == '0';
    let separator = chars.get(at).copied().filter(|&c| c == ',' || c == '_' || (grouped && is_group_mark(c)));
    if let Some(mark) = separator.filter(|_| (1..=3).contains(&lead) && !leading_zero) {
        while chars.get(at) == Some(&mark) && run(at + 1) == 3 {
            text.extend(&chars[at + 1..at + 4]);
            at += 4;
        }
    }
    let comma = chars.get(at) == Some(&',') && at == start + lead && run(at + 1) > 0 && grouped;
    if (chars.get(at) == Some(&'.') || comma) && run(at + 1) > 0 {
        let count = run(at + 1);
        text.push('.');
        text.extend(&chars[at + 1..at + 1 + count]);
        decimals = i32::try_from(count).unwrap_or(i32::MAX);
        exact_decimals = true;
        at += 1 + count;
    }
    let mut exponent = 0_i32;
    if matches!(chars.get(at), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(at + 1), Some('+' | '-')));
        let count = run(at + 1 + sign);
        let glued = chars.get(at + 1 + sign + count).is_some_and(|c| c.is_alphanumeric());
        if count > 0 && !glued {
            let written: String = chars[at + 1..at + 1 + sign + count].iter().collect();
            exponent = written.parse::<i32>().unwrap_or(if written.starts_with('-') { -9_999 } else { 9_999 });
            exact_decimals = true;
            at += 1 + sign + count;
        }
    }
    let value = format!("{text}e{exponent}").parse::<f64>().unwrap_or(f64::NAN);
    let step = if exact_decimals {
        10_f64.powi(exponent.saturating_sub(decimals))
    } else {
        let zeros = text.chars().rev().take_while(|&c| c == '0').count();
        let spare = text.trim_start_matches('0').len().saturating_sub(WHOLE_DIGITS);
        10_f64.powi(i32::try_from(zeros.min(spare)).unwrap_or(0))
    };
    (value, step, at)
}

fn is_group_mark(c: char) -> bool {
    matches!(c, ' ' | '\'' | '’' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}
