//! Turns typed mathematics into tokens: ASCII, Unicode and the commoner LaTeX commands.

use unicode_normalization::UnicodeNormalization;

use super::Fault;

/// Longest formula or expression read, in characters.
pub const MAX_CHARS: usize = 4_000;
/// Most tokens read.
const MAX_TOKENS: usize = 1_500;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A number, and the value of one unit in its last significant place as written.
    Number {
        value: f64,
        step: f64,
    },
    /// A run of letters and digits: one symbol, several glued symbols, or prose. Greek letters are spelt.
    Word(String),
    Plus,
    Minus,
    /// `*`, `·`, `×`, `@`.
    Times,
    /// `⊙`, `.*`, `∘`.
    Hadamard,
    Slash,
    Caret,
    Open,
    Close,
    /// `‖`, `||` or `|`.
    Bars,
    /// `^T`, `ᵀ`, `'`, `.T`.
    Transpose,
    /// LaTeX `\frac`.
    Fraction,
    /// `=`, `≈`, `:`, `->`.
    Equals,
    Comma,
    /// End of a clause: `.`, `;`, a line break, a dash.
    Stop,
    Percent,
    /// Anything else.
    Other,
}

/// One token with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// First character.
    pub(crate) start: usize,
    /// One past the last character.
    pub(crate) end: usize,
    /// Whether blank space stands before it.
    pub(crate) spaced: bool,
}

/// The characters that were read, for quoting parts of them.
#[derive(Debug, Clone)]
pub(crate) struct Source(Vec<char>);

