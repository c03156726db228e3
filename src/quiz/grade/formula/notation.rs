//! A formula of the bank as a tree for typesetting, with brackets only where they are needed.

use super::{
    Fault,
    expression::{Expression, Step},
    function::Function,
    lexer::lex,
    names::Names,
    parser::{Reading, parse},
};
use crate::quiz::bank::{Formula, Numeric};

/// A part of a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Notation {
    /// A number.
    Number(f64),
    /// A symbol as the bank writes it, such as `W0` or `alpha`.
    Symbol(String),
    /// Something in round brackets.
    Group(Box<Notation>),
    /// The negative.
    Negative(Box<Notation>),
    /// A sum.
    Sum(Box<Notation>, Box<Notation>),
    /// A difference.
    Difference(Box<Notation>, Box<Notation>),
    /// A product; the flag says whether it needs a dot, as between two numbers.
    Product(Box<Notation>, Box<Notation>, bool),
    /// The elementwise product.
    Hadamard(Box<Notation>, Box<Notation>),
    /// A fraction.
    Fraction(Box<Notation>, Box<Notation>),
    /// A power.
    Power(Box<Notation>, Box<Notation>),
    /// A transpose.
    Transpose(Box<Notation>),
    /// A square root.
    Root(Box<Notation>),
    /// A norm, between double bars.
    Norm(Box<Notation>),
    /// A named function of its arguments.
    Call(String, Vec<Notation>),
}

/// How tightly a part holds together; an operand that holds less tightly than its place demands gets brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    Sum,
    Hadamard,
    Product,
    Fraction,
    Power,
    Atom,
}

/// The tree of `text`, in the symbols and dimensions of `formula`.
///
/// # Errors
/// The text is no formula in these symbols.
pub fn of_formula(text: &str, formula: &Formula) -> Result<Notation, Fault> {
    read(text, formula.symbols.keys().chain(formula.dims.keys()))
}

/// The tree of `text`, an expression in the parameters of `numeric`.
///
/// # Errors
/// The text is no expression in these parameters.
pub fn of_number(text: &str, numeric: &Numeric) -> Result<Notation, Fault> {
    read(text, numeric.params.keys())
}

fn read<'n>(text: &str, symbols: impl Iterator<Item = &'n String>) -> Result<Notation, Fault> {
    let mut names = Names::default();
    for symbol in symbols {
        names.add(symbol);
    }
    let (source, tokens) = lex(text, false)?;
    let expression = parse(&source, &tokens, &names, Reading { tight: true, activation: None })?;
    let root = expression.steps.len().checked_sub(1).ok_or_else(|| Fault("the formula is empty".to_owned()))?;
    Ok(Builder { expression: &expression, names: &names }.part(root).0)
}

struct Builder<'a> {
    expression: &'a Expression,
    names: &'a Names,
}

