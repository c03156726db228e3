//! Where lines come from: rustyline on a terminal, plain lines otherwise.

use std::{
    borrow::Cow,
    io::{self, BufRead as _, Read as _, Write as _},
    path::{Path, PathBuf},
};

use rustyline::{
    Completer, Context, Editor, Helper, Highlighter,
    completion::{Completer, Pair},
    error::ReadlineError,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::command::COMMANDS;

/// The longest line that is read from a pipe, in bytes.
const LINE_LIMIT: u64 = 2 << 20;

/// What came from the learner.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Line(String),
    /// Ctrl-C: the line is given up.
    Interrupt,
    /// Ctrl-D, or the end of the pipe.
    End,
}

/// A source of lines.
pub(super) enum Console {
    Terminal(Box<Editor<Assistant, FileHistory>>, PathBuf),
    Pipe,
}

impl Console {
    /// A terminal with history in `directory` and completion of `ids`.
    pub(super) fn terminal(directory: &Path, ids: Vec<String>) -> Result<Self, ReadlineError> {
        let mut editor = Editor::new()?;
        editor.set_helper(Some(Assistant { completer: Names { ids } }));
        let file = directory.join("history.txt");
        // There is none on the first run, and an unreadable one is no reason not to start.
        let _ = editor.load_history(&file);
        Ok(Self::Terminal(Box::new(editor), file))
    }

    /// The next line. A line that ends in a backslash goes on in the next one.
    pub(super) fn read(&mut self, prompt: &str) -> io::Result<Input> {
        match self {
            Self::Terminal(editor, file) => match editor.readline(prompt) {
                Ok(line) => {
                    // Losing the history is no reason to lose the answer.
                    let _ = editor.add_history_entry(&line);
                    let _ = editor.append_history(file);
                    Ok(Input::Line(line.replace("\\\n", "\n")))
                }
                Err(ReadlineError::Interrupted) => Ok(Input::Interrupt),
                Err(ReadlineError::Eof) => Ok(Input::End),
                Err(ReadlineError::Io(error)) => Err(error),
                Err(other) => Err(io::Error::other(other)),
            },
            Self::Pipe => {
                io::stdout().flush()?;
                read_lines()
            }
        }
    }
}

fn read_lines() -> io::Result<Input> {
    let mut whole = String::new();
    loop {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(LINE_LIMIT).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(if whole.is_empty() { Input::End } else { Input::Line(whole) });
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        match line.strip_suffix('\\') {
            Some(start) if whole.len() < LINE_LIMIT as usize => {
                whole.push_str(start);
                whole.push('\n');
            }
            _ => {
                whole.push_str(line);
                return Ok(Input::Line(whole));
            }
        }
    }
}

/// Completion, hints and line continuation.
#[derive(Helper, Completer, Highlighter)]
pub(super) struct Assistant {
    #[rustyline(Completer)]
    completer: Names,
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = context.input().ends_with('\\');
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        if at < line.len() || line.len() < 2 {
            return None;
        }
        let start = line.strip_prefix(':')?;
        COMMANDS
            .iter()
            .find_map(|(name, _)| name.strip_prefix(start))
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned)
    }
}

/// Names that can be completed.
pub(super) struct Names {
    ids: Vec<String>,
}

impl Completer for Names {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = line.get(..at).unwrap_or(line);
        let pair = |name: &str| Pair { display: name.to_owned(), replacement: name.to_owned() };
        if let Some(typed) = start.strip_prefix(":go ") {
            let found = self.ids.iter().filter(|id| id.starts_with(typed)).map(|id| pair(id)).collect();
            return Ok((4, found));
        }
        match start.strip_prefix(':') {
            Some(typed) => Ok((
                1,
                COMMANDS.iter().filter(|(name, _)| name.starts_with(typed)).map(|(name, _)| pair(name)).collect(),
            )),
            None => Ok((0, Vec::new())),
        }
    }
}

/// The prompt, without colour codes where there are none wanted.
pub(super) fn prompt(open: bool) -> Cow<'static, str> {
    Cow::Borrowed(if open { "> " } else { "· " })
}
