//! What α does: the scale, the first step, and learning rates from rank to rank.

use candle_core::Tensor;

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab},
    optim::{AdamW, Hyper, Optimizer as _},
    peft::{Lora, Method as _, lora::Config},
    train::loss,
};

pub(super) const ALL: &[Computation] = &[
    ("alpha-over-r", over_r),
    ("alpha-default", default),
    ("alpha-2r-rule", rule),
    ("alpha-r-independent", independent),
    ("alpha-r-constant-magnitude", magnitude),
    ("alpha-as-lr", as_rate),
];

/// The scale of a fresh adapter on the tiny base.
fn scale(bench: &Bench, rank: usize, alpha: f64, rank_stabilised: bool) -> Result<f64, Error> {
    let lora = Lora::new(bench.base(), Recipe { rank, alpha, rank_stabilised, ..Recipe::default() }.config())?;
    lora.factors()
        .values()
        .next()
        .map(crate::peft::lora::Factors::scale)
        .ok_or_else(|| Error::Other("no site".to_owned()))
}

fn over_r(bench: &Bench) -> Result<Evidence, Error> {
    let mut evidence = Evidence::new("The factor in front of BA, of adapters on the tiny base");
    let mut right = true;
    for (rank, alpha) in [(8, 8.0), (64, 8.0), (64, 16.0), (16, 32.0)] {
        let (plain, stable) = (scale(bench, rank, alpha, false)?, scale(bench, rank, alpha, true)?);
        evidence = evidence
            .number(format!("r = {rank}, α = {alpha}"), plain)
            .number(format!("r = {rank}, α = {alpha}, rsLoRA"), stable);
        right &= plain == alpha / rank as f64 && stable == alpha / (rank as f64).sqrt();
    }
    Ok(evidence.expect("α/r, and α/√r with rank stabilisation", right))
}

fn default(bench: &Bench) -> Result<Evidence, Error> {
    let Config { rank, alpha, .. } = Config::default();
    let lora = Lora::new(bench.base(), Config { rank: 64, ..Config::default() })?;
    let scale = lora.factors().values().next().map_or(f64::NAN, crate::peft::lora::Factors::scale);
    Ok(Evidence::new("The defaults of this library, which are PEFT's (held to PEFT 0.21.2 by `deltaw parity`), and r = 64 with nothing else said")
        .number("r", rank as f64)
        .number("α", alpha)
        .number("scale at r = 64 by default", scale)
        .expect("α is not 2r", alpha != 2.0 * rank as f64)
        .expect("α does not follow r", scale == 0.125))
}

fn rule(_: &Bench) -> Result<Evidence, Error> {
    // (r, α) as published: loralib's GLUE scripts twice, the paper's tables 9 to 11 three times, QLoRA's recipe.
    let published = [
        ("GLUE script, r = 8", (8.0, 16.0)),
        ("GLUE script, r = 16", (16.0, 32.0)),
        ("LoRA table, RoBERTa-base", (8.0, 8.0)),
        ("LoRA table, RoBERTa-large", (8.0, 16.0)),
        ("LoRA table, GPT-2", (4.0, 32.0)),
        ("QLoRA", (64.0, 16.0)),
    ];
    let (mut evidence, mut least, mut most) = (Evidence::new("α/r of published settings"), f64::INFINITY, 0f64);
    for (name, (rank, alpha)) in published {
        let ratio: f64 = alpha / rank;
        evidence = evidence.number(name, ratio);
        (least, most) = (least.min(ratio), most.max(ratio));
    }
    Ok(evidence
        .number("largest over smallest", most / least)
        .expect("no one rule: they differ by more than four times", most / least > 4.0))
}

/// Learning rates of the sweep.
const RATES: [f64; 4] = [1e-3, 3e-3, 1e-2, 3e-2];

/// Steps of each run of the sweep.
const STEPS: usize = 15;