impl Source {
    /// The characters from `start` to `end`, without line breaks or control characters.
    pub(crate) fn quote(&self, start: usize, end: usize) -> String {
        let end = end.min(self.0.len());
        self.0[start.min(end)..end].iter().map(|&c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Reads `text`. With `grouped`, digits may be grouped in thousands by spaces and apostrophes as well as commas.
pub(crate) fn lex(text: &str, grouped: bool) -> Result<(Source, Vec<Token>), Fault> {
    let chars: Vec<char> = text.chars().take(MAX_CHARS + 1).collect();
    if chars.len() > MAX_CHARS {
        return Err(Fault(format!("this is longer than {MAX_CHARS} characters; write the result alone")));
    }
    let mut lexer = Lexer { chars: &chars, at: 0, grouped, tokens: Vec::new() };
    let mut spaced = false;
    while let Some(c) = lexer.peek(0) {
        if (c.is_whitespace() || c.is_control()) && c != '\n' {
            lexer.at += 1;
            spaced = true;
            continue;
        }
        let start = lexer.at;
        if let Some(kind) = lexer.token(c) {
            lexer.tokens.push(Token { kind, start, end: lexer.at, spaced });
            spaced = c == '\n';
        }
        if lexer.tokens.len() > MAX_TOKENS {
            return Err(Fault("this formula is too long; write it in a simpler form".to_owned()));
        }
    }
    let tokens = lexer.tokens;
    Ok((Source(chars), tokens))
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    grouped: bool,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|c| c.is_ascii_digit())
    }

    /// Reads one token and moves past it; `None` where the character carries no meaning.
    fn token(&mut self, c: char) -> Option<Kind> {
        if c.is_ascii_digit() || (c == '.' && self.digit(1) && !self.after_operand()) {
            return Some(self.number());
        }
        if superscript(c).is_some() {
            return self.power();
        }
        if letter(c).is_some() {
            return self.word();
        }
        let kind = match c {
            '+' => Kind::Plus,
            '-' | '−' | '–' if self.peek(1) == Some('>') => return self.skip(2, Kind::Equals),
            '=' if self.peek(1) == Some('>') => return self.skip(2, Kind::Equals),
            ':' if self.peek(1) == Some('=') => return self.skip(2, Kind::Equals),
            '-' | '−' | '–' => Kind::Minus,
            '*' if self.peek(1) == Some('*') => return self.skip(2, Kind::Caret),
            '*' | '·' | '⋅' | '∙' | '•' | '∗' | '×' | '@' | '✕' | '＊' => Kind::Times,
            '⊙' | '∘' | '⊗' | '○' => Kind::Hadamard,
            '/' | '÷' | '⊘' | '∕' => Kind::Slash,
            '^' => return Some(self.caret()),
            '(' | '[' | '{' => Kind::Open,
            ')' | ']' | '}' => Kind::Close,
            '|' if self.peek(1) == Some('|') => return self.skip(2, Kind::Bars),
            '|' | '‖' | '∥' => Kind::Bars,
            'ᵀ' | '⊤' | 'ᵗ' | 'ᐪ' => Kind::Transpose,
            '\'' | '’' | '′' if self.after_operand() => return self.prime(),
            '√' => Kind::Word("sqrt".to_owned()),
            '=' | '≈' | '≃' | '≅' | '→' | '⇒' | ':' | '≡' => Kind::Equals,
            ',' => Kind::Comma,
            '.' => return self.dot(),
            ';' | '\n' | '!' | '?' | '—' | '…' => Kind::Stop,
            '%' => Kind::Percent,
            '\\' => return self.command(),
            '$' | '`' | '"' | '~' | '_' | '\'' | '’' | '“' | '”' | '\u{feff}' | '\u{200b}' => {
                self.at += 1;
                return None;
            }
            _ => Kind::Other,
        };
        self.skip(1, kind)
    }

    fn skip(&mut self, count: usize, kind: Kind) -> Option<Kind> {
        self.at += count;
        Some(kind)
    }

    /// Whether the token just before, with no space between, can be transposed.
    fn after_operand(&self) -> bool {
        self.tokens
            .last()
            .is_some_and(|t| t.end == self.at && matches!(t.kind, Kind::Word(_) | Kind::Close | Kind::Transpose))
    }

    /// `'`: a transpose, unless it is the apostrophe of "it's".
    fn prime(&mut self) -> Option<Kind> {
        let contraction = self.peek(1).is_some_and(|c| c.is_ascii_lowercase())
            && self.tokens.last().is_some_and(|t| matches!(&t.kind, Kind::Word(w) if w.len() > 1 && w.is_ascii()));
        self.at += 1;
        if contraction {
            while self.peek(0).is_some_and(|c| c.is_ascii_lowercase()) {
                self.at += 1;
            }
            return None;
        }
        Some(Kind::Transpose)
    }

    /// `.*`, `.T`, `.t()`, or the end of a clause.
    fn dot(&mut self) -> Option<Kind> {
        if self.peek(1) == Some('*') {
            return self.skip(2, Kind::Hadamard);
        }
        if self.after_operand() && matches!(self.peek(1), Some('T' | 't')) {
            let call = self.peek(2) == Some('(') && self.peek(3) == Some(')');
            let ends = !self.peek(2).is_some_and(char::is_alphanumeric);
            if call || (ends && self.peek(1) == Some('T')) {
                return self.skip(if call { 4 } else { 2 }, Kind::Transpose);
            }
        }
        self.skip(1, Kind::Stop)
    }

    /// `^`, or the whole of `^T`, `^{T}`, `^\top`.
    fn caret(&mut self) -> Kind {
        let rest: String = self.chars[self.at + 1..].iter().take(7).collect();
        for (text, closed) in
            [("{\\top}", true), ("\\top", false), ("{T}", true), ("(T)", true), ("T", true), ("⊤", true), ("t", false)]
        {
            let after = rest.chars().nth(text.chars().count());
            if rest.starts_with(text) && (closed || !after.is_some_and(char::is_alphanumeric)) {
                self.at += 1 + text.chars().count();
                return Kind::Transpose;
            }
        }
        self.at += 1;
        Kind::Caret
    }

    /// Superscript digits: emits the caret here and the number as the token's successor.
    fn power(&mut self) -> Option<Kind> {
        let start = self.at;
        let mut digits = String::new();
        while let Some(digit) = self.peek(0).and_then(superscript) {
            digits.push(digit);
            self.at += 1;
        }
        let value = digits.parse::<f64>().unwrap_or(f64::NAN);
        self.tokens.push(Token { kind: Kind::Caret, start, end: start, spaced: false });
        Some(Kind::Number { value, step: 0.0 })
    }

    fn word(&mut self) -> Option<Kind> {
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            if c == '_' && self.peek(1) == Some('{') {
                let close = self.chars[self.at..].iter().take(24).position(|&c| c == '}');
                let Some(close) = close else { break };
                text.extend(self.chars[self.at + 2..self.at + close].iter().filter(|c| c.is_alphanumeric()));
                self.at += close + 1;
            } else if c == '_' && !text.is_empty() {
                self.at += 1;
            } else if c.is_ascii_digit() {
                text.push(c);
                self.at += 1;
            } else if let Some(letters) = letter(c) {
                text.push_str(&letters);
                self.at += 1;
            } else {
                break;
            }
        }
        Some(Kind::Word(text))
    }

