//! Cards as Markdown, with formulas between dollar signs, as GitHub, Jupyter, Obsidian and pandoc read them.

use super::{
    card::{Card, Piece, Sheet},
    math::tex,
};

/// The whole sheet.
#[must_use]
pub fn markdown(sheet: &Sheet) -> String {
    let mut text = format!("# {}\n", escaped(&sheet.title));
    for (title, cards) in sheet.sections() {
        text.push_str(&format!("\n## {}\n", escaped(title)));
        for card in cards {
            text.push_str(&one(card));
        }
    }
    text
}

fn one(card: &Card) -> String {
    let mut text = format!(
        "\n### {}: {}\n\nDifficulty {} of 5, {}.\n",
        escaped(&card.id),
        escaped(&card.question),
        card.difficulty,
        card.kind
    );
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            text.push_str(&format!(
                "\n{title}\n{}\n",
                items.iter().map(|item| format!("\n- {item}")).collect::<String>()
            ));
        }
    };
    list(
        "**Options**",
        card.options.iter().map(|(letter, option)| format!("**{letter}** {}", escaped(option))).collect(),
    );
    list("**Answer**", vec![line(&card.answer)]);
    let depth = |required: bool| if required { "" } else { " *(depth)*" };
    list("**Points**", card.points.iter().map(|(point, required)| line(point) + depth(*required)).collect());
    let mistakes =
        card.mistakes.iter().map(|mistake| format!("{}: {}", line(&mistake.said), escaped(&mistake.correction)));
    list("**What people get wrong**", mistakes.collect());
    list(
        "**Next**",
        card.follow_ups.iter().map(|(ask, answer)| format!("{} {}", escaped(ask), escaped(answer))).collect(),
    );
    list("**Why**", vec![escaped(&card.why)]);
    list("**Sources**", card.sources.iter().map(|source| escaped(source)).chain([escaped(&card.demo)]).collect());
    text
}

fn line(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Words(words) => {
            // Space at the ends separates words from a formula.
            let edge = |found: bool| if found { " " } else { "" };
            format!("{}{}{}", edge(words.starts_with(' ')), escaped(words), edge(words.ends_with(' ')))
        }
        Piece::Math(math) => format!("${}$", tex(math)),
    };
    pieces.iter().map(piece).collect()
}

/// Text on one line in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        for c in word.chars().filter(|c| !c.is_control()) {
            if "\\`*_[]<>$|~&#".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quiz::bank::builtin;

    #[test]
    fn a_card_reads_well() {
        let sheet = Sheet::of(&builtin().unwrap(), |question| ["c04", "f02"].contains(&question.id.as_str()));
        insta::assert_snapshot!(markdown(&sheet));
    }

    #[test]
    fn every_question_is_there_and_nothing_is_markup() {
        let mut bank = builtin().unwrap();
        bank.questions[0].text = "# <b>a</b>\n\n- `x` *y* [z](q)".to_owned();
        let text = markdown(&Sheet::of(&bank, |_| true));
        assert_eq!(text.lines().filter(|line| line.starts_with("### ")).count(), bank.questions.len());
        assert!(text.contains(r"### g01: \# \<b\>a\</b\> - \`x\` \*y\* \[z\](q)"));
    }
}
