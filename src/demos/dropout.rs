//! `dropout`: where LoRA's dropout acts: on the input of A, in training only.

use rand::Rng as _;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};

pub(super) const DEMO: Demo = Demo {
    name: "dropout",
    about: "LoRA dropout: the base path stays clean, the mean is right, no merged weight can do it",
    args: &[
        ArgSpec { name: "p", default: "0.1", help: "probability of dropping an input, 0 to 0.9" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

const WIDTH: usize = 128;

const RANK: usize = 8;

fn run(args: &Args) -> Result<Report, Error> {
    let p = lab::number("dropout", args, "p", 0.1f32, 0.0..=0.9)?;
    let mut random = toy::random(lab::number("dropout", args, "seed", 0, 0..=1_000_000)?);
    let base = toy::gaussian(WIDTH, WIDTH, 0.1, &mut random);
    let product = toy::gaussian(WIDTH, RANK, 0.2, &mut random).dot(&toy::gaussian(RANK, WIDTH, 0.2, &mut random));
    let x = toy::gaussian(WIDTH, 1, 1.0, &mut random);
    let merged = (&base + &product).dot(&x);
    let mut sum = ndarray::Array2::<f32>::zeros((WIDTH, 1));
    let (mut points, mut spread) = (Vec::new(), 0f64);
    for draw in 1..=1000 {
        let dropped = x.mapv(|value| if random.random::<f32>() < p { 0.0 } else { value / (1.0 - p) });
        let out = base.dot(&x) + product.dot(&dropped);
        spread = spread.max(toy::distance(&out, &merged));
        sum += &out;
        if [1, 3, 10, 30, 100, 300, 1000].contains(&draw) {
            points.push((f64::from(draw), toy::distance(&(&sum / draw as f32), &merged)));
        }
    }
    let last = points.last().map_or(0.0, |point| point.1);
    Ok(Report::new("dropout", format!("Inputs of A dropped with probability {p}"))
        .number("largest distance of one pass from the merged output", spread)
        .number("distance of the mean of 1000 passes", last)
        .line(format!("One training pass differs from the merged weight's output by up to {:.1} %; the mean of a thousand by {:.2} %.", 100.0 * spread, 100.0 * last))
        .line("The base path sees the input whole: only the low-rank branch is thinned. In evaluation nothing is dropped, and merging is exact.")
        .line("Dropout is random per pass, so no single weight can express it: switch it off before merging. PEFT's default is 0.")
        .table("Distance of the mean from the merged output", &["passes", "relative distance"], points.iter().map(|(n, d)| vec![(*n as u64).into(), (*d).into()]).collect())
        .figure("Mean over passes", ("passes", "relative distance"), (true, true), Chart::Lines(vec![Series { name: "distance".to_owned(), points }])))
}
