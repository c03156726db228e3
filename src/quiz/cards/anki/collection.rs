//! Anki's collection of schema 11, with only what an import reads.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{
    fields,
    identity::{free_number, guid, number},
    template,
};
use crate::quiz::cards::card::Sheet;

const TABLES: &str = "
CREATE TABLE col (
  id integer PRIMARY KEY, crt integer NOT NULL, mod integer NOT NULL, scm integer NOT NULL, ver integer NOT NULL, dty integer NOT NULL,
  usn integer NOT NULL, ls integer NOT NULL, conf text NOT NULL, models text NOT NULL, decks text NOT NULL, dconf text NOT NULL,
  tags text NOT NULL);
CREATE TABLE notes (
  id integer PRIMARY KEY, guid text NOT NULL, mid integer NOT NULL, mod integer NOT NULL, usn integer NOT NULL, tags text NOT NULL,
  flds text NOT NULL, sfld integer NOT NULL, csum integer NOT NULL, flags integer NOT NULL, data text NOT NULL);
CREATE TABLE cards (
  id integer PRIMARY KEY, nid integer NOT NULL, did integer NOT NULL, ord integer NOT NULL, mod integer NOT NULL, usn integer NOT NULL,
  type integer NOT NULL, queue integer NOT NULL, due integer NOT NULL, ivl integer NOT NULL, factor integer NOT NULL,
  reps integer NOT NULL, lapses integer NOT NULL, left integer NOT NULL, odue integer NOT NULL, odid integer NOT NULL,
  flags integer NOT NULL, data text NOT NULL);
CREATE TABLE revlog (
  id integer PRIMARY KEY, cid integer NOT NULL, usn integer NOT NULL, ease integer NOT NULL, ivl integer NOT NULL,
  lastIvl integer NOT NULL, factor integer NOT NULL, time integer NOT NULL, type integer NOT NULL);
CREATE TABLE graves (usn integer NOT NULL, oid integer NOT NULL, type integer NOT NULL);
CREATE INDEX ix_notes_usn ON notes (usn);
CREATE INDEX ix_cards_usn ON cards (usn);
CREATE INDEX ix_revlog_usn ON revlog (usn);
CREATE INDEX ix_cards_nid ON cards (nid);
CREATE INDEX ix_cards_sched ON cards (did, queue, due);
CREATE INDEX ix_revlog_cid ON revlog (cid);
CREATE INDEX ix_notes_csum ON notes (csum);
";

/// Marks a row as changed here and not yet synchronised.
const NOT_SYNCHRONISED: i64 = -1;

/// Separates the fields of a note.
const SEPARATOR: &str = "\u{1f}";

/// Writes the collection to the empty file at `path`.
pub(super) fn write(path: &Path, sheet: &Sheet, modified: i64) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let bank = sheet.title.as_str();
    let note_type = number(&["note type", "question"]);
    let decks: HashMap<&str, i64> =
        sheet.cards.iter().map(|card| (card.section.as_str(), number(&["deck", bank, &card.section]))).collect();
    transaction.execute(
        "INSERT INTO col VALUES (1, ?1, ?2, ?2, 11, 0, 0, 0, ?3, ?4, ?5, ?6, '{}')",
        params![
            modified,
            modified.saturating_mul(1000),
            configuration(note_type).to_string(),
            note_types(note_type, modified).to_string(),
            deck_list(sheet, &decks, modified).to_string(),
            json!({"1": options_group()}).to_string(),
        ],
    )?;
    let (mut notes, mut cards) = (HashSet::new(), HashSet::new());
    for (position, card) in sheet.cards.iter().enumerate() {
        let note = free_number(&["note", bank, &card.id], &mut notes);
        let fields = fields::fields(card);
        // The checksum of the first field finds duplicates while typing; Anki computes it on import.
        transaction.execute(
            "INSERT INTO notes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, '')",
            params![
                note,
                guid(bank, &card.id),
                note_type,
                modified,
                NOT_SYNCHRONISED,
                fields::tags(card),
                fields.join(SEPARATOR),
                card.question
            ],
        )?;
        transaction.execute(
            "INSERT INTO cards VALUES (?1, ?2, ?3, 0, ?4, ?5, 0, 0, ?6, 0, 0, 0, 0, 0, 0, 0, 0, '')",
            params![
                free_number(&["card", bank, &card.id], &mut cards),
                note,
                decks.get(card.section.as_str()).copied().unwrap_or(1),
                modified,
                NOT_SYNCHRONISED,
                i64::try_from(position).unwrap_or(i64::MAX)
            ],
        )?;
    }
    transaction.commit()
}

