//! A training run: steps over shuffled data, evaluation, early stopping, metrics, checkpoints.

pub mod checkpoint;
mod metric;
mod settings;

use std::{path::Path, time::Instant};

use candle_core::{Result, Tensor, Var, bail};
use serde_json::Value;

pub use checkpoint::{Checkpoint, State};
use metric::Log;
pub use metric::Metric;
pub use settings::Settings;

use super::{Batch, Example, Held, Stepper, Trainee, data::Order, evaluate};
use crate::device::Transfers;
use crate::optim::{Hyper, Optimizer, State as OptimizerState};

/// The metrics file in a run's directory.
pub const METRICS: &str = "metrics.jsonl";

/// Encoded data.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// What is trained on.
    pub train: Vec<Example>,
    /// What is judged by; may be empty.
    pub held: Vec<Example>,
    /// Fills short rows.
    pub pad: u32,
}

/// What a run leaves besides the trained tensors.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Everything that happened.
    pub metrics: Vec<Metric>,
    /// The held-out examples before the first step.
    pub before: Option<Held>,
    /// The held-out examples with the tensors that are kept.
    pub after: Option<Held>,
    /// Step whose tensors are kept.
    pub kept: usize,
    /// Whether early stopping ended it.
    pub stopped: bool,
    /// Step whose loss was no number any more, which ended it.
    pub diverged: Option<usize>,
    /// Bytes of the optimiser's state.
    pub state_bytes: usize,
}

/// Where a run writes.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// An existing directory.
    pub dir: &'a Path,
    /// What the run was asked to do, kept in checkpoints for whoever resumes it.
    pub job: &'a Value,
}

/// Runs `settings` on `data`. With a place, metrics and checkpoints go there; with a checkpoint, the run goes on from it, on the CPU with the
/// bits that an uninterrupted run would have (if the same number of threads computes). `watch` sees every metric; its error ends the run.
///
/// # Errors
/// The settings cannot be used, the place cannot be written, or the checkpoint is of another run.
pub fn run(
    trainee: &Trainee,
    settings: &Settings,
    data: &Data,
    place: Option<Place<'_>>,
    resume: Option<Checkpoint>,
    watch: &mut dyn FnMut(&Metric) -> Result<()>,
) -> Result<Outcome> {
    settings.check()?;
    if data.train.is_empty() {
        bail!("there is no example to train on");
    }
    if settings.patience.is_some() && data.held.is_empty() {
        bail!("early stopping needs held-out examples to watch; give --eval FILE, or leave --patience out");
    }
    if settings.pack.is_some() && trainee.recipe().method.is_virtual() {
        bail!(
            "{} puts virtual tokens before the input; only the first of packed examples would have them: leave --pack out",
            trainee.recipe().method
        );
    }
    let mut run = Run::new(trainee, settings, data, place, resume)?;
    let finished = run.all(watch);
    trainee.train(false);
    finished
}

struct Run<'a> {
    trainee: &'a Trainee,
    settings: &'a Settings,
    data: &'a Data,
    place: Option<Place<'a>>,
    log: Option<Log>,
    named: Vec<(String, Var)>,
    optimizer: Box<dyn Optimizer>,
    order: Order,
    state: State,
    /// Tensors of the best evaluation, with early stopping.
    best: Vec<Tensor>,
}

impl<'a> Run<'a> {
    fn new(
        trainee: &'a Trainee,
        settings: &'a Settings,
        data: &'a Data,
        place: Option<Place<'a>>,
        resume: Option<Checkpoint>,
    ) -> Result<Self> {
        let hyper =
            Hyper { learning_rate: settings.learning_rate, weight_decay: settings.weight_decay, ..Hyper::default() };
        let named = trainee.named_variables();
        let (mut optimizer, mut best, mut state) = (trainee.optimizer(hyper)?, Vec::new(), State::default());
        if let Some(checkpoint) = resume {
            let (train, kept) = (checkpoint.part("train"), checkpoint.part("best"));
            for (name, variable) in &named {
                match train.get(name) {
                    Some(tensor) if tensor.dims() == variable.dims() => variable.set(tensor)?,
                    _ => bail!("the checkpoint has no `{name}` {:?}: it is of another method or base", variable.dims()),
                }
                best.extend(kept.get(name).cloned());
            }
            optimizer.restore(&OptimizerState(checkpoint.part("optim")))?;
            state = checkpoint.state;
        }
        if let Some(dropout) = trainee.dropout() {
            dropout.set_draws(state.draws);
        }
        let log = place.map(|place| Log::start(&place.dir.join(METRICS), &state.metrics)).transpose()?;
        let order = Order::new(data.train.len(), settings.seed, state.cursor);
        Ok(Self { trainee, settings, data, place, log, named, optimizer, order, state, best })
    }

    fn all(&mut self, watch: &mut dyn FnMut(&Metric) -> Result<()>) -> Result<Outcome> {
        if self.state.step == 0 && self.state.metrics.is_empty() && !self.data.held.is_empty() {
            self.evaluate(watch)?;
        }
        let mut stopped = self.enough();
        while self.state.step < self.settings.steps && !stopped {
            if !self.step(watch)? {
                return self.finish(false, Some(self.state.step));
            }
            let (step, last) = (self.state.step, self.state.step == self.settings.steps);
            let due = |every: usize| every > 0 && step.is_multiple_of(every);
            if !self.data.held.is_empty() && (last || due(self.settings.evaluate_every)) {
                self.evaluate(watch)?;
                stopped = self.enough();
            }
            if due(self.settings.save_every) {
                self.save()?;
            }
        }
        self.finish(stopped, None)
    }

