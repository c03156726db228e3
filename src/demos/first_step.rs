//! `first-step`: the progress of the first update against r, for both scalings and two optimisers.
//!
//! From B = 0 and a gradient G of the weight: `ΔB = −ηγ·GAᵀ` under gradient descent, `ΔB = −η·sign(GAᵀ)` under Adam's first step, and
//! `ΔW = γ·ΔB·A`. Progress is `⟨ΔW, −G⟩`, the first-order fall of the loss.

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};

pub(super) const DEMO: Demo = Demo {
    name: "first-step",
    about: "progress of the first update against r, for α/r and α/√r, SGD and Adam",
    args: &[ArgSpec { name: "seed", default: "0", help: "seed of the matrices, 0 to 1000000" }],
    run,
};

/// Width of the toy layer.
const WIDTH: usize = 256;

const RANKS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

fn run(args: &Args) -> Result<Report, Error> {
    let seed = lab::number("first-step", args, "seed", 0, 0..=1_000_000)?;
    let mut random = toy::random(seed);
    let gradient = toy::gaussian(WIDTH, WIDTH, 1.0, &mut random);
    let mut curves: Vec<Series> = ["SGD, α/r", "SGD, α/√r", "Adam, α/r", "Adam, α/√r"]
        .map(|name| Series { name: name.to_owned(), points: Vec::new() })
        .to_vec();
    let mut norms = Vec::new();
    for rank in RANKS {
        // PEFT draws A uniformly in ±1/√k: a standard deviation of 1/√(3k), whatever r.
        let a = toy::gaussian(rank, WIDTH, (1.0 / (3.0 * WIDTH as f32)).sqrt(), &mut random);
        let through = gradient.dot(&a.t());
        let plain = f64::from((&through * &through).sum());
        let adam = f64::from(through.mapv(f32::abs).sum());
        let (slow, fast) = (1.0 / rank as f64, 1.0 / (rank as f64).sqrt());
        for (curve, value) in
            curves.iter_mut().zip([slow * slow * plain, fast * fast * plain, slow * adam, fast * adam])
        {
            curve.points.push((rank as f64, value));
        }
        norms.push(slow * toy::norm(&through.mapv(f32::signum).dot(&a)));
    }
    let mut report = Report::new("first-step", "How much the first step gains, as r grows")
        .line("Flat is what one wants: then one learning rate serves all ranks. From r = 1 to r = 128 progress changes by these factors:");
    let mut rows = Vec::new();
    for curve in &mut curves {
        let first = curve.points[0].1;
        curve.points.iter_mut().for_each(|point| point.1 /= first);
        let last = curve.points[RANKS.len() - 1].1;
        report = report.number(format!("{} at r=128 over r=1", curve.name), last);
        rows.push(vec![curve.name.clone().into(), last.into()]);
    }
    let fall = norms[RANKS.len() - 1] / norms[0];
    Ok(report
        .number("adam alpha/r norm of dW at r=128 over r=1", fall)
        .line("Under gradient descent 1/√r keeps it flat (rsLoRA's argument), under Adam 1/r does. So α/r makes training independent of r only roughly, and only for some optimisers.")
        .line(format!("Under Adam with α/r the norm of ΔW falls by {:.1} from r = 1 to r = 128 all the same.", 1.0 / fall))
        .table("Progress at r = 128 over progress at r = 1", &["optimiser and scale", "factor"], rows)
        .figure("Progress of the first step", ("r", "progress over that at r = 1"), (true, true), Chart::Lines(curves)))
}
