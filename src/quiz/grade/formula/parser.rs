//! Recursive descent over the tokens, with implied multiplication.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = signed (("*" | "⊙" | "/" | nothing) signed)*
//! signed  = "-"* power
//! power   = operand ("^" signed)?
//! operand = (number | symbol | function "(" … ")" | "(" sum ")" | "‖" sum "‖") transpose*
//! ```

use super::{
    Fault,
    expression::{Expression, Placed, Step, unknown},
    function::Function,
    lexer::{Kind, Source, Token},
    names::Names,
};

/// Deepest nesting of brackets, powers and functions.
const MAX_DEPTH: usize = 48;

/// How to read what can be read in two ways.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// `d/2r` is d/(2r): factors written without a space bind more tightly than `/`.
    pub(crate) tight: bool,
    /// What `f(…)` and `σ(…)` stand for.
    pub(crate) activation: Option<Function>,
}

/// Parses all of `tokens`.
pub(crate) fn parse(source: &Source, tokens: &[Token], names: &Names, reading: Reading) -> Result<Expression, Fault> {
    let tokens = &separated(tokens, names);
    let mut parser = Parser { source, tokens, names, reading, at: 0, depth: 0, bars: 0, steps: Vec::new() };
    parser.sum()?;
    if let Some(token) = tokens.get(parser.at) {
        return Err(Fault(format!("`{}` is not expected here", source.quote(token.start, token.end))));
    }
    Ok(Expression { steps: parser.steps, source: source.clone() })
}

/// The tokens with words such as `BAx` taken apart into their symbols.
fn separated(tokens: &[Token], names: &Names) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Kind::Word(word) = &token.kind else {
            out.push(token.clone());
            continue;
        };
        let pieces = names.split(word).filter(|pieces| pieces.len() > 1 && Function::named(word).is_none());
        let Some(pieces) = pieces else {
            out.push(token.clone());
            continue;
        };
        // Places inside the word are known where it was typed letter for letter.
        let plain = word.chars().count() == token.end - token.start;
        let (mut start, mut spaced) = (token.start, token.spaced);
        for piece in pieces {
            let symbol = names.canonical(piece).to_owned();
            let end = if plain { start + symbol.chars().count() } else { token.end };
            out.push(Token { kind: Kind::Word(symbol), start, end, spaced });
            start = if plain { end } else { start };
            spaced = false;
        }
    }
    out
}

struct Parser<'a> {
    source: &'a Source,
    tokens: &'a [Token],
    names: &'a Names,
    reading: Reading,
    at: usize,
    depth: usize,
    /// Open `‖`.
    bars: usize,
    steps: Vec<Placed>,
}

