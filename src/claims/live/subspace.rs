//! Intrinsic dimension (Aghajanyan et al. 2020, arXiv 2012.13255): all parameters restricted to `θ₀ + P z` with a fixed random P.
//!
//! P here is sparse: every parameter takes part, with a random sign, in one of the d coordinates. Its columns are orthogonal, and it costs
//! nothing to apply. (The paper's Fastfood is dense; both are random subspaces.)

use candle_core::{Tensor, Var};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::Computation;
use crate::{
    claims::{Bench, Evidence, bench::Recipe},
    demos::{Error, lab, toy},
    model::Shut,
    optim::Hyper,
    optim::adamw::{Moments, update},
    peft::Full,
    train::{Batch, loss, skills},
};

pub(super) const ALL: &[Computation] = &[("intrinsic-dimension", intrinsic_dimension)];

/// Sizes of the subspace that are tried.
const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// The share of full fine-tuning's score that counts.
const SHARE: f64 = 0.9;

/// By how much each parameter moves in Adam's first step, as full fine-tuning does at this rate.
const RATE: f64 = 3e-3;

/// P: the coordinate and the sign of every parameter, and for each coordinate 1/√(its parameters).
struct Projection {
    places: Vec<(u32, f32)>,
    scales: Vec<f32>,
}

impl Projection {
    fn new(parameters: usize, size: usize, random: &mut ChaCha8Rng) -> Self {
        let mut counts = vec![0f32; size];
        let places = (0..parameters)
            .map(|_| {
                let place = random.random_range(0..size);
                counts[place] += 1.0;
                (place as u32, if random.random::<bool>() { 1.0 } else { -1.0 })
            })
            .collect();
        Self { places, scales: counts.into_iter().map(|count| 1.0 / count.max(1.0).sqrt()).collect() }
    }

    /// Pᵀg.
    fn down(&self, gradient: &[f32]) -> Vec<f32> {
        let mut z = vec![0f32; self.scales.len()];
        for ((place, sign), value) in self.places.iter().zip(gradient) {
            z[*place as usize] += sign * value;
        }
        z.iter().zip(&self.scales).map(|(sum, scale)| sum * scale).collect()
    }

    /// Pz, for the parameters from `start` on.
    fn up(&self, z: &[f32], start: usize, count: usize) -> Vec<f32> {
        let places = &self.places[start..start + count];
        places.iter().map(|(place, sign)| sign * z[*place as usize] * self.scales[*place as usize]).collect()
    }
}

/// Trains the base in a random subspace of `size` dimensions.
fn train(bench: &Bench, size: usize, steps: usize) -> Result<Full, Error> {
    let full = Full::new(bench.base())?;
    let variables: Vec<(Var, Tensor)> = full
        .variables()
        .iter()
        .map(|(_, variable)| Ok((variable.clone(), variable.as_detached_tensor().copy()?)))
        .collect::<Result<_, Error>>()?;
    let parameters: usize = variables.iter().map(|(variable, _)| variable.elem_count()).sum();
    let mut random = toy::random(5);
    let projection = Projection::new(parameters, size, &mut random);
    let mut z = Tensor::zeros(size, candle_core::DType::F32, &lab::device())?;
    let mut moments = Moments::zeros_like(&z)?;
    let plan = lab::plan(steps, 16, RATE * (parameters as f64 / size as f64).sqrt(), 0)?;
    let hyper = Hyper { weight_decay: 0.0, ..Hyper::default() };
    for step in 0..steps {
        let pairs: Vec<_> = (0..plan.batch).filter_map(|_| skills::draw(&plan.skills, &mut random, false)).collect();
        let grads = loss(full.model(), &Shut, &Batch::new(&pairs, &lab::device())?)?.backward()?;
        let mut gradient = Vec::with_capacity(parameters);
        for (variable, _) in &variables {
            match grads.get(variable.as_tensor()) {
                Some(grad) => gradient.extend(grad.flatten_all()?.to_vec1::<f32>()?),
                None => gradient.resize(gradient.len() + variable.elem_count(), 0.0),
            }
        }
        let small = Tensor::from_vec(projection.down(&gradient), size, &lab::device())?;
        z = update(&hyper, plan.rate(step), step as i32 + 1, &z, &small, &mut moments)?;
        let (point, mut start) = (z.to_vec1::<f32>()?, 0);
        for (variable, origin) in &variables {
            let count = variable.elem_count();
            let moved = Tensor::from_vec(projection.up(&point, start, count), variable.shape(), &lab::device())?;
            variable.set(&(origin + moved)?)?;
            start += count;
        }
    }
    Ok(full)
}

/// Mean share of full rank of the updates of all projections.
fn rank_share(bench: &Bench, full: &Full) -> Result<f64, Error> {
    let mut shares = Vec::new();
    for site in full.sites() {
        let delta = lab::matrix(&full.delta(bench.base(), site)?)?;
        shares.push(toy::rank(&delta)? as f64 / delta.dim().0.min(delta.dim().1) as f64);
    }
    Ok(shares.iter().sum::<f64>() / shares.len() as f64)
}

fn intrinsic_dimension(bench: &Bench) -> Result<Evidence, Error> {
    let best = bench.full_score()?;
    let parameters = bench.base().parameter_count() as f64;
    let mut evidence = Evidence::new(
        "The tiny base learns a new skill in random subspaces of all its parameters: held-out exact match, %",
    )
    .number("all parameters", parameters)
    .number("score of full fine-tuning", best);
    let mut found = None;
    for size in SIZES {
        let full = train(bench, size, Recipe::default().steps)?;
        let (score, share) = (bench.score(full.model(), &Shut)?, rank_share(bench, &full)?);
        evidence = evidence
            .number(format!("score, d = {size}"), score)
            .number(format!("rank of ΔW over full rank, d = {size}"), share);
        if score >= SHARE * best {
            found = Some((size as f64, share));
            break;
        }
    }
    let Some((size, share)) = found else {
        return Ok(evidence.expect("a subspace reaches 90 % of the score", crate::claims::Finding::Unclear));
    };
    Ok(evidence
        .number("d90, the first that reaches 90 %", size)
        .expect("a tenth of the dimensions or fewer are enough: d90 is low", size <= parameters / 10.0)
        .expect("and yet the updates have full rank, so the one does not give the other", share > 0.99))
}
