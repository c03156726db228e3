//! The numbers in a numeric answer: values of the expressions in it, with their units.

use std::collections::BTreeMap;

use super::unit::{Family, Suffix, suffix};
use crate::quiz::grade::formula::{Fault, Kind, Source, Token, lex, scalar_tokens};

/// One number that somebody wrote or let be computed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantity {
    /// As written, before any conversion between units.
    pub(super) value: f64,
    /// Half of this is how far a rounded number may be off; 0 for an expression.
    pub(super) step: f64,
    pub(super) unit: Option<(Family, f64)>,
    /// Whether it stands behind an equals sign.
    pub(super) result: bool,
    /// Whether `or` stands before it.
    pub(super) alternative: bool,
    pub(super) quote: String,
}

/// Every quantity in `answer`, in order. `params` may be used by name.
pub(super) fn quantities(answer: &str, target: &str, params: &BTreeMap<String, f64>) -> Result<Vec<Quantity>, Fault> {
    let (source, tokens) = lex(answer, true)?;
    let mut found = Vec::new();
    let mut reader = Reader { source: &source, tokens: &tokens, at: 0, target, params };
    let (mut result, mut alternative) = (false, false);
    while reader.at < tokens.len() {
        let start = reader.at;
        if let Some(mut quantity) = reader.quantity() {
            quantity.result = result && !assigns(&tokens, start, params);
            quantity.alternative = alternative;
            let given = result && !quantity.result;
            (result, alternative) = (false, false);
            // "r = 8" repeats what was given.
            if !given {
                found.push(quantity);
            }
        } else {
            match &tokens[start].kind {
                Kind::Equals => result = true,
                Kind::Word(word) if word == "or" => alternative = true,
                Kind::Word(word) if matches!(word.as_str(), "is" | "gives" | "makes") => result = true,
                Kind::Comma | Kind::Stop => result = false,
                _ => {}
            }
            reader.at = reader.at.max(start + 1);
        }
    }
    Ok(found)
}

/// Whether the tokens before `start` are just a parameter's name and an equals sign.
fn assigns(tokens: &[Token], start: usize, params: &BTreeMap<String, f64>) -> bool {
    let before = |back: usize| start.checked_sub(back).and_then(|at| tokens.get(at)).map(|token| &token.kind);
    let named = matches!(before(2), Some(Kind::Word(word)) if params.contains_key(word));
    let alone =
        matches!(before(3), None | Some(Kind::Comma | Kind::Stop | Kind::Word(_) | Kind::Open | Kind::Number { .. }));
    matches!(before(1), Some(Kind::Equals)) && named && alone
}

struct Reader<'a> {
    source: &'a Source,
    tokens: &'a [Token],
    at: usize,
    target: &'a str,
    params: &'a BTreeMap<String, f64>,
}

impl Reader<'_> {
    /// The quantity that starts here, moving past it; otherwise nothing is consumed.
    fn quantity(&mut self) -> Option<Quantity> {
        let start = self.at;
        let mut run: Vec<Token> = Vec::new();
        let mut unit = None;
        let mut at = start;
        while let Some(token) = self.tokens.get(at) {
            match &token.kind {
                Kind::Word(word) => {
                    let number = matches!(run.last(), Some(Token { kind: Kind::Number { .. } | Kind::Close, .. }));
                    match suffix(word, self.target).filter(|_| number) {
                        Some(Suffix::Scale(factor)) => scale(&mut run, factor, token),
                        Some(Suffix::Unit(family, size)) => {
                            unit = Some((family, size));
                            at += 1;
                            break;
                        }
                        Some(Suffix::Filler) => break,
                        None if self.params.contains_key(word) || is_function(word) => run.push(token.clone()),
                        None => break,
                    }
                }
                Kind::Percent if !run.is_empty() => {
                    unit = Some((Family::Percent, 1.0));
                    at += 1;
                    break;
                }
                Kind::Number { .. } | Kind::Plus | Kind::Minus | Kind::Times | Kind::Slash | Kind::Caret => {
                    run.push(token.clone());
                }
                Kind::Open | Kind::Close => run.push(token.clone()),
                _ => break,
            }
            at += 1;
        }
        // "(8 * 4096" and "8 * 4096)" are cut from a sentence; "125 ×" is a ratio.
        while run.last().is_some_and(|token| !ends_expression(&token.kind)) {
            run.pop();
        }
        balance(&mut run);
        let (value, step) = self.value(&run)?;
        self.at = at.max(start + 1);
        let quote = self.source.quote(run.first()?.start, self.tokens.get(at - 1)?.end);
        Some(Quantity { value, step, unit, result: false, alternative: false, quote })
    }

    fn value(&self, run: &[Token]) -> Option<(f64, f64)> {
        if !run.iter().any(|token| matches!(token.kind, Kind::Number { .. } | Kind::Word(_))) {
            return None;
        }
        match run {
            [Token { kind: Kind::Number { value, step }, .. }] => Some((*value, *step)),
            // "35-36 GB" is a range, not a difference.
            [
                Token { kind: Kind::Number { value: low, .. }, .. },
                Token { kind: Kind::Minus, .. },
                Token { kind: Kind::Number { value: high, .. }, .. },
            ] if low < high && *high < 1.5 * low => Some((f64::midpoint(*low, *high), high - low)),
            _ => scalar_tokens(self.source, run, self.params).ok().map(|value| (value, 0.0)),
        }
    }
}

/// Multiplies the number at the end of `run`, or the bracket that ends there.
fn scale(run: &mut Vec<Token>, factor: f64, suffix: &Token) {
    if let Some(Token { kind: Kind::Number { value, step }, end, .. }) = run.last_mut() {
        *value *= factor;
        *step *= factor;
        *end = suffix.end;
        return;
    }
    run.push(Token { kind: Kind::Times, ..suffix.clone() });
    run.push(Token { kind: Kind::Number { value: factor, step: 0.0 }, ..suffix.clone() });
}

fn ends_expression(kind: &Kind) -> bool {
    matches!(kind, Kind::Number { .. } | Kind::Word(_) | Kind::Close)
}

/// Drops brackets that have no partner.
fn balance(run: &mut Vec<Token>) {
    let mut open = Vec::new();
    let mut lonely = Vec::new();
    for (at, token) in run.iter().enumerate() {
        match token.kind {
            Kind::Open => open.push(at),
            Kind::Close if open.pop().is_none() => lonely.push(at),
            _ => {}
        }
    }
    lonely.append(&mut open);
    let mut at = 0;
    run.retain(|_| {
        at += 1;
        !lonely.contains(&(at - 1))
    });
}

fn is_function(word: &str) -> bool {
    matches!(word, "sqrt" | "log2" | "log10" | "ln" | "log" | "ceil" | "floor" | "round" | "min" | "max")
}
