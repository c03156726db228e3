//! How LoRA's factors start, and what that does to the first steps.

use candle_core::Tensor;

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab, toy},
    optim::{AdamW, Hyper, Optimizer as _},
    peft::{Lora, Method as _, lora::Init},
    train::loss,
};

pub(super) const ALL: &[Computation] = &[
    ("init-a-random-b-zero", standard),
    ("init-why-b-zero", both_random),
    ("init-swap", swapped),
    ("init-both-zero", both_zero),
    ("grad-a-zero-step0", first_gradients),
];

fn standard(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("b-zero", &[])?;
    let mut evidence =
        Evidence::new("A fresh LoRA on the tiny base: its logits against the base's, and A's spread by rank");
    let mut within = true;
    for rank in [1, 8, 64] {
        let lora = Lora::new(bench.base(), Recipe::at_rank(rank).config())?;
        let Some((_, factors)) = lora.factors().iter().next() else { continue };
        let bound = 1.0 / (factors.a.dim(1)? as f64).sqrt();
        let most = f64::from(factors.a.abs()?.max_all()?.to_scalar::<f32>()?);
        evidence = evidence.number(format!("largest |A| √k at r = {rank}"), most / bound);
        within &= most <= bound * (1.0 + 1e-6) && most > 0.9 * bound;
    }
    let (same, shift) = (of(&demo, "standard_bit_identical")?, of(&demo, "standard_logit_shift")?);
    Ok(evidence
        .number("largest shift of a logit", shift)
        .expect("the fresh model is the base, bit for bit", same == 1.0)
        .expect("A fills ±1/√k at every rank", within))
}

/// Standard deviations of B that are tried.
const SCALES: [f32; 5] = [1e-4, 1e-3, 1e-2, 0.1, 1.0];

fn both_random(bench: &Bench) -> Result<Evidence, Error> {
    let mut random = toy::random(0);
    let (width, rank) = (256, 8);
    let base = toy::gaussian(width, width, 1.0 / (width as f32).sqrt(), &mut random);
    let a = toy::gaussian(rank, width, 1.0 / (3.0 * width as f32).sqrt(), &mut random);
    let b = toy::gaussian(width, rank, 1.0, &mut random);
    let x = toy::gaussian(width, 32, 1.0, &mut random);
    let clean = base.dot(&x);
    let shifts: Vec<f64> =
        SCALES.iter().map(|scale| toy::distance(&(&clean + &(&b * *scale).dot(&a.dot(&x))), &clean)).collect();
    let demo = bench.demo("b-zero", &[])?;
    let (swapped, swapped_loss) = (of(&demo, "swapped_logit_shift")?, of(&demo, "swapped_loss_last")?);
    let mut evidence = Evidence::new(
        "A random: the shift of a 256-wide layer's output by the scale of B; and A = 0 with B random on the tiny base",
    );
    for (scale, shift) in SCALES.iter().zip(&shifts) {
        evidence = evidence.number(format!("shift at scale {scale}, % of the output"), 100.0 * shift);
    }
    Ok(evidence
        .number("shift of a logit with A = 0, B random", swapped)
        .number("its loss after training", swapped_loss)
        .expect("unit scale does harm: the shift exceeds half of the output", shifts[4] > 0.5)
        .expect("a tiny scale does none: under 0.1 %", shifts[0] < 1e-3)
        .expect(
            "A = 0 with B random starts as the base too, and learns",
            swapped == 0.0 && swapped_loss < of(&demo, "swapped_loss_first")? / 2.0,
        ))
}

/// Learning rates of the sweep.
const RATES: [f64; 4] = [3e-3, 1e-2, 3e-2, 1e-1];

/// Steps of each run of the sweep.
const STEPS: usize = 15;

fn swapped(bench: &Bench) -> Result<Evidence, Error> {
    let mut evidence =
        Evidence::new(format!("Both starts over {} learning rates, {STEPS} steps each: loss at the end", RATES.len()));
    let mut losses = [Vec::new(), Vec::new()];
    for ((name, init), losses) in [("B = 0", Init::Standard), ("A = 0", Init::Swapped)].into_iter().zip(&mut losses) {
        for rate in RATES {
            let run = bench.lora(&Recipe { init, rate, steps: STEPS, ..Recipe::default() })?;
            evidence = evidence.number(format!("{name}, rate {rate}"), run.last());
            losses.push(run.last());
        }
    }
    let best = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
    let apart = losses[0].iter().zip(&losses[1]).any(|(a, b)| (a - b).abs() > 0.1 * a.max(*b));
    let (first, second) = (best(&losses[0]), best(&losses[1]));
    Ok(evidence
        .expect("the two learn differently: at some rate the losses differ by more than a tenth", apart)
        .expect("at its best rate B = 0 is the better one", Finding::below(first, second, 0.1 * first.max(second))))
}

fn both_zero(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("b-zero", &[])?;
    let (a, b) = (of(&demo, "both_zero_grad_a")?, of(&demo, "both_zero_grad_b")?);
    let lora = Lora::new(bench.base(), Recipe { init: Init::BothZero, ..Recipe::default() }.config())?;
    bench.train(bench.base(), &lora, lora.variables(), 3, 1e-2)?;
    let mut moved = 0.0;
    for variable in lora.variables() {
        moved += lab::norm(variable.as_tensor())?;
    }
    Ok(Evidence::new("Both factors zero, on the tiny base")
        .number("‖∂L/∂A‖", a)
        .number("‖∂L/∂B‖", b)
        .number("norm of all factors after 3 Adam steps", moved)
        .expect("both gradients are exactly zero", a == 0.0 && b == 0.0)
        .expect("after training every factor is still zero", moved == 0.0))
}

fn first_gradients(bench: &Bench) -> Result<Evidence, Error> {
    let lora = Lora::new(bench.base(), Recipe::default().config())?;
    let mut adam = AdamW::new(lora.variables().into(), Hyper { learning_rate: 1e-2, ..Hyper::default() })?;
    let mut evidence = Evidence::new("Norms of the gradients of all A and of all B in the first steps, tiny base");
    let mut seen = Vec::new();
    for step in 0..3 {
        let grads = loss(bench.base(), &lora, &lab::batch(16, step)?)?.backward()?;
        let norm = |pick: fn(&crate::peft::lora::Factors) -> &Tensor| -> Result<f64, Error> {
            let mut square = 0.0;
            for factors in lora.factors().values() {
                square += grads.get(pick(factors)).map(lab::norm).transpose()?.unwrap_or(0.0).powi(2);
            }
            Ok(square.sqrt())
        };
        let norms = (norm(|factors| factors.a.as_tensor())?, norm(|factors| factors.b.as_tensor())?);
        evidence =
            evidence.number(format!("‖∂L/∂A‖, step {step}"), norms.0).number(format!("‖∂L/∂B‖, step {step}"), norms.1);
        seen.push(norms);
        adam.step(&grads)?;
    }
    Ok(evidence
        .expect("at step 0 A's gradient is exactly zero and B's is not", seen[0].0 == 0.0 && seen[0].1 > 0.0)
        .expect("from step 1 on A has one", seen[1].0 > 0.0 && seen[2].0 > 0.0))
}
