//! Between characters and tokens: pieces. Numbers with their suffixes, words, the matrices A and B, ends of clauses and sentences.

use std::ops::Range;

use super::chars::Placed;

/// What the lexer finds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Word { text: String, range: Range<usize> },
    Matrix { name: char, range: Range<usize> },
    Number { value: f64, range: Range<usize>, spelt: bool },
    ClauseEnd,
    SentenceEnd,
}

/// Words that tell that an upper-case A before them is the matrix, though it opens a sentence.
const AFTER_MATRIX: [&str; 24] = [
    "is", "gets", "get", "starts", "start", "random", "randomly", "zero", "and", "has", "maps", "projects", "was",
    "receives", "down", "takes", "trains", "moves", "does", "gaussian", "kaiming", "normal", "or", "at",
];

pub(super) fn lex(text: &[Placed]) -> Vec<Piece> {
    let mut raw = Vec::new();
    let mut at = 0;
    while let Some(placed) = text.get(at) {
        let character = placed.value;
        if character.is_ascii_digit() || (character == '.' && digit_at(text, at + 1)) {
            at = number(text, at, &mut raw);
        } else if character.is_alphanumeric() {
            at = word(text, at, &mut raw);
        } else {
            at += 1;
            match character {
                '.' | '!' | '?' | ';' | '\n' => raw.push(Piece::SentenceEnd),
                ',' | ':' | '(' | ')' | '[' | ']' | '{' | '}' | '"' => raw.push(Piece::ClauseEnd),
                '-' if text.get(at).is_some_and(|next| next.value == ' ') => raw.push(Piece::ClauseEnd),
                _ => {}
            }
        }
    }
    articles(raw)
}

fn digit_at(text: &[Placed], at: usize) -> bool {
    text.get(at).is_some_and(|placed| placed.value.is_ascii_digit())
}

/// Reads `131,072`, `0.13M`, `1e5`, `80GB`, `4bit`; returns where it ends.
fn number(text: &[Placed], start: usize, pieces: &mut Vec<Piece>) -> usize {
    let mut at = start;
    let mut digits = String::new();
    while let Some(placed) = text.get(at) {
        match placed.value {
            digit if digit.is_ascii_digit() => digits.push(digit),
            '.' if digit_at(text, at + 1) && !digits.contains('.') => digits.push('.'),
            // A thousands comma has exactly three digits after it; one or two, or a nought before it, make a decimal comma.
            ',' if digits == "0" && digit_at(text, at + 1) && !is_listed(text, start) => digits.push('.'),
            ',' if (1..=3).all(|i| digit_at(text, at + i)) && !digit_at(text, at + 4) => {}
            ',' if is_decimal_comma(text, start, at) && !digits.contains('.') => digits.push('.'),
            ' ' if is_thousands_blank(text, start, at) => {}
            _ => break,
        }
        at += 1;
    }
    let exponent = text.get(at).is_some_and(|placed| matches!(placed.value, 'e' | 'E'));
    if exponent && digit_at(text, at + 1) {
        digits.push('e');
        at += 1;
        while digit_at(text, at) {
            digits.push(text[at].value);
            at += 1;
        }
    }
    let mut end = at;
    let mut suffix = String::new();
    while let Some(placed) = text.get(end).filter(|placed| placed.value.is_alphabetic()) {
        suffix.push(placed.value);
        end += 1;
    }
    let value: f64 = digits.parse().unwrap_or(f64::MAX);
    let factor = match suffix.as_str() {
        "k" | "K" => 1e3,
        "m" | "M" => 1e6,
        "b" | "B" | "bn" => 1e9,
        "t" | "T" => 1e12,
        _ => 1.0,
    };
    let range = text[start].start..text[at - 1].end;
    if factor > 1.0 {
        pieces.push(Piece::Number { value: value * factor, range: range.start..text[end - 1].end, spelt: false });
        return end;
    }
    pieces.push(Piece::Number { value, range, spelt: false });
    at
}

/// `4,5` and `4,06` among English commas, which have a blank or three digits after them.
fn is_decimal_comma(text: &[Placed], start: usize, at: usize) -> bool {
    !is_listed(text, start)
        && digit_at(text, at + 1)
        && !(1..=3).all(|i| digit_at(text, at + i))
        && text.get(at + 2).is_none_or(|next| next.value != ',')
}

/// Whether the number before a comma stands in a list such as `[-1,1]`.
fn is_listed(text: &[Placed], start: usize) -> bool {
    start > 0 && text.get(start - 1).is_some_and(|before| matches!(before.value, '-' | '[' | '(' | '{' | ','))
}

/// `16 384`: a short number and a group of three, the first not part of a name such as GPT-3.
fn is_thousands_blank(text: &[Placed], start: usize, at: usize) -> bool {
    let named =
        start > 0 && text.get(start - 1).is_some_and(|before| before.value == '-' || before.value.is_alphabetic());
    !named
        && at - start <= 3
        && (1..=3).all(|i| digit_at(text, at + i))
        && text.get(at + 4).is_none_or(|next| !next.value.is_alphanumeric())
}

fn word(text: &[Placed], start: usize, pieces: &mut Vec<Piece>) -> usize {
    let mut at = start;
    let mut word = String::new();
    while let Some(placed) = text.get(at) {
        match placed.value {
            character if character.is_alphanumeric() => word.push(character),
            // W_0 is one symbol; q_proj is two words.
            '_' if word.chars().count() == 1 && digit_at(text, at + 1) => {}
            '\'' if text.get(at + 1).is_some_and(|next| next.value.is_alphabetic()) => word.push('\''),
            _ => break,
        }
        at += 1;
    }
    let range = text[start].start..text[at - 1].end;
    open(&word, &range, pieces);
    at
}

