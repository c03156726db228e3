//! Rust source as a list of words and signs, without comments: enough to compare programs and to see what they name.

use std::ops::Range;

/// A piece of source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// An identifier or keyword; `r#x` is `x`.
    Word(String),
    /// A number.
    Number,
    /// A string, character or byte literal.
    Text,
    /// One other character.
    Sign(char),
}

/// The tokens of `source` with their lines, counted from 1. Never fails: what is no Rust comes out as signs.
pub(super) fn tokens(source: &str) -> Vec<(Token, usize)> {
    let (mut line, mut counted) = (1, 0);
    let mut numbered = |(token, place): (Token, Range<usize>)| {
        line += source[counted..place.start].matches('\n').count();
        counted = place.start;
        (token, line)
    };
    located(source).into_iter().map(&mut numbered).collect()
}

/// The tokens of `source` with their places in bytes.
pub(super) fn located(source: &str) -> Vec<(Token, Range<usize>)> {
    let text: Vec<char> = source.chars().collect();
    let (mut at, mut byte, mut found) = (0, 0, Vec::new());
    while at < text.len() {
        let (from, start) = (at, byte);
        let token = next(&text, &mut at);
        byte += text[from..at.min(text.len())].iter().map(|c| c.len_utf8()).sum::<usize>();
        if let Some(token) = token {
            found.push((token, start..byte));
        }
    }
    found
}

fn next(text: &[char], at: &mut usize) -> Option<Token> {
    let peek = |ahead: usize| text.get(*at + ahead).copied().unwrap_or('\0');
    let first = peek(0);
    match first {
        c if c.is_whitespace() => *at += 1,
        '/' if peek(1) == '/' => *at = find(text, *at, |rest| rest[0] == '\n'),
        '/' if peek(1) == '*' => *at = comment(text, *at),
        '"' => {
            *at = quoted(text, *at + 1, '"');
            return Some(Token::Text);
        }
        '\'' => {
            let character = peek(1) == '\\' || (peek(2) == '\'' && peek(1) != '\'');
            if character {
                *at = quoted(text, *at + 1, '\'');
                return Some(Token::Text);
            }
            *at += 1;
            return Some(Token::Sign('\''));
        }
        c if c.is_ascii_digit() => {
            *at = find(text, *at, |rest| {
                !(rest[0].is_alphanumeric()
                    || rest[0] == '_'
                    || (rest[0] == '.' && rest.get(1).is_some_and(char::is_ascii_digit)))
            });
            return Some(Token::Number);
        }
        c if c.is_alphabetic() || c == '_' => {
            let end = find(text, *at, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
            let word: String = text[*at..end].iter().collect();
            let after = text.get(end).copied().unwrap_or('\0');
            let prefix = matches!(word.as_str(), "r" | "b" | "br" | "c" | "cr");
            if prefix && (after == '"' || after == '#') {
                let hashes = text[end..].iter().take_while(|c| **c == '#').count();
                if text.get(end + hashes) == Some(&'"') {
                    *at = if word.contains('r') {
                        raw(text, end + hashes + 1, hashes)
                    } else {
                        quoted(text, end + 1, '"')
                    };
                    return Some(Token::Text);
                }
                if word == "r" && hashes == 1 {
                    *at = find(text, end + 1, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
                    return Some(Token::Word(text[end + 1..*at].iter().collect()));
                }
            }
            if word == "b" && after == '\'' {
                *at = quoted(text, end + 1, '\'');
                return Some(Token::Text);
            }
            *at = end;
            return Some(Token::Word(word));
        }
        c => {
            *at += 1;
            return Some(Token::Sign(c));
        }
    }
    None
}

fn find(text: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..text.len()).find(|at| stop(&text[*at..])).unwrap_or(text.len())
}

fn comment(text: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0usize);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

fn quoted(text: &[char], mut at: usize, end: char) -> usize {
    while at < text.len() && text[at] != end {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw(text: &[char], from: usize, hashes: usize) -> usize {
    let closes =
        |rest: &[char]| rest[0] == '"' && rest[1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (find(text, from, closes) + 1 + hashes).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let written = |(token, _): (Token, usize)| match token {
            Token::Word(word) => word,
            Token::Number => "0".into(),
            Token::Text => "\"".into(),
            Token::Sign(sign) => sign.into(),
        };
        tokens(source).into_iter().map(written).collect()
    }

    #[test]
    fn comments_and_literals_are_told_from_code() {
        assert_eq!(words("a/* fs /* x */ y */b // process\nc"), ["a", "b", "c"]);
        assert_eq!(
            words(r##"f("\"x", r#"a"b"#, 'x', '\'', b"z", &'a y, r#fs, 1.5e3_f32, 0..2)"##).join(" "),
            "f ( \" , \" , \" , \" , \" , & ' a y , fs , 0 , 0 . . 0 )"
        );
        assert_eq!(tokens("a\n\"x\ny\"\nb").into_iter().map(|(_, line)| line).collect::<Vec<_>>(), [1, 2, 4]);
        for broken in ["\"abc", "/* x", "r#\"x", "'\\", "b'", "r#", "é'"] {
            let _ = words(broken);
        }
    }
}
