//! Figures inside a notebook: a few lines of description, or any plotters drawing, as an image with its sentence.

use std::{error::Error, fmt::Display};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use plotters::{coord::Shift, prelude::*};

use super::{Output, Pictured, Show, html};
use crate::{
    demos::{Chart, Figure, Series},
    plot,
};

/// A drawn figure, or why it could not be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    title: String,
    see: String,
    image: Result<Image, String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Image {
    mime: &'static str,
    bytes: Vec<u8>,
}

impl Drawing {
    /// `figure`, with the sentence that says what to see in it.
    #[must_use]
    pub fn of(figure: &Figure, see: &str) -> Self {
        Self::svg(&figure.title, see, plot::svg(figure))
    }

    fn svg(title: &str, see: &str, drawn: Result<String, impl Display>) -> Self {
        let image = drawn.map(|svg| Image { mime: "image/svg+xml", bytes: svg.into_bytes() });
        Self { title: title.to_owned(), see: see.to_owned(), image: image.map_err(|error| error.to_string()) }
    }

    pub(super) fn png(title: &str, see: &str, drawn: Result<Vec<u8>, String>) -> Self {
        let image = drawn.map(|bytes| Image { mime: "image/png", bytes });
        Self { title: title.to_owned(), see: see.to_owned(), image }
    }

    /// Sets the sentence that says what to see.
    #[must_use]
    pub fn see(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.see);
        self
    }
}

impl Show for Drawing {
    fn output(&self) -> Output {
        let image = match &self.image {
            Ok(image) => image,
            Err(error) => return Err::<(), _>(format!("the figure “{}”: {error}", self.title)).output(),
        };
        // An image, not inline SVG: Jupyter strips SVG elements from notebooks it does not trust yet, and keeps images.
        let shown = format!(
            "<figure style=\"margin:0\"><img alt=\"{}\" style=\"max-width:100%;background:white\" src=\"data:{};base64,{}\"><figcaption>{}</figcaption></figure>\n",
            html::escape(&self.title),
            image.mime,
            BASE64_STANDARD.encode(&image.bytes),
            html::escape(&self.see),
        );
        let mut output = Output::html(shown, format!("[figure: {}] {}", self.title, self.see));
        output.facts.figures.push(Pictured { title: self.title.clone(), see: self.see.clone() });
        output
    }
}

/// Draws with plotters itself on `size` pixels, in the crate's font.
///
/// ```
/// use deltaw::notebook::{Show, draw};
/// use plotters::prelude::*;
///
/// let drawing = draw("A square", (200, 100), |area| {
///     area.fill(&WHITE)?;
///     area.draw(&Rectangle::new([(20, 20), (80, 80)], BLUE.filled()))?;
///     Ok(())
/// });
/// let output = drawing.see("One blue square, 60 pixels wide.").output();
/// assert_eq!(output.facts.figures[0].title, "A square");
/// ```
pub fn draw(
    title: &str,
    size: (u32, u32),
    body: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
) -> Drawing {
    plot::fonts();
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        body(&area).and_then(|()| area.present().map_err(Into::into)).map_err(|error| error.to_string())
    };
    Drawing::svg(title, "", drawn.map(|()| svg))
}

/// A figure in a few lines; made by [`graph`].
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    figure: Figure,
    see: String,
}

/// A figure with its heading and its axes; name the units in them.
///
/// ```
/// use deltaw::notebook::{Show, graph};
///
/// let figure = graph("Parameters of LoRA at d = 4096", "rank", "trained parameters (thousands)")
///     .line("one square layer", (1..=16).map(|r| (f64::from(r), f64::from(r) * 8.192)))
///     .see("Parameters grow with the rank, on a straight line.");
/// assert!(figure.output().html.contains("data:image/svg+xml;base64,"));
/// ```
#[must_use]
pub fn graph(title: &str, x: &str, y: &str) -> Graph {
    let figure = Figure {
        title: title.to_owned(),
        x: x.to_owned(),
        y: y.to_owned(),
        log_x: false,
        log_y: false,
        chart: Chart::Lines(Vec::new()),
    };
    Graph { figure, see: String::new() }
}

impl Graph {
    /// Adds a named line through points (x, y).
    #[must_use]
    pub fn line(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let line = Series { name: name.to_owned(), points: points.into_iter().collect() };
        match &mut self.figure.chart {
            Chart::Lines(lines) => lines.push(line),
            other => *other = Chart::Lines(vec![line]),
        }
        self
    }

    /// Adds named lines, each through points (x, y).
    #[must_use]
    pub fn lines<N: AsRef<str>, P: IntoIterator<Item = (f64, f64)>>(
        self,
        lines: impl IntoIterator<Item = (N, P)>,
    ) -> Self {
        lines.into_iter().fold(self, |graph, (name, points)| graph.line(name.as_ref(), points))
    }

    /// Named bars; the graph's `y` is their axis.
    #[must_use]
    pub fn bars<N: Into<String>>(mut self, bars: impl IntoIterator<Item = (N, f64)>) -> Self {
        self.figure.chart = Chart::Bars(bars.into_iter().map(|(name, value)| (name.into(), value)).collect());
        self
    }

    /// Points (x, y), each with its name beside it.
    #[must_use]
    pub fn points<N: Into<String>>(mut self, points: impl IntoIterator<Item = (N, (f64, f64))>) -> Self {
        self.figure.chart = Chart::Points(points.into_iter().map(|(name, point)| (name.into(), point)).collect());
        self
    }

    /// Makes the horizontal axis logarithmic.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.figure.log_x = true;
        self
    }

    /// Makes the vertical axis logarithmic.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.figure.log_y = true;
        self
    }

    /// The sentence that says what to see. A figure without one does not pass the runner.
    #[must_use]
    pub fn see(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.see);
        self
    }
}

impl Show for Graph {
    fn output(&self) -> Output {
        Drawing::of(&self.figure, &self.see).output()
    }
}
