//! A report in the terminal: prose, tables, numbers and a plot in characters.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};

use super::terminal_plot;
use crate::demos::{Report, Table, Value};
pub use crate::quiz::shown::{significant, value};

/// Renders `report` for a terminal `width` columns wide; every line ends in a newline.
#[must_use]
pub fn report(report: &Report, width: u16) -> String {
    let mut text = format!("{}\n{}\n", report.title, "=".repeat(report.title.chars().count().min(width.into())));
    for line in &report.text {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", wrap(line, width));
    }
    for table in &report.tables {
        let _ = writeln!(text, "\n{}\n{}", table.title, grid(table, width));
    }
    if let Some(figure) = &report.figure {
        let _ = write!(text, "\n{}", terminal_plot::draw(figure, width));
    }
    super::verdict::clean(&text)
}

pub(super) fn grid(table: &Table, width: u16) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(&table.columns);
    for row in &table.rows {
        grid.add_row(row.iter().map(value));
    }
    for (index, column) in grid.column_iter_mut().enumerate() {
        let numeric = table.rows.iter().all(|row| !matches!(row.get(index), Some(Value::Text(_))));
        if numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}

/// Breaks `text` at spaces into lines of at most `width` columns.
#[must_use]
pub fn wrap(text: &str, width: u16) -> String {
    let width = usize::from(width.max(20));
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// The width to write at: the terminal's, or 100 without one.
#[must_use]
pub fn width() -> u16 {
    match terminal_size::terminal_size() {
        Some((terminal_size::Width(width), _)) => width.clamp(40, 140),
        None => 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three four five six", 20), "one two three four\nfive six");
    }
}
