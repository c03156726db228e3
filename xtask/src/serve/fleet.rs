//! Adapters on disk, each with the answer that it gives alone.

use std::path::Path;

use candle_core::{Device, Tensor, Var};
use deltaw::{
    model::{Base, Doors, KvCache, Projection, Span},
    peft::{Lora, Method as _, Targets, hub, lora},
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::Outcome;

/// The longest answer.
pub(crate) const TOKENS: usize = 12;

/// One adapter, a prompt, and what it says to it.
pub(crate) struct Case {
    pub(crate) model: String,
    pub(crate) prompt: String,
    pub(crate) text: String,
}

/// Writes `count` LoRAs of ranks 1 to 7 and different targets, called `name-0`, … into `dir`.
pub(crate) fn make(dir: &Path, name: &str, count: usize, base: &Base) -> Outcome<Vec<Case>> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let targets = [Targets::AllLinear, Targets::from([Projection::Q, Projection::V])];
    let mut cases = Vec::with_capacity(count);
    for number in 0..count {
        let config = lora::Config {
            rank: 1 + number % 7,
            alpha: 24.0,
            targets: targets[number % 2].clone(),
            rank_stabilised: number % 3 == 0,
            seed: number as u64,
            ..lora::Config::default()
        };
        let lora = Lora::new(&base.model, config)?;
        lora.variables().iter().try_for_each(|variable| disturb(variable, &mut rng))?;
        let model = format!("{name}-{number}");
        hub::save(&dir.join(&model), &lora, &base.model, "tiny")?;
        let word: String = (0..5).map(|_| rng.random_range(b'a'..=b'z') as char).collect();
        let prompt = format!("rev:{word}>");
        let text = alone(base, &lora, &prompt)?;
        cases.push(Case { model, prompt, text });
    }
    Ok(cases)
}

fn disturb(variable: &Var, rng: &mut ChaCha8Rng) -> candle_core::Result<()> {
    let noise: Vec<f32> = (0..variable.elem_count()).map(|_| rng.random_range(-0.17..0.17)).collect();
    variable.set(&(variable.as_tensor() + Tensor::from_vec(noise, variable.shape(), &Device::Cpu)?)?)
}

/// The greedy answer with nothing else in the batch.
fn alone(base: &Base, doors: &dyn Doors, prompt: &str) -> Outcome<String> {
    let mut cache = KvCache::new(base.model.config());
    let (mut next, mut said) = (base.tokenizer.encode(prompt)?, Vec::new());
    while said.len() < TOKENS {
        let logits =
            base.model.extend(&mut [Span { ids: &next, cache: &mut cache }], doors)?.squeeze(0)?.to_vec1::<f32>()?;
        let best = (0..logits.len()).reduce(|best, id| if logits[id] > logits[best] { id } else { best });
        let Some(best) = best.map(|id| id as u32).filter(|id| !base.tokenizer.is_end(*id)) else { break };
        said.push(best);
        next = vec![best];
    }
    Ok(base.tokenizer.decode(&said)?)
}
