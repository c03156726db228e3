//! A cell's code, taken apart: functions, types, `use` lines and statements, each with the words that it needs.
//!
//! A cell of a notebook may hold anything. What another program takes out of it is found by name, without a compiler: the cells of a chapter are
//! written by its authors, and what does not come out whole does not compile, which is seen before anybody is graded.

use std::{collections::BTreeSet, ops::Range};

use super::tokens::{Token, located};

/// What a piece of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `fn`, `const`, `static`, `macro_rules!`.
    Value,
    /// `struct`, `enum`, `union`, `trait`, `type`, `mod`.
    Type,
    /// `impl`: belongs to the types that its first line names.
    Impl,
    /// `use`.
    Use,
    /// `let`.
    Let,
    /// Any other statement or expression.
    Other,
}

/// A piece of code at the top of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// What it is called; of `let` and `impl`, all words up to a type or `=`, and up to `{`.
    pub(super) names: BTreeSet<String>,
    /// Every identifier in it.
    pub(super) words: BTreeSet<String>,
    /// Its text, public where it can be.
    pub(super) text: String,
    /// Lines of the cell that it covers, from 0.
    pub(super) lines: Range<usize>,
}

/// Words before an item's own keyword.
const BEFORE: [&str; 6] = ["pub", "unsafe", "async", "extern", "default", "crate"];

/// The pieces of `source` in order.
pub(super) fn items(source: &str) -> Vec<Item> {
    let tokens = located(source);
    let mut found = Vec::new();
    let mut from = 0;
    while from < tokens.len() {
        let end = from + length(&tokens[from..]);
        found.push(item(source, &tokens[from..end]));
        from = end;
    }
    found
}

/// `source` with everything but its items left empty, line by line, and its items public: what a library can hold.
pub(super) fn library(source: &str) -> String {
    let mut text = String::new();
    let mut line = 0;
    for item in items(source).into_iter().filter(|item| !matches!(item.kind, Kind::Let | Kind::Other)) {
        text += &"\n".repeat(item.lines.start.saturating_sub(line));
        line = item.lines.end - 1;
        text += &item.text;
    }
    text + "\n"
}

/// What `source` takes from outside: its words that are no field or method, without the variables that it binds itself.
pub(super) fn free(source: &str) -> BTreeSet<String> {
    let tokens = located(source);
    let mut bound = BTreeSet::new();
    let until = |from: usize, ends: &'static [char]| {
        tokens[from..].iter().take_while(|token| sign(token).is_none_or(|sign| !ends.contains(&sign))).filter_map(word)
    };
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let opens = before
            .is_some_and(|before| matches!(sign(before), Some('(' | ',' | '=' | '{')) || word(before) == Some("move"));
        match (word(token), sign(token)) {
            (Some("let"), _) => bound.extend(until(at + 1, &['=', ':', ';'])),
            (Some("for"), _) => bound.extend(until(at + 1, &['{']).take_while(|word| *word != "in")),
            (_, Some('|')) if opens => bound.extend(until(at + 1, &['|'])),
            _ => {}
        }
    }
    let field =
        |at: usize| at > 0 && sign(&tokens[at - 1]) == Some('.') && (at < 2 || sign(&tokens[at - 2]) != Some('.'));
    let words = tokens.iter().enumerate().filter(|(at, _)| !field(*at)).filter_map(|(_, token)| word(token));
    words.filter(|word| !bound.contains(word)).map(str::to_owned).collect()
}

type Located = (Token, Range<usize>);

fn sign(token: &Located) -> Option<char> {
    if let Token::Sign(sign) = token.0 { Some(sign) } else { None }
}

fn word(token: &Located) -> Option<&str> {
    if let Token::Word(word) = &token.0 { Some(word) } else { None }
}

