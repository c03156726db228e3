//! Names beside points, each where it covers no other name and no point.

use plotters::{coord::Shift, prelude::*};

use super::{COLOURS, Error, failed};

/// A rectangle in pixels: left, top, right, bottom.
type Block = (i32, i32, i32, i32);

/// Half the side of the square that a point keeps free.
const POINT: i32 = 5;
/// How far from its point a name may go, in steps of its own height.
const RINGS: i32 = 5;

/// Draws `points`, each a name and its place in pixels of the backend, into the whole figure.
pub(super) fn beside<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    points: &[(&str, (i32, i32))],
) -> Result<(), Error> {
    let (width, height) = area.dim_in_pixel();
    let page = (0, 0, width as i32, height as i32);
    let mut taken: Vec<Block> = points.iter().map(|(_, (x, y))| square(*x, *y)).collect();
    for (index, (name, at)) in points.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let style = ("sans-serif", 13).into_font().color(&colour).into_text_style(area);
        let (wide, tall) = area.estimate_text_size(name, &style).map_err(failed)?;
        let (block, ring) = place(*at, (wide as i32, tall as i32), page, &taken);
        if ring > 0 {
            // Too far to be seen as its own without a line.
            let near = (at.0.clamp(block.0, block.2), at.1.clamp(block.1, block.3));
            area.draw(&PathElement::new([*at, near], colour.mix(0.5))).map_err(failed)?;
        }
        area.draw(&Circle::new(*at, 4, colour.filled())).map_err(failed)?;
        area.draw(&Text::new(*name, (block.0, block.1), style)).map_err(failed)?;
        taken.push(block);
    }
    Ok(())
}

fn square(x: i32, y: i32) -> Block {
    (x - POINT, y - POINT, x + POINT, y + POINT)
}

/// Where a name of `size` stands beside `at`, and in which ring around it: the nearest free place, else the one to the right.
fn place(at: (i32, i32), size: (i32, i32), page: Block, taken: &[Block]) -> (Block, i32) {
    let (x, y) = at;
    let (wide, tall) = size;
    let own = square(x, y);
    let free = |block: &Block| {
        let inside = block.0 >= page.0 && block.1 >= page.1 && block.2 <= page.2 && block.3 <= page.3;
        inside && taken.iter().filter(|other| **other != own).all(|other| apart(block, other))
    };
    let ring = |ring: i32| {
        let (aside, up) = (x + 7 + ring * tall, ring * tall);
        let (before, middle) = (x - 7 - ring * tall - wide, y - tall / 2);
        [
            (aside, middle),
            (before, middle),
            (x - wide / 2, y - POINT - tall - up),
            (x - wide / 2, y + POINT + up),
            (aside, middle - up),
            (aside, middle + up),
            (before, middle - up),
            (before, middle + up),
        ]
        .map(|(left, top)| ((left, top, left + wide, top + tall), ring))
    };
    let right = ring(0)[0];
    (0..RINGS).flat_map(ring).find(|(block, _)| free(block)).unwrap_or(right)
}

fn apart(a: &Block, b: &Block) -> bool {
    a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_crowd_stay_apart_and_on_the_page() {
        let page = (0, 0, 900, 560);
        let points: Vec<(i32, i32)> = (0..12).map(|n| (700 + 3 * n, 40 + 2 * n)).chain([(895, 300)]).collect();
        let mut taken: Vec<Block> = points.iter().map(|(x, y)| square(*x, *y)).collect();
        for point in &points {
            let (block, _) = place(*point, (48, 13), page, &taken);
            assert!(taken.iter().filter(|other| **other != square(point.0, point.1)).all(|other| apart(&block, other)));
            assert!(block.0 >= 0 && block.1 >= 0 && block.2 <= 900 && block.3 <= 560);
            taken.push(block);
        }
        assert_eq!(place((100, 100), (40, 12), page, &[]), ((107, 94, 147, 106), 0));
    }
}
