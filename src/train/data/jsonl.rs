//! Records as JSON lines. Files are strangers': sizes are limited, unknown fields refused, and every error names its line.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::Record;
use crate::model::{Message, one_line, write_whole};

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 30;

/// The longest line, in bytes.
const LINE_LIMIT: u64 = 1 << 20;

/// The most records.
const RECORDS_LIMIT: usize = 5_000_000;

/// The roles of a conversation.
const ROLES: [&str; 3] = ["system", "user", "assistant"];

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// What stands there.
    pub record: Record,
}

/// What is wrong with a data file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, if the error has one.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        match self.line {
            Some(line) => write!(f, "{line}: {}", self.message),
            None => write!(f, " {}", self.message),
        }
    }
}

/// Reads a file of records, one JSON object a line; empty lines are skipped.
///
/// # Errors
/// The file cannot be read, is too large or empty, or a line is no record.
pub fn read(path: &Path) -> Result<Vec<Line>, Error> {
    let failed = |line, message: String| Error { file: path.to_owned(), line, message };
    let file = File::open(path).map_err(|error| failed(None, error.to_string()))?;
    let size = file.metadata().map_err(|error| failed(None, error.to_string()))?;
    if size.is_dir() {
        return Err(failed(None, "this is a directory; name a file of JSON lines".to_owned()));
    }
    if size.len() > FILE_LIMIT {
        return Err(failed(None, format!("{} bytes is more than the {FILE_LIMIT} that are read", size.len())));
    }
    let (mut reader, mut lines, mut number) = (BufReader::new(file), Vec::new(), 0);
    loop {
        number += 1;
        let mut bytes = Vec::new();
        let count = (&mut reader).take(LINE_LIMIT + 1).read_until(b'\n', &mut bytes);
        if count.map_err(|error| failed(Some(number), error.to_string()))? == 0 {
            break;
        }
        let at = |message: String| failed(Some(number), message);
        if bytes.len() as u64 > LINE_LIMIT {
            return Err(at(format!("the line is longer than {LINE_LIMIT} bytes; one record stands on a line")));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| at(format!("not UTF-8 at byte {}", error.valid_up_to() + 1)))?;
        if text.trim().is_empty() {
            continue;
        }
        lines.push(Line { number, record: record(text).map_err(at)? });
        if lines.len() > RECORDS_LIMIT {
            return Err(at(format!("more than {RECORDS_LIMIT} records")));
        }
    }
    if lines.is_empty() {
        return Err(failed(
            None,
            "no record; write one JSON object a line, with prompt and completion, messages, or text".to_owned(),
        ));
    }
    Ok(lines)
}

/// Writes records as they are read.
///
/// # Errors
/// The place cannot be written.
pub fn write(path: &Path, records: &[Record]) -> candle_core::Result<()> {
    let mut text = String::new();
    for record in records {
        text += &serde_json::to_string(record).map_err(candle_core::Error::wrap)?;
        text.push('\n');
    }
    write_whole(path, text.as_bytes())
}

fn record(text: &str) -> Result<Record, String> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("no JSON: {}", one_line(&error)))?;
    let Value::Object(mut fields) = value else { return Err("no JSON object".to_owned()) };
    let has = |name: &str| fields.contains_key(name);
    let record = match (has("prompt") || has("completion"), has("messages"), has("text")) {
        (true, false, false) => Record::Completion {
            prompt: string(&mut fields, "prompt")?,
            completion: string(&mut fields, "completion")?,
        },
        (false, true, false) => Record::Chat { messages: messages(fields.remove("messages"))? },
        (false, false, true) => Record::Text { text: string(&mut fields, "text")? },
        (false, false, false) => return Err("no record: it needs prompt and completion, messages, or text".to_owned()),
        _ => return Err("prompt and completion, messages and text exclude each other".to_owned()),
    };
    match fields.keys().next() {
        None => Ok(record),
        Some(name) => Err(format!("unknown field `{name}`; there are prompt and completion, messages, text")),
    }
}

fn string(fields: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{name}` is no string")),
        None => Err(format!("`{name}` is missing")),
    }
}

fn messages(value: Option<Value>) -> Result<Vec<Message>, String> {
    let Some(Value::Array(turns)) = value else { return Err("`messages` is no list".to_owned()) };
    let turn = |(index, turn): (usize, Value)| {
        let at = |message: String| format!("message {}: {message}", index + 1);
        let Value::Object(mut fields) = turn else { return Err(at("no object".to_owned())) };
        let message = Message {
            role: string(&mut fields, "role").map_err(at)?,
            content: string(&mut fields, "content").map_err(at)?,
        };
        match fields.keys().next() {
            Some(name) => Err(at(format!("unknown field `{name}`; there are role and content"))),
            None if !ROLES.contains(&&*message.role) => {
                Err(at(format!("role `{}`; there are {}", message.role, ROLES.join(", "))))
            }
            None => Ok(message),
        }
    };
    let turns = turns.into_iter().enumerate().map(turn).collect::<Result<Vec<_>, _>>()?;
    match turns.iter().any(|turn| turn.role == "assistant") {
        true => Ok(turns),
        false => Err("no message is the assistant's: there is nothing to learn from".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn fails(text: impl AsRef<[u8]>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("data.jsonl");
        std::fs::write(&file, text).unwrap();
        let error = read(&file).unwrap_err().to_string();
        error.replace(&format!("{}", file.display()), "data.jsonl")
    }

    #[test]
    fn the_three_kinds_are_read_and_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("data.jsonl");
        let chat = vec![Message::new("user", "a"), Message::new("assistant", "b")];
        let records = [
            Record::completion("p", "c"),
            Record::Chat { messages: chat },
            Record::Text { text: "line\nbreak".to_owned() },
        ];
        write(&file, &records).unwrap();
        let read = read(&file).unwrap();
        assert_eq!(read.iter().map(|line| &line.record).collect::<Vec<_>>(), records.iter().collect::<Vec<_>>());
        assert_eq!(read[2].number, 3);
    }

    #[test]
    fn every_fault_has_its_line_and_says_what_to_do() {
        let good = r#"{"prompt": "a", "completion": "b"}"#;
        for (line, expected) in [
            ("{", "no JSON"),
            ("[1]", "no JSON object"),
            (r#"{"prompt": "a"}"#, "`completion` is missing"),
            (r#"{"prompt": 1, "completion": "b"}"#, "`prompt` is no string"),
            (r#"{"prompt": "a", "completion": "b", "label": 1}"#, "unknown field `label`"),
            (r#"{"prompt": "a", "completion": "b", "text": "c"}"#, "exclude each other"),
            (r#"{"question": "a"}"#, "needs prompt and completion"),
            (r#"{"messages": [{"role": "user", "content": "a"}]}"#, "nothing to learn"),
            (r#"{"messages": [{"role": "bot", "content": "a"}]}"#, "message 1: role `bot`"),
            (r#"{"messages": [{"role": "user", "content": "a", "x": 1}]}"#, "message 1: unknown field `x`"),
        ] {
            let error = fails(format!("{good}\n\n{line}\n"));
            assert!(error.starts_with("data.jsonl:3: ") && error.contains(expected), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(fails(b"{\"text\": \"\xff\"}").contains("data.jsonl:1: not UTF-8"));
        assert!(fails("\n \n").contains("no record"));
        assert!(fails(vec![b'x'; LINE_LIMIT as usize + 10]).contains("longer than"));
        assert!(read(Path::new("/no/such/file")).is_err() && read(Path::new("/")).is_err());
    }
}
