//! `galore`: the gradient in a low-rank subspace (Zhao et al. 2024, arXiv 2403.03507, §3).
//!
//! `R = PᵀG` (r, n) with P (m, r) the top left singular vectors of G, renewed every T steps; Adam's moments live on R; the step is `P·N`.

use ndarray::{Array2, Axis};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::{
    analysis::spectrum::stable_rank,
    model::{self, Shut, Site, Weight},
    optim::{
        AdamW, Groups, Hyper, Optimizer as _,
        eight_bit::{AdamW8bit, SMALLEST},
        galore::{GaLore, Projection},
    },
    peft::{Full, Lora, Method as _, Targets, lora},
    train::loss,
};

pub(super) const DEMO: Demo = Demo {
    name: "galore",
    about: "GaLore against full training: equal at full rank under SGD, not under Adam; state and gradient rank on the tiny base",
    args: &[
        ArgSpec { name: "rank", default: "8", help: "rank of the projection, 1 to 32" },
        ArgSpec { name: "steps", default: "60", help: "steps, 10 to 300" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// The toy weight is square of this width; its task is linear regression.
const WIDTH: usize = 32;

/// Steps between two projectors.
const EVERY: usize = 20;

/// Adam's constants.
const BETAS: (f32, f32) = (0.9, 0.999);

struct Task {
    inputs: Array2<f32>,
    targets: Array2<f32>,
}

impl Task {
    /// Mean squared error of `weight`, and its gradient.
    fn loss(&self, weight: &Array2<f32>) -> (f64, Array2<f32>) {
        let off = &self.inputs.dot(&weight.t()) - &self.targets;
        let count = off.len() as f32;
        let loss = f64::from((&off * &off).sum() / count);
        (loss, off.t().dot(&self.inputs) * (2.0 / self.inputs.nrows() as f32))
    }
}

/// A loss curve and the trained weight.
type Trained = (Vec<(f64, f64)>, Array2<f32>);

/// Trains from zero; `rank` of `None` is full training.
fn train(task: &Task, adam: bool, rank: Option<usize>, steps: usize) -> Result<Trained, Error> {
    let mut weight: Array2<f32> = Array2::zeros((WIDTH, WIDTH));
    let rows = rank.unwrap_or(WIDTH);
    let (mut first, mut second): (Array2<f32>, Array2<f32>) =
        (Array2::zeros((rows, WIDTH)), Array2::zeros((rows, WIDTH)));
    let mut projector: Array2<f32> = Array2::eye(WIDTH);
    let mut curve = Vec::with_capacity(steps);
    for step in 0..steps {
        let (loss, gradient) = task.loss(&weight);
        curve.push((step as f64, loss));
        if rank.is_some() && step % EVERY == 0 {
            let svd = toy::decompose(&gradient)?;
            projector = svd.u.view().split_at(Axis(1), rows).0.mapv(|value| value as f32);
        }
        let inner = if rank.is_some() { projector.t().dot(&gradient) } else { gradient };
        let direction = if adam {
            first = BETAS.0 * &first + (1.0 - BETAS.0) * &inner;
            second = BETAS.1 * &second + (1.0 - BETAS.1) * (&inner * &inner);
            let (one, two) = (1.0 - BETAS.0.powi(step as i32 + 1), 1.0 - BETAS.1.powi(step as i32 + 1));
            0.03 * (&first / one) / ((&second / two).mapv(f32::sqrt) + 1e-8)
        } else {
            0.1 * &inner
        };
        weight = if rank.is_some() { weight - projector.dot(&direction) } else { weight - direction };
    }
    Ok((curve, weight))
}

fn run(args: &Args) -> Result<Report, Error> {
    let rank = lab::number("galore", args, "rank", 8, 1..=WIDTH)?;
    let steps: usize = lab::number("galore", args, "steps", 60, 10..=300)?;
    let mut random = toy::random(lab::number("galore", args, "seed", 0, 0..=1_000_000)?);
    let inputs = toy::gaussian(128, WIDTH, 1.0, &mut random);
    let truth = toy::gaussian(WIDTH, WIDTH, 0.3, &mut random);
    let task = Task { targets: inputs.dot(&truth.t()), inputs };
    let mut report = Report::new("galore", "Training in a subspace of the gradient");
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for (optimiser, adam) in [("SGD", false), ("Adam", true)] {
        let (full_curve, full) = train(&task, adam, None, steps)?;
        curves.push(Series { name: format!("{optimiser}, full"), points: full_curve });
        for (name, wanted) in [("full rank", WIDTH), ("low rank", rank)] {
            let (curve, weight) = train(&task, adam, Some(wanted), steps)?;
            let apart = toy::distance(&weight, &full);
            let last = curve.last().map_or(f64::NAN, |point| point.1);
            report = report.number(format!("distance {optimiser} {name}"), apart);
            rows.push(vec![optimiser.into(), (wanted as u64).into(), (100.0 * apart).into(), last.into()]);
            if name == "low rank" {
                curves.push(Series { name: format!("{optimiser}, r = {wanted}"), points: curve });
            }
        }
    }
    let (measured, ranks) = on_the_base(rank, steps.min(MOST_REAL_STEPS))?;
    for (name, bytes) in &measured {
        report = report.number(format!("bytes {name}"), *bytes as f64);
    }
    if let (Some(first), Some(last)) = (ranks.first(), ranks.last()) {
        report = report.number("gradient rank first", first.1).number("gradient rank last", last.1);
    }
    let (m, n, r) = (4096u64, 11_008u64, 128u64);
    let states = [("full Adam", 2 * m * n), ("LoRA", 2 * r * (m + n)), ("GaLore", m * r + 2 * n * r)];
    for (name, count) in states {
        report = report.number(format!("state {name}"), count as f64);
    }
    Ok(report
        .line("At full rank under SGD the projection cancels, PPᵀG = G: the trajectory is that of full training, but for rounding.")
        .line("Under Adam it is not, even at full rank: Adam works entry by entry, and an entry of PᵀG is another number than an entry of G.")
        .line("GaLore trains all weights: what comes out is a full checkpoint, no adapter.")
        .table("Distance from full training's weights", &["optimiser", "r", "distance, %", "loss at the end"], rows)
        .table(
            "Optimiser state of one 4096×11008 matrix at r = 128, in numbers",
            &["method", "numbers"],
            states.iter().map(|(name, count)| vec![(*name).into(), (*count).into()]).collect(),
        )
        .table(
            "Optimiser state on the tiny base, in bytes that are there",
            &["method", "bytes"],
            measured.into_iter().map(|(name, bytes)| vec![name.into(), (bytes as u64).into()]).collect(),
        )
        .table(
            "Stable rank of the gradient of one MLP matrix (384×128) while the tiny base trains in full",
            &["step", "‖G‖² / σ₁²"],
            ranks.into_iter().map(|(step, rank)| vec![(step as u64).into(), rank.into()]).collect(),
        )
        .figure("Loss", ("step", "mean squared error"), (false, true), Chart::Lines(curves)))
}

/// More steps on the tiny base would not change what is seen.
const MOST_REAL_STEPS: usize = 20;

/// State in bytes by method, and the stable rank of a gradient at a few steps.
type Measured = (Vec<(String, usize)>, Vec<(usize, f64)>);

/// Full training of the tiny base: what each optimiser keeps, and how low the rank of a gradient is.
fn on_the_base(rank: usize, steps: usize) -> Result<Measured, Error> {
    let base = lab::base()?;
    let (full, batch) = (Full::new(&base)?, lab::batch(16, 3)?);
    let hyper = Hyper { learning_rate: 1e-3, ..Hyper::default() };
    let all = Groups::from(full.variables().iter().map(|(_, variable)| variable.clone()).collect::<Vec<_>>());
    let lora = Lora::new(&base, lora::Config { rank, targets: Targets::AllLinear, ..lora::Config::default() })?;
    let adam = AdamW::new(all.clone(), hyper)?;
    let projected = |name: &str| name.contains("self_attn") || name.contains("mlp");
    let mut galore = GaLore::new(full.variables(), hyper, Projection { rank, every: 200, scale: 0.25 }, projected);
    let site = Site { layer: 2, projection: model::Projection::Up };
    let watched = full.model().projection(site).map(Weight::dense).transpose()?;
    let mut ranks = Vec::new();
    for step in 0..=steps {
        let grads = loss(full.model(), &Shut, &batch)?.backward()?;
        if step % (steps / 4).max(1) == 0
            && let Some(grad) = watched.as_ref().and_then(|weight| grads.get(weight))
        {
            ranks.push((step, stable_rank(&toy::spectrum(&lab::matrix(grad)?)?)));
        }
        galore.step(&grads)?;
    }
    let bytes = vec![
        ("full fine-tuning, AdamW".to_owned(), adam.state_bytes()),
        ("full fine-tuning, 8-bit AdamW".to_owned(), AdamW8bit::new(all, hyper, SMALLEST)?.state_bytes()),
        (format!("GaLore, r = {rank}"), galore.state_bytes()),
        (format!("LoRA, r = {rank}, AdamW"), AdamW::new(lora.variables().into(), hyper)?.state_bytes()),
    ];
    Ok((bytes, ranks))
}
