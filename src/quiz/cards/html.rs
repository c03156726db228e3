//! Cards as HTML: the pieces that Anki's fields are made of, and a whole printable sheet that needs neither script nor network.

use super::{
    card::{Card, Piece, Sheet},
    math::mathml,
};

/// Where the sheet has the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Answers {
    /// Each below its question
    Below,
    /// All on pages of their own at the end
    Apart,
    /// Nowhere: a test paper
    None,
}

/// How formulas are written into HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Formulas {
    /// As `\( … \)`, which Anki's MathJax renders.
    #[cfg(feature = "cli")]
    MathJax,
    /// As MathML, which browsers render themselves.
    MathMl,
}

/// The whole sheet.
#[must_use]
pub fn html(sheet: &Sheet, answers: Answers) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{style}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p class=\"count\">{count}</p>\n",
        title = escaped(&sheet.title),
        style = include_str!("sheet.css"),
        count = counted(sheet.cards.len()),
    );
    let sections = sheet.sections();
    if sections.len() > 1 {
        page.push_str("<nav><ol>\n");
        for (index, (title, cards)) in sections.iter().enumerate() {
            page.push_str(&format!(
                "<li><a href=\"#s{index}\">{}</a> <span class=\"count\">{}</span></li>\n",
                escaped(title),
                cards.len()
            ));
        }
        page.push_str("</ol></nav>\n");
    }
    for (index, (title, cards)) in sections.iter().enumerate() {
        page.push_str(&format!("<section>\n<h2 id=\"s{index}\">{}</h2>\n", escaped(title)));
        for card in cards {
            page.push_str(&format!("<article>\n{}{}", head(card, true), options(card)));
            if answers == Answers::Below {
                page.push_str(&back(card));
            }
            page.push_str("</article>\n");
        }
        page.push_str("</section>\n");
    }
    if answers == Answers::Apart {
        page.push_str("<section class=\"apart\">\n<h2>Answers</h2>\n");
        for card in &sheet.cards {
            page.push_str(&format!("<article>\n{}{}</article>\n", head(card, false), back(card)));
        }
        page.push_str("</section>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn counted(questions: usize) -> String {
    format!("{questions} question{}", if questions == 1 { "" } else { "s" })
}

fn head(card: &Card, full: bool) -> String {
    let about =
        format!("<p class=\"about\">{} · difficulty {} of 5 · {}</p>\n", escaped(&card.id), card.difficulty, card.kind);
    let about = if full { about } else { format!("<p class=\"about\">{}</p>\n", escaped(&card.id)) };
    format!("{about}<h3>{}</h3>\n", escaped(&card.question))
}

fn back(card: &Card) -> String {
    let formulas = Formulas::MathMl;
    let mut html = format!("<p class=\"answer\">{}</p>\n", line(&card.answer, formulas));
    for (title, part) in [
        ("Points", points(card, formulas)),
        ("What people get wrong", mistakes(card, formulas)),
        ("Next", follow_ups(card)),
    ] {
        if !part.is_empty() {
            html.push_str(&format!("<h4>{title}</h4>\n{part}\n"));
        }
    }
    html.push_str(&format!(
        "<h4>Why</h4>\n<p>{}</p>\n<p class=\"sources\">{}</p>\n",
        escaped(&card.why),
        sources(card)
    ));
    html
}

/// The options of a multiple choice, as a list; empty for other kinds.
pub(super) fn options(card: &Card) -> String {
    list("options", card.options.iter().map(|(letter, text)| format!("<b>{letter}</b> {}", escaped(text))))
}

/// What a strong answer holds.
pub(super) fn points(card: &Card, formulas: Formulas) -> String {
    let depth = |required: bool| if required { "" } else { " <i>(depth)</i>" };
    list("points", card.points.iter().map(|(text, required)| line(text, formulas) + depth(*required)))
}

/// What people get wrong, each with its correction.
pub(super) fn mistakes(card: &Card, formulas: Formulas) -> String {
    let item = |said: &[Piece], correction: &str| {
        format!("<span class=\"said\">{}</span><br>{}", line(said, formulas), escaped(correction))
    };
    list("mistakes", card.mistakes.iter().map(|mistake| item(&mistake.said, &mistake.correction)))
}

/// What an interviewer asks next, with the answers.
pub(super) fn follow_ups(card: &Card) -> String {
    let item = |(ask, answer): &(String, String)| {
        format!("<span class=\"ask\">{}</span><br>{}", escaped(ask), escaped(answer))
    };
    list("next", card.follow_ups.iter().map(item))
}

/// Where it is written, and the demo that shows it.
pub(super) fn sources(card: &Card) -> String {
    format!("{} · <code>{}</code>", escaped(&card.sources.join("; ")), escaped(&card.demo))
}

/// Words and formulas.
pub(super) fn line(pieces: &[Piece], formulas: Formulas) -> String {
    let piece = |piece: &Piece| match (piece, formulas) {
        (Piece::Words(words), _) => escaped(words),
        #[cfg(feature = "cli")]
        (Piece::Math(math), Formulas::MathJax) => format!("\\({}\\)", escaped(&super::math::tex(math))),
        (Piece::Math(math), Formulas::MathMl) => mathml(math),
    };
    pieces.iter().map(piece).collect()
}

fn list(class: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<li>{item}</li>")).collect();
    if items.is_empty() { items } else { format!("<ul class=\"{class}\">{items}</ul>") }
}

/// Text for HTML. Line breaks stay; square brackets are escaped too, for in Anki they are media and LaTeX marks.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim_matches('\n').chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            '\n' => out.push_str("<br>"),
            c if c.is_control() => {}
            c => out.push(c),
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
    fn the_sheet_is_self_contained_and_whole() {
        let bank = builtin().unwrap();
        let sheet = Sheet::of(&bank, |_| true);
        let below = html(&sheet, Answers::Below);
        assert_eq!(below.matches("<article>").count(), bank.questions.len());
        assert_eq!(below.matches("class=\"answer\"").count(), bank.questions.len());
        let (apart, none) = (html(&sheet, Answers::Apart), html(&sheet, Answers::None));
        assert_eq!(apart.matches("<article>").count(), 2 * bank.questions.len());
        assert!(!none.contains("class=\"answer\"") && !none.contains("class=\"said\""));
        for page in [&below, &apart, &none] {
            for outside in ["<script", "<link", "<img", "@import", "url(", "://", " src="] {
                assert!(!page.contains(outside), "{outside}");
            }
        }
        assert_eq!(below.matches("<math ").count(), below.matches("</math>").count());
        assert!(below.contains("<mfrac>"));
    }

    #[test]
    fn a_strangers_bank_cannot_write_tags() {
        let mut bank = builtin().unwrap();
        let hostile = "<script>alert(1)</script> & \"x\" [sound:a.mp3] [latex]\\input{/etc/passwd}[/latex]";
        bank.title = hostile.to_owned();
        bank.sections[0].title = hostile.to_owned();
        for question in &mut bank.questions {
            for text in [&mut question.text, &mut question.model_answer, &mut question.why] {
                *text = hostile.to_owned();
            }
            question.sources = vec![hostile.to_owned()];
        }
        let page = html(&Sheet::of(&bank, |_| true), Answers::Apart);
        assert!(!page.contains("<script") && !page.contains("[sound") && !page.contains("[latex]"));
    }
}
