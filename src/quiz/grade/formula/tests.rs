//! Judging formulas, end to end.

use std::collections::BTreeMap;

use super::grade;
use crate::quiz::bank::{Formula, FormulaMistake};

fn lora() -> Formula {
    let shapes = [
        ("W0", vec!["d", "k"]),
        ("B", vec!["d", "r"]),
        ("A", vec!["r", "k"]),
        ("x", vec!["k"]),
        ("alpha", vec![]),
        ("r", vec![]),
    ];
    let mistake = |formula: &str, name: &str| FormulaMistake {
        formula: formula.into(),
        name: name.into(),
        text: name.into(),
        demo: None,
    };
    Formula {
        dims: BTreeMap::from([("d".into(), 5), ("k".into(), 7), ("r".into(), 2)]),
        symbols: shapes
            .into_iter()
            .map(|(name, shape)| (name.into(), shape.into_iter().map(String::from).collect()))
            .collect(),
        reference: "W0 x + (alpha/r) B A x".into(),
        mistakes: vec![
            mistake("W0 x + B A x", "missing scale"),
            mistake("W0 x + (alpha/r) A B x", "swapped factors"),
            mistake("W0 x + (r/alpha) B A x", "inverted scale"),
        ],
    }
}

#[test]
fn equal_formulas_are_right_however_written() {
    for typed in [
        "W0 x + (alpha/r) B A x",
        "h = W0x + α/r · BAx",
        "W_0 x + \\frac{\\alpha}{r} B A x",
        "(W0 + alpha/r * B*A) * x",
        "(W0 + (α/r) BA) x",
        "W0 @ x + (alpha / r) * (B @ (A @ x))",
        "y = x W0^T + (alpha/r) x A^T B^T",
        "B A x alpha / r + W0 x",
        "W0 x + s B A x where s = alpha/r",
    ] {
        let verdict = grade(&lora(), typed);
        assert_eq!(verdict.label.number(), 2, "{typed}: {:?}", verdict.notes);
    }
}

#[test]
fn mistakes_are_called_by_name() {
    for (typed, name) in [
        ("W0 x + B A x", "missing scale"),
        ("W0 x + (alpha/r) A B x", "swapped factors"),
        ("W0x + r/alpha BAx", "inverted scale"),
    ] {
        let verdict = grade(&lora(), typed);
        assert!(verdict.label.number() < 2, "{typed}");
        assert_eq!(
            verdict.misconceptions.first().map(|caught| caught.text.as_str()),
            Some(name),
            "{typed}: {:?}",
            verdict.notes
        );
    }
}

#[test]
fn what_is_no_formula_is_wrong_and_says_why() {
    for typed in [
        "",
        "no idea",
        "W0 x +",
        "((((",
        "x",
        "W0 y",
        "B A",
        "W0 x + (alpha/r) B A x or W0 x",
        "1/0",
        "\u{0}\u{1b}[31m",
        "ααα∑∑",
    ] {
        let verdict = grade(&lora(), typed);
        assert!(verdict.label.number() < 2, "{typed}");
        assert!(!verdict.notes.is_empty() || !verdict.misconceptions.is_empty(), "{typed}");
    }
}
