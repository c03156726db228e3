//! Who wrote what others wrote: winnowing.
//!
//! Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting" (SIGMOD): hash every run of [`RUN`] tokens,
//! keep the smallest hash of every [`WINDOW`] neighbours. Any common run of `RUN + WINDOW - 1` tokens is found, none shorter than `RUN` is.
//! Names that the handed-out file does not have count as one name, so renaming hides nothing; what was handed out is discounted; and what more
//! than [`COMMON`] students have is how one writes it, not copying (MOSS's option `-m`, 10 by default).

use std::collections::{BTreeMap, BTreeSet, HashSet, hash_map::DefaultHasher};
use std::hash::{Hash as _, Hasher as _};

use super::tokens::{Token, tokens};
use crate::classroom::gradebook::Similar;

/// Tokens in a run.
const RUN: usize = 12;

/// Neighbouring hashes of which the smallest is kept.
const WINDOW: usize = 8;

/// A fingerprint that more students have says nothing.
const COMMON: usize = 10;

/// Fingerprints of their own that both must have: fewer are chance in short exercises.
const LEAST: usize = 6;

/// Share from which a pair is reported.
const REPORTED: f64 = 0.6;

/// The fingerprints of `source` that `template`, the file as it was handed out, does not have. Sorted.
#[must_use]
pub fn prints(source: &str, template: &str) -> Vec<u64> {
    let template = tokens(template);
    let known: HashSet<&str> = template.iter().filter_map(|(token, _)| word(token)).collect();
    let given: HashSet<u64> = hashes(&template, &known).into_iter().collect();
    let own = winnow(&hashes(&tokens(source), &known));
    own.into_iter().filter(|print| !given.contains(print)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// Words that mean the same in everybody's code.
const KEYWORDS: [&str; 16] = [
    "fn", "let", "mut", "for", "in", "if", "else", "match", "while", "loop", "return", "Ok", "Err", "Some", "None",
    "pub",
];

fn hashes(tokens: &[(Token, usize)], known: &HashSet<&str>) -> Vec<u64> {
    let mut codes = Vec::with_capacity(tokens.len());
    for (at, (token, _)) in tokens.iter().enumerate() {
        let mut hasher = DefaultHasher::new();
        let called = at > 0 && matches!(tokens[at - 1].0, Token::Sign('.' | ':'));
        match token {
            Token::Word(word) if !called && !known.contains(word.as_str()) && !KEYWORDS.contains(&word.as_str()) => {
                "a name".hash(&mut hasher);
            }
            other => other.hash(&mut hasher),
        }
        codes.push(hasher.finish());
    }
    let hash = |run: &[u64]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    codes.windows(RUN).map(hash).collect()
}

fn winnow(hashes: &[u64]) -> Vec<u64> {
    if hashes.len() < WINDOW {
        return hashes.iter().min().copied().into_iter().collect();
    }
    hashes.windows(WINDOW).filter_map(|window| window.iter().min().copied()).collect()
}

/// Pairs of students whose code for an exercise is alike; `prints` are rows of exercise, student, print.
#[must_use]
pub fn pairs(prints: &[(String, String, u64)]) -> Vec<Similar> {
    let mut exercises: BTreeMap<&str, BTreeMap<&str, BTreeSet<u64>>> = BTreeMap::new();
    for (exercise, student, print) in prints {
        exercises.entry(exercise).or_default().entry(student).or_default().insert(*print);
    }
    let mut found = Vec::new();
    for (exercise, mut students) in exercises {
        let mut owners: BTreeMap<u64, usize> = BTreeMap::new();
        students.values().flatten().for_each(|print| *owners.entry(*print).or_default() += 1);
        for prints in students.values_mut() {
            prints.retain(|print| owners[print] <= COMMON);
        }
        students.retain(|_, prints| prints.len() >= LEAST);
        for (place, (a, one)) in students.iter().enumerate() {
            for (b, other) in students.iter().skip(place + 1) {
                let share = one.intersection(other).count() as f64 / one.len().min(other.len()) as f64;
                if share >= REPORTED {
                    found.push(Similar { a: (*a).into(), b: (*b).into(), exercise: exercise.into(), share });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "//! Norm.\nuse candle_core::{Result, Tensor};\npub fn norm(w: &Tensor, s: f64) -> Result<Vec<f32>> {\n    todo!()\n}\n";

    fn body(body: &str) -> String {
        TEMPLATE.replace("todo!()", body)
    }

    fn rows(sources: &[(&str, &str)]) -> Vec<(String, String, u64)> {
        let of = |(student, source): &(&str, &str)| {
            prints(source, TEMPLATE)
                .into_iter()
                .map(|print| ("03".to_owned(), (*student).to_owned(), print))
                .collect::<Vec<_>>()
        };
        sources.iter().flat_map(of).collect()
    }

    #[test]
    fn a_renamed_copy_is_found_and_another_solution_is_not() {
        let one = "let mut sums = vec![0f32; w.dim(0)?]; for (row, sum) in w.to_vec2::<f32>()?.iter().zip(sums.iter_mut()) { for value in row { *sum += value * value * s as f32; } } Ok(sums.into_iter().map(f32::sqrt).collect())";
        let copied = body(&one.replace("sums", "acc").replace("row", "r").replace("value", "v"))
            .replace("Norm", "Mine")
            + "// all mine\n";
        let other = body(
            "let scaled = (w * s)?; let squared = scaled.sqr()?; let total = squared.sum_keepdim(1)?.squeeze(1)?; let root = total.sqrt()?; if root.rank() != 1 { return Ok(vec![]); } root.to_vec1()",
        );
        let found = pairs(&rows(&[("ann", &body(one)), ("bob", &copied), ("cem", &other)]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].a.as_str(), found[0].b.as_str()), ("ann", "bob"));
        assert!(found[0].share > 0.95, "{found:?}");
    }

    #[test]
    fn what_was_handed_out_and_what_all_write_is_no_copying() {
        assert_eq!(pairs(&rows(&[("ann", TEMPLATE), ("bob", TEMPLATE)])), []);
        let names: Vec<String> = (0..12).map(|n| format!("s{n}")).collect();
        let same = body(
            "let mut x = 0f32; for r in 0..w.dim(0)? { x += r as f32; } let y = x * 2.0; let z = y.sqrt(); Ok(vec![x, y, z, z * x, z + y, y - x])",
        );
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), same.as_str())).collect();
        assert_eq!(pairs(&rows(&all)), []);
        assert_eq!(pairs(&rows(&all[..2])).len(), 1);
    }
}
