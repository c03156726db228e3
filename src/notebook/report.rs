//! Demo reports, their tables and figures.

use super::{Drawing, Output, Show, html};
use crate::{
    demos::{Figure, Report, Table, Value},
    quiz::shown::value,
};

impl Show for Table {
    fn output(&self) -> Output {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(value).collect()).collect();
        let escaped: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| html::escape(cell)).collect()).collect();
        let numeric = |column: usize| {
            !self.rows.is_empty() && self.rows.iter().all(|row| !matches!(row.get(column), Some(Value::Text(_))))
        };
        let right: Vec<bool> = (0..self.columns.len()).map(numeric).collect();
        let mut text = format!("{}\n{}\n", self.title, self.columns.join(" | "));
        rows.iter().for_each(|row| text += &format!("{}\n", row.join(" | ")));
        Output::html(html::table(&self.title, &self.columns, &escaped, &right), text.trim_end())
    }
}

impl Show for Figure {
    fn output(&self) -> Output {
        Drawing::of(self, "").output()
    }
}

impl Show for Report {
    fn output(&self) -> Output {
        let mut output = Output::html(
            format!(
                "<p><strong>{}</strong></p>\n{}",
                html::escape(&self.title),
                self.text.iter().map(|line| html::paragraph(line)).collect::<String>()
            ),
            format!("{}\n{}", self.title, self.text.join("\n")),
        );
        for table in &self.tables {
            output = output.then(table.output());
        }
        match &self.figure {
            Some(figure) => output.then(Drawing::of(figure, self.text.first().map_or("", String::as_str)).output()),
            None => output,
        }
    }
}
