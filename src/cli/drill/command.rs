//! What a typed line means: an answer or a command.

/// A command of the drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Hint,
    Demo,
    Explain,
    Skip,
    Back,
    Why,
    Dispute,
    Stats,
    Go(String),
    Help,
    Quit,
}

/// Names and meanings, as `:help` lists them.
pub(super) const COMMANDS: [(&str, &str); 11] = [
    ("hint", "a hint; again for the next one"),
    ("demo", "run the demo that shows the answer, now"),
    ("explain", "the answer, why it is so, and what comes next; the question counts as skipped"),
    ("skip", "the next question"),
    ("back", "the question before"),
    ("why", "which words earned or lost each point of the last answer"),
    ("dispute", "\"I was right\": put the last judgement on record as disputed"),
    ("stats", "how this sitting goes"),
    ("go", "go to a question: :go g07"),
    ("help", "this list"),
    ("quit", "leave; everything is saved already"),
];

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    Command(Command),
    /// Begins with a colon or slash, but names no command.
    Unknown(String),
    Answer(String),
    Blank,
}

/// Reads a line. Commands begin with `:` or `/`; alone on the line their bare names do too.
pub(super) fn read(line: &str) -> Typed {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Typed::Blank;
    }
    let marked = trimmed.strip_prefix(':').or_else(|| trimmed.strip_prefix('/'));
    let mut words = marked.unwrap_or(trimmed).split_whitespace();
    let (first, rest) = (words.next().unwrap_or_default().to_lowercase(), words.next());
    let command = match (first.as_str(), rest) {
        ("go", Some(id)) if marked.is_some() => Some(Command::Go(id.to_lowercase())),
        (_, Some(_)) => None,
        ("hint" | "hints" | "h", None) => Some(Command::Hint),
        ("demo", None) => Some(Command::Demo),
        ("explain", None) => Some(Command::Explain),
        ("skip" | "next", None) => Some(Command::Skip),
        ("back", None) => Some(Command::Back),
        ("why", None) => Some(Command::Why),
        ("dispute", None) => Some(Command::Dispute),
        ("stats", None) => Some(Command::Stats),
        ("help" | "?", None) => Some(Command::Help),
        ("quit" | "exit" | "q", None) => Some(Command::Quit),
        _ => None,
    };
    // A lone letter may be the answer to a multiple choice or a formula.
    let bare = marked.is_none() && first.len() < 2;
    match (command, marked) {
        (Some(command), _) if !bare => Typed::Command(command),
        (None, Some(text)) => Typed::Unknown(text.chars().filter(|c| !c.is_control()).take(40).collect()),
        _ => Typed::Answer(trimmed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_answers_are_told_apart() {
        assert_eq!(read(":hint"), Typed::Command(Command::Hint));
        assert_eq!(read("hint"), Typed::Command(Command::Hint));
        assert_eq!(read(" /QUIT "), Typed::Command(Command::Quit));
        assert_eq!(read(":go G07"), Typed::Command(Command::Go("g07".into())));
        assert_eq!(read(":frobnicate"), Typed::Unknown("frobnicate".into()));
        assert_eq!(read("why not both"), Typed::Answer("why not both".into()));
        assert_eq!(read("h"), Typed::Answer("h".into()));
        assert_eq!(read("  "), Typed::Blank);
    }
}
