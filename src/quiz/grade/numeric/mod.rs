//! Numeric answers: `131072`, `131,072`, `131k`, `0.13M`, `2*16*4096` and `r*(d+k)` are one number; units are understood.

pub mod unit;
mod written;

use std::collections::BTreeMap;

use written::{Quantity, quantities};

use super::formula::{Fault, scalar};
use crate::quiz::{
    bank::{Numeric, NumericMistake},
    verdict::{Caught, Label, PointVerdict, Verdict},
};

/// A rounded number may be off by half its last digit, but never by more than this share.
const COARSEST: f64 = 0.05;

/// The right answer for `params`, in the question's unit.
///
/// # Errors
/// The bank's expression cannot be evaluated.
pub fn answer(numeric: &Numeric, params: &BTreeMap<String, f64>) -> Result<f64, Fault> {
    scalar(&numeric.answer, params)
}

/// Judges `typed` for the question drawn with `params`.
#[must_use]
pub fn grade(numeric: &Numeric, params: &BTreeMap<String, f64>, typed: &str) -> Verdict {
    let right = match answer(numeric, params) {
        Ok(right) => right,
        Err(fault) => {
            return single_point(
                Label::Wrong,
                String::new(),
                Vec::new(),
                vec![format!("this question is faulty: {fault}")],
            );
        }
    };
    let text = format!("The answer is {} {}.", shown(right), numeric.unit).replace(" .", ".");
    let say =
        |label, quote: Option<String>, notes| single_point(label, text.clone(), quote.into_iter().collect(), notes);
    let all = match quantities(typed, &numeric.unit, params) {
        Ok(all) => all,
        Err(fault) => return say(Label::Wrong, None, vec![fault.0]),
    };
    let Some(chosen) = choose(&all, params) else {
        return say(
            Label::Wrong,
            None,
            vec!["There is no number in this answer; give one, or an expression such as 2*16*4096.".to_owned()],
        );
    };
    let quote = Some(chosen.quote.clone());
    let mut notes = Vec::new();
    let Some(value) = in_unit(chosen, right, numeric, &mut notes) else {
        return say(
            Label::Wrong,
            quote,
            vec![format!("The question asks for {}, this is another kind of unit.", numeric.unit)],
        );
    };
    let scale = if chosen.value == 0.0 { 1.0 } else { value / chosen.value };
    let close = |wanted: f64| near(value, chosen.step * scale.abs(), wanted, numeric.tolerance);
    let rival = all.iter().find(|other| other.alternative || chosen.alternative).is_some_and(|_| {
        all.iter()
            .filter_map(|other| in_unit(other, right, numeric, &mut Vec::new()))
            .any(|other| !near(other, 0.0, value, numeric.tolerance))
    });
    if rival {
        notes.push("Two different numbers joined by \"or\" are not one answer; give one.".to_owned());
        return say(Label::Wrong, quote, notes);
    }
    if close(right) {
        return say(Label::Correct, quote, notes);
    }
    let mistake = numeric.mistakes.iter().find(|mistake| scalar(&mistake.value, params).is_ok_and(close));
    if let Some(mistake) = mistake {
        let mut verdict = say(Label::Wrong, quote.clone(), notes);
        verdict.misconceptions.push(caught(mistake, quote));
        return verdict;
    }
    let power = (value / right).abs().log10().round();
    if power != 0.0 && power.abs() <= 12.0 && close(right * 10f64.powf(power)) {
        notes.push(format!("The digits are right, but this is off by a factor of 10^{power}; check the unit."));
        return say(Label::Partial, quote, notes);
    }
    notes.push(format!("Read as {} {}, {} times the right value.", shown(value), numeric.unit, shown(value / right)));
    say(Label::Wrong, quote, notes)
}

/// The number that is meant as the answer: the last result of an equation, else one with a unit, else the last one that
/// does not just repeat what was given.
fn choose<'a>(all: &'a [Quantity], params: &BTreeMap<String, f64>) -> Option<&'a Quantity> {
    let given = |quantity: &Quantity| quantity.unit.is_none() && params.values().any(|value| *value == quantity.value);
    all.iter()
        .rfind(|quantity| quantity.result)
        .or_else(|| all.iter().find(|quantity| quantity.unit.is_some()))
        .or_else(|| all.iter().find(|quantity| !given(quantity)))
        .or_else(|| all.last())
}

