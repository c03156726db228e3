//! `cargo xtask anki-check`: Anki's own library imports the deck, then a later version of it.

use std::{
    error::Error,
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use deltaw::quiz::{
    bank::{Bank, builtin},
    cards::{Sheet, anki::apkg},
};

use super::python;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the changed question says in the later deck.
const CHANGED: &str = "A changed answer, to be seen after the second import";

/// Runs it.
pub(crate) fn run() -> Outcome<()> {
    let python = python::of("anki")?;
    let root = Path::new("target/anki-check");
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    fs::create_dir_all(root)?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let mut bank = builtin()?;
    write(&root.join("first.apkg"), &bank, now)?;
    let questions = bank.questions.len();
    let changed = bank.questions.first_mut().ok_or("the bank is empty")?;
    changed.model_answer = CHANGED.to_owned();
    let id = changed.id.clone();
    write(&root.join("second.apkg"), &bank, now + 60)?;
    // Another bank that uses the same ids must not take the place of these notes.
    bank.title = "Another bank".to_owned();
    write(&root.join("other.apkg"), &bank, now + 120)?;
    let done = Command::new(python)
        .arg("xtask/anki/check.py")
        .arg(root)
        .args([questions.to_string(), bank.sections.len().to_string(), id, CHANGED.to_owned()])
        .status()?;
    if done.success() { Ok(()) } else { Err("Anki is not content with the deck".into()) }
}

fn write(path: &Path, bank: &Bank, modified: i64) -> Outcome<()> {
    Ok(fs::write(path, apkg(&Sheet::of(bank, |_| true), modified)?)?)
}
