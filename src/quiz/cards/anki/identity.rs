//! Numbers and names by which Anki knows notes, cards, decks and the note type again: made of what they stand for, never of the time.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// Anki's numbers are milliseconds since 1970, shown as dates of creation: from September 2001, for 19 years.
const FIRST: u64 = 1_000_000_000_000;
const SPAN: u64 = 600_000_000_000;

/// The note's name in all collections.
pub(super) fn guid(bank: &str, question: &str) -> String {
    hash(&["note", bank, question]).iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// A number for what `parts` name.
pub(super) fn number(parts: &[&str]) -> i64 {
    let bytes = hash(parts);
    let value = bytes.iter().take(8).fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    (FIRST + value % SPAN).cast_signed()
}

/// A number for what `parts` name that is not in `taken` yet; the next free one where two would share it.
pub(super) fn free_number(parts: &[&str], taken: &mut HashSet<i64>) -> i64 {
    let mut number = number(parts);
    while !taken.insert(number) {
        number += 1;
    }
    number
}

/// Lengths stand before the parts, so that no two lists of parts are one text.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in ["deltaw"].iter().chain(parts) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
