//! The base: a model known by name, a configuration, or just a size.

use std::{borrow::Cow, path::Path};

use super::super::{Failure, calc};
use crate::{
    analysis::arch::{Architecture, Family},
    claims::written,
};

/// Names on the Hugging Face hub of the models known here.
const HUB: [(&str, &str); 7] = [
    ("llama-2-7b", "meta-llama/Llama-2-7b-hf"),
    ("llama-2-13b", "meta-llama/Llama-2-13b-hf"),
    ("llama-2-70b", "meta-llama/Llama-2-70b-hf"),
    ("llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
    ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
    ("gpt2-small", "openai-community/gpt2"),
    ("smollm2-135m", "HuggingFaceTB/SmolLM2-135M-Instruct"),
];

/// Stands where the user must put a name.
const UNKNOWN: &str = "BASE";

/// A model by name or by its configuration, and what a loader calls it.
pub(super) fn named(name: &str) -> Result<(Architecture, String), Failure> {
    if Path::new(name).extension().is_some_and(|extension| extension == "json") {
        return Ok((calc::from_file(Path::new(name))?, UNKNOWN.to_owned()));
    }
    // What the advice itself calls a model is taken as well, and so is the name that `--base` has for the small one.
    let name = match HUB.iter().find(|(_, hub)| hub.eq_ignore_ascii_case(name)) {
        Some((known, _)) => known,
        None if name.eq_ignore_ascii_case("smollm2") => "smollm2-135m",
        None => name,
    };
    let model = Architecture::named(name).map_err(|error| Failure::usage(format!("{error}; or name a config.json")))?;
    let hub = HUB.iter().find(|(known, _)| *known == model.name).map_or(UNKNOWN, |(_, hub)| hub);
    Ok((model.clone(), hub.to_owned()))
}

/// A LLaMA-like model of so many parameters: the shapes of the nearest known one, with as many layers as the size asks for.
pub(super) fn of_size(total: u64) -> (Architecture, String) {
    let apart = |model: &&Architecture| ((model.total as f64 / total as f64).ln().abs() * 1e6) as u64;
    let known = Architecture::known().iter().filter(|model| model.family == Family::Llama);
    let nearest = known.min_by_key(apart).unwrap_or(&Architecture::known()[0]);
    let layer = nearest.linear_weights() / nearest.layers;
    let outside = nearest.total - nearest.linear_weights();
    // A size below that of the nearest model's embeddings alone still gets a layer.
    let layers = (total.saturating_sub(outside) as f64 / layer as f64).round().max(1.0) as u64;
    let name = Cow::Owned(format!(
        "a model of {} billion parameters (shapes as {})",
        written(total as f64 / 1e9),
        nearest.name
    ));
    let model = Architecture { name, layers, total, ..nearest.clone() };
    let total = total.max(model.linear_weights());
    (Architecture { total, ..model }, UNKNOWN.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_size_takes_the_nearest_shapes() {
        let (model, _) = of_size(8_030_261_248);
        assert_eq!((model.layers, model.hidden, model.kv), (32, 4096, 1024));
        for total in [1_000_000, 135_000_000, 3_000_000_000, 405_000_000_000] {
            let (model, _) = of_size(total);
            assert!(model.layers >= 1 && model.total >= model.linear_weights(), "{total}");
        }
    }

    #[test]
    fn names_and_files_are_told_apart() {
        assert_eq!(named("llama-2-70b").unwrap().1, "meta-llama/Llama-2-70b-hf");
        assert_eq!(named("meta-llama/llama-2-70b-hf").unwrap().0.name, "llama-2-70b");
        assert!(named("/nonexistent/config.json").unwrap_err().to_string().contains("/nonexistent/config.json"));
        assert!(named("llama-9").unwrap_err().to_string().contains("no architecture"));
    }
}
