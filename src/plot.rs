//! Figures as SVG or PNG, drawn by plotters with a font of our own, so that no system font is needed.

use std::{fs, io::Write as _, path::Path, sync::Once};

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    },
    prelude::*,
    style::{
        FontStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::demos::{Chart, Figure, Series};

/// Width and height of a figure in pixels.
const SIZE: (u32, u32) = (900, 560);

const FONT: &[u8] = include_bytes!("../assets/font/DejaVuSans.ttf");

/// Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
pub const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Why a figure could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file's name ends in neither `.svg` nor `.png`.
    #[error("{0}: name a file that ends in .svg or .png")]
    Extension(String),
    /// The file cannot be written.
    #[error("{file}: {error}")]
    Write {
        /// The file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// There is nothing to draw, or the drawing failed.
    #[error("the figure cannot be drawn: {0}")]
    Draw(String),
}

/// Checks that figures can be written under this name.
///
/// # Errors
/// It ends in neither `.svg` nor `.png`.
pub fn check_name(path: &Path) -> Result<(), Error> {
    match extension(path).as_str() {
        "svg" | "png" => Ok(()),
        _ => Err(Error::Extension(path.display().to_string())),
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The figure as SVG text, as a notebook shows it.
///
/// # Errors
/// There is nothing to draw.
pub fn svg(figure: &Figure) -> Result<String, Error> {
    fonts();
    let mut text = String::new();
    draw(figure, &SVGBackend::with_string(&mut text, SIZE).into_drawing_area())?;
    Ok(text)
}

/// Writes `figure` to `path` as SVG or PNG, by the name's end; an existing file is replaced only when all is drawn.
///
/// # Errors
/// See [`Error`].
pub fn write(figure: &Figure, path: &Path) -> Result<(), Error> {
    check_name(path)?;
    fonts();
    let failed = |error| Error::Write { file: path.display().to_string(), error };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let suffix = format!(".{}", extension(path));
    let mut file = tempfile::Builder::new().suffix(&suffix).tempfile_in(directory).map_err(failed)?;
    if suffix == ".svg" {
        file.write_all(svg(figure)?.as_bytes()).map_err(failed)?;
    } else {
        draw(figure, &BitMapBackend::new(file.path(), SIZE).into_drawing_area())?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    file.persist(path).map(|_| ()).map_err(|error| failed(error.error))
}

/// Makes the crate's font the one that plotters draws `sans-serif` with; called before any drawing.
pub(crate) fn fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Only fails for a font that cannot be parsed; then the drawing itself reports it.
        let _ = register_font("sans-serif", FontStyle::Normal, FONT);
    });
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Draw(error.to_string())
}

fn draw<B: DrawingBackend>(figure: &Figure, area: &DrawingArea<B, Shift>) -> Result<(), Error> {
    area.fill(&WHITE).map_err(failed)?;
    match &figure.chart {
        Chart::Lines(series) => lines(figure, series, area)?,
        Chart::Bars(bars) => draw_bars(figure, bars, area)?,
        Chart::Points(points) => {
            let single = |(name, point): &(String, (f64, f64))| Series { name: name.clone(), points: vec![*point] };
            lines(figure, &points.iter().map(single).collect::<Vec<_>>(), area)?;
        }
    }
    area.present().map_err(failed)
}

fn lines<B: DrawingBackend>(figure: &Figure, series: &[Series], area: &DrawingArea<B, Shift>) -> Result<(), Error> {
    let fits = |value: f64, log: bool| value.is_finite() && (!log || value > 0.0);
    let points: Vec<Series> = series
        .iter()
        .map(|s| Series {
            name: s.name.clone(),
            points: s.points.iter().copied().filter(|p| fits(p.0, figure.log_x) && fits(p.1, figure.log_y)).collect(),
        })
        .collect();
    let all = || points.iter().flat_map(|s| &s.points);
    let (left, right) = span(all().map(|p| p.0), figure.log_x)?;
    let (low, high) = span(all().map(|p| p.1), figure.log_y)?;
    match (figure.log_x, figure.log_y) {
        (false, false) => chart(figure, &points, area, left..right, low..high),
        (true, false) => chart(figure, &points, area, (left..right).log_scale(), low..high),
        (false, true) => chart(figure, &points, area, left..right, (low..high).log_scale()),
        (true, true) => chart(figure, &points, area, (left..right).log_scale(), (low..high).log_scale()),
    }
}

fn chart<B, X, Y>(figure: &Figure, series: &[Series], area: &DrawingArea<B, Shift>, x: X, y: Y) -> Result<(), Error>
where
    B: DrawingBackend,
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(&figure.title, ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(78)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc(&figure.x)
        .y_desc(&figure.y)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .light_line_style(WHITE)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .draw()
        .map_err(failed)?;
    if matches!(figure.chart, Chart::Points(_)) {
        return named_points(&mut chart, series);
    }
    for (index, line) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))
            .map_err(failed)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], colour.stroke_width(3)));
        if line.points.len() <= 40 {
            let dots = line.points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .position(SeriesLabelPosition::UpperRight)
        .draw()
        .map_err(failed)
}

/// Points with their names beside them, instead of a legend.
fn named_points<B, X, Y>(chart: &mut ChartContext<'_, B, Cartesian2d<X, Y>>, series: &[Series]) -> Result<(), Error>
where
    B: DrawingBackend,
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    for (index, Series { name, points }) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        for point in points {
            // Towards the right edge a name stands before its point.
            let (x, _) = chart.plotting_area().map_coordinate(point);
            let right = x > (SIZE.0 / 3 * 2) as i32;
            let (side, offset) = if right { (HPos::Right, -7) } else { (HPos::Left, 7) };
            let style = ("sans-serif", 13).into_font().color(&colour).pos(Pos::new(side, VPos::Bottom));
            let mark = EmptyElement::at(*point)
                + Circle::new((0, 0), 4, colour.filled())
                + Text::new(name.clone(), (offset, 2), style);
            chart.draw_series([mark]).map_err(failed)?;
        }
    }
    Ok(())
}

/// Bars lie on their side, so that long names fit.
fn draw_bars<B: DrawingBackend>(
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
    let mut chart = ChartBuilder::on(area)
        .caption(&figure.title, ("sans-serif", 22))
        .margin(14)
        .x_label_area_size(46)
        .y_label_area_size(250)
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

/// A number on an axis.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "plotters wants a reference")]
fn tick(value: &f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}");
    }
    format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Smallest and largest with a little room; on a logarithmic axis the room is a factor.
fn span(values: impl Iterator<Item = f64>, log: bool) -> Result<(f64, f64), Error> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return Err(Error::Draw("there is no finite point".to_owned()));
    }
    if log {
        return Ok((low / 1.2, high * 1.2));
    }
    let room = if high > low { 0.04 * (high - low) } else { 0.5 };
    Ok((low - room, high + room))
}
