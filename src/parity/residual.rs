//! Starts that change the base: PiSSA and OLoRA, their training, and their conversion to a plain LoRA.
//!
//! The start is ours (logits, residual weights, every update); training then sets out from the factors that the library saved, because
//! AdamW's first step is the sign of the gradient: the library decomposes in f32, its factors are 2e-6 from those of f64, and one entry of
//! the gradient that is near zero is enough to part the traces by far more than rounding.

use candle_core::{Result, bail};
use serde_json::Value;

use super::{
    Case, Check, check,
    training::{Trained, trace},
    worst,
};
use crate::{
    model::{Decoder, Shut, Site},
    peft::{
        Lora, Method as _, Pattern, Start, Targets, hub,
        lora::{self, Factors},
        olora, pissa,
    },
};

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let theirs = saved_start(case, base)?;
    let config = config(&theirs)?;
    let start = match case.hyper("init_lora_weights").and_then(Value::as_str) {
        Some("pissa") => pissa::start(base, &config)?,
        Some("olora") => olora::start(base, &config)?,
        other => bail!("case.json: the start {other:?} is not supported"),
    };
    let ids = case.ids()?;
    let sites: Vec<_> = start.adapter.factors().keys().copied().collect();
    let mut checks = vec![case.check("logits_init", &start.base.forward(&ids, &start.adapter)?, "logits_abs")?];
    if let Some(delta) = start.adapter.delta(case.site_of("delta_init", &sites)?)? {
        checks.push(case.check("delta_init", &delta, "delta_abs")?);
    }
    for (name, expected) in case.file("residual_weights.safetensors")? {
        match start.base.tensors().get(&name) {
            Some(ours) => checks.push(check(name, ours, &expected, case.tolerance("residual_abs")?)?),
            None => bail!("residual_weights.safetensors names `{name}`, which the base has not"),
        }
    }
    checks.push(updates(case, &start.adapter, &theirs)?);
    let start = Start::from_adapter(base, theirs)?;
    let trained = Trained { model: &start.base, doors: &start.adapter, variables: start.adapter.named_variables() };
    checks.extend(trace(case, &trained)?);
    checks.push(case.check("logits_final", &start.base.forward(&ids, &start.adapter)?, "logits_abs")?);

    let (expected, tolerance) = (case.tensor("logits_final")?, case.tolerance("logits_abs")?);
    let converted = base.forward(&ids, &start.convert()?)?;
    checks.push(check("our conversion on the original base", &converted, expected, tolerance)?);
    let theirs = base.forward(&ids, hub::load(&case.path("adapter_converted"), base)?.doors())?;
    checks.push(check("their conversion on the original base", &theirs, expected, tolerance)?);
    let unconverted = (base.forward(&ids, &start.adapter)? - base.forward(&ids, &Shut)?)?;
    if unconverted.abs()?.max_all()?.to_scalar::<f32>()? == 0.0 {
        bail!("the trained adapter does nothing");
    }
    Ok(checks)
}

/// The adapter that the library saved before training.
fn saved_start(case: &Case, base: &Decoder) -> Result<Lora> {
    match hub::load(&case.path("adapter_init"), base)? {
        hub::Adapter::Lora(lora) => Ok(lora),
        other => bail!("adapter_init is {}, no LoRA", other.name()),
    }
}

/// Our updates against theirs, the worst of all sites.
fn updates(case: &Case, ours: &Lora, theirs: &Lora) -> Result<Check> {
    if !ours.factors().keys().eq(theirs.factors().keys()) {
        bail!("adapter_init adapts other modules than case.json says");
    }
    let mut checks = Vec::new();
    for (site, factors) in theirs.factors() {
        let Some(delta) = ours.delta(*site)? else { continue };
        let what = format!("update at the start ({site})");
        checks.push(check(what, &delta, &factors.delta()?, case.tolerance("delta_abs")?)?);
    }
    worst(checks).ok_or_else(|| candle_core::Error::Msg("adapter_init adapts nothing".to_owned()))
}

/// What the start was asked for, site by site: the case's own account of it may name only what is unusual.
fn config(saved: &Lora) -> Result<lora::Config> {
    let each = |value: fn(&Factors) -> f64| {
        let of = |(site, factors): (&Site, &Factors)| (regex::escape(&site.to_string()), value(factors));
        Pattern::new(&saved.factors().iter().map(of).collect::<Vec<_>>())
    };
    Ok(lora::Config {
        targets: Targets::Names(saved.factors().keys().map(ToString::to_string).collect()),
        rank_pattern: each(|factors| factors.rank() as f64)?,
        alpha_pattern: each(|factors| factors.alpha)?,
        rank_stabilised: saved.factors().values().any(|factors| factors.rank_stabilised),
        ..lora::Config::default()
    })
}
