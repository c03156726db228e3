//! The verdict on a formula.

use super::{
    Fault,
    bench::{Bench, Outcome, agree},
    read::{self, Written},
    value::Value,
    world::{Shapes, World, ratio},
};
use crate::quiz::{
    bank::{Formula, FormulaMistake},
    grade::numeric::single_point,
    verdict::{Caught, Label, Verdict},
};

/// Judges a typed formula. Never panics; what cannot be read is label 0 with a note that says why.
#[must_use]
pub fn grade(formula: &Formula, answer: &str) -> Verdict {
    let text = format!("The formula is {}.", formula.reference.trim());
    let finish = |judged: Judged| {
        let evidence = judged.read.into_iter().collect();
        let mut verdict = single_point(judged.label, text.clone(), evidence, judged.notes);
        verdict.misconceptions = judged.caught.into_iter().collect();
        verdict
    };
    if answer.trim().is_empty() {
        return finish(Judged::wrong("there is no formula in this answer"));
    }
    let bench = match Bench::new(formula) {
        Ok(bench) => bench,
        Err(fault) => return finish(Judged::wrong(&format!("this question's own formula is faulty: {fault}"))),
    };
    let activation = read::activation(&bench.reference);
    match read::learner(answer, &bench.names, activation) {
        Err(fault) => finish(Judged::wrong(&fault.0)),
        Ok((readings, other)) => {
            let judged = readings.iter().map(|written| judge(formula, &bench, written));
            let mut best = judged.reduce(Judged::better).unwrap_or_else(|| Judged::wrong("there is no formula here"));
            let second = other.map(|written| judge(formula, &bench, &written).label);
            if second.is_some_and(|label| label != best.label) {
                best.label = Label::Wrong;
                best.notes.push("two different formulas joined by \"or\" are not one answer; give one".to_owned());
            }
            finish(best)
        }
    }
}

/// What is wrong with the question's own formulas: the place (`reference` or `mistakes[i].formula`), what is wrong,
/// and what to do.
#[must_use]
pub fn check(formula: &Formula) -> Vec<(Option<usize>, String)> {
    let bench = match Bench::new(formula) {
        Ok(bench) => bench,
        Err(fault) => return vec![(None, format!("{fault}; correct the formula, its dims or its symbols"))],
    };
    let finite = |outcome: &Outcome| match outcome {
        Ok(values) => values.iter().all(|value| value.numbers().iter().all(|number| number.is_finite())),
        Err(_) => false,
    };
    let reference = bench.own(&bench.reference, Shapes::Declared);
    if let Err(fault) = &reference {
        return vec![(None, format!("{fault}; correct the formula or the shapes of its symbols"))];
    }
    if !finite(&reference) {
        return vec![(None, "it has no finite value on random matrices; rewrite it".to_owned())];
    }
    let mut problems = Vec::new();
    for (at, mistake) in bench.mistakes.iter().enumerate() {
        match mistake {
            Err(fault) => problems.push((Some(at), format!("{fault}; correct the formula"))),
            Ok(mistake) => {
                if agree(&bench.own(mistake, Shapes::Declared), &reference) {
                    problems.push((Some(at), "it equals the reference; remove it or make it wrong".to_owned()));
                }
                if let Err(fault) = bench.own(mistake, Shapes::Square) {
                    problems.push((Some(at), format!("{fault}, even with square matrices; rewrite it")));
                }
            }
        }
    }
    problems
}

struct Judged {
    label: Label,
    read: Option<String>,
    caught: Option<Caught>,
    notes: Vec<String>,
}

impl Judged {
    fn wrong(note: &str) -> Self {
        Self { label: Label::Wrong, read: None, caught: None, notes: vec![note.to_owned()] }
    }

    fn better(self, other: Self) -> Self {
        let rank = |judged: &Self| (judged.label, judged.caught.is_some());
        if rank(&other) > rank(&self) { other } else { self }
    }
}

fn judge(formula: &Formula, bench: &Bench, written: &Written) -> Judged {
    let read = Some(written.formula.quote());
    let say = |label, note: &str| Judged {
        label,
        read: read.clone(),
        caught: None,
        notes: if note.is_empty() { Vec::new() } else { vec![note.to_owned()] },
    };
    let theirs = bench.theirs(written, Shapes::Declared);
    let reference = bench.own(&bench.reference, Shapes::Declared);
    if agree(&theirs, &reference) {
        return say(Label::Correct, "");
    }
    let rows = bench.theirs(written, Shapes::Rows);
    let as_columns = rows.map(|values| values.iter().map(Value::transposed).collect::<Vec<_>>());
    if agree(&as_columns, &reference) {
        return say(Label::Correct, "read with vectors as rows, as in y = x Wᵀ");
    }
    if let Some(mistake) = mistaken(formula, bench, written, &theirs, &as_columns) {
        // Right but for scalar factors: the structure is there, so not all is lost.
        let structure = !is_scalar(&reference) && same_structure(bench, written);
        let label = if structure { Label::Partial } else { Label::Wrong };
        let caught = Some(name(mistake, read.clone(), !structure));
        return Judged { label, read, caught, notes: Vec::new() };
    }
    let (Ok(theirs), Ok(reference)) = (&theirs, &reference) else {
        let fault = theirs.err().unwrap_or_else(|| Fault("this cannot be evaluated".to_owned()));
        return say(Label::Wrong, &format!("{fault}: check the order of the factors"));
    };
    if theirs.iter().any(|value| value.numbers().iter().any(|number| !number.is_finite())) {
        return say(Label::Wrong, "this divides by zero or has no finite value");
    }
    if let Some(note) = near(formula, bench, theirs, reference) {
        return say(Label::Partial, &note);
    }
    if !matches!(reference.first(), Some(Value::Scalar(_))) && same_structure(bench, written) {
        return say(Label::Partial, "the matrices are right; a scalar factor is not");
    }
    say(Label::Wrong, &differs(bench.sample(), &theirs[0], &reference[0]))
}

