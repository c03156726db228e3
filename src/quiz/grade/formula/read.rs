//! From what somebody typed to the formula they mean: left-hand sides, local definitions and words are set aside.

use super::{
    Fault,
    expression::{Expression, Step},
    function::Function,
    lexer::{Kind, Source, Token, lex},
    names::{Names, is_english},
    parser::{Reading, parse},
};

/// A formula with the definitions it uses, such as `s = alpha/r`, in the order they must be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// The formula, read with the names of the question followed by those of the definitions.
    pub(crate) formula: Expression,
    /// Local definitions, each read with the names before it.
    pub(crate) definitions: Vec<Expression>,
}

/// Reads the whole of `text` as one formula; a left-hand side is allowed. For the bank's own formulas.
pub(crate) fn strict(text: &str, names: &Names) -> Result<Expression, Fault> {
    let (source, tokens) = lex(text, false)?;
    let after = tokens.iter().rposition(|token| token.kind == Kind::Equals).map_or(0, |at| at + 1);
    parse(&source, &tokens[after..], names, Reading::default())
}

/// The nonlinearity a formula uses.
pub(crate) fn activation(formula: &Expression) -> Option<Function> {
    formula.steps.iter().find_map(|placed| match placed.step {
        Step::Call(function, _) if function.is_activation() => Some(function),
        _ => None,
    })
}

/// The ways to read what a learner typed, most literal first, and a second formula offered with "or" where there is
/// one.
pub(crate) fn learner(
    text: &str,
    names: &Names,
    activation: Option<Function>,
) -> Result<(Vec<Written>, Option<Written>), Fault> {
    let (source, tokens) = lex(text, false)?;
    let clauses = clauses(&tokens);
    let page = Page { source: &source, names, clauses: &clauses };
    let mut literal = page.read(Reading { tight: false, activation })?;
    let other = literal.split_off(1).pop();
    if let Ok(mut tight) = page.read(Reading { tight: true, activation }) {
        tight.truncate(1);
        literal.extend(tight);
    }
    Ok((literal, other))
}

/// A stretch between commas, sentence ends and conjunctions, cut at its equals signs.
struct Clause<'a> {
    sides: Vec<&'a [Token]>,
    /// It follows "or".
    alternative: bool,
}

fn clauses(tokens: &[Token]) -> Vec<Clause<'_>> {
    let mut out = Vec::new();
    let (mut start, mut alternative, mut depth) = (0, false, 0_usize);
    for at in 0..=tokens.len() {
        let ends = match tokens.get(at).map(|token| &token.kind) {
            None | Some(Kind::Stop) => true,
            Some(Kind::Comma) => depth == 0,
            Some(Kind::Open) => {
                depth += 1;
                false
            }
            Some(Kind::Close) => {
                depth = depth.saturating_sub(1);
                false
            }
            Some(Kind::Word(word)) => is_conjunction(word),
            Some(_) => false,
        };
        if !ends {
            continue;
        }
        let sides: Vec<_> = tokens[start..at].split(|t| is_equals(&t.kind)).filter(|side| !side.is_empty()).collect();
        if !sides.is_empty() {
            out.push(Clause { sides, alternative });
        }
        alternative = matches!(tokens.get(at).map(|t| &t.kind), Some(Kind::Word(word)) if word == "or");
        start = at + 1;
        depth = 0;
    }
    out
}

fn is_conjunction(word: &str) -> bool {
    matches!(
        word,
        "where" | "with" | "when" | "if" | "because" | "since" | "and" | "or" | "so" | "but" | "using" | "for" | "then"
    )
}

fn is_equals(kind: &Kind) -> bool {
    match kind {
        Kind::Equals => true,
        Kind::Word(word) => matches!(word.as_str(), "is" | "equals" | "gives" | "becomes"),
        _ => false,
    }
}

struct Page<'a> {
    source: &'a Source,
    names: &'a Names,
    clauses: &'a [Clause<'a>],
}