fn independent(bench: &Bench) -> Result<Evidence, Error> {
    let first = bench.demo("first-step", &[])?;
    let of_first = |name: &str| of(&first, &format!("{name} at r=128 over r=1"));
    let (sgd, sgd_root) = (of_first("SGD, α/r")?, of_first("SGD, α/√r")?);
    let (adam, adam_root) = (of_first("Adam, α/r")?, of_first("Adam, α/√r")?);
    let mut evidence = Evidence::new("Progress of the first step from r = 1 to r = 128; then Adam on the tiny base at r = 2 and r = 32, α = 8, over four learning rates")
        .number("SGD, α/r: progress falls to", sgd)
        .number("SGD, α/√r: progress is", sgd_root)
        .number("Adam, α/r: progress is", adam)
        .number("Adam, α/√r: progress grows to", adam_root);
    // Transfer: what it costs to use, at r = 32, the rate that was best at r = 2.
    let mut loss_of_carrying = Vec::new();
    for (name, rank_stabilised) in [("α/r", false), ("α/√r", true)] {
        let mut table = Vec::new();
        for rank in [2, 32] {
            let losses = RATES
                .iter()
                .map(|rate| {
                    Ok(bench
                        .lora(&Recipe { rank, rank_stabilised, rate: *rate, steps: STEPS, ..Recipe::default() })?
                        .last())
                })
                .collect::<Result<Vec<f64>, Error>>()?;
            let best = (0..RATES.len()).min_by(|a, b| losses[*a].total_cmp(&losses[*b])).unwrap_or(0);
            evidence = evidence
                .number(format!("{name}, r = {rank}: best rate"), RATES[best])
                .number(format!("{name}, r = {rank}: loss there"), losses[best]);
            table.push((best, losses));
        }
        let carried = table[1].1[table[0].0];
        evidence = evidence.number(format!("{name}: loss at r = 32 with the rate of r = 2"), carried);
        loss_of_carrying.push(carried / table[1].1[table[1].0]);
    }
    let level = |ratio: f64| (0.5..=2.0).contains(&ratio);
    Ok(evidence
        .expect("under SGD α/r does not hold progress level, α/√r does", !level(sgd) && level(sgd_root))
        .expect("under Adam it is the other way round", level(adam) && !level(adam_root))
        .expect(
            "on the tiny base, with α/r, the best rate at r = 2 costs more than a tenth of the loss at r = 32",
            loss_of_carrying[0] > 1.1,
        ))
}

fn magnitude(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("first-step", &[])?;
    let progress = of(&demo, "Adam, α/r at r=128 over r=1")?;
    let norm = of(&demo, "adam alpha/r norm of dW at r=128 over r=1")?;
    // From r = 1 to 128 by a power of r.
    let slope = norm.ln() / 128f64.ln();
    Ok(Evidence::new("Adam's first step with α/r, from r = 1 to r = 128")
        .number("progress along the gradient, factor", progress)
        .number("‖ΔW‖, factor", norm)
        .number("slope of ‖ΔW‖ in r, log-log", slope)
        .expect("progress stays within a factor of two", (0.5..=2.0).contains(&progress))
        .expect("‖ΔW‖ falls about as 1/√r", Finding::below((slope + 0.5).abs(), 0.1, 0.0)))
}

/// All updates of an adapter after `steps`, in one vector.
fn updates(bench: &Bench, adam: bool, alpha: f64, rate: f64, steps: usize) -> Result<Tensor, Error> {
    let lora = Lora::new(bench.base(), Recipe { alpha, ..Recipe::default() }.config())?;
    // ε would make Adam's first step feel the size of the gradient.
    let hyper = Hyper { learning_rate: rate, weight_decay: 0.0, eps: 1e-12, ..Hyper::default() };
    let mut optimizer = AdamW::new(lora.variables().into(), hyper)?;
    for step in 0..steps {
        let grads = loss(bench.base(), &lora, &lab::batch(16, step as u64)?)?.backward()?;
        if adam {
            optimizer.step(&grads)?;
            continue;
        }
        for variable in lora.variables() {
            if let Some(grad) = grads.get(variable.as_tensor()) {
                variable.set(&(variable.as_detached_tensor() - (grad * rate)?)?)?;
            }
        }
    }
    let deltas = lora.factors().values().map(|factors| factors.delta()?.flatten_all());
    Ok(Tensor::cat(&deltas.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
}

fn as_rate(bench: &Bench) -> Result<Evidence, Error> {
    let apart = |a: &Tensor, b: &Tensor| Ok::<_, Error>(lab::norm(&(a - b)?)? / lab::norm(a)?);
    let (alpha, rate) = (8.0, 2e-3);
    let adam = apart(&updates(bench, true, alpha, rate, 1)?, &updates(bench, true, 2.0 * alpha, rate / 2.0, 1)?)?;
    let sgd_half = apart(&updates(bench, false, alpha, rate, 1)?, &updates(bench, false, 2.0 * alpha, rate / 2.0, 1)?)?;
    let sgd_quarter =
        apart(&updates(bench, false, alpha, rate, 1)?, &updates(bench, false, 2.0 * alpha, rate / 4.0, 1)?)?;
    let later = apart(&updates(bench, true, alpha, rate, 8)?, &updates(bench, true, 2.0 * alpha, rate / 2.0, 8)?)?;
    Ok(Evidence::new("Distance between the updates ΔW of two runs on the tiny base, over the norm of the first")
        .number("Adam, one step: (α, η) and (2α, η/2)", adam)
        .number("SGD, one step: (α, η) and (2α, η/2)", sgd_half)
        .number("SGD, one step: (α, η) and (2α, η/4)", sgd_quarter)
        .number("Adam, eight steps: (α, η) and (2α, η/2)", later)
        .expect("Adam's first steps agree to a thousandth", adam < 1e-3)
        .expect("SGD's agree for η/4, not for η/2", sgd_quarter < 1e-3 && sgd_half > 0.5)
        .expect("after eight steps Adam's have parted, by more than a hundredth", later > 0.01))
}
