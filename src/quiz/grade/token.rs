//! Second stage: tokens. Words are stemmed, numbers become numbers, the matrices A and B are told from the article, and each token knows
//! its sentence, its clause and what negates it.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    chars::{Placed, fold},
    lexer::{Piece, lex},
};

/// One token of an answer or a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    /// A stem, a number in canonical form, or the matrix `A` or `B`.
    pub(super) text: String,
    /// Its value, if it is a number.
    pub(super) number: Option<f64>,
    /// Where it stands in the learner's text.
    pub(super) range: Range<usize>,
    /// Counted over the whole answer.
    pub(super) sentence: usize,
    /// Counted over the whole answer.
    pub(super) clause: usize,
    /// Index of the token that negates it.
    pub(super) negated_by: Option<usize>,
    /// Whether the speaker calls what it belongs to false.
    pub(super) denied: bool,
}

impl Token {
    /// Whether it is negated or denied, but not both.
    pub(super) fn turned(&self) -> bool {
        self.negated_by.is_some() != self.denied
    }
}

/// Words after which a new clause begins.
const CLAUSE_WORDS: [&str; 16] = [
    "but", "while", "whereas", "and", "so", "because", "hence", "then", "which", "with", "since", "although", "though",
    "where", "when", "or",
];

const ARTICLES: [&str; 3] = ["a", "an", "the"];

const NEGATORS: [&str; 11] =
    ["not", "no", "never", "without", "nothing", "neither", "nor", "cannot", "none", "hardly", "nowhere"];

/// How many tokens after a negator it reaches, unless the clause ends before.
const REACH: usize = 5;

/// Tokens of `text`, at most `limit` of them.
pub(super) fn tokens(text: &str, limit: usize) -> Vec<Token> {
    let folded: Vec<Placed> = fold(text);
    let stemmer = Stemmer::create(Algorithm::English);
    let mut tokens: Vec<Token> = Vec::new();
    let (mut sentence, mut clause) = (0, 0);
    for piece in lex(&folded) {
        if tokens.len() >= limit {
            break;
        }
        match piece {
            Piece::SentenceEnd => {
                sentence += 1;
                clause += 1;
            }
            Piece::ClauseEnd => clause += 1,
            Piece::Word { text, range } => {
                if CLAUSE_WORDS.contains(&text.as_str()) {
                    clause += 1;
                }
                if ARTICLES.contains(&text.as_str()) {
                    continue;
                }
                let text = if text.len() == 1 { text } else { stem(&stemmer, &text) };
                tokens.push(Token { text, number: None, range, sentence, clause, negated_by: None, denied: false });
            }
            Piece::Matrix { name, range } => {
                tokens.push(Token {
                    text: name.to_string(),
                    number: None,
                    range,
                    sentence,
                    clause,
                    negated_by: None,
                    denied: false,
                });
            }
            Piece::Number { value, range, spelt } => {
                if spelt && spelt_together(&mut tokens, value, &range, clause) {
                    continue;
                }
                let text = value.to_string();
                tokens.push(Token {
                    text,
                    number: Some(value),
                    range,
                    sentence,
                    clause,
                    negated_by: None,
                    denied: false,
                });
            }
        }
    }
    scale_numbers(&mut tokens);
    negate(&mut tokens);
    tokens
}

/// The stem of a lower-case word.
fn stem(stemmer: &Stemmer, word: &str) -> String {
    // Porter stems "freezing" and "freeze" alike, but these field words apart from their kin.
    match word {
        "froze" | "frozen" => "freez".to_owned(),
        "learnt" => "learn".to_owned(),
        "matrices" => "matrix".to_owned(),
        "kept" => "keep".to_owned(),
        "held" => "hold".to_owned(),
        "chosen" => "choos".to_owned(),
        _ => stemmer.stem(word).into_owned(),
    }
}

/// "sixty-four", "fourteen thousand four hundred": a spelt number joins the spelt number before it where the two are read as one.
fn spelt_together(tokens: &mut [Token], value: f64, range: &Range<usize>, clause: usize) -> bool {
    let Some(last) = tokens.last_mut() else { return false };
    let Some(before) = last.number.filter(|_| last.clause == clause && last.range.end + 1 == range.start) else {
        return false;
    };
    let joined = if before % 10.0 == 0.0 && (20.0..100.0).contains(&before) && (1.0..10.0).contains(&value) {
        before + value
    } else if (before == 20.0 || before == 19.0) && (10.0..100.0).contains(&value) {
        // "twenty twenty-four" is a year.
        100.0 * before + value
    } else if (2000.0..2100.0).contains(&before) && before % 10.0 == 0.0 && value < 10.0 {
        before + value
    } else {
        return false;
    };
    last.number = Some(joined);
    last.text = joined.to_string();
    last.range.end = range.end;
    true
}

/// "131 thousand" is one number, and so is "six hundred fourteen thousand four hundred".
fn scale_numbers(tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens.drain(..) {
        let factor = match token.text.as_str() {
            "hundr" | "hundred" => 1e2,
            "thousand" => 1e3,
            "million" => 1e6,
            "billion" => 1e9,
            "trillion" => 1e12,
            _ => 1.0,
        };
        match kept.last_mut() {
            Some(last) if factor > 1.0 && last.number.is_some() => {
                let value = last.number.unwrap_or_default() * factor;
                last.number = Some(value);
                last.text = value.to_string();
                last.range.end = token.range.end;
                add_up(&mut kept);
            }
            _ => kept.push(token),
        }
    }
    *tokens = kept;
}

