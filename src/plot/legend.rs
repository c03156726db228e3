//! Which colour is which line: a strip of names above the axes, where it can cover no curve.

use plotters::{coord::Shift, prelude::*};

use super::{COLOURS, Error, failed};

/// Height of one row of names in pixels.
const ROW: i32 = 22;
/// Length of the stroke before a name, and the room after the stroke and after the name.
const STROKE: i32 = 22;
const AFTER_STROKE: i32 = 7;
const AFTER_NAME: i32 = 26;

/// Draws the names of lines into the top of `area`, from `left` on; gives what is left of `area` below them.
pub(super) fn above<'a, B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    names: impl Iterator<Item = &'a str> + Clone,
    left: i32,
) -> Result<DrawingArea<B, Shift>, Error> {
    let style = ("sans-serif", 14).into_text_style(area);
    let widths: Vec<i32> = names
        .clone()
        .map(|name| area.estimate_text_size(name, &style).map(|(width, _)| width as i32))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let places = places(&widths, left, area.dim_in_pixel().0 as i32);
    let rows = places.last().map_or(0, |(_, row)| row + 1);
    let (strip, below) = area.split_vertically(rows * ROW);
    for (index, (name, (x, row))) in names.zip(places).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let middle = row * ROW + ROW / 2;
        let stroke = PathElement::new([(x, middle), (x + STROKE, middle)], colour.stroke_width(3));
        strip.draw(&stroke).map_err(failed)?;
        strip.draw(&Text::new(name, (x + STROKE + AFTER_STROKE, middle - 8), style.clone())).map_err(failed)?;
    }
    Ok(below)
}

/// Where each name of a width begins, and in which row: side by side from `left` on while they end before `right`.
fn places(widths: &[i32], left: i32, right: i32) -> Vec<(i32, i32)> {
    let (mut x, mut row) = (left, 0);
    let mut places = Vec::with_capacity(widths.len());
    for width in widths {
        let entry = STROKE + AFTER_STROKE + width;
        if x > left && x + entry > right {
            (x, row) = (left, row + 1);
        }
        places.push((x, row));
        x += entry + AFTER_NAME;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_side_by_side_while_there_is_room() {
        let step = STROKE + AFTER_STROKE + 100 + AFTER_NAME;
        assert_eq!(places(&[100, 100, 100], 90, 90 + 2 * step), [(90, 0), (90 + step, 0), (90, 1)]);
        // One that is wider than the figure stands alone.
        assert_eq!(places(&[9000, 10], 0, 900), [(0, 0), (0, 1)]);
        assert_eq!(places(&[], 0, 900), []);
    }
}
