//! The arena: every method at its own rate, and what a contest measures.
#![allow(clippy::unwrap_used)]

#[path = "common/training.rs"]
mod training;

use candle_core::Device;
use deltaw::{
    arena::{self, Budget, Contest, Meter},
    model::Base,
    train::{Kind, Settings},
};
use peak_alloc::PeakAlloc;
use training::data;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn an_arena_gives_every_method_its_own_rate_and_measures_what_it_says() {
    let methods = vec![Kind::Lora, Kind::Full, Kind::Ia3, Kind::AdapterFusion];
    let contest = Contest {
        base: "tiny".to_owned(),
        task: "revup".to_owned(),
        methods: methods.clone(),
        budget: Budget::Parameters,
        parameters: 12_160,
        seeds: 2,
        rates: 3,
        factor: 4.0,
        validation: 30,
        parallel: Some(2),
        rounds: 2,
        settings: Settings { steps: 15, warmup: 2, ..Settings::default() },
    };
    let meter = Meter {
        live: || ALLOCATOR.current_usage(),
        peak: || ALLOCATOR.peak_usage(),
        reset: || ALLOCATOR.reset_peak_usage(),
    };
    let open = || Base::tiny(&Device::Cpu);
    let results = arena::contest(&contest, &data(300, 50), &open, Some(meter), &mut |_| Ok(())).unwrap();
    assert_eq!(results.entries.iter().map(|entry| entry.recipe.method).collect::<Vec<_>>(), methods);
    for entry in &results.entries {
        let losses: Vec<f64> = entry.sweep.iter().map(|(_, loss)| loss.unwrap_or(f64::INFINITY)).collect();
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let at = losses.iter().position(|loss| *loss == best).unwrap();
        assert_eq!(entry.learning_rate(), entry.sweep[at].0);
        assert_eq!(entry.at_the_edge, at == 0 || at + 1 == losses.len());
        let (mean, low, high) = entry.spread(|held| held.loss).unwrap();
        assert!(low <= mean && mean <= high && mean < results.base_held.loss);
        assert!(entry.trials.len() == 2 && entry.trials[0].losses.len() == 15);
        assert!(entry.trials[0].losses != entry.trials[1].losses, "seeds differ");
    }
    let (lora, full) = (&results.entries[0], &results.entries[1]);
    assert_eq!((lora.parameters, full.parameters), (12_160, results.base_parameters));
    assert_eq!((lora.cost.optimiser_bytes, full.cost.optimiser_bytes), (8 * lora.parameters, 8 * full.parameters));
    let text = arena::markdown(&results, "deltaw arena", "a machine");
    assert!(text.contains("| lora | r = 1 | 12160 |") && text.contains("| full |"), "{text}");
    assert!(text.contains("each trained for 8 steps on one half"), "{text}");
    assert_eq!(arena::figures(&results).len(), 3);
    for entry in &results.entries {
        let cost = entry.cost;
        assert!(cost.step_seconds > 0.0 && cost.peak_bytes.is_some(), "{cost:?}");
        assert_eq!(cost.step_processor_seconds.is_some(), cfg!(target_os = "linux"));
    }
}
