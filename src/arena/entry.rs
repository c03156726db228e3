//! One method's part in a contest.

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

use super::{Budget, Contest, Event, Meter, fitted};
use crate::{
    model::Base,
    optim::Hyper,
    train::{Batch, Data, Example, Held, Kind, Metric, Recipe, Settings, Stepper, Trainee, evaluate, run},
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
    /// Seconds of the fastest step: other work on the machine only adds.
    pub step_seconds: f64,
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

/// A method's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// How the method was built, but for the seed.
    pub recipe: Recipe,
    /// Trained parameters.
    pub parameters: usize,
    /// Bytes of the optimiser's state.
    pub optimiser_bytes: usize,
    /// The most bytes alive in a step, base included.
    pub peak_bytes: Option<usize>,
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

    /// Seconds of the fastest step of all seeds.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        fastest(&self.trials.iter().map(|trial| trial.step_seconds).collect::<Vec<_>>())
    }
}

/// Data of a contest.
pub(super) struct Parts {
    pub(super) train: Data,
    pub(super) validation: Vec<Example>,
    pub(super) held: Vec<Example>,
}

/// Sweep, seeds and measurement of one method.
pub(super) fn compete(
    contest: &Contest,
    kind: Kind,
    parts: &Parts,
    open: &dyn Fn() -> Result<Base>,
    meter: Option<Meter>,
    watch: &mut dyn FnMut(Event<'_>) -> Result<()>,
) -> Result<Entry> {
    // Before anything else of this method is alive.
    let base = open()?.model;
    let recipe = match contest.budget {
        Budget::Steps => Recipe::new(kind),
        Budget::Parameters => fitted(&base, &Recipe::new(kind), contest.parameters)?,
    };
    let settings = |learning_rate: f64, seed: u64| Settings { learning_rate, seed, ..contest.settings.clone() };
    let train = |learning_rate: f64, seed: u64| {
        let trainee = Trainee::new(base.clone(), Recipe { seed, ..recipe.clone() })?;
        let trial = one(&trainee, &settings(learning_rate, seed), &parts.train)?;
        Ok::<_, candle_core::Error>((trainee, trial))
    };
    let pad = parts.train.pad;
    let mut sweep: Vec<Swept> = Vec::new();
    let mut leader: Option<(f64, Trainee, Trial)> = None;
    let middle = (contest.rates as f64 - 1.0) / 2.0;
    let mut rates: Vec<f64> =
        (0..contest.rates).map(|index| kind.learning_rate() * contest.factor.powf(index as f64 - middle)).collect();
    for round in 0..=FURTHER {
        for rate in rates.drain(..) {
            let (trainee, mut trial) = train(rate, 0)?;
            trial.judge(&trainee, &parts.validation, pad)?;
            watch(Event::Trial(kind, &trial))?;
            let loss = trial.judged.map(|held| held.loss);
            sweep.push((rate, loss));
            if let Some(loss) = loss.filter(|loss| leader.as_ref().is_none_or(|(least, ..)| loss < least)) {
                leader = Some((loss, trainee, trial));
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
    let (Some(index), Some((_, trainee, mut first))) = (best(&sweep), leader) else {
        bail!("{kind} diverged at every learning rate of the sweep")
    };
    // The sweep's best run is the first seed's: it is judged again, not run again.
    first.judge(&trainee, &parts.held, pad)?;
    drop(trainee);
    let (rate, mut trials) = (sweep[index].0, vec![first]);
    for seed in 1..contest.seeds {
        let (trainee, mut trial) = train(rate, seed)?;
        trial.judge(&trainee, &parts.held, pad)?;
        watch(Event::Trial(kind, &trial))?;
        trials.push(trial);
    }
    drop(base);
    let (peak_bytes, optimiser_bytes, parameters) = measure(&recipe, &settings(rate, 0), &parts.train, open, meter)?;
    let at_the_edge = sweep.len() > 1 && (index == 0 || index + 1 == sweep.len());
    Ok(Entry { recipe, parameters, optimiser_bytes, peak_bytes, sweep, at_the_edge, trials })
}

/// Index of the lowest loss.
fn best(sweep: &[Swept]) -> Option<usize> {
    let losses = sweep.iter().enumerate().filter_map(|(index, (_, loss))| Some((index, (*loss)?)));
    losses.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// Trains.
fn one(trainee: &Trainee, settings: &Settings, data: &Data) -> Result<Trial> {
    let outcome = run(trainee, settings, data, None, None, &mut |_| Ok(()))?;
    let (mut losses, mut seconds) = (Vec::new(), Vec::new());
    for metric in &outcome.metrics {
        if let Metric::Step { loss, seconds: took, .. } = metric {
            losses.push(*loss);
            seconds.push(*took);
        }
    }
    Ok(Trial {
        learning_rate: settings.learning_rate,
        seed: settings.seed,
        losses,
        diverged: outcome.diverged.is_some(),
        judged: None,
        step_seconds: fastest(&seconds),
    })
}

/// (peak bytes in a second step with the base, bytes of optimiser state, trained parameters): the first step makes the optimiser's state.
fn measure(
    recipe: &Recipe,
    settings: &Settings,
    data: &Data,
    open: &dyn Fn() -> Result<Base>,
    meter: Option<Meter>,
) -> Result<(Option<usize>, usize, usize)> {
    let before = meter.map_or(0, |meter| (meter.live)());
    let trainee = Trainee::new(open()?.model, recipe.clone())?;
    let mut optimizer = trainee.optimizer(Hyper { learning_rate: settings.learning_rate, ..Hyper::default() })?;
    let examples: Vec<&Example> = data.train.iter().take(settings.batch).collect();
    let batch = Batch::padded(&examples, data.pad, trainee.model().device())?;
    let stepper = Stepper {
        variables: trainee.variables(),
        clip: settings.clip,
        recompute: settings.recompute,
        ..Stepper::plain(trainee.model(), trainee.doors())
    };
    stepper.step(optimizer.as_mut(), settings.learning_rate, std::slice::from_ref(&batch))?;
    if let Some(meter) = meter {
        (meter.reset)();
    }
    stepper.step(optimizer.as_mut(), settings.learning_rate, std::slice::from_ref(&batch))?;
    let peak = meter.map(|meter| (meter.peak)().saturating_sub(before));
    Ok((peak, optimizer.state_bytes(), trainee.parameter_count()))
}

fn fastest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
