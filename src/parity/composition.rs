//! Several LoRAs made into one.

use candle_core::{Result, bail};
use serde_json::Value;

use super::{Case, Check, check};
use crate::{
    model::Decoder,
    peft::{
        Lora,
        compose::{Combination, combine},
        hub::{self, Adapter},
    },
};

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let ids = case.ids()?;
    let mut checks = Vec::new();
    let inputs = case.field("inputs").and_then(Value::as_object).into_iter().flatten();
    for (name, _) in inputs {
        checks.push(case.check(
            &format!("logits/{name}"),
            &base.forward(&ids, &load(case, base, name)?)?,
            "logits_abs",
        )?);
    }
    for (name, about) in case.field("combinations").and_then(Value::as_object).into_iter().flatten() {
        let (adapters, weights) = (strings(about, "adapters"), numbers(about, "weights"));
        let loaded: Vec<Lora> = adapters.iter().map(|adapter| load(case, base, adapter)).collect::<Result<_>>()?;
        let weighted: Vec<(&Lora, f64)> = loaded.iter().zip(weights).collect();
        let ours = combine(&weighted, combination(about)?)?;
        let sites: Vec<_> = ours.factors().keys().copied().collect();
        let delta = format!("delta/{name}");
        if let Some(product) = ours.delta(case.site_of(&delta, &sites)?)? {
            checks.push(case.check(&delta, &product, "delta_abs")?);
        }
        let logits = format!("logits/{name}");
        checks.push(case.check(&logits, &base.forward(&ids, &ours)?, "logits_abs")?);
        let theirs = base.forward(&ids, &load(case, base, name)?)?;
        checks.push(check(
            format!("{logits} (as saved)"),
            &theirs,
            case.tensor(&logits)?,
            case.tolerance("logits_abs")?,
        )?);
    }
    Ok(checks)
}

fn load(case: &Case, base: &Decoder, name: &str) -> Result<Lora> {
    match hub::load(&case.path("adapter").join(name), base)? {
        Adapter::Lora(lora) => Ok(lora),
        other => bail!("adapter/{name} is {}; only LoRAs are combined", other.name()),
    }
}

fn combination(about: &Value) -> Result<Combination> {
    let density = || match about.get("density").and_then(Value::as_f64) {
        Some(density) => Ok(density),
        None => bail!("a combination has no `density`"),
    };
    match about.get("combination_type").and_then(Value::as_str) {
        Some("linear") => Ok(Combination::Linear),
        Some("cat") => Ok(Combination::Cat),
        Some("svd") => match about.get("svd_rank").and_then(Value::as_u64) {
            Some(rank) => Ok(Combination::Svd { rank: rank as usize }),
            None => bail!("an svd combination has no `svd_rank`"),
        },
        Some("magnitude_prune") => Ok(Combination::MagnitudePrune { density: density()? }),
        Some("ties") => Ok(Combination::Ties { density: density()? }),
        other => bail!("the combination {other:?} is not supported"),
    }
}

fn strings(about: &Value, name: &str) -> Vec<String> {
    about
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn numbers(about: &Value, name: &str) -> Vec<f64> {
    about.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect()
}
