//! A matrix as a picture: blue above zero, orange below, white at zero.

use std::fs;

use plotters::prelude::*;

use super::{Drawing, Matrix, Output, Readable, Show};
use crate::{plot, quiz::shown::significant};

/// Largest side that is drawn number by number; larger ones are averaged over blocks, and the axes say so.
const SIDE: usize = 128;
const SIZE: (u32, u32) = (640, 520);

/// A heat map; made by [`heat_map`].
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    matrix: Result<Matrix, String>,
    title: String,
    rows: String,
    columns: String,
    see: String,
}

/// `matrix` as a picture, its first row on top. `rows` and `columns` name the axes, `title` says what the numbers are and in which unit.
pub fn heat_map(matrix: &impl Readable, title: &str, rows: &str, columns: &str) -> HeatMap {
    let (title, rows, columns) = (title.to_owned(), rows.to_owned(), columns.to_owned());
    HeatMap { matrix: matrix.matrix(), title, rows, columns, see: String::new() }
}

impl HeatMap {
    /// The sentence that says what to see.
    #[must_use]
    pub fn see(mut self, sentence: &str) -> Self {
        sentence.clone_into(&mut self.see);
        self
    }

    fn png(&self) -> Result<Vec<u8>, String> {
        let matrix = self.matrix.as_ref().map_err(Clone::clone)?;
        let (rows, columns) = matrix.sides();
        if rows * columns == 0 {
            return Err("the matrix is empty".to_owned());
        }
        plot::fonts();
        let file = tempfile::Builder::new().suffix(".png").tempfile().map_err(|error| error.to_string())?;
        self.draw(matrix, &BitMapBackend::new(file.path(), SIZE).into_drawing_area())
            .map_err(|error| error.to_string())?;
        fs::read(file.path()).map_err(|error| error.to_string())
    }

    fn draw(
        &self,
        matrix: &Matrix,
        area: &DrawingArea<BitMapBackend<'_>, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (rows, columns) = matrix.sides();
        let block = rows.max(columns).div_ceil(SIDE);
        let (down, across) = (rows.div_ceil(block), columns.div_ceil(block));
        let means: Vec<f64> =
            (0..down * across).map(|place| mean(matrix, columns, block, place / across, place % across)).collect();
        let largest = means.iter().filter(|v| v.is_finite()).fold(0.0, |most: f64, v| most.max(v.abs()));
        area.fill(&WHITE)?;
        let (map, scale) = area.split_horizontally(SIZE.0 - 110);
        let note = if block > 1 { format!(", means of {block} × {block}") } else { String::new() };
        let mut chart = ChartBuilder::on(&map)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..columns as f64, rows as f64..0.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_desc(format!("{}{note}", self.columns))
            .y_desc(&self.rows)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .x_label_formatter(&|v| format!("{v:.0}"))
            .y_label_formatter(&|v| format!("{v:.0}"))
            .draw()?;
        let step = block as f64;
        chart.draw_series(means.iter().enumerate().map(|(place, value)| {
            let (y, x) = ((place / across) as f64 * step, (place % across) as f64 * step);
            Rectangle::new([(x, y), (x + step, y + step)], colour(*value, largest).filled())
        }))?;
        let mut bar = ChartBuilder::on(&scale)
            .margin_top(44)
            .margin_bottom(56)
            .margin_right(10)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..1.0, -largest.max(f64::MIN_POSITIVE)..largest.max(f64::MIN_POSITIVE))?;
        bar.configure_mesh()
            .disable_mesh()
            .disable_x_axis()
            .label_style(("sans-serif", 12))
            .y_labels(5)
            .y_label_formatter(&|v| significant(if v.abs() < 1e-9 * largest { 0.0 } else { *v }))
            .draw()?;
        bar.draw_series((-32..32).map(|stripe| {
            let low = f64::from(stripe) / 32.0 * largest;
            let high = f64::from(stripe + 1) / 32.0 * largest;
            Rectangle::new([(0.0, low), (1.0, high)], colour((low + high) / 2.0, largest).filled())
        }))?;
        area.present()?;
        Ok(())
    }
}

/// Mean of the block at (`row`, `column`), counted in blocks.
fn mean(matrix: &Matrix, columns: usize, block: usize, row: usize, column: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for y in row * block..(row + 1) * block {
        for x in (column * block..(column + 1) * block).take_while(|x| *x < columns) {
            if let Some(value) = matrix.values.get(y * columns + x).filter(|_| y < matrix.sides().0) {
                sum += value;
                count += 1;
            }
        }
    }
    sum / count.max(1) as f64
}

/// White at zero, full colour at ±`largest`; grey for what is no number.
fn colour(value: f64, largest: f64) -> RGBColor {
    if !value.is_finite() {
        return RGBColor(128, 128, 128);
    }
    let share = if largest > 0.0 { (value.abs() / largest).min(1.0) } else { 0.0 };
    let RGBColor(r, g, b) = plot::COLOURS[usize::from(value < 0.0)];
    let mix = |full: u8| (255.0 - share * (255.0 - f64::from(full))).round() as u8;
    RGBColor(mix(r), mix(g), mix(b))
}

impl Show for HeatMap {
    fn output(&self) -> Output {
        Drawing::png(&self.title, &self.see, self.png()).output()
    }
}
