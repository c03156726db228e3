//! A deck for Anki: an `.apkg` file, which is a zip archive with an SQLite collection in it.
//!
//! The collection is of schema 11, the last one whose note types and decks are JSON; Anki's importer reads it in all versions since 2.1 and
//! calls it the legacy format (`collection.anki2`). Its tables and fields are described in Anki's source (`rslib/src/storage/schema11.sql`,
//! `rslib/src/notetype/schema11.rs`, `rslib/src/decks/schema11.rs`).
//!
//! Importing again updates: a note is known by its `guid`, which is made of the bank's title and the question's id. Anki takes the newer text
//! and keeps the learner's schedule.

mod collection;
mod fields;
mod identity;
mod template;

use std::io::{self, Write as _};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::card::Sheet;

/// Why a deck could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AnkiError {
    /// The collection could not be written.
    #[error("the deck's collection cannot be written: {0}")]
    Database(#[from] rusqlite::Error),
    /// A temporary file failed.
    #[error("the deck cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The archive could not be written.
    #[error("the deck's archive cannot be written: {0}")]
    Archive(#[from] zip::result::ZipError),
}

/// The bytes of an `.apkg` file with a note and a card for each card of `sheet`, in one sub-deck a section. `modified` (seconds since 1970) is
/// the time of this version: Anki updates a note where it is later than that of the note it has.
///
/// # Errors
/// There is no room for temporary files.
pub fn apkg(sheet: &Sheet, modified: i64) -> Result<Vec<u8>, AnkiError> {
    let file = tempfile::NamedTempFile::new()?;
    collection::write(file.path(), sheet, modified)?;
    let mut archive = ZipWriter::new(io::Cursor::new(Vec::new()));
    // Stored: a deck has some hundred kilobytes.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("collection.anki2", options)?;
    archive.write_all(&std::fs::read(file.path())?)?;
    archive.start_file("media", options)?;
    archive.write_all(b"{}")?;
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::BTreeSet, io::Read as _};

    use rusqlite::Connection;

    use super::*;
    use crate::quiz::bank::{Bank, builtin};

    fn opened(bank: &Bank, modified: i64) -> (Connection, tempfile::NamedTempFile) {
        let bytes = apkg(&Sheet::of(bank, |_| true), modified).unwrap();
        let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let mut collection = Vec::new();
        archive.by_name("collection.anki2").unwrap().read_to_end(&mut collection).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), collection).unwrap();
        (Connection::open(file.path()).unwrap(), file)
    }

    fn guids(bank: &Bank) -> BTreeSet<(String, i64)> {
        let (connection, _file) = opened(bank, 1_700_000_000);
        let mut statement = connection.prepare("SELECT guid, id FROM notes").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn each_question_is_a_note_with_one_card_and_its_identity_is_its_own() {
        let bank = builtin().unwrap();
        let (connection, _file) = opened(&bank, 1_700_000_000);
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
        assert_eq!(count("SELECT COUNT(*) FROM notes"), bank.questions.len());
        assert_eq!(count("SELECT COUNT(*) FROM cards JOIN notes ON notes.id = cards.nid"), bank.questions.len());
        assert_eq!(count("SELECT COUNT(DISTINCT guid) FROM notes"), bank.questions.len());
        assert_eq!(count("SELECT COUNT(DISTINCT did) FROM cards"), bank.sections.len());
        assert_eq!(count("SELECT COUNT(*) FROM notes WHERE flds LIKE '%\\(%'"), 20);
    }

    #[test]
    fn an_identity_outlives_a_changed_text_but_not_another_bank() {
        let mut bank = builtin().unwrap();
        let first = guids(&bank);
        bank.questions[0].text = "Another text".to_owned();
        bank.questions.reverse();
        assert_eq!(guids(&bank), first);
        bank.title = "Another bank with the same ids".to_owned();
        assert!(guids(&bank).is_disjoint(&first));
    }
}
