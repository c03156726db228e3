//! A parsed formula, kept flat: operands stand before the operations that use them, so evaluating is one loop.

use super::{Fault, function::Function, lexer::Source, names::Names, value::Value, world::World};

/// One step of the calculation. Operands are places of earlier steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Number(f64),
    Symbol(usize),
    Identity,
    Negate(usize),
    Add(usize, usize),
    Subtract(usize, usize),
    Multiply(usize, usize),
    Hadamard(usize, usize),
    Divide(usize, usize),
    Power(usize, usize),
    Transpose(usize),
    Call(Function, Vec<usize>),
}

/// A step with the characters it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) step: Step,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A formula ready to be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) steps: Vec<Placed>,
    pub(crate) source: Source,
}

impl Expression {
    /// Whether any known symbol occurs in it.
    pub(crate) fn has_symbols(&self) -> bool {
        self.steps.iter().any(|placed| matches!(placed.step, Step::Symbol(_)))
    }

    /// The formula as it was written.
    pub(crate) fn quote(&self) -> String {
        let start = self.steps.iter().map(|placed| placed.start).min().unwrap_or(0);
        let end = self.steps.iter().map(|placed| placed.end).max().unwrap_or(0);
        self.source.quote(start, end)
    }

    /// The value in `world`, whose values stand in the order of the names the formula was read with.
    pub(crate) fn evaluate(&self, world: &World) -> Result<Value, Fault> {
        let mut values: Vec<Value> = Vec::with_capacity(self.steps.len());
        for placed in &self.steps {
            let value = self.step(placed, &values, world)?;
            values.push(value);
        }
        values.pop().ok_or_else(|| Fault("the formula is empty".to_owned()))
    }

    fn step(&self, placed: &Placed, values: &[Value], world: &World) -> Result<Value, Fault> {
        let fits = |verb: &str, a: usize, b: usize, value: Option<Value>| {
            value.ok_or_else(|| self.misfit(verb, (a, &values[a]), (b, &values[b]), world))
        };
        match &placed.step {
            Step::Number(number) => Ok(Value::Scalar(*number)),
            Step::Symbol(name) => {
                world.values.get(*name).cloned().ok_or_else(|| Fault("a symbol has no value".to_owned()))
            }
            Step::Identity => Ok(Value::Identity(1.0)),
            Step::Negate(a) => {
                values[*a].times(&Value::Scalar(-1.0)).ok_or_else(|| Fault("this cannot be negated".to_owned()))
            }
            &Step::Add(a, b) => fits("plus", a, b, values[a].plus(&values[b], 1.0)),
            &Step::Subtract(a, b) => fits("minus", a, b, values[a].plus(&values[b], -1.0)),
            &Step::Multiply(a, b) => fits("times", a, b, values[a].times(&values[b])),
            &Step::Hadamard(a, b) => fits("elementwise times", a, b, values[a].hadamard(&values[b])),
            &Step::Divide(a, b) => fits("divided by", a, b, values[a].over(&values[b])),
            &Step::Power(a, b) => self.power((a, &values[a]), (b, &values[b]), world),
            Step::Transpose(a) => Ok(values[*a].transposed()),
            Step::Call(function, args) => {
                let args: Vec<&Value> = args.iter().map(|&at| &values[at]).collect();
                function.apply(&args)
            }
        }
    }

    fn power(&self, base: (usize, &Value), exponent: (usize, &Value), world: &World) -> Result<Value, Fault> {
        match (base.1, exponent.1) {
            (Value::Scalar(a), Value::Scalar(b)) => Ok(Value::Scalar(a.powf(*b))),
            (Value::Matrix(m), Value::Scalar(b)) if m.is_vector() => Ok(Value::Matrix(m.map(|v| v.powf(*b)))),
            // For a matrix, a square is the elementwise one unless the matrix is square; AdamW's formulas need it.
            (Value::Matrix(m), Value::Scalar(b)) if m.rows != m.cols => Ok(Value::Matrix(m.map(|v| v.powf(*b)))),
            (square @ Value::Matrix(_), Value::Scalar(2.0)) => {
                square.times(square).ok_or_else(|| self.misfit("to the power", base, exponent, world))
            }
            _ => Err(self.misfit("to the power", base, exponent, world)),
        }
    }

    fn misfit(&self, verb: &str, a: (usize, &Value), b: (usize, &Value), world: &World) -> Fault {
        let shown = |(at, value): (usize, &Value)| {
            let Placed { start, end, .. } = self.steps[at];
            let mut text = self.source.quote(start, end);
            if text.chars().count() > 40 {
                text = text.chars().take(39).chain(['…']).collect();
            }
            format!("{text} ({})", world.shape_name(value))
        };
        Fault(format!("{} {verb} {} does not fit", shown(a), shown(b)))
    }
}

/// What is known of a symbol that is not.
pub(crate) fn unknown(word: &str, names: &Names) -> Fault {
    let listed = names.listed();
    let known = if listed.is_empty() { "write it with numbers alone".to_owned() } else { format!("use {listed}") };
    Fault(format!("`{word}` is not a symbol of this question; {known}"))
}