    /// One update; whether the loss still is a number.
    fn step(&mut self, watch: &mut dyn FnMut(&Metric) -> Result<()>) -> Result<bool> {
        let (clock, copied) = (Instant::now(), Transfers::so_far());
        let batches = (0..self.settings.accumulate).map(|_| self.batch()).collect::<Result<Vec<_>>>()?;
        let stepper = Stepper {
            model: self.trainee.model(),
            doors: self.trainee.doors(),
            variables: self.named.iter().map(|(_, variable)| variable.clone()).collect(),
            clip: self.settings.clip,
            recompute: self.settings.recompute,
            dropout: self.trainee.dropout(),
            fusion: self.trainee.fused(),
        };
        let rate = self.settings.rates().rate(self.state.step);
        self.trainee.train(true);
        let taken = stepper.step(self.optimizer.as_mut(), rate, &batches)?;
        self.state.step += 1;
        if !taken.loss.is_finite() {
            return Ok(false);
        }
        self.note(
            Metric::Step {
                step: self.state.step,
                loss: taken.loss,
                learning_rate: rate,
                gradient_norm: taken.norm,
                tokens: taken.tokens,
                seconds: clock.elapsed().as_secs_f64(),
                transfers: Transfers::so_far() - copied,
            },
            watch,
        )?;
        Ok(true)
    }

    /// The next examples as a batch.
    fn batch(&mut self) -> Result<Batch> {
        let device = self.trainee.model().device();
        let mut examples = Vec::new();
        let Some(limit) = self.settings.pack else {
            examples.extend((0..self.settings.batch).map(|_| &self.data.train[self.order.take()]));
            return Batch::padded(&examples, self.data.pad, device);
        };
        let mut tokens = 0;
        loop {
            let next = &self.data.train[self.order.peek()];
            tokens += next.read();
            // One that is longer than a row has a row of its own.
            if tokens > limit && !examples.is_empty() {
                return Batch::packed(&examples, device);
            }
            examples.push(next);
            self.order.take();
        }
    }

    fn evaluate(&mut self, watch: &mut dyn FnMut(&Metric) -> Result<()>) -> Result<()> {
        self.trainee.train(false);
        let held = evaluate(self.trainee.model(), self.trainee.doors(), &self.data.held, self.data.pad)?;
        self.note(Metric::Held { step: self.state.step, held_out_loss: held.loss, held_out_exact: held.exact }, watch)?;
        if self.state.best.is_none_or(|(_, best)| held.loss < best.loss) {
            self.state.best = Some((self.state.step, held));
            self.state.waited = 0;
            if self.settings.patience.is_some() {
                self.best = self
                    .named
                    .iter()
                    .map(|(_, variable)| variable.as_detached_tensor().copy())
                    .collect::<Result<_>>()?;
            }
        } else {
            self.state.waited += 1;
        }
        Ok(())
    }

    /// Whether early stopping says so.
    fn enough(&self) -> bool {
        self.settings.patience.is_some_and(|patience| self.state.waited >= patience)
    }

    fn note(&mut self, metric: Metric, watch: &mut dyn FnMut(&Metric) -> Result<()>) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.push(&metric)?;
        }
        self.state.metrics.push(metric);
        watch(&metric)
    }

    fn save(&mut self) -> Result<()> {
        let Some(place) = self.place else { return Ok(()) };
        self.state.cursor = self.order.cursor();
        self.state.draws = self.trainee.dropout().map_or(0, |dropout| dropout.draws());
        self.state.job = place.job.clone();
        let optim = self.optimizer.state()?.0.into_iter().map(|(name, tensor)| (format!("optim.{name}"), tensor));
        let train = self.named.iter().map(|(name, variable)| (format!("train.{name}"), variable.as_detached_tensor()));
        let best =
            self.named.iter().zip(&self.best).map(|((name, _), tensor)| (format!("best.{name}"), tensor.clone()));
        let tensors = optim.chain(train).chain(best).collect();
        Checkpoint { state: self.state.clone(), tensors }.save(place.dir)
    }

    /// Puts the best tensors in place, if early stopping kept them.
    fn finish(&mut self, stopped: bool, diverged: Option<usize>) -> Result<Outcome> {
        let held = |metric: &Metric| match metric {
            Metric::Held { held_out_loss: loss, held_out_exact: exact, .. } => {
                Some(Held { loss: *loss, exact: *exact, examples: self.data.held.len() })
            }
            Metric::Step { .. } => None,
        };
        let mut evaluations = self.state.metrics.iter().filter_map(held);
        let before = evaluations.next();
        let mut after = evaluations.next_back();
        let mut kept = self.state.step;
        if let (Some((step, best)), true) = (self.state.best, self.settings.patience.is_some()) {
            for ((_, variable), tensor) in self.named.iter().zip(&self.best) {
                variable.set(tensor)?;
            }
            (kept, after) = (step, Some(best));
        }
        let metrics = self.state.metrics.clone();
        Ok(Outcome { metrics, before, after, kept, stopped, diverged, state_bytes: self.optimizer.state_bytes() })
    }
}