/// The recognised mistake that the answer equals: in the declared shapes, or, where one of the two does not fit
/// there, with everything square.
fn mistaken<'f>(
    formula: &'f Formula,
    bench: &Bench,
    written: &Written,
    theirs: &Outcome,
    as_columns: &Outcome,
) -> Option<&'f FormulaMistake> {
    let square = bench.theirs(written, Shapes::Square);
    formula.mistakes.iter().zip(&bench.mistakes).find_map(|(mistake, own)| {
        let own = own.as_ref().ok()?;
        let declared = bench.own(own, Shapes::Declared);
        let fits = theirs.is_ok() && declared.is_ok();
        let found = agree(theirs, &declared)
            || agree(as_columns, &declared)
            || (!fits && agree(&square, &bench.own(own, Shapes::Square)));
        found.then_some(mistake)
    })
}

fn name(mistake: &FormulaMistake, read: Option<String>, decisive: bool) -> Caught {
    Caught {
        id: mistake.id(),
        text: mistake.name.clone(),
        correction: mistake.text.clone(),
        decisive,
        evidence: read.into_iter().collect(),
        demo: mistake.demo.clone(),
        claim: None,
    }
}

fn is_scalar(outcome: &Outcome) -> bool {
    matches!(outcome.as_deref(), Ok([Value::Scalar(_), ..]))
}

fn same_structure(bench: &Bench, written: &Written) -> bool {
    let theirs = bench.theirs(written, Shapes::UnitScalars);
    agree(&theirs, &bench.own(&bench.reference, Shapes::UnitScalars))
}

/// What makes a wrong formula nearly right, if anything does.
fn near(formula: &Formula, bench: &Bench, theirs: &[Value], reference: &[Value]) -> Option<String> {
    let turned = theirs.iter().map(Value::transposed).collect();
    if agree(&Ok(turned), &Ok(reference.to_vec())) {
        return Some("right up to a transposition".to_owned());
    }
    for (name, values) in bench.vectors(formula) {
        let applied = |matrices: &[Value]| -> Outcome {
            let products = matrices.iter().zip(&values).map(|(m, v)| m.times(v).ok_or_else(|| Fault(String::new())));
            products.collect()
        };
        if agree(&applied(theirs), &Ok(reference.to_vec())) {
            return Some(format!("this is the matrix; the question asks for it applied to {name}"));
        }
        if agree(&applied(reference), &Ok(theirs.to_vec())) {
            return Some(format!("this is the matrix applied to {name}; the question asks for the matrix itself"));
        }
    }
    let factors: Vec<f64> = theirs.iter().zip(reference).map(|(a, b)| ratio(a, b)).collect::<Option<_>>()?;
    let steady = factors.iter().all(|factor| (factor / factors[0] - 1.0).abs() < 1e-6);
    let scalar = matches!(reference.first(), Some(Value::Scalar(_)));
    match (steady, scalar) {
        (true, _) if (factors[0] + 1.0).abs() < 1e-6 => Some("right up to the sign".to_owned()),
        (true, _) => Some(format!("right up to a factor: this is {:.4} times the right formula", factors[0])),
        // Any two scalars have a ratio; only a steady one means anything.
        (false, true) => None,
        (false, false) => Some("right up to a scalar factor".to_owned()),
    }
}

/// Why the value cannot be right, with the numbers or shapes that show it.
fn differs(world: Option<&World>, theirs: &Value, reference: &Value) -> String {
    match (theirs, reference) {
        (Value::Scalar(a), Value::Scalar(b)) => {
            format!("with the sizes drawn, this gives {a:.4} and the right formula {b:.4}")
        }
        _ if theirs.shape() != reference.shape() => {
            let shape = |value| world.map_or_else(String::new, |world| world.shape_name(value));
            format!("the result is {}, but {} is asked for", shape(theirs), shape(reference))
        }
        _ => "it fits, but on random matrices it gives something else than the right formula".to_owned(),
    }
}
