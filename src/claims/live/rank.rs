//! How much rank a task takes: easy ones, and more to remember than a low rank can hold.

use candle_core::Tensor;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Computation;
use crate::{
    claims::{Bench, Evidence, Finding, bench::Recipe},
    demos::{Error, lab, toy},
    linalg::from_array,
    model::{Decoder, Shut, Weight},
    optim::{AdamW, Hyper, Optimizer as _},
    peft::{Full, Lora, Method as _},
    train::{Batch, loss},
};

pub(super) const ALL: &[Computation] = &[
    ("lora-matches-if-rank-enough", capacity),
    ("rank-tiers", tiers),
    ("rank-one-floor", floor),
    ("svd-optimal", truncated),
];

fn floor(bench: &Bench) -> Result<Evidence, Error> {
    let best = bench.full_score()?;
    let mut evidence =
        Evidence::new("LoRA on all projections of the tiny base, 40 steps on a new skill: held-out exact match, %")
            .number("before", bench.score(bench.base(), &Shut)?)
            .number("full fine-tuning", best);
    let mut scores = Vec::new();
    for rank in [1, 2, 8] {
        let score = bench.lora_score(&Recipe::at_rank(rank))?;
        evidence = evidence.number(format!("r = {rank}"), score);
        scores.push(score);
    }
    Ok(evidence
        .expect("r = 1 learns the task: more than three quarters of full fine-tuning's score", scores[0] > 0.75 * best))
}

/// A table of random three-letter answers to two-letter prompts: nothing but memory helps.
fn facts(count: usize) -> Result<Batch, Error> {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let letter = |random: &mut ChaCha8Rng| char::from(random.random_range(b'a'..=b'z'));
    let pairs: Vec<(String, String)> = (0..count)
        .map(|index| {
            let key: String = [index / 26, index % 26].iter().map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            let answer: String = (0..3).map(|_| letter(&mut random)).collect();
            (format!("copy:{key}>"), format!("{answer}."))
        })
        .collect();
    Ok(Batch::new(&pairs, &lab::device())?)
}

/// Steps over the whole table.
const STEPS: usize = 80;

/// Loss on the table after training on it.
fn remembered(bench: &Bench, batch: &Batch, rank: Option<usize>) -> Result<f64, Error> {
    let run = |model: &Decoder,
               doors: &dyn crate::model::Doors,
               variables: Vec<candle_core::Var>,
               rate: f64|
     -> Result<f64, Error> {
        let mut adam =
            AdamW::new(variables.into(), Hyper { learning_rate: rate, weight_decay: 0.0, ..Hyper::default() })?;
        for _ in 0..STEPS {
            adam.step(&loss(model, doors, batch)?.backward()?)?;
        }
        Ok(f64::from(loss(model, doors, batch)?.to_scalar::<f32>()?))
    };
    match rank {
        Some(rank) => {
            let lora = Lora::new(bench.base(), Recipe::at_rank(rank).config())?;
            run(bench.base(), &lora, lora.variables(), 1e-2)
        }
        None => {
            let full = Full::new(bench.base())?;
            let variables = full.variables().iter().map(|(_, variable)| variable.clone()).collect();
            run(full.model(), &Shut, variables, 3e-3)
        }
    }
}

/// Few facts and many.
const TABLES: [usize; 2] = [8, 48];

/// Who remembers them.
const LEARNERS: [(&str, Option<usize>); 3] = [("r = 1", Some(1)), ("r = 16", Some(16)), ("full", None)];

/// Losses by table for each learner.
fn table(bench: &Bench) -> Result<(Evidence, [[f64; 3]; 2]), Error> {
    let losses = bench.numbers("facts", || {
        let mut losses = Vec::new();
        for count in TABLES {
            let batch = facts(count)?;
            for (_, rank) in LEARNERS {
                losses.push(remembered(bench, &batch, rank)?);
            }
        }
        Ok(losses)
    })?;
    let about =
        format!("Random answers to remember, {STEPS} steps over the whole table: loss at the end, nats a token");
    let mut evidence = Evidence::new(about);
    let mut rows = [[0.0; 3]; 2];
    for (index, loss) in losses.iter().enumerate() {
        let (table, learner) = (index / LEARNERS.len(), index % LEARNERS.len());
        rows[table][learner] = *loss;
        evidence = evidence.number(format!("{} facts, {}", TABLES[table], LEARNERS[learner].0), *loss);
    }
    Ok((evidence, rows))
}

fn capacity(bench: &Bench) -> Result<Evidence, Error> {
    let (evidence, [few, many]) = table(bench)?;
    Ok(evidence
        .expect(
            "few facts: r = 16 remembers them as full fine-tuning does, to 0.1 nats",
            Finding::below(few[1] - few[2], 0.1, 0.0),
        )
        .expect("many facts: r = 1 stays behind full fine-tuning by more than 0.1 nats", many[0] - many[2] > 0.1)
        .expect("a larger rank narrows the gap", many[1] < many[0]))
}

fn tiers(bench: &Bench) -> Result<Evidence, Error> {
    let (evidence, [few, many]) = table(bench)?;
    let (easy, hard) = (few[0] - few[1], many[0] - many[1]);
    Ok(evidence
        .number("what r = 16 gains over r = 1, few facts", easy)
        .number("what r = 16 gains over r = 1, many facts", hard)
        .expect(
            "one kind of task: what the rank is worth depends on how much there is to hold",
            Finding::above(hard, easy, 0.1),
        ))
}

fn truncated(bench: &Bench) -> Result<Evidence, Error> {
    let full = bench.full()?;
    let mut evidence = Evidence::new(
        "Rank 2: full fine-tuning's ΔW truncated by SVD, against a LoRA trained at that rank, tiny base: held-out loss",
    );
    let mut weights = bench.base().weights();
    // Everything that is not a projection keeps full fine-tuning's values, which favours the truncation.
    for (name, weight) in full.method.model().weights() {
        weights.insert(name, detached(weight)?);
    }
    for site in full.method.sites() {
        let delta = full.method.delta(bench.base(), site)?;
        let svd = toy::decompose(&lab::matrix(&delta)?)?;
        let (u, vt) = (svd.u.view().split_at(ndarray::Axis(1), 2).0, svd.vt.view().split_at(ndarray::Axis(0), 2).0);
        let low = (&u * &svd.s.view().split_at(ndarray::Axis(0), 2).0).dot(&vt);
        let Some(weight) = bench.base().projection(site) else { continue };
        let sum: Tensor = (weight.dense()? + from_array(&low, &lab::device())?)?;
        weights.insert(format!("{site}.weight"), sum.into());
    }
    let cut = Decoder::from_weights(bench.base().config().clone(), &weights)?;
    let skill = [lab::new_skill()?];
    let truncated = bench.held_out(&cut, &Shut, &skill)?;
    let lora = bench.lora(&Recipe::at_rank(2))?;
    let trained = bench.held_out(bench.base(), &lora.method, &skill)?;
    let whole = bench.held_out(full.method.model(), &Shut, &skill)?;
    evidence = evidence
        .number("full fine-tuning", whole)
        .number("its ΔW at rank 2", truncated)
        .number("LoRA trained at rank 2", trained);
    Ok(evidence
        .expect("the nearest matrix loses what was learnt: a loss more than twice as high", truncated > 2.0 * whole)
        .expect("trained at that rank LoRA does better", Finding::below(trained, truncated, 0.05)))
}

fn detached(weight: Weight) -> Result<Weight, Error> {
    Ok(weight.dense()?.detach().into())
}