impl Parser<'_> {
    fn kind(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// Adds a step that spans its operands' characters and everything read since `start`.
    fn push(&mut self, step: Step, start: usize) -> usize {
        let end = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.end);
        self.steps.push(Placed { step, start, end });
        self.steps.len() - 1
    }

    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.start)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault(format!("brackets are nested more than {MAX_DEPTH} deep; write it in a simpler form")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let mut left = self.product()?;
        loop {
            let minus = match self.kind() {
                Some(Kind::Plus) => false,
                Some(Kind::Minus) => true,
                Some(Kind::Word(word)) if word == "plus" => false,
                Some(Kind::Word(word)) if word == "minus" => true,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.push(if minus { Step::Subtract(left, right) } else { Step::Add(left, right) }, start);
        }
    }

    fn product(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let mut left = self.signed()?;
        loop {
            let make: fn(usize, usize) -> Step = match self.kind() {
                Some(Kind::Times) => Step::Multiply,
                Some(Kind::Hadamard) => Step::Hadamard,
                Some(Kind::Slash) => Step::Divide,
                Some(Kind::Word(word)) if self.is_times(word) => Step::Multiply,
                Some(Kind::Word(word)) if word == "over" => Step::Divide,
                _ if self.begins_operand() => {
                    let right = self.power()?;
                    left = self.push(Step::Multiply(left, right), start);
                    continue;
                }
                _ => return Ok(left),
            };
            self.at += 1;
            let divisor = self.start();
            let mut right = self.signed()?;
            while self.reading.tight && self.begins_operand() && !self.tokens[self.at].spaced {
                let factor = self.power()?;
                right = self.push(Step::Multiply(right, factor), divisor);
            }
            left = self.push(make(left, right), start);
        }
    }

    /// `x` between two operands is a times sign unless the question has a symbol of that name.
    fn is_times(&self, word: &str) -> bool {
        matches!(word, "times" | "dot") || (matches!(word, "x" | "X") && self.names.find(word).is_none())
    }

    fn begins_operand(&self) -> bool {
        match self.kind() {
            Some(Kind::Number { .. } | Kind::Open | Kind::Fraction) => true,
            Some(Kind::Bars) => self.bars == 0,
            Some(Kind::Word(word)) => !matches!(word.as_str(), "plus" | "minus" | "over") && !self.is_times(word),
            _ => false,
        }
    }

    fn signed(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let mut negative = false;
        while let Some(Kind::Minus | Kind::Plus) = self.kind() {
            negative ^= self.kind() == Some(&Kind::Minus);
            self.at += 1;
        }
        let operand = self.power()?;
        Ok(if negative { self.push(Step::Negate(operand), start) } else { operand })
    }

    fn power(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let base = self.operand()?;
        if self.kind() != Some(&Kind::Caret) {
            return Ok(base);
        }
        self.at += 1;
        let exponent = self.deeper(Self::signed)?;
        Ok(self.push(Step::Power(base, exponent), start))
    }

    fn operand(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let mut operand = self.deeper(Self::primary)?;
        while self.kind() == Some(&Kind::Transpose) {
            self.at += 1;
            operand = self.push(Step::Transpose(operand), start);
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Result<usize, Fault> {
        let start = self.start();
        let Some(token) = self.tokens.get(self.at) else {
            return Err(Fault("something is missing at the end of the formula".to_owned()));
        };
        match &token.kind {
            Kind::Number { value, .. } => {
                self.at += 1;
                Ok(self.push(Step::Number(*value), start))
            }
            Kind::Open => {
                self.at += 1;
                let inner = self.inside()?;
                self.steps[inner].start = start;
                self.steps[inner].end = self.tokens[self.at - 1].end;
                Ok(inner)
            }
            Kind::Bars => {
                self.at += 1;
                self.bars += 1;
                let inner = self.sum();
                self.bars -= 1;
                let inner = inner?;
                if self.kind() != Some(&Kind::Bars) {
                    return Err(Fault("a `‖` is not closed".to_owned()));
                }
                self.at += 1;
                Ok(self.push(Step::Call(Function::Norm, vec![inner]), start))
            }
            Kind::Fraction => {
                self.at += 1;
                let upper = self.group()?;
                let lower = self.group()?;
                Ok(self.push(Step::Divide(upper, lower), start))
            }
            Kind::Word(word) => self.named(&word.clone(), start),
            _ => Err(Fault(format!("`{}` is not expected here", self.source.quote(token.start, token.end)))),
        }
    }

    fn group(&mut self) -> Result<usize, Fault> {
        if self.kind() != Some(&Kind::Open) {
            return Err(Fault("a fraction needs both its parts in braces".to_owned()));
        }
        self.at += 1;
        self.inside()
    }

    /// The rest of a bracket that has just been opened.
    fn inside(&mut self) -> Result<usize, Fault> {
        let bars = std::mem::take(&mut self.bars);
        let inner = self.sum();
        self.bars = bars;
        let inner = inner?;
        if self.kind() != Some(&Kind::Close) {
            return Err(Fault("a bracket is not closed".to_owned()));
        }
        self.at += 1;
        Ok(inner)
    }

    fn named(&mut self, word: &str, start: usize) -> Result<usize, Fault> {
        let quoted = self.source.quote(start, self.tokens[self.at].end);
        let opens = |at: usize| self.tokens.get(at + 1).is_some_and(|token| token.kind == Kind::Open);
        if let Some(symbol) = self.names.find(word) {
            self.at += 1;
            return Ok(self.push(Step::Symbol(symbol), start));
        }
        let letter = matches!(word, "f" | "g" | "sigma" | "phi" | "act" | "activation" | "nonlinearity" | "T");
        let function = Function::named(word).or(match word {
            "T" => Some(Function::Transpose),
            _ => self.reading.activation.filter(|_| letter),
        });
        let bare_root = function == Some(Function::Sqrt);
        match function {
            Some(function) if opens(self.at) => {
                self.at += 2;
                let args = self.arguments()?;
                Ok(self.push(Step::Call(function, args), start))
            }
            Some(function) if bare_root => {
                self.at += 1;
                let operand = self.operand()?;
                Ok(self.push(Step::Call(function, vec![operand]), start))
            }
            _ if matches!(word, "I" | "Id") => {
                self.at += 1;
                Ok(self.push(Step::Identity, start))
            }
            _ if word == "pi" => {
                self.at += 1;
                Ok(self.push(Step::Number(std::f64::consts::PI), start))
            }
            _ => Err(unknown(&quoted, self.names)),
        }
    }

    fn arguments(&mut self) -> Result<Vec<usize>, Fault> {
        let mut args = Vec::new();
        let bars = std::mem::take(&mut self.bars);
        loop {
            args.push(self.sum()?);
            match self.kind() {
                Some(Kind::Comma) => self.at += 1,
                Some(Kind::Close) => break,
                _ => return Err(Fault("a bracket is not closed".to_owned())),
            }
        }
        self.at += 1;
        self.bars = bars;
        Ok(args)
    }
}