    fn command(&mut self) -> Option<Kind> {
        self.at += 1;
        let mut name = String::new();
        while let Some(c) = self.peek(0).filter(char::is_ascii_alphabetic) {
            name.push(c);
            self.at += 1;
        }
        Some(match name.as_str() {
            "" => {
                let bars = self.peek(0) == Some('|');
                self.at += usize::from(self.peek(0).is_some());
                return bars.then_some(Kind::Bars);
            }
            "frac" | "dfrac" | "tfrac" => Kind::Fraction,
            "cdot" | "times" => Kind::Times,
            "odot" | "circ" => Kind::Hadamard,
            "top" => Kind::Transpose,
            "Vert" | "lVert" | "rVert" => Kind::Bars,
            "left" | "right" | "quad" | "mathbf" | "mathrm" | "text" | "operatorname" | "bm" => return None,
            // `\Delta W` and `\Delta{}W` are one name.
            "Delta" => {
                while self.peek(0).is_some_and(|c| c == ' ' || c == '{' || c == '}') {
                    self.at += 1;
                }
                let Some(Kind::Word(rest)) = self.word() else { return None };
                Kind::Word(format!("delta{rest}"))
            }
            _ => {
                let subscript = if self.peek(0) == Some('_') { self.word() } else { None };
                let Some(Kind::Word(rest)) = subscript else { return Some(Kind::Word(name)) };
                Kind::Word(format!("{name}{rest}"))
            }
        })
    }

    fn number(&mut self) -> Kind {
        let (value, step, end) = super::digits::read(self.chars, self.at, self.grouped);
        self.at = end;
        Kind::Number { value, step }
    }
}

/// A superscript digit or minus as its plain character.
fn superscript(c: char) -> Option<char> {
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".chars().position(|s| s == c).and_then(|at| "0123456789-".chars().nth(at))
}

/// A letter or subscript as plain letters: Greek spelt, compatibility forms folded. `None` for anything else.
fn letter(c: char) -> Option<String> {
    if c.is_ascii_alphabetic() {
        return Some(c.to_string());
    }
    if c.is_ascii() || matches!(c, 'ᵀ' | 'ᵗ' | 'ᐪ') {
        return None;
    }
    let folded: String = c.nfkc().collect();
    if let Some(name) = folded.chars().next().and_then(greek) {
        return Some(name.to_owned());
    }
    (folded.chars().all(char::is_alphanumeric)).then_some(folded)
}

/// The name of a Greek letter. Capital delta and small delta are one: both prefix a change.
fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' | 'Δ' | '∆' => "delta",
        'ε' | 'ϵ' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'λ' => "lambda",
        'Λ' => "Lambda",
        'μ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'π' => "pi",
        'ρ' => "rho",
        'σ' => "sigma",
        'Σ' => "Sigma",
        'τ' => "tau",
        'φ' | 'ϕ' => "phi",
        'Φ' => "Phi",
        'ψ' => "psi",
        'ω' => "omega",
        'ℓ' => "l",
        _ => return None,
    })
}
