//! One method's part in a contest.

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

use super::{Budget, Contest, Event, fitted, fused};
use crate::{
    model::Base,
    train::{Data, Example, Held, Kind, Metric, Recipe, Settings, Trainee, evaluate, run},
};

/// How often a sweep goes on at its edge.
const FURTHER: usize = 2;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Seed.
    pub seed: u64,
    /// Loss of every step.
    pub losses: Vec<f64>,
    /// Whether its loss was no number any more.
    pub diverged: bool,
    /// The validation examples, during the sweep; the held-out ones, at the best rate. Absent if it diverged.
    pub judged: Option<Held>,
}

impl Trial {
    fn judge(&mut self, trainee: &Trainee, examples: &[Example], pad: u32) -> Result<()> {
        if !self.diverged {
            let held = evaluate(trainee.model(), trainee.doors(), examples, pad)?;
            self.judged = Some(held).filter(|held| held.loss.is_finite());
        }
        Ok(())
    }
}

/// A learning rate and the validation loss that it leads to; absent if it diverged.
pub type Swept = (f64, Option<f64>);

/// What a method costs, in steps on the same batch for all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Bytes of the optimiser's state.
    pub optimiser_bytes: usize,
    /// The most bytes alive in a step, base included.
    pub peak_bytes: Option<usize>,
    /// Seconds of a step, the median.
    pub step_seconds: f64,
    /// Seconds of the processor in a step, all threads together, the median.
    pub step_processor_seconds: Option<f64>,
}

/// A method's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// How the method was built, but for the seed.
    pub recipe: Recipe,
    /// Trained parameters.
    pub parameters: usize,
    /// What it costs.
    pub cost: Cost,
    /// The sweep, in order of the rates.
    pub sweep: Vec<Swept>,
    /// Whether the best rate is the lowest or highest one tried.
    pub at_the_edge: bool,
    /// The runs at the best rate, one a seed.
    pub trials: Vec<Trial>,
}

impl Entry {
    /// The best learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.trials.first().map_or(f64::NAN, |trial| trial.learning_rate)
    }

    /// Mean over seeds, with the lowest and the highest; none if a run diverged.
    #[must_use]
    pub fn spread(&self, of: impl Fn(&Held) -> f64) -> Option<(f64, f64, f64)> {
        let values = self.trials.iter().map(|trial| trial.judged.as_ref().map(&of)).collect::<Option<Vec<f64>>>()?;
        let (low, high) =
            values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        Some((values.iter().sum::<f64>() / values.len() as f64, low, high))
    }
}

/// Data of a contest.
pub(super) struct Parts {
    pub(super) train: Data,
    pub(super) validation: Vec<Example>,
    pub(super) held: Vec<Example>,
}

/// Sweep and seeds of one method.
pub(super) fn compete(
    contest: &Contest,
    kind: Kind,
    parts: &Parts,
    open: &dyn Fn() -> Result<Base>,
    say: &dyn Fn(Event) -> Result<()>,
) -> Result<Entry> {
    say(Event::Begins(kind))?;
    let base = open()?.model;
    let recipe = match contest.budget {
        Budget::Steps => Recipe::new(kind),
        Budget::Parameters => fitted(&base, &Recipe::new(kind), contest.parameters)?,
    };
    let adapters = if kind == Kind::AdapterFusion { fused::ready(&base, contest, &parts.train)? } else { Vec::new() };
    let train = |learning_rate: f64, seed: u64, judges: &[Example]| {
        let trainee = fused::trainee(base.clone(), Recipe { seed, ..recipe.clone() }, &adapters)?;
        let settings = Settings { learning_rate, seed, ..contest.settings.clone() };
        let mut trial = one(&trainee, &settings, &parts.train)?;
        trial.judge(&trainee, judges, parts.train.pad)?;
        say(Event::Trial(kind, learning_rate, seed, trial.judged.map(|held| held.loss)))?;
        Ok::<_, candle_core::Error>((trainee, trial))
    };
    let mut sweep: Vec<Swept> = Vec::new();
    let mut leader: Option<(f64, Trainee, Trial)> = None;
    let middle = (contest.rates as f64 - 1.0) / 2.0;
    let mut rates: Vec<f64> =
        (0..contest.rates).map(|index| kind.learning_rate() * contest.factor.powf(index as f64 - middle)).collect();
    for round in 0..=FURTHER {
        for rate in rates.drain(..) {
            let (trainee, trial) = train(rate, 0, &parts.validation)?;
            let loss = trial.judged.map(|held| held.loss);
            sweep.push((rate, loss));
            let order = loss.unwrap_or(f64::INFINITY);
            if leader.as_ref().is_none_or(|(least, ..)| order < *least) {
                leader = Some((order, trainee, trial));
            }
        }
        sweep.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some(best), true) = (best(&sweep), round < FURTHER && sweep.len() > 1) else { break };
        match best {
            0 => rates.push(sweep[0].0 / contest.factor),
            best if best + 1 == sweep.len() => rates.push(sweep[best].0 * contest.factor),
            _ => break,
        }
    }
    let Some((_, trainee, mut first)) = leader else { bail!("{kind} had no learning rate to try") };
    // The sweep's best run is the first seed's: it is judged again, not run again.
    first.judge(&trainee, &parts.held, parts.train.pad)?;
    let parameters = trainee.parameter_count();
    drop(trainee);
    let mut trials = vec![first];
    if let Some(index) = best(&sweep) {
        for seed in 1..contest.seeds {
            trials.push(train(sweep[index].0, seed, &parts.held)?.1);
        }
    }
    let at_the_edge = sweep.len() > 1 && best(&sweep).is_some_and(|index| index == 0 || index + 1 == sweep.len());
    say(Event::Done(kind))?;
    Ok(Entry { recipe, parameters, cost: Cost::default(), sweep, at_the_edge, trials })
}

/// Index of the lowest loss.
fn best(sweep: &[Swept]) -> Option<usize> {
    let losses = sweep.iter().enumerate().filter_map(|(index, (_, loss))| Some((index, (*loss)?)));
    losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// Trains.
fn one(trainee: &Trainee, settings: &Settings, data: &Data) -> Result<Trial> {
    let outcome = run(trainee, settings, data, None, None, &mut |_| Ok(()))?;
    let losses = outcome.metrics.iter().filter_map(|metric| match metric {
        Metric::Step { loss, .. } => Some(*loss),
        Metric::Held { .. } => None,
    });
    Ok(Trial {
        learning_rate: settings.learning_rate,
        seed: settings.seed,
        losses: losses.collect(),
        diverged: outcome.diverged.is_some(),
        judged: None,
    })
}
