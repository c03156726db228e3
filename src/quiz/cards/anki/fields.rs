//! A card as the fields of a note.

use super::super::{
    card::Card,
    html::{Formulas, escaped, follow_ups, line, mistakes, options, points, sources},
};

/// The fields' names, in order. The template refers to them.
pub(super) const NAMES: [&str; 9] =
    ["Question", "Answer", "Points", "Mistakes", "Next", "Why", "Sources", "About", "Id"];

/// The fields' contents, in the order of [`NAMES`].
pub(super) fn fields(card: &Card) -> [String; 9] {
    let formulas = Formulas::MathJax;
    [
        escaped(&card.question) + &options(card),
        line(&card.answer, formulas),
        points(card, formulas),
        mistakes(card, formulas),
        follow_ups(card),
        escaped(&card.why),
        sources(card),
        format!("{} · difficulty {} of 5 · {}", escaped(&card.section_title), card.difficulty, card.kind),
        escaped(&card.id),
    ]
}

/// The tags, as Anki stores them: with a space on either side. `::` makes a tree of them.
pub(super) fn tags(card: &Card) -> String {
    let kind = card.kind.replace(' ', "-");
    // A tag has no spaces; a stranger's section may.
    let section: String =
        card.section.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect();
    format!(" deltaw::section::{section} deltaw::difficulty::{} deltaw::kind::{kind} ", card.difficulty)
}
