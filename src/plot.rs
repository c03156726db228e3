//! Figures as SVG or PNG, drawn by plotters with a font of our own, so that no system font is needed.

mod bars;
mod legend;
mod names;

use std::{fs, io::Write as _, ops::Range, path::Path, sync::Once};

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, Ranged, ValueFormatter},
    },
    prelude::*,
    style::{FontStyle, register_font},
};

use crate::demos::{Chart, Figure, Series};

/// Width and height of a figure in pixels.
const SIZE: (u32, u32) = (900, 560);
/// Room around the axes, and for what is written beside the vertical one.
const MARGIN: u32 = 14;
const BESIDE: u32 = 78;

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
        Chart::Bars(bars) => bars::draw(figure, bars, area)?,
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
    let named = matches!(figure.chart, Chart::Points(_));
    let mut below = area.margin(8, 0, 0, 0).titled(&figure.title, ("sans-serif", 22)).map_err(failed)?;
    if !named {
        below = legend::above(&below, series.iter().map(|line| line.name.as_str()), (MARGIN + BESIDE) as i32)?;
    }
    let mut chart = ChartBuilder::on(&below)
        .margin(MARGIN)
        .x_label_area_size(46)
        .y_label_area_size(BESIDE)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    let (across, up) = (chart.x_range(), chart.y_range());
    chart
        .configure_mesh()
        .x_desc(&figure.x)
        .y_desc(&figure.y)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 16))
        .light_line_style(WHITE)
        .x_label_formatter(&on(&across, figure.log_x))
        .y_label_formatter(&on(&up, figure.log_y))
        .draw()
        .map_err(failed)?;
    if named {
        let at = |point| chart.plotting_area().map_coordinate(point);
        let points: Vec<_> = series.iter().flat_map(|s| s.points.first().map(|p| (s.name.as_str(), at(p)))).collect();
        return names::beside(area, &points);
    }
    for (index, line) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let width = if series[index + 1..].iter().any(|later| hides(later, line, &up, figure.log_y)) { 7 } else { 2 };
        chart.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(width))).map_err(failed)?;
        if line.points.len() <= 40 {
            let dots = line.points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
    }
    Ok(())
}

/// Whether `later` runs over most of `line`, so that a thin `line` could not be seen below it.
fn hides(later: &Series, line: &Series, up: &Range<f64>, log: bool) -> bool {
    let height = |y: f64| if log { y.ln() } else { y };
    let near = 0.004 * (height(up.end) - height(up.start));
    let met = |(a, b): &(&(f64, f64), &(f64, f64))| a.0 == b.0 && (height(a.1) - height(b.1)).abs() <= near;
    let met = line.points.iter().zip(&later.points).filter(met);
    line.points.len() > 1 && 2 * met.count() > line.points.len()
}

/// How numbers are written on an axis: what is rounding beside the axis' length is zero, unless the axis is logarithmic.
fn on(axis: &Range<f64>, log: bool) -> impl Fn(&f64) -> String + use<> {
    let least = if log { 0.0 } else { 1e-9 * (axis.end - axis.start) };
    move |value| if value.abs() < least { "0".to_owned() } else { tick(value) }
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
