//! HTML written by hand: escaped text, a few elements, colours that work on light and dark themes.

use std::fmt::Write as _;

/// Blue and orange of the figures, as `r,g,b`.
pub(super) const COOL: &str = "0,114,178";
pub(super) const WARM: &str = "213,94,0";
const GOOD: &str = "#009e73";
const BAD: &str = "#d55e00";

/// `text` with everything escaped that HTML would read as markup, fit for element text and for attributes in double quotes. Control characters
/// other than line breaks and tabs are left out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A paragraph of plain text.
#[must_use]
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// A table; `right` says which columns hold numbers. Cells are HTML already.
pub(super) fn table(caption: &str, columns: &[String], rows: &[Vec<String>], right: &[bool]) -> String {
    let side = |column: usize| if right.get(column).copied().unwrap_or(false) { "right" } else { "left" };
    let mut html = String::from("<table>\n");
    if !caption.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<caption style=\"text-align:left\">{}</caption>", escape(caption));
    }
    let heads: String = columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("<th style=\"text-align:{}\">{}</th>", side(i), escape(column)))
        .collect();
    let _ = writeln!(html, "<thead><tr>{heads}</tr></thead>\n<tbody>");
    for row in rows {
        let cells: String = row
            .iter()
            .enumerate()
            .map(|(i, cell)| format!("<td style=\"text-align:{}\">{cell}</td>", side(i)))
            .collect();
        let _ = writeln!(html, "<tr>{cells}</tr>");
    }
    html + "</tbody></table>\n"
}

/// A box whose left edge says how it went.
pub(super) fn verdict(good: bool, inside: &str) -> String {
    let colour = if good { GOOD } else { BAD };
    format!("<div style=\"border-left:4px solid {colour};padding-left:12px\">\n{inside}</div>\n")
}
