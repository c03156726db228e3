//! What methods cost, measured when their runs are done: a few steps of each on the same batch, in turn, while nothing else runs here.

use std::time::Instant;

use candle_core::Result;

use super::{Contest, Cost, Entry, Event, Meter, fused, processor};
use crate::{
    model::Base,
    optim::Hyper,
    train::{Batch, Data, Example, Kind, Settings, Stepper},
};

/// Timed steps in a round.
pub(super) const STEPS: usize = 5;

/// Measures every entry, in as many rounds as the contest says.
pub(super) fn all(
    contest: &Contest,
    entries: &mut [Entry],
    data: &Data,
    open: &dyn Fn() -> Result<Base>,
    meter: Option<Meter>,
    watch: &mut (dyn FnMut(Event) -> Result<()> + Send),
) -> Result<()> {
    let mut times: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); entries.len()];
    for _ in 0..contest.rounds {
        for (entry, (clocks, processors)) in entries.iter_mut().zip(&mut times) {
            entry.cost = one(entry, &contest.settings, data, open, meter, clocks, processors)?;
            watch(Event::Measured(entry.recipe.method))?;
        }
    }
    for (entry, (clocks, processors)) in entries.iter_mut().zip(times) {
        entry.cost.step_seconds = median(clocks).unwrap_or(f64::NAN);
        entry.cost.step_processor_seconds = median(processors);
    }
    Ok(())
}

/// The bytes of one round; its seconds are added to those of other rounds.
fn one(
    entry: &Entry,
    settings: &Settings,
    data: &Data,
    open: &dyn Fn() -> Result<Base>,
    meter: Option<Meter>,
    clocks: &mut Vec<f64>,
    processors: &mut Vec<f64>,
) -> Result<Cost> {
    let before = meter.map_or(0, |meter| (meter.live)());
    let base = open()?.model;
    let adapters = if entry.recipe.method == Kind::AdapterFusion { fused::fresh(&base)? } else { Vec::new() };
    let trainee = fused::trainee(base, entry.recipe.clone(), &adapters)?;
    let rate = entry.learning_rate();
    let mut optimizer = trainee.optimizer(Hyper { learning_rate: rate, ..Hyper::default() })?;
    let examples: Vec<&Example> = data.train.iter().take(settings.batch).collect();
    let batch = Batch::padded(&examples, data.pad, trainee.model().device())?;
    let stepper = Stepper {
        variables: trainee.variables(),
        clip: settings.clip,
        recompute: settings.recompute,
        fusion: trainee.fused(),
        ..Stepper::plain(trainee.model(), trainee.doors())
    };
    let mut step = || stepper.step(optimizer.as_mut(), rate, std::slice::from_ref(&batch));
    // The first step makes the optimiser's state.
    step()?;
    if let Some(meter) = meter {
        (meter.reset)();
    }
    for _ in 0..STEPS {
        let (clock, spent) = (Instant::now(), processor::seconds());
        step()?;
        clocks.push(clock.elapsed().as_secs_f64());
        processors.extend(processor::seconds().zip(spent).map(|(now, before)| now - before));
    }
    let peak_bytes = meter.map(|meter| (meter.peak)().saturating_sub(before));
    Ok(Cost { optimiser_bytes: optimizer.state_bytes(), peak_bytes, ..Cost::default() })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