/// The quantity in the question's unit.
fn in_unit(quantity: &Quantity, right: f64, numeric: &Numeric, notes: &mut Vec<String>) -> Option<f64> {
    match quantity.unit {
        Some(given) => match unit::convert(quantity.value, given, &numeric.unit) {
            Some(value) => Some(value),
            // "125x" for a bare number is harmless.
            None if given.0 == unit::Family::Times => Some(quantity.value),
            None => None,
        },
        None if numeric.unit == "%" && near(100.0 * quantity.value, 0.0, right, numeric.tolerance) => {
            notes.push("Read as a fraction of one.".to_owned());
            Some(100.0 * quantity.value)
        }
        None => Some(quantity.value),
    }
}

fn near(value: f64, step: f64, wanted: f64, tolerance: f64) -> bool {
    let off = (value - wanted).abs();
    // Room for the rounding of sums in double precision.
    let slack = 1e-9 * wanted.abs().max(1e-300);
    off <= tolerance * wanted.abs() + slack || off <= (0.5 * step).min(COARSEST * wanted.abs()) + slack
}

fn caught(mistake: &NumericMistake, quote: Option<String>) -> Caught {
    Caught {
        id: "mistake".to_owned(),
        text: "A number people often arrive at".to_owned(),
        correction: mistake.text.clone(),
        decisive: true,
        evidence: quote.into_iter().collect(),
        demo: mistake.demo.clone(),
        claim: None,
    }
}

/// A number as it is shown to people: whole numbers with separators, others with four significant digits.
#[must_use]
pub fn shown(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let digits = format!("{:.0}", value.abs());
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        return if value < 0.0 { format!("-{text}") } else { text };
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    format!("{value:.digits$}")
}

/// A verdict with one point, `answer`, as all kinds but free text have.
#[must_use]
pub(super) fn single_point(label: Label, text: String, evidence: Vec<String>, notes: Vec<String>) -> Verdict {
    let point = PointVerdict { id: "answer".to_owned(), text, required: true, evidence, probe: None };
    let (score, hit, missed) = match label {
        Label::Correct => (1.0, vec![point], Vec::new()),
        Label::Partial => (0.5, Vec::new(), vec![point]),
        Label::Wrong => (0.0, Vec::new(), vec![point]),
    };
    Verdict { label, score, hit, missed, misconceptions: Vec::new(), notes, trace: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(unit: &str, right: &str, typed: &str) -> u8 {
        let mistakes = vec![NumericMistake { value: "r * d * k".into(), text: "product".into(), demo: None }];
        let params = BTreeMap::from([("r".into(), 16.0), ("d".into(), 4096.0), ("k".into(), 4096.0)]);
        let numeric =
            Numeric { params: BTreeMap::new(), answer: right.into(), unit: unit.into(), tolerance: 0.01, mistakes };
        grade(&numeric, &params, typed).label.number()
    }

    #[test]
    fn one_number_in_many_clothes() {
        for typed in [
            "131072",
            "131,072",
            "131 072",
            "131k",
            "131K params",
            "0.13M",
            "0.131 million",
            "2*16*4096",
            "16*(4096+4096)",
            "r*(d+k)",
            "r(d + k) = 131072",
            "about 131 thousand parameters",
            "r=16, so 16*(4096+4096) = 131072 trainable parameters",
            "it is 131,072.",
            "2·16·4096 = 131,072",
        ] {
            assert_eq!(label("parameters", "r*(d+k)", typed), 2, "{typed}");
        }
        for typed in
            ["", "no idea", "16777216", "65536", "131072 or 262144", "131072 bytes", "r=16", "????", "-131072", "1/0"]
        {
            assert_eq!(label("parameters", "r*(d+k)", typed), 0, "{typed}");
        }
        assert_eq!(label("parameters", "r*(d+k)", "131M"), 1);
    }

    #[test]
    fn units_are_understood() {
        for typed in ["1.1 TB", "1100 GB", "1,100GB", "1024.5 GiB", "1.1 terabytes", "1.09-1.11 TB", "1.1e12 bytes"] {
            assert_eq!(label("TB", "1.1", typed), 2, "{typed}");
        }
        for typed in ["0.127", "0.127 bits", "0.127 bits per parameter", "0.0159 bytes"] {
            assert_eq!(label("bits", "0.127", typed), 2, "{typed}");
        }
        for typed in ["6.25", "6.25%", "6.25 percent", "0.0625", "1/16"] {
            assert_eq!(label("%", "6.25", typed), 2, "{typed}");
        }
        for typed in ["125x", "125 ×", "125 times", "125-fold", "about 125"] {
            assert_eq!(label("x", "125", typed), 2, "{typed}");
        }
        assert_eq!(label("GB", "35", "35 %"), 0);
    }
}