/// Where the item's own words begin: after its attributes.
fn start(tokens: &[Located]) -> usize {
    let mut at = 0;
    while tokens.get(at).and_then(sign) == Some('#') {
        let (mut depth, mut end) = (0usize, at + 1);
        while end < tokens.len() {
            match sign(&tokens[end]) {
                Some('[') => depth += 1,
                Some(']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
            if depth == 0 && end > at + 2 {
                break;
            }
        }
        at = end;
    }
    at
}

/// The keyword, and its place.
fn keyword(tokens: &[Located]) -> (&str, usize) {
    let mut at = start(tokens);
    // `pub(crate)`, `extern "C"`, and `const` before `fn`.
    while let Some(token) = tokens.get(at) {
        let bracket = matches!(sign(token), Some('(' | ')')) && at > start(tokens);
        let constant = word(token) == Some("const") && tokens.get(at + 1).and_then(word) == Some("fn");
        if word(token).is_some_and(|word| BEFORE.contains(&word)) || bracket || constant || token.0 == Token::Text {
            at += 1;
        } else {
            break;
        }
    }
    (tokens.get(at).and_then(word).unwrap_or_default(), at)
}

/// How many tokens the first piece has.
fn length(tokens: &[Located]) -> usize {
    let braces = !matches!(keyword(tokens).0, "let" | "use" | "const" | "static" | "type");
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match sign(token) {
            Some('(' | '[' | '{') => depth += 1,
            Some(')' | ']') => depth = depth.saturating_sub(1),
            Some('}') => {
                depth = depth.saturating_sub(1);
                // `if … {} else {}` and `match … {}.f()` go on.
                let next = tokens.get(at + 1);
                let goes_on =
                    next.is_some_and(|next| word(next) == Some("else") || matches!(sign(next), Some('.' | '?')));
                if depth == 0 && braces && !goes_on {
                    let semicolon = next.and_then(sign) == Some(';');
                    return at + 1 + usize::from(semicolon);
                }
            }
            Some(';') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn item(source: &str, tokens: &[Located]) -> Item {
    let (keyword, at) = keyword(tokens);
    let kind = match keyword {
        "fn" | "const" | "static" | "macro_rules" => Kind::Value,
        "struct" | "enum" | "union" | "trait" | "type" | "mod" => Kind::Type,
        "impl" => Kind::Impl,
        "use" => Kind::Use,
        "let" => Kind::Let,
        _ => Kind::Other,
    };
    let rest = || tokens[(at + 1).min(tokens.len())..].iter();
    let until = |ends: &'static [char]| {
        let inside = rest().take_while(move |token| sign(token).is_none_or(|sign| !ends.contains(&sign)));
        inside.filter_map(word).map(str::to_owned)
    };
    let names = match kind {
        Kind::Value | Kind::Type => rest().find_map(word).map(str::to_owned).into_iter().collect(),
        Kind::Impl => until(&['{']).collect(),
        Kind::Let => until(&['=', ':']).filter(|word| word != "mut").collect(),
        Kind::Use => until(&[';']).collect(),
        Kind::Other => BTreeSet::new(),
    };
    let whole = tokens.first().map_or(0, |token| token.1.start)..tokens.last().map_or(0, |token| token.1.end);
    let mut text = source[whole.clone()].to_owned();
    let head = start(tokens);
    let public = tokens.get(head).and_then(word) == Some("pub") || keyword == "macro_rules";
    if matches!(kind, Kind::Value | Kind::Type) && !public {
        text.insert_str(tokens[head].1.start - whole.start, "pub ");
    }
    let line = |place: usize| source[..place].matches('\n').count();
    Item {
        kind,
        names,
        words: tokens.iter().filter_map(word).map(str::to_owned).collect(),
        text,
        lines: line(whole.start)..line(whole.end) + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = "use std::fmt;\n// a note }\nlet base = Model { d: 4 };\n#[derive(Debug)]\nstruct Layer {\n    w: f32,\n}\nimpl Layer {\n    fn w(&self) -> f32 { self.w }\n}\n\
                        const fn two() -> usize { 2 }\nconst N: [usize; 2] = [1, 2];\nif base.d > 2 { a() } else { b() }\nfor x in 0..3 { f(x); }\nlet (y, mut z) = (1, \"};\");\npub fn g() {}\nlayer.w()";

    #[test]
    fn a_cell_is_taken_apart() {
        let found = items(CELL);
        let kinds: Vec<Kind> = found.iter().map(|item| item.kind).collect();
        use Kind::{Impl, Let, Other, Type, Use, Value};
        assert_eq!(kinds, [Use, Let, Type, Impl, Value, Value, Other, Other, Let, Value, Other]);
        assert_eq!(found[2].text, "#[derive(Debug)]\npub struct Layer {\n    w: f32,\n}");
        assert!(found[3].names.contains("Layer") && found[8].names.contains("z") && !found[8].names.contains("mut"));
        assert_eq!(found[4].text, "pub const fn two() -> usize { 2 }");
        assert_eq!((found[9].text.as_str(), found[1].lines.clone()), ("pub fn g() {}", 2..3));
        assert!(found[7].words.contains("f") && found[10].text == "layer.w()");
    }

    #[test]
    fn a_library_keeps_the_lines() {
        let library = library(CELL);
        let line = |text: &str, wanted: &str| text.lines().position(|line| line.contains(wanted));
        for wanted in ["use std", "struct Layer", "fn w(", "fn two", "const N", "fn g"] {
            assert_eq!(line(&library, wanted), line(CELL, wanted), "{wanted}");
        }
        assert!(!library.contains("base"));
        for broken in ["", "}", "fn", "#[", "let x", "pub(crate", "\"", "fn f() {"] {
            let _ = super::library(broken);
        }
    }
}
