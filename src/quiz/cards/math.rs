//! A formula's tree as TeX, for Anki and Markdown, and as MathML, which browsers show without a script.

use super::html::escaped;
use crate::quiz::grade::formula::notation::{Notation, greek, indexed};

/// The formula in TeX, without delimiters.
#[must_use]
pub fn tex(part: &Notation) -> String {
    match part {
        Notation::Number(number) => number.to_string(),
        Notation::Symbol(name) => {
            let (letters, index) = indexed(name);
            let base = match greek(letters) {
                Some(_) => format!("\\{letters}"),
                None if letters.chars().count() > 1 => format!("\\mathrm{{{}}}", plain(letters)),
                None => plain(letters),
            };
            match index {
                Some(index) => format!("{base}_{{{}}}", plain(index)),
                None => base,
            }
        }
        Notation::Group(inner) => format!("\\left({}\\right)", tex(inner)),
        Notation::Negative(inner) => format!("-{}", tex(inner)),
        Notation::Sum(a, b) => format!("{} + {}", tex(a), tex(b)),
        Notation::Difference(a, b) => format!("{} - {}", tex(a), tex(b)),
        Notation::Product(a, b, true) => format!("{} \\cdot {}", tex(a), tex(b)),
        Notation::Product(a, b, false) => format!("{} \\, {}", tex(a), tex(b)),
        Notation::Hadamard(a, b) => format!("{} \\odot {}", tex(a), tex(b)),
        Notation::Fraction(a, b) => format!("\\frac{{{}}}{{{}}}", tex(a), tex(b)),
        Notation::Power(a, b) => format!("{}^{{{}}}", tex(a), tex(b)),
        Notation::Transpose(a) => format!("{}^{{\\top}}", tex(a)),
        Notation::Root(a) => format!("\\sqrt{{{}}}", tex(a)),
        Notation::Norm(a) => format!("\\left\\lVert {} \\right\\rVert", tex(a)),
        Notation::Call(name, args) => {
            let args: Vec<_> = args.iter().map(tex).collect();
            format!("\\operatorname{{{}}}\\left({}\\right)", plain(name), args.join(", "))
        }
    }
}

/// A name without what TeX would act on; names come from banks that strangers wrote.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The formula as a MathML element.
#[must_use]
pub fn mathml(part: &Notation) -> String {
    format!("<math displaystyle=\"true\">{}</math>", row(part))
}

/// One element: what takes a fixed number of children needs each in a row of its own.
fn row(part: &Notation) -> String {
    format!("<mrow>{}</mrow>", element(part))
}

fn element(part: &Notation) -> String {
    let infix = |a: &Notation, sign: &str, b: &Notation| format!("{}<mo>{sign}</mo>{}", element(a), element(b));
    match part {
        Notation::Number(number) => format!("<mn>{number}</mn>"),
        Notation::Symbol(name) => {
            let (letters, index) = indexed(name);
            let letters = greek(letters).map_or_else(|| letters.to_owned(), |letter| letter.to_string());
            let base = format!("<mi>{}</mi>", escaped(&letters));
            match index {
                Some(index) => format!("<msub>{base}<mn>{}</mn></msub>", escaped(index)),
                None => base,
            }
        }
        Notation::Group(inner) => format!("<mo>(</mo>{}<mo>)</mo>", element(inner)),
        Notation::Negative(inner) => format!("<mo>−</mo>{}", element(inner)),
        Notation::Sum(a, b) => infix(a, "+", b),
        Notation::Difference(a, b) => infix(a, "−", b),
        Notation::Product(a, b, true) => infix(a, "·", b),
        Notation::Product(a, b, false) => format!("{}<mspace width=\"0.17em\"/>{}", element(a), element(b)),
        Notation::Hadamard(a, b) => infix(a, "⊙", b),
        Notation::Fraction(a, b) => format!("<mfrac>{}{}</mfrac>", row(a), row(b)),
        Notation::Power(a, b) => format!("<msup>{}{}</msup>", row(a), row(b)),
        Notation::Transpose(a) => format!("<msup>{}<mo>⊤</mo></msup>", row(a)),
        Notation::Root(a) => format!("<msqrt>{}</msqrt>", row(a)),
        Notation::Norm(a) => format!("<mo>‖</mo>{}<mo>‖</mo>", element(a)),
        Notation::Call(name, args) => {
            let args: Vec<_> = args.iter().map(element).collect();
            format!("<mi>{}</mi><mo>(</mo>{}<mo>)</mo>", escaped(name), args.join("<mo>,</mo>"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quiz::{
        bank::{self, Kind},
        grade::formula::notation::of_formula,
    };

    fn read(text: &str) -> Notation {
        let formula = serde_yaml::from_str(
            "{dims: {d: 5, k: 7, r: 3}, reference: x, symbols: {W0: [d, k], B: [d, r], A: [r, k], x: [k], alpha: [], lr: []}}",
        );
        of_formula(text, &formula.unwrap()).unwrap()
    }

    #[test]
    fn formulas_are_typeset() {
        for (text, wanted) in [
            ("W0 x + (alpha/sqrt(r)) B A x", r"W_{0} \, x + \frac{\alpha}{\sqrt{r}} \, B \, A \, x"),
            ("W0 - (alpha + 1) B A", r"W_{0} - \left(\alpha + 1\right) \, B \, A"),
            ("x - (x - x)", r"x - \left(x - x\right)"),
            ("2*16*4096", r"2 \cdot 16 \cdot 4096"),
            ("lr B^T W0", r"\mathrm{lr} \cdot B^{\top} \, W_{0}"),
            ("(B A)^T", r"\left(B \, A\right)^{\top}"),
            ("-x^2 ⊙ relu(A x)", r"\left(-x^{2}\right) \odot \operatorname{ReLU}\left(A \, x\right)"),
            ("W0 / ‖W0 + B A‖", r"\frac{W_{0}}{\left\lVert W_{0} + B \, A \right\rVert}"),
        ] {
            assert_eq!(tex(&read(text)), wanted, "{text}");
        }
        assert_eq!(
            mathml(&read("(alpha/r) W0")),
            "<math displaystyle=\"true\"><mrow><mfrac><mrow><mi>α</mi></mrow><mrow><mi>r</mi></mrow></mfrac><mspace width=\"0.17em\"/>\
             <msub><mi>W</mi><mn>0</mn></msub></mrow></math>"
        );
    }

    /// What is shown is what is judged: typeset, then read back as an answer, each reference formula is right.
    #[test]
    fn tex_of_every_reference_is_graded_as_right() {
        let bank = bank::builtin().unwrap();
        let mut seen = 0;
        for question in &bank.questions {
            let Some(Kind::Formula(formula)) = Kind::of(question) else { continue };
            let shown = tex(&of_formula(&formula.reference, formula).unwrap());
            // The grader reads function names bare.
            let typed = shown.replace("\\operatorname{", "").replace("}\\left(", "\\left(");
            let verdict = crate::quiz::grade::formula::grade(formula, &typed);
            assert_eq!(verdict.label.number(), 2, "{}: {typed}: {verdict:?}", question.id);
            seen += 1;
        }
        assert!(seen >= 9, "{seen} formulas");
    }
}
