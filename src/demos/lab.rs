//! What the demos on the tiny base share: the base, its new skill, a seeded batch, short training runs.

use candle_core::{Device, Result, Tensor, Var};
use ndarray::Array2;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Args, Error};
use crate::{
    device,
    model::{Decoder, Doors, tiny},
    train::{Batch, Plan, Skill, fit, skills},
};

/// The skill that fine-tuning learns in the demos; pretraining never showed it.
pub(crate) const NEW_SKILL: &str = "revup";

/// Where the demos compute.
pub(crate) fn device() -> Device {
    device::current()
}

/// The pretrained tiny base.
pub(crate) fn base() -> Result<Decoder> {
    tiny::load(&device())
}

/// The new skill.
pub(crate) fn new_skill() -> Result<Skill> {
    Skill::named(NEW_SKILL).ok_or_else(|| candle_core::Error::Msg(format!("no skill is called {NEW_SKILL}")))
}

/// A fixed batch of training examples of the new skill.
pub(crate) fn batch(examples: usize, seed: u64) -> Result<Batch> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let skill = new_skill()?;
    let pairs: Vec<_> = (0..examples).filter_map(|_| skills::draw(&[skill], &mut rng, false)).collect();
    Batch::new(&pairs, &device())
}

/// A short run on the new skill.
pub(crate) fn plan(steps: usize, batch: usize, learning_rate: f64, seed: u64) -> Result<Plan> {
    let warmup = (steps / 10).max(1);
    Ok(Plan { skills: vec![new_skill()?], steps, batch, learning_rate, warmup, weight_decay: 0.0, seed })
}

/// Runs `plan` and returns (step, loss) pairs.
pub(crate) fn train(model: &Decoder, doors: &dyn Doors, variables: Vec<Var>, plan: &Plan) -> Result<Vec<(f64, f64)>> {
    let mut curve = Vec::with_capacity(plan.steps);
    fit(model, doors, variables, plan, |step| {
        curve.push((step.index as f64, step.loss));
        Ok(())
    })?;
    Ok(curve)
}

/// A matrix out of candle, for the linear algebra.
pub(crate) fn matrix(tensor: &Tensor) -> std::result::Result<Array2<f32>, Error> {
    let (rows, columns) = tensor.dims2()?;
    Array2::from_shape_vec((rows, columns), tensor.flatten_all()?.to_vec1()?)
        .map_err(|error| Error::Other(error.to_string()))
}

/// Euclidean norm of all entries.
pub(crate) fn norm(tensor: &Tensor) -> Result<f64> {
    Ok(f64::from(tensor.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt())
}

/// Mean of the last tenth of a curve (at least one point): less noisy than its last value.
pub(crate) fn tail(curve: &[(f64, f64)]) -> f64 {
    let count = (curve.len() / 10).max(1);
    curve.iter().rev().take(count).map(|(_, loss)| loss).sum::<f64>() / count as f64
}

/// Reads argument `name` as a number in `range`, or takes `default`.
pub(crate) fn number<T>(
    demo: &'static str,
    args: &Args,
    name: &str,
    default: T,
    range: std::ops::RangeInclusive<T>,
) -> std::result::Result<T, Error>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let Some(text) = args.get(name) else { return Ok(default) };
    match text.trim().parse::<T>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(Error::Argument {
            demo,
            message: format!("{name} is `{text}`; it takes a number from {} to {}", range.start(), range.end()),
        }),
    }
}
