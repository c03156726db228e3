//! A figure drawn with characters.

use std::fmt::Write as _;

use super::show::significant;
use crate::demos::{Chart, Figure, Series};

/// Rows of a line plot.
const HEIGHT: usize = 14;

/// Columns for the labels on the left.
const MARGIN: usize = 10;

/// One mark per series, in order.
const MARKS: [char; 8] = ['●', '○', '▲', '△', '■', '□', '◆', '◇'];

/// Draws `figure` at most `width` columns wide; every line ends in a newline.
#[must_use]
pub(super) fn draw(figure: &Figure, width: u16) -> String {
    let width = usize::from(width).clamp(40, 110);
    match &figure.chart {
        Chart::Bars(bars) => draw_bars(figure, bars, width),
        Chart::Lines(series) => draw_lines(figure, series, width),
        Chart::Points(points) => {
            let single = |(name, point): &(String, (f64, f64))| Series { name: name.clone(), points: vec![*point] };
            draw_lines(figure, &points.iter().map(single).collect::<Vec<_>>(), width)
        }
    }
}

fn draw_bars(figure: &Figure, bars: &[(String, f64)], width: usize) -> String {
    let mut text = format!("{} [{}]\n", figure.title, figure.y);
    let label = bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(width / 2);
    let room = width.saturating_sub(label + 14).max(8);
    let scale = |value: f64| if figure.log_y { value.max(f64::MIN_POSITIVE).log10() } else { value };
    let shown: Vec<f64> =
        bars.iter().map(|(_, value)| *value).filter(|v| v.is_finite() && (!figure.log_y || *v > 0.0)).collect();
    let high = shown.iter().copied().map(scale).fold(f64::NEG_INFINITY, f64::max);
    // On a logarithmic axis bars start a decade below the smallest value.
    let low = if figure.log_y { shown.iter().copied().map(scale).fold(f64::INFINITY, f64::min) - 1.0 } else { 0.0 };
    for (name, value) in bars {
        let name: String = name.chars().take(label).collect();
        let share = ((scale(*value) - low) / (high - low)).clamp(0.0, 1.0);
        let length = if share.is_finite() { (share * room as f64).round() as usize } else { 0 };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<label$} {} {}", "█".repeat(length), significant(*value));
    }
    text
}

fn draw_lines(figure: &Figure, series: &[Series], width: usize) -> String {
    let columns = width - MARGIN - 2;
    let fit = |value: f64, log: bool| match log {
        true if value > 0.0 => Some(value.log10()),
        true => None,
        false => Some(value).filter(|v| v.is_finite()),
    };
    let points: Vec<Vec<(f64, f64)>> = series
        .iter()
        .map(|s| s.points.iter().filter_map(|&(x, y)| Some((fit(x, figure.log_x)?, fit(y, figure.log_y)?))).collect())
        .collect();
    let (Some((left, right)), Some((low, high))) =
        (extent(points.iter().flatten().map(|p| p.0)), extent(points.iter().flatten().map(|p| p.1)))
    else {
        return format!("{}: nothing to draw\n", figure.title);
    };
    let mut grid = vec![vec![' '; columns]; HEIGHT];
    for (index, line) in points.iter().enumerate() {
        let mark = MARKS[index % MARKS.len()];
        for &(x, y) in line {
            let column = ((x - left) / (right - left) * (columns - 1) as f64).round() as usize;
            let row = ((high - y) / (high - low) * (HEIGHT - 1) as f64).round() as usize;
            grid[row.min(HEIGHT - 1)][column.min(columns - 1)] = mark;
        }
    }
    let back = |value: f64, log: bool| if log { 10f64.powf(value) } else { value };
    let mut text = format!("{} [{}]\n", figure.title, figure.y);
    for (index, row) in grid.iter().enumerate() {
        let level = high - (high - low) * index as f64 / (HEIGHT - 1) as f64;
        let label =
            if index % 4 == 0 || index == HEIGHT - 1 { significant(back(level, figure.log_y)) } else { String::new() };
        let line: String = row.iter().collect();
        let _ = writeln!(text, "{label:>MARGIN$} │{}", line.trim_end());
    }
    let _ = writeln!(text, "{:>MARGIN$} └{}", "", "─".repeat(columns));
    let (first, last) = (significant(back(left, figure.log_x)), significant(back(right, figure.log_x)));
    let gap = columns.saturating_sub(first.len() + last.len() + figure.x.chars().count());
    let (before, after) = (gap / 2, gap - gap / 2);
    let _ = writeln!(text, "{:>MARGIN$}  {first}{}{}{}{last}", "", " ".repeat(before), figure.x, " ".repeat(after));
    for (index, line) in series.iter().enumerate() {
        let _ = writeln!(text, "{:>MARGIN$}  {} {}", "", MARKS[index % MARKS.len()], line.name);
    }
    text
}

/// Smallest and largest, kept apart where all are equal.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    Some(if high > low { (low, high) } else { (low - 0.5, high + 0.5) })
}
