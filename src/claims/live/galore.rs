//! GaLore beside LoRA and full training, in fine-tuning and from scratch.

use candle_core::Tensor;

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab, toy},
    model::{Decoder, Doors, Projection, Shut, Site, tiny},
    optim::{
        AdamW, Hyper, Optimizer,
        galore::{GaLore, Projection as Projected},
    },
    peft::{Full, Lora, Method as _},
    train::{Plan, fit_with, fresh, loss, skills::PRETRAINED},
};

pub(super) const ALL: &[Computation] = &[
    ("galore-is-a-lora-variant", trains_everything),
    ("galore-same-trajectory", trajectory),
    ("galore-quality", quality),
    ("galore-details", details),
    ("continued-pretraining", from_scratch),
];

/// Matrices of attention and MLP, as galore-torch projects them.
fn projected(name: &str) -> bool {
    name.contains("self_attn") || name.contains("mlp")
}

fn trains_everything(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let (full, rank) = (Full::new(base)?, 4);
    let hyper = Hyper { learning_rate: 1e-3, ..Hyper::default() };
    let mut galore = GaLore::new(full.variables(), hyper, Projected { rank, every: 2, scale: 1.0 }, projected);
    for step in 0..4 {
        galore.step(&loss(full.model(), &Shut, &lab::batch(16, step)?)?.backward()?)?;
    }
    let mut changed = 0;
    for (name, variable) in full.variables() {
        let before = &base.tensors()[name];
        changed += usize::from(lab::norm(&(variable.as_detached_tensor() - before)?)? > 0.0);
    }
    let site = Site { layer: 2, projection: Projection::Q };
    let found = toy::rank(&lab::matrix(&full.delta(base, site)?)?)?;
    let lora = Lora::new(base, Recipe::at_rank(rank).config())?;
    let before: Vec<Tensor> = base.tensors().into_values().map(|tensor| tensor.copy()).collect::<Result<_, _>>()?;
    bench.train(base, &lora, lora.variables(), 4, 1e-2)?;
    let mut moved = 0.0;
    for (a, b) in before.iter().zip(base.tensors().values()) {
        moved += lab::norm(&(a - b)?)?;
    }
    Ok(Evidence::new(
        "Four steps on the tiny base: GaLore at r = 4 with a new subspace every second step, and LoRA at r = 4",
    )
    .number("tensors of the model", full.variables().len() as f64)
    .number("tensors that GaLore changed", changed as f64)
    .number("rank of GaLore's ΔW at q_proj of layer 2", found as f64)
    .number("change of the base's tensors under LoRA", moved)
    .expect("GaLore changes every tensor", changed == full.variables().len())
    .expect("its update has a rank above r once the subspace has changed", found > rank)
    .expect("under LoRA the base stays as it was, bit for bit", moved == 0.0))
}

fn trajectory(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("galore", &[])?;
    let mut evidence = Evidence::new("A 32×32 regression, 60 steps: distance from the weights of full training, %");
    let names = ["SGD full rank", "Adam full rank", "SGD low rank", "Adam low rank"];
    let mut apart = Vec::new();
    for name in names {
        apart.push(of(&demo, &format!("distance {name}"))?);
        evidence = evidence.number(name, 100.0 * apart[apart.len() - 1]);
    }
    Ok(evidence
        .expect("at full rank under SGD the trajectory is the same, but for rounding", apart[0] < 1e-4)
        .expect("at full rank under Adam it is another", apart[1] > 0.01)
        .expect("at a low rank it is another under both", apart[2] > 0.01 && apart[3] > 0.01))
}

/// Steps from scratch.
const STEPS: usize = 60;

/// Rank from scratch: a quarter of the width, as GaLore's paper takes.
const RANK: usize = 32;

