//! What a demo returns: prose, numbers, tables and a figure, free of any way of showing them.

use std::collections::BTreeMap;

use serde::Serialize;

/// The result of a demo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the demo.
    pub demo: String,
    /// Heading.
    pub title: String,
    /// What was computed and what to see in it, one thought a line.
    pub text: Vec<String>,
    /// The figures by name, for scripts, tests and notebooks.
    pub numbers: BTreeMap<String, f64>,
    /// Tables.
    pub tables: Vec<Table>,
    /// The figure.
    pub figure: Option<Figure>,
}

/// A table of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Caption.
    pub title: String,
    /// Column headings.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Words.
    Text(String),
    /// An exact count, shown with thousands separators.
    Count(u64),
    /// A measured or computed real number, shown with four significant digits.
    Real(f64),
}

/// A figure: a heading, axes and what is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// Label of the horizontal axis.
    pub x: String,
    /// Label of the vertical axis.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// Whether the vertical axis is logarithmic.
    pub log_y: bool,
    /// What is drawn.
    pub chart: Chart,
}

/// The drawing itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chart {
    /// Lines through points, one per series.
    Lines(Vec<Series>),
    /// Named bars.
    Bars(Vec<(String, f64)>),
    /// Points (x, y), each with its name beside it.
    Points(Vec<(String, (f64, f64))>),
}

/// A named line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points (x, y) in order of x.
    pub points: Vec<(f64, f64)>,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl Report {
    /// An empty report of `demo`.
    #[must_use]
    pub(super) fn new(demo: &str, title: impl Into<String>) -> Self {
        let (demo, title) = (demo.to_owned(), title.into());
        Self { demo, title, text: Vec::new(), numbers: BTreeMap::new(), tables: Vec::new(), figure: None }
    }

    /// Adds a line of prose.
    #[must_use]
    pub(super) fn line(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    /// Adds a named number.
    #[must_use]
    pub(super) fn number(mut self, name: impl Into<String>, value: f64) -> Self {
        self.numbers.insert(name.into(), value);
        self
    }

    /// Adds a table.
    #[must_use]
    pub(super) fn table(mut self, title: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        self.tables.push(Table { title: title.to_owned(), columns, rows });
        self
    }

    /// Sets the figure. `log` says which axes are logarithmic, x and y.
    #[must_use]
    pub(super) fn figure(mut self, title: &str, axes: (&str, &str), log: (bool, bool), chart: Chart) -> Self {
        let (x, y) = (axes.0.to_owned(), axes.1.to_owned());
        self.figure = Some(Figure { title: title.to_owned(), x, y, log_x: log.0, log_y: log.1, chart });
        self
    }
}