impl Page<'_> {
    /// The formula, and the one after "or" if there is one.
    fn read(&self, reading: Reading) -> Result<Vec<Written>, Fault> {
        let mut names = self.names.clone();
        let (mut definitions, mut defining) = (Vec::new(), Vec::new());
        // A definition may stand after its use, and one may use another: two rounds settle what people write.
        for _ in 0..2 {
            for (at, clause) in self.clauses.iter().enumerate() {
                let Some(name) = self.defined(clause, at).filter(|_| !defining.contains(&at)) else { continue };
                let Some(right) = clause.sides.last() else { continue };
                if let Ok(expression) = self.side(right, &names, reading) {
                    definitions.push(expression);
                    names.add(name);
                    defining.push(at);
                }
            }
        }
        let mut found: Vec<Written> = Vec::new();
        let mut fault = None;
        for (at, clause) in self.clauses.iter().enumerate() {
            if defining.contains(&at) || (!found.is_empty() && !clause.alternative) {
                continue;
            }
            match self.clause(clause, &names, reading) {
                Ok(formula) => found.push(Written { formula, definitions: definitions.clone() }),
                // What stands on the right of an equals sign was meant as the formula.
                Err(error) if fault.is_none() || clause.sides.len() > 1 => fault = fault.or(Some(error)),
                Err(_) => {}
            }
        }
        if found.is_empty() {
            return Err(fault.unwrap_or_else(|| Fault("there is no formula in this answer".to_owned())));
        }
        found.truncate(2);
        Ok(found)
    }

    /// The name a clause defines: a single new word on its left that another clause uses on its right.
    fn defined<'c>(&self, clause: &Clause<'c>, at: usize) -> Option<&'c str> {
        let [left, _, ..] = clause.sides.as_slice() else { return None };
        let Some(Token { kind: Kind::Word(name), .. }) = left.last() else { return None };
        let alone = left.iter().rev().skip(1).all(|token| self.is_prose(token));
        let uses = |token: &Token| matches!(&token.kind, Kind::Word(word) if word == name);
        let others = self.clauses.iter().enumerate().filter(|(other, _)| *other != at);
        let used = others.flat_map(|(_, c)| c.sides.last()).any(|side| side.iter().any(uses));
        (alone && used && self.names.split(name).is_none()).then_some(name.as_str())
    }

    /// The last side with symbols in it.
    fn clause(&self, clause: &Clause<'_>, names: &Names, reading: Reading) -> Result<Expression, Fault> {
        let mut fault = None;
        let mut constant = None;
        for side in clause.sides.iter().rev() {
            match self.side(side, names, reading) {
                Ok(formula) if formula.has_symbols() => return Ok(formula),
                Ok(formula) => constant = constant.or(Some(formula)),
                Err(error) => {
                    // A left-hand side such as `h(x)` is not held against anybody.
                    if fault.is_none() && constant.is_none() {
                        return Err(error);
                    }
                    fault = fault.or(Some(error));
                }
            }
        }
        constant.ok_or_else(|| fault.unwrap_or_else(|| Fault("there is no formula in this answer".to_owned())))
    }

    /// Words that are not symbols: prose around a formula.
    fn is_prose(&self, token: &Token) -> bool {
        let Kind::Word(word) = &token.kind else { return matches!(token.kind, Kind::Other) };
        let symbolic = word.len() < 2 || word.chars().any(|c| c.is_ascii_digit()) || is_greek_name(word);
        let operation = matches!(word.as_str(), "plus" | "minus" | "times" | "over" | "dot" | "x" | "X");
        is_english(&word.to_lowercase()) && word.len() > 1 && word != "plus"
            || !symbolic && !operation && self.names.split(word).is_none() && Function::named(word).is_none()
    }

    /// One side of an equation without the words before and after the formula.
    fn side(&self, tokens: &[Token], names: &Names, reading: Reading) -> Result<Expression, Fault> {
        let prose = |token: &Token| match &token.kind {
            Kind::Word(word) => names.split(word).is_none() && self.is_prose(token),
            _ => token.kind == Kind::Other,
        };
        let from = tokens.iter().position(|token| !prose(token)).unwrap_or(tokens.len());
        let tokens = &tokens[from..];
        match parse(self.source, tokens, names, reading) {
            Ok(expression) => Ok(expression),
            Err(fault) => {
                // Words after a complete formula are dropped; an unknown word inside one is the fault.
                let Some(cut) = tokens.iter().position(prose).filter(|&cut| cut > 0) else { return Err(fault) };
                parse(self.source, &tokens[..cut], names, reading).map_err(|_| fault)
            }
        }
    }
}

fn is_greek_name(word: &str) -> bool {
    [
        "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "lambda", "Lambda", "mu", "nu", "rho", "sigma",
        "Sigma", "tau", "phi", "psi", "omega", "scale", "scaling",
    ]
    .contains(&word)
}
