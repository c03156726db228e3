//! Starts that change the base: PiSSA and OLoRA, their training, and their conversion to a plain LoRA.

use candle_core::{Result, bail};
use serde_json::Value;

use super::{
    Case, Check, check,
    training::{Trained, trace},
};
use crate::{
    model::{Decoder, Shut},
    peft::{Method as _, Targets, hub, lora, olora, pissa},
};

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let config = config(case)?;
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
    checks.extend(saved_start(case, base, &start.adapter)?);
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

/// The adapter that the library saved before training, update by update.
fn saved_start(case: &Case, base: &Decoder, ours: &crate::peft::Lora) -> Result<Vec<Check>> {
    let hub::Adapter::Lora(theirs) = hub::load(&case.path("adapter_init"), base)? else {
        bail!("adapter_init is no LoRA");
    };
    let mut worst: Option<Check> = None;
    for (site, factors) in theirs.factors() {
        let Some(delta) = ours.delta(*site)? else { bail!("adapter_init adapts {site}, this start does not") };
        let check = check(format!("update at the start ({site})"), &delta, &factors.delta()?, case.tolerance("delta_abs")?)?;
        if worst.as_ref().is_none_or(|worst| !(check.absolute <= worst.absolute)) {
            worst = Some(check);
        }
    }
    Ok(worst.into_iter().collect())
}

fn config(case: &Case) -> Result<lora::Config> {
    let Some(rank) = case.hyper("r").and_then(Value::as_u64) else { bail!("case.json has no `r`") };
    let alpha = case.hyper("lora_alpha").and_then(Value::as_f64).unwrap_or(8.0);
    let targets = match case.hyper("target_modules") {
        Some(Value::Array(names)) => Targets::Names(names.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        Some(Value::String(text)) if text.starts_with("all-linear") => Targets::AllLinear,
        Some(Value::String(expression)) => Targets::pattern(expression)?,
        _ => bail!("case.json has no `target_modules`"),
    };
    Ok(lora::Config { rank: rank as usize, alpha, targets, ..lora::Config::default() })
}
