//! What a file names that no exercise needs: files, processes, the network, the compiler's doors to other files.
//!
//! This is not what keeps a submission in (the sandbox is); it gives the reason its name and its line, and spends no time on running it.

use super::tokens::{Token, tokens};

/// Modules of `std` with which code reaches outside itself, and what they are for.
const MODULES: [(&str, &str); 5] = [
    ("process", "ends or starts processes"),
    ("fs", "reaches for files"),
    ("net", "reaches for the network"),
    ("os", "reaches for the operating system"),
    ("env", "reads the environment"),
];

/// Macros and attributes of the compiler that bring in other files or secrets.
const MACROS: [(&str, &str); 5] = [
    ("include", "takes in another file"),
    ("include_str", "takes in another file"),
    ("include_bytes", "takes in another file"),
    ("env", "reads the grader's environment"),
    ("option_env", "reads the grader's environment"),
];

/// Why a file is not run, with the line; none for code that stays with itself.
#[must_use]
pub(super) fn reason(source: &str) -> Option<String> {
    let tokens = tokens(source);
    let word = |at: usize| match tokens.get(at) {
        Some((Token::Word(word), _)) => Some(word.as_str()),
        _ => None,
    };
    let sign = |at: usize, wanted: char| matches!(tokens.get(at), Some((Token::Sign(sign), _)) if *sign == wanted);
    // `std` or `core` anywhere: then its modules can be meant wherever they are named in a path or a use.
    // `&'a &'b`: a reference to a reference lets a function stretch one lifetime to the other, and with it read any memory, in safe code
    // (rust-lang/rust#25860).
    let lifetime = |at: usize| sign(at, '&') && sign(at + 1, '\'') && word(at + 2).is_some();
    if let Some(at) = (0..tokens.len()).find(|at| lifetime(*at) && lifetime(at + 3)) {
        return Some(format!("line {}: `&'… &'…` stretches a lifetime, which no exercise needs", tokens[at].1));
    }
    let standard = (0..tokens.len()).any(|at| matches!(word(at), Some("std" | "core" | "alloc")));
    (0..tokens.len()).find_map(|at| {
        let name = word(at)?;
        let before = at.checked_sub(1);
        let in_path = (sign(at + 1, ':') && sign(at + 2, ':'))
            || before.is_some_and(|before| [':', '{', ','].into_iter().any(|open| sign(before, open)));
        let module = MODULES.iter().find(|(module, _)| *module == name && standard && in_path);
        let bang = MACROS.iter().find(|(this, _)| *this == name && sign(at + 1, '!'));
        let path = (name == "path" && before.is_some_and(|before| sign(before, '[')) && sign(at + 1, '='))
            .then_some(("#[path]", "takes in another file"));
        let tests = (name == "classroom").then_some(("classroom", "reaches for the grader itself"));
        let (what, why) = module.or(bang).copied().or(path).or(tests)?;
        Some(format!("line {}: `{what}` {why}, which no exercise needs", tokens[at].1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaching_out_is_named_with_its_line() {
        let cases = [
            ("fn f() {\n std::process::exit(0) }", "line 2: `process`"),
            ("use std::{fs, io};", "line 1: `fs`"),
            ("use std::*;\nfn f() { net::TcpStream::connect(\"x\"); }", "line 2: `net`"),
            ("const S: &str = include_str!(\"/solution.rs\");", "`include_str` takes in another file"),
            ("#[path = \"/tests.rs\"] mod t;", "`#[path]`"),
            ("use r#std::r#fs;", "`fs`"),
            ("use deltaw::classroom::Suite;", "the grader itself"),
            ("fn f<'a, 'b, T>(_: &'a &'b (), x: &'b T) -> &'a T { x }", "stretches a lifetime"),
        ];
        for (source, wanted) in cases {
            assert!(reason(source).is_some_and(|reason| reason.contains(wanted)), "{source}: {:?}", reason(source));
        }
    }

    #[test]
    fn ordinary_code_stays_unnamed() {
        for source in [
            "use candle_core::{Result, Tensor};\nuse std::collections::BTreeMap;",
            "// std::process::exit\nlet process = \"std::fs::read\"; fn net(os: u8) -> u8 { os }",
            "fn f<'a>(x: &'a [&str]) -> &'a str { x[0] }\nfn g(x: &&str) -> usize { x.len() }",
            "use std::f64::consts::PI; let fs = 1; let x = f(fs);",
            "struct P { path: f32 } let p = P { path: 1.0 };",
        ] {
            assert_eq!(reason(source), None, "{source}");
        }
    }
}