fn configuration(note_type: i64) -> Value {
    json!({
        "activeDecks": [1], "curDeck": 1, "curModel": note_type.to_string(), "nextPos": 1, "estTimes": true, "sortType": "noteFld",
        "sortBackwards": false, "timeLim": 0, "addToCur": true, "newSpread": 0, "dueCounts": true, "collapseTime": 1200,
    })
}

fn note_types(id: i64, modified: i64) -> Value {
    let fields: Vec<Value> = fields::NAMES
        .iter()
        .enumerate()
        .map(|(ord, name)| {
            json!({"name": name, "ord": ord, "sticky": false, "rtl": false, "font": "Arial", "size": 20, "media": []})
        })
        .collect();
    json!({id.to_string(): {
        "id": id, "name": "deltaw question", "type": 0, "mod": modified, "usn": NOT_SYNCHRONISED, "sortf": 0, "did": null,
        "tmpls": [{
            "name": "Card", "ord": 0, "qfmt": template::FRONT, "afmt": template::BACK, "bqfmt": "", "bafmt": "", "did": null,
        }],
        "flds": fields, "css": template::STYLE, "latexPre": "", "latexPost": "", "tags": [], "vers": [], "req": [[0, "any", [0, 7]]],
    }})
}

/// A deck named after the bank, with one sub-deck a section.
fn deck_list(sheet: &Sheet, decks: &HashMap<&str, i64>, modified: i64) -> Value {
    let parent = deck_name(&sheet.title);
    let top = number(&["deck", &sheet.title]);
    let mut list = serde_json::Map::new();
    list.insert("1".to_owned(), deck(1, "Default", modified));
    list.insert(top.to_string(), deck(top, &parent, modified));
    for card in &sheet.cards {
        if let Some(&id) = decks.get(card.section.as_str()) {
            let name = format!("{parent}::{}", deck_name(&card.section_title));
            list.entry(id.to_string()).or_insert_with(|| deck(id, &name, modified));
        }
    }
    Value::Object(list)
}

/// A deck's name; in Anki `::` would start a sub-deck.
fn deck_name(title: &str) -> String {
    title.replace("::", ":").chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

fn deck(id: i64, name: &str, modified: i64) -> Value {
    json!({
        "id": id, "name": name, "mod": modified, "usn": NOT_SYNCHRONISED, "desc": "", "dyn": 0, "conf": 1, "collapsed": false,
        "browserCollapsed": false, "extendNew": 0, "extendRev": 0,
        "newToday": [0, 0], "revToday": [0, 0], "lrnToday": [0, 0], "timeToday": [0, 0],
    })
}

/// Anki's defaults: an import keeps the learner's own options.
fn options_group() -> Value {
    json!({
        "id": 1, "name": "Default", "mod": 0, "usn": 0, "maxTaken": 60, "autoplay": true, "timer": 0, "replayq": true, "dyn": false,
        "new": {"bury": false, "delays": [1, 10], "initialFactor": 2500, "ints": [1, 4, 0], "order": 1, "perDay": 20},
        "rev": {"bury": false, "ease4": 1.3, "ivlFct": 1, "maxIvl": 36500, "perDay": 200, "hardFactor": 1.2},
        "lapse": {"delays": [10], "leechAction": 1, "leechFails": 8, "minInt": 1, "mult": 0},
    })
}