/// Opens contractions, products of symbols and number words.
fn open(word: &str, range: &Range<usize>, pieces: &mut Vec<Piece>) {
    let mut push = |text: &str| pieces.push(Piece::Word { text: text.to_owned(), range: range.clone() });
    let lower = word.to_lowercase();
    match lower.as_str() {
        "can't" | "cannot" => return ["can", "not"].into_iter().for_each(push),
        "won't" => return ["will", "not"].into_iter().for_each(push),
        "dw" | "deltaw" => return ["delta", "w"].into_iter().for_each(push),
        _ => {}
    }
    if let Some(stem) = lower.strip_suffix("n't") {
        return [stem, "not"].into_iter().for_each(push);
    }
    if let Some((stem, ending)) = lower.split_once('\'') {
        // "the A's and B's" are the matrices.
        if let Some(name @ ('A' | 'B')) = word.chars().next().filter(|_| stem.len() == 1) {
            return pieces.push(Piece::Matrix { name, range: range.clone() });
        }
        push(stem);
        match ending {
            "re" | "s" if matches!(stem, "it" | "that" | "there" | "you" | "they" | "we") => {
                push(if ending == "s" { "is" } else { "are" });
            }
            _ => {}
        }
        return;
    }
    if let Some(value) = number_word(&lower) {
        return pieces.push(Piece::Number { value, range: range.clone(), spelt: true });
    }
    if is_product(word) {
        for symbol in word.chars() {
            pieces.push(match symbol {
                'A' | 'B' => Piece::Matrix { name: symbol, range: range.clone() },
                other => Piece::Word { text: other.to_string(), range: range.clone() },
            });
        }
        return;
    }
    if let Some(rest) = lower.strip_prefix("w0").filter(|rest| *rest == "x") {
        push("w0");
        return push(rest);
    }
    match word {
        "A" | "B" => pieces.push(Piece::Matrix { name: if word == "A" { 'A' } else { 'B' }, range: range.clone() }),
        "b" => pieces.push(Piece::Matrix { name: 'B', range: range.clone() }),
        _ => push(&lower),
    }
}

/// `BA`, `BAx`, `sBA`, `Ax`: one-letter symbols written together.
fn is_product(word: &str) -> bool {
    let letters = word.chars().count();
    // "GB" is a unit.
    (2..=4).contains(&letters)
        && word != "GB"
        && word.chars().all(|c| matches!(c, 'A' | 'B' | 'x' | 's' | 'G'))
        && word.chars().any(|c| matches!(c, 'A' | 'B'))
}

fn number_word(word: &str) -> Option<f64> {
    Some(match word {
        "zero" | "zeros" | "zeroes" | "zeroed" => 0.0,
        "one" => 1.0,
        "two" => 2.0,
        "three" => 3.0,
        "four" => 4.0,
        "five" => 5.0,
        "six" => 6.0,
        "seven" => 7.0,
        "eight" => 8.0,
        "nine" => 9.0,
        "ten" => 10.0,
        "eleven" => 11.0,
        "twelve" => 12.0,
        "thirteen" => 13.0,
        "fourteen" => 14.0,
        "fifteen" => 15.0,
        "sixteen" => 16.0,
        "seventeen" => 17.0,
        "eighteen" => 18.0,
        "nineteen" => 19.0,
        "twenty" => 20.0,
        "thirty" => 30.0,
        "forty" => 40.0,
        "fifty" => 50.0,
        "sixty" => 60.0,
        "seventy" => 70.0,
        "eighty" => 80.0,
        "ninety" => 90.0,
        _ => return None,
    })
}

/// Decides which single A's are the matrix: an upper-case one unless it opens a sentence as an article, a lower-case one only in plain
/// company of B or the word "matrix".
fn articles(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut decided = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|i| pieces.get(i));
        let after = pieces.get(index + 1);
        let alone = |range: &Range<usize>| range.len() == 1;
        decided.push(match piece {
            Piece::Matrix { name: 'A', range } if alone(range) && opens(before) && introduces(after) => {
                Piece::Word { text: "a".to_owned(), range: range.clone() }
            }
            Piece::Word { text, range } if text == "a" && is_small_matrix(before, after, pieces.get(index + 2)) => {
                Piece::Matrix { name: 'A', range: range.clone() }
            }
            other => other.clone(),
        });
    }
    decided
}

fn opens(before: Option<&Piece>) -> bool {
    matches!(before, None | Some(Piece::SentenceEnd))
}

/// Whether what follows is a noun phrase, so that the A before it is an article.
fn introduces(after: Option<&Piece>) -> bool {
    matches!(after, Some(Piece::Word { text, .. }) if text.len() > 1 && !AFTER_MATRIX.contains(&text.as_str()))
}

fn is_small_matrix(before: Option<&Piece>, after: Option<&Piece>, second: Option<&Piece>) -> bool {
    let word = |piece: Option<&Piece>, words: &[&str]| matches!(piece, Some(Piece::Word { text, .. }) if words.contains(&text.as_str()));
    let is_b = |piece: Option<&Piece>| matches!(piece, Some(Piece::Matrix { name: 'B', .. }));
    word(before, &["matrix", "factor"])
        || word(after, &["is"])
        || (word(after, &["and", "or"]) && is_b(second))
        || is_b(after)
        || is_b(before)
}