/// Loss at the end of a short pretraining from fresh weights: in full, with GaLore, and with LoRA beside the frozen fresh weights.
fn pretrained(bench: &Bench) -> Result<Vec<f64>, Error> {
    let losses = bench.numbers("from scratch", || {
        let base = fresh(&tiny::config(), 1, &lab::device())?;
        let plan = Plan {
            skills: PRETRAINED.to_vec(),
            steps: STEPS,
            batch: 16,
            learning_rate: 3e-3,
            warmup: 6,
            weight_decay: 0.0,
            seed: 0,
        };
        let hyper = Hyper { learning_rate: 3e-3, weight_decay: 0.0, ..Hyper::default() };
        let run = |model: &Decoder, doors: &dyn Doors, optimizer: &mut dyn Optimizer| -> Result<f64, Error> {
            let mut curve = Vec::new();
            fit_with(model, doors, optimizer, &plan, |step| {
                curve.push((step.index as f64, step.loss));
                Ok(())
            })?;
            Ok(lab::tail(&curve))
        };
        let full = Full::new(&base)?;
        let variables: Vec<_> = full.variables().iter().map(|(_, variable)| variable.clone()).collect();
        let in_full = run(full.model(), &Shut, &mut AdamW::new(variables.into(), hyper)?)?;
        let full = Full::new(&base)?;
        let projection = Projected { rank: RANK, every: 20, scale: 1.0 };
        let galore = run(full.model(), &Shut, &mut GaLore::new(full.variables(), hyper, projection, projected))?;
        let lora = Lora::new(&base, Recipe::at_rank(RANK).config())?;
        let lora = run(&base, &lora, &mut AdamW::new(lora.variables().into(), hyper)?)?;
        Ok(vec![in_full, galore, lora])
    })?;
    Ok(losses.to_vec())
}

fn shown(losses: &[f64]) -> Evidence {
    let evidence = Evidence::new(
        "The tiny base's pretraining from fresh weights, 60 steps, r = 32 of 128: loss at the end, nats a token",
    );
    ["in full", "GaLore", "LoRA beside frozen fresh weights"]
        .iter()
        .zip(losses)
        .fold(evidence, |evidence, (name, loss)| evidence.number(*name, *loss))
}

/// Differences of loss under this are noise.
const NOISE: f64 = 0.05;

fn quality(bench: &Bench) -> Result<Evidence, Error> {
    let losses = pretrained(bench)?;
    let [full, galore, lora] = losses[..] else { return Err(Error::Other("three losses".to_owned())) };
    Ok(shown(&losses).expect(
        "from scratch GaLore comes closer to full training than LoRA does",
        Finding::below((galore - full).abs(), (lora - full).abs(), NOISE),
    ))
}

fn from_scratch(bench: &Bench) -> Result<Evidence, Error> {
    let losses = pretrained(bench)?;
    let [full, _, lora] = losses[..] else { return Err(Error::Other("three losses".to_owned())) };
    Ok(shown(&losses).expect("low rank alone stays behind full training", Finding::above(lora, full, NOISE)))
}

fn details(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let full = Full::new(base)?;
    let rank = 8;
    let mut evidence = Evidence::new(
        "GaLore's state for single matrices of the tiny base at r = 8, numbers: two moments and the projector",
    );
    let mut right = true;
    for (projection, shape) in
        [(Projection::Up, (384, 128)), (Projection::Down, (128, 384)), (Projection::Q, (128, 128))]
    {
        let name = format!("{}.weight", Site { layer: 0, projection });
        let one: Vec<_> = full.variables().iter().filter(|(known, _)| *known == name).cloned().collect();
        let mut galore = GaLore::new(&one, Hyper::default(), Projected { rank, ..Projected::default() }, projected);
        galore.step(&loss(full.model(), &Shut, &lab::batch(4, 0)?)?.backward()?)?;
        let (short, long) = (shape.0.min(shape.1), shape.0.max(shape.1));
        let (found, formula) = (galore.state_bytes() / 4, short * rank + 2 * long * rank);
        evidence = evidence.number(format!("{}×{}", shape.0, shape.1), found as f64);
        right &= found == formula;
    }
    let defaults = Projected::default();
    Ok(evidence
        .number("steps between two projectors", defaults.every as f64)
        .number("scale", defaults.scale)
        .expect("mr + 2nr for m ≤ n: the projector is as long as the shorter side", right)
        .expect("every 200 steps, scale 0.25", defaults.every == 200 && defaults.scale == 0.25))
}
