//! Faults of what answers are judged by: rubrics, numbers, formulas, choices.

use std::collections::{BTreeMap, HashSet};

use super::{Faults, check_demo, check_patterns};
use crate::quiz::{
    bank::{Choice, Formula, Numeric, Question, Rubric},
    grade::{self, Instance, Lexicon, formula, numeric},
    verdict::Label,
};

/// Draws of a numeric question's parameters that are tried.
const DRAWS: u64 = 24;

pub(super) fn check_rubric(f: &mut Faults, rubric: &Rubric, question: &Question, lexicon: &Lexicon) {
    let required = rubric.points.iter().filter(|point| point.required).count();
    let before = f.list.len();
    f.within("points", |f| {
        f.unless((1..=3).contains(&required), "one to three points must be `required: true`");
        let mut seen = HashSet::new();
        for (index, point) in rubric.points.iter().enumerate() {
            f.at(index, |f| {
                f.within("id", |f| f.id(&point.id, &mut seen));
                f.within("text", |f| f.text(&point.text));
                f.unless(!point.accept.is_empty(), "a point needs a pattern in `accept`");
                f.within("accept", |f| check_patterns(f, &point.accept, lexicon));
                f.unless(
                    !point.required || point.probe.is_some(),
                    "a required point needs a `probe`: what is asked when it is missing",
                );
            });
        }
    });
    f.within("misconceptions", |f| {
        let mut seen = HashSet::new();
        for (index, misconception) in rubric.misconceptions.iter().enumerate() {
            f.at(index, |f| {
                f.within("id", |f| f.id(&misconception.id, &mut seen));
                f.within("text", |f| f.text(&misconception.text));
                f.within("correction", |f| f.text(&misconception.correction));
                f.unless(!misconception.detect.is_empty(), "a misconception needs a pattern in `detect`");
                f.within("detect", |f| check_patterns(f, &misconception.detect, lexicon));
                if let Some(call) = &misconception.demo {
                    f.within("demo", |f| check_demo(f, call));
                }
            });
        }
    });
    f.within("vague", |f| check_patterns(f, &rubric.vague, lexicon));
    if f.list.len() > before {
        return;
    }
    let verdict = grade::grade(&Instance::draw(question, 0), lexicon, &question.model_answer);
    if verdict.label != Label::Correct {
        let missed: Vec<_> =
            verdict.missed.iter().filter(|point| point.required).map(|point| point.id.as_str()).collect();
        let caught: Vec<_> = verdict.misconceptions.iter().map(|caught| caught.id.as_str()).collect();
        let faults =
            [("it misses ", missed.join(", ")), ("it shows ", caught.join(", ")), ("", verdict.notes.join(" "))];
        let reasons: Vec<_> =
            faults.iter().filter(|(_, ids)| !ids.is_empty()).map(|(what, ids)| format!("{what}{ids}")).collect();
        f.fail(&format!("its own model answer does not earn full marks: {}; widen the patterns", reasons.join("; ")));
    }
}

pub(super) fn check_numeric(f: &mut Faults, numeric: &Numeric, question: &Question) {
    f.within("unit", |f| {
        f.unless(
            numeric::unit::is_known(&numeric.unit),
            "use parameters, bytes, KB, MB, GB, TB, bits, %, x, or nothing",
        )
    });
    f.within("tolerance", |f| {
        f.unless((0.0..=0.2).contains(&numeric.tolerance), "the tolerance is a share from 0 to 0.2")
    });
    f.within("params", |f| {
        for (name, values) in &numeric.params {
            f.within(name, |f| {
                f.unless(!values.is_empty(), "give it a value to draw");
                f.unless(values.iter().all(|value| value.is_finite()), "its values must be finite numbers");
                f.unless(
                    question.text.contains(&format!("{{{name}}}")),
                    "the question's text does not show it; write it there in braces",
                );
            });
        }
    });
    for seed in 0..DRAWS {
        let instance = Instance::draw(question, seed);
        let right = match numeric::answer(numeric, &instance.params) {
            Ok(right) => right,
            Err(fault) => {
                return f.within("answer", |f| f.fail(&format!("{fault}; correct the expression or `params`")));
            }
        };
        let faulty =
            numeric.mistakes.iter().position(|mistake| match formula::scalar(&mistake.value, &instance.params) {
                Ok(value) => (value - right).abs() <= numeric.tolerance * right.abs(),
                Err(_) => true,
            });
        if let Some(index) = faulty {
            return f.within("mistakes", |f| {
                f.at(index, |f| f.fail("it cannot be computed, or is right for some numbers drawn; change it"))
            });
        }
        let written = numeric::grade(numeric, &instance.params, &format!("{right} {}", numeric.unit));
        if written.label != Label::Correct {
            return f.within("answer", |f| f.fail("its own answer is not read back; check the unit"));
        }
        for text in [instance.text(), instance.model_answer(), instance.why()] {
            if text.contains(['{', '}']) {
                return f.within("params", |f| {
                    f.fail("a text of the question has braces around a name that is no parameter")
                });
            }
        }
    }
    for (index, mistake) in numeric.mistakes.iter().enumerate() {
        if let Some(call) = &mistake.demo {
            f.within("mistakes", |f| f.at(index, |f| f.within("demo", |f| check_demo(f, call))));
        }
    }
}

pub(super) fn check_formula(f: &mut Faults, formula: &Formula) {
    for (mistake, message) in formula::check(formula) {
        match mistake {
            None => f.within("reference", |f| f.fail(&message)),
            Some(index) => f.within("mistakes", |f| f.at(index, |f| f.within("formula", |f| f.fail(&message)))),
        }
    }
    let mut names = BTreeMap::new();
    for (index, mistake) in formula.mistakes.iter().enumerate() {
        f.within("mistakes", |f| {
            f.at(index, |f| {
                f.within("name", |f| {
                    f.unless(names.insert(&mistake.name, index).is_none(), "another mistake has this name")
                });
                f.within("text", |f| f.text(&mistake.text));
                if let Some(call) = &mistake.demo {
                    f.within("demo", |f| check_demo(f, call));
                }
            });
        });
    }
}

pub(super) fn check_choice(f: &mut Faults, choice: &Choice) {
    f.within("options", |f| {
        f.unless((2..=10).contains(&choice.options.len()), "two to ten options");
        let right = choice.options.iter().filter(|option| option.correct).count();
        f.unless(right > 0, "one option must be `correct: true`");
        f.unless(right < choice.options.len(), "all options are right; make one wrong");
        for (index, option) in choice.options.iter().enumerate() {
            f.at(index, |f| {
                f.within("text", |f| f.text(&option.text));
                f.within("why", |f| f.text(&option.why));
                if let Some(call) = &option.demo {
                    f.within("demo", |f| check_demo(f, call));
                }
            });
        }
    });
}