impl Builder<'_> {
    /// The part that ends in step `at`. The parser bounds the depth of brackets, and the lexer the length of a formula.
    fn part(&self, at: usize) -> (Notation, Hold) {
        match &self.expression.steps[at].step {
            Step::Number(number) => (Notation::Number(*number), Hold::Atom),
            Step::Symbol(place) => (Notation::Symbol(self.names.shown(*place).to_owned()), Hold::Atom),
            Step::Identity => (Notation::Symbol("I".to_owned()), Hold::Atom),
            Step::Negate(a) => (Notation::Negative(self.held(*a, Hold::Product)), Hold::Sum),
            Step::Add(a, b) => (Notation::Sum(self.held(*a, Hold::Sum), self.held(*b, Hold::Hadamard)), Hold::Sum),
            Step::Subtract(a, b) => {
                (Notation::Difference(self.held(*a, Hold::Sum), self.held(*b, Hold::Hadamard)), Hold::Sum)
            }
            Step::Multiply(a, b) => {
                let (left, right) = (self.held(*a, Hold::Product), self.held(*b, Hold::Product));
                let dot = begins_with_number(&right) || ends_with_word(&left) || begins_with_word(&right);
                (Notation::Product(left, right, dot), Hold::Product)
            }
            Step::Hadamard(a, b) => {
                (Notation::Hadamard(self.held(*a, Hold::Hadamard), self.held(*b, Hold::Product)), Hold::Hadamard)
            }
            Step::Divide(a, b) => {
                (Notation::Fraction(self.held(*a, Hold::Sum), self.held(*b, Hold::Sum)), Hold::Fraction)
            }
            Step::Power(a, b) => (Notation::Power(self.held(*a, Hold::Atom), self.held(*b, Hold::Sum)), Hold::Power),
            Step::Transpose(a) => (Notation::Transpose(self.held(*a, Hold::Atom)), Hold::Power),
            Step::Call(function, args) => (self.call(*function, args), Hold::Atom),
        }
    }

    fn held(&self, at: usize, least: Hold) -> Box<Notation> {
        let (part, hold) = self.part(at);
        Box::new(if hold < least { Notation::Group(Box::new(part)) } else { part })
    }

    fn call(&self, function: Function, args: &[usize]) -> Notation {
        match (function, args) {
            (Function::Sqrt, &[a]) => Notation::Root(self.held(a, Hold::Sum)),
            (Function::Norm, &[a]) => Notation::Norm(self.held(a, Hold::Sum)),
            (Function::Transpose, &[a]) => Notation::Transpose(self.held(a, Hold::Atom)),
            _ => {
                let name = match function {
                    Function::Relu => "ReLU".to_owned(),
                    Function::Gelu => "GELU".to_owned(),
                    Function::Silu => "SiLU".to_owned(),
                    _ => format!("{function:?}").to_lowercase(),
                };
                Notation::Call(name, args.iter().map(|&at| self.part(at).0).collect())
            }
        }
    }
}

fn begins_with_number(part: &Notation) -> bool {
    match part {
        Notation::Number(_) => true,
        Notation::Product(first, ..) | Notation::Power(first, _) => begins_with_number(first),
        Notation::Fraction(upper, _) => matches!(**upper, Notation::Number(_)),
        _ => false,
    }
}

/// Symbols of several letters would run into their neighbours.
fn is_word(name: &str) -> bool {
    greek(name).is_none() && name.chars().filter(|c| c.is_ascii_alphabetic()).count() > 1
}

fn begins_with_word(part: &Notation) -> bool {
    match part {
        Notation::Symbol(name) => is_word(name),
        Notation::Product(first, ..) | Notation::Power(first, _) | Notation::Transpose(first) => {
            begins_with_word(first)
        }
        _ => false,
    }
}

fn ends_with_word(part: &Notation) -> bool {
    match part {
        Notation::Symbol(name) => is_word(name),
        Notation::Product(_, last, _) => ends_with_word(last),
        _ => false,
    }
}

/// A symbol taken apart: its letters and its index, `W0` as `W` and `0`.
#[must_use]
pub fn indexed(name: &str) -> (&str, Option<&str>) {
    if let Some((letters, index)) =
        name.split_once('_').filter(|(letters, index)| !letters.is_empty() && !index.is_empty())
    {
        return (letters, Some(index.trim_matches(|c| c == '{' || c == '}')));
    }
    match name.find(|c: char| c.is_ascii_digit()) {
        Some(at) if at > 0 => (&name[..at], Some(&name[at..])),
        _ => (name, None),
    }
}

/// The letter that a Greek name stands for.
#[must_use]
pub fn greek(name: &str) -> Option<char> {
    const LETTERS: [(&str, char); 20] = [
        ("alpha", 'α'),
        ("beta", 'β'),
        ("gamma", 'γ'),
        ("delta", 'δ'),
        ("Delta", 'Δ'),
        ("epsilon", 'ε'),
        ("zeta", 'ζ'),
        ("eta", 'η'),
        ("theta", 'θ'),
        ("lambda", 'λ'),
        ("Lambda", 'Λ'),
        ("mu", 'μ'),
        ("nu", 'ν'),
        ("xi", 'ξ'),
        ("rho", 'ρ'),
        ("sigma", 'σ'),
        ("Sigma", 'Σ'),
        ("tau", 'τ'),
        ("phi", 'φ'),
        ("omega", 'ω'),
    ];
    LETTERS.iter().find(|(known, _)| *known == name).map(|(_, letter)| *letter)
}