/// Joins "six hundred" with the "fourteen" before its "thousand", and thousands with the hundreds after them.
fn add_up(tokens: &mut Vec<Token>) {
    let [.., before, last] = tokens.as_mut_slice() else { return };
    let (Some(high), Some(low)) = (before.number, last.number) else { return };
    let adjacent = before.clause == last.clause && before.range.end + 1 == last.range.start;
    let joined = match (high, low) {
        // "600" and "14000" are 614 thousand.
        (100.0..=900.0, 1_000.0..100_000.0) if high % 100.0 == 0.0 && low % 1_000.0 == 0.0 => 1_000.0 * high + low,
        (1_000.0.., 100.0..1_000.0) if high % 1_000.0 == 0.0 && low % 100.0 == 0.0 => high + low,
        _ => return,
    };
    if adjacent {
        before.number = Some(joined);
        before.text = joined.to_string();
        before.range.end = last.range.end;
        tokens.pop();
    }
}

/// Marks what each negator reaches: up to [`REACH`] tokens forward within its clause.
fn negate(tokens: &mut [Token]) {
    for index in 0..tokens.len() {
        let next = tokens.get(index + 1).map_or("", |token| token.text.as_str());
        let text = tokens[index].text.as_str();
        let negates = match text {
            // "not only", "not just", "not merely": an addition. "nothing but": an only.
            "not" => !["onli", "just", "mere", "necessarili"].contains(&next),
            "nothing" | "noth" => next != "but",
            "rather" => next == "than",
            "instead" => next == "of",
            _ => NEGATORS.contains(&text),
        };
        if !negates {
            continue;
        }
        // "Not because the base is trained": the denial goes on behind the conjunction.
        let clause = match next {
            "becaus" | "that" if text == "not" => tokens[index + 1].clause,
            _ => tokens[index].clause,
        };
        for token in tokens.iter_mut().skip(index + 1).take(REACH) {
            if token.clause != clause {
                break;
            }
            token.negated_by = Some(index);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(text: &str) -> String {
        tokens(text, 1000).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    fn negated(text: &str) -> Vec<String> {
        tokens(text, 1000).into_iter().filter(|token| token.negated_by.is_some()).map(|token| token.text).collect()
    }

    #[test]
    fn mathematics_reads_as_words() {
        assert_eq!(words("W₀x + (α/r)·BAx"), "w0 x plus alpha over r B A x");
        assert_eq!(words("r*(d+k)"), "r d plus k");
        assert_eq!(words("ΔW = BA, dW"), "delta w is B A delta w");
        assert_eq!(words("r ≪ min(d,k)"), "r less min d k");
        assert_eq!(words("W_0 q_proj √r"), "w0 q proj sqrt r");
    }

    #[test]
    fn numbers_are_numbers_however_written() {
        for text in ["131072", "131,072", "131.072k", "0.131072M", "131.072 thousand", "0.131072 million"] {
            let token = &tokens(text, 10)[0];
            assert!((token.number.unwrap() - 131_072.0).abs() < 1e-6, "{text}: {token:?}");
        }
        assert_eq!(words("4-bit 16bit zero 70B 1.1 TB 16x"), "4 bit 16 bit 0 70000000000 1.1 tb 16 x");
        assert_eq!(words("fp16 nf4 int8"), "fp16 nf4 int8");
        assert_eq!(words("sixty-four, twenty twenty-four"), "64 2024");
        assert_eq!(words("six hundred fourteen thousand four hundred"), "614400");
        assert_eq!(words("4,0 + 0,125 + 32/16 384"), "4 plus 0.125 plus 32 over 16384");
        assert_eq!(words("GPT-3 175B"), "gpt 3 175000000000");
    }

    #[test]
    fn the_matrix_a_is_told_from_the_article() {
        assert_eq!(words("A gets small random values, B all zeros"), "A get small random valu B all 0");
        assert_eq!(words("A small matrix is trained"), "small matrix is train");
        assert_eq!(words("a and b start at zero"), "A and B start at 0");
        assert_eq!(words("matrix a is random"), "matrix A is random");
        assert_eq!(words("Only a few. A = 0"), "onli few A is 0");
        assert_eq!(words("before A, during training"), "befor A dure train");
    }

    #[test]
    fn contractions_open_and_negation_reaches_to_the_end_of_the_clause() {
        assert_eq!(words("it isn't, can't, don't"), "it is not can not do not");
        assert_eq!(negated("B is not zero, A is random"), ["0"]);
        assert_eq!(negated("the base is never updated"), ["updat"]);
        assert!(negated("not only the base but the adapter").is_empty());
        assert!(negated("nothing but the adapter is trained").is_empty());
        assert_eq!(negated("A rather than B is zero"), ["than", "B", "is", "0"]);
    }

    #[test]
    fn clauses_and_sentences_are_counted() {
        let tokens = tokens("A random, B zero. Then train 0.5 of it", 100);
        let clauses: Vec<_> = tokens.iter().map(|token| token.clause).collect();
        assert_eq!(clauses[0], clauses[1]);
        assert_ne!(clauses[1], clauses[2]);
        assert_eq!(tokens[2].sentence, 0);
        assert_eq!(tokens[4].sentence, 1);
        assert!(tokens.iter().any(|token| token.number == Some(0.5)));
    }
}
