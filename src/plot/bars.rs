//! Named numbers as bars.

use plotters::{coord::Shift, prelude::*};

use super::{COLOURS, Error, MARGIN, failed, span, tick};
use crate::demos::Figure;

/// Room between a name and its bar, and for what the names are names of, in pixels.
const BESIDE_NAME: u32 = 22;
const HEADING: u32 = 26;

/// Bars lie on their side, so that long names fit.
pub(super) fn draw<B: DrawingBackend>(
    figure: &Figure,
    bars: &[(String, f64)],
    area: &DrawingArea<B, Shift>,
) -> Result<(), Error> {
    let scale = |value: f64| if figure.log_y { value.max(f64::MIN_POSITIVE).log10() } else { value };
    let (mut low, high) = span(bars.iter().map(|bar| scale(bar.1)), false)?;
    // Without a logarithm a bar starts at zero, so that nothing shows as nothing.
    let foot = if figure.log_y { low } else { 0.0 };
    if !figure.log_y {
        low = if bars.iter().all(|bar| bar.1 >= 0.0) { 0.0 } else { low.min(0.0) };
    }
    let count = bars.len();
    let style = ("sans-serif", 14).into_text_style(area);
    let widths = bars.iter().map(|bar| area.estimate_text_size(&bar.0, &style).map(|(width, _)| width));
    let longest = widths.collect::<Result<Vec<_>, _>>().map_err(failed)?.into_iter().max().unwrap_or_default();
    let heading = if figure.x.is_empty() { 0 } else { HEADING };
    let mut chart = ChartBuilder::on(area)
        .caption(&figure.title, ("sans-serif", 22))
        .margin(MARGIN)
        .x_label_area_size(46)
        .y_label_area_size((longest + BESIDE_NAME + heading).min(area.dim_in_pixel().0 / 2))
        .build_cartesian_2d(low..high, 0.0..count as f64)
        .map_err(failed)?;
    let name = |position: &f64| {
        let row = (count as f64 - position).floor();
        let middle = (position.fract() - 0.5).abs() < 0.01 && row >= 0.0;
        if middle { bars.get(row as usize).map_or_else(String::new, |bar| bar.0.clone()) } else { String::new() }
    };
    let back = |value: &f64| if figure.log_y { format!("{:.0e}", 10f64.powf(*value)) } else { tick(value) };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(4 * count + 1)
        .y_label_formatter(&name)
        .x_label_formatter(&back)
        .x_desc(&figure.y)
        .y_desc(&figure.x)
        .light_line_style(WHITE)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .draw()
        .map_err(failed)?;
    let boxes = bars.iter().enumerate().map(|(row, bar)| {
        let top = (count - row) as f64 - 0.2;
        Rectangle::new([(foot, top - 0.6), (scale(bar.1), top)], COLOURS[0].filled())
    });
    chart.draw_series(boxes).map(|_| ()).map_err(failed)
}
