//! Training traces: the first gradients, the losses of every step, the tensors at the end.

use std::collections::BTreeMap;

use candle_core::{D, DType, Result, Tensor, Var, bail};
use serde_json::{Map, Value, json};

use super::{Case, Check, check, forward::from_raw, worst};
use crate::{
    model::{Decoder, Doors, Shut, load_dir},
    optim::{
        AdamW, Groups, Hyper, Optimizer, clip,
        galore::{GaLore, Projection},
    },
    peft::{Full, Method, hub, hub::adapterhub},
};

/// Something that trains: a model, doors in it, and named tensors.
pub(super) struct Trained<'a> {
    pub(super) model: &'a Decoder,
    pub(super) doors: &'a dyn Doors,
    pub(super) variables: Vec<(String, Var)>,
}

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    if case.method().starts_with("GaLore") {
        return galore(case, base);
    }
    if case.method().starts_with("QLoRA") {
        let sibling = if case.hyper("double_quantisation").and_then(Value::as_bool) == Some(false) {
            "base_nf4"
        } else {
            "base_nf4_double"
        };
        let base = load_dir(&case.path("../qlora").join(sibling), base.device())?;
        let method = method(case, &base)?;
        let variables = method.named_variables();
        set_initial(case, &variables)?;
        return trace(case, &Trained { model: &base, doors: method.as_ref(), variables });
    }
    if case.method().starts_with("full") {
        let full = Full::new(base)?;
        let variables = full.variables().to_vec();
        return trace(case, &Trained { model: full.model(), doors: &Shut, variables });
    }
    let method = method(case, base)?;
    let variables = method.named_variables();
    set_initial(case, &variables)?;
    trace(case, &Trained { model: base, doors: method.as_ref(), variables })
}

/// The method that the case trains.
fn method(case: &Case, base: &Decoder) -> Result<Box<dyn Method>> {
    let initial = case.file("initial.safetensors")?;
    if initial.contains_key("embedding.weight") {
        return Ok(from_raw(&initial, base)?);
    }
    if case.has_file("adapter") {
        return Ok(hub::load(&case.path("adapter"), base)?.into_method());
    }
    if case.has_file("frozen_adapters.safetensors") {
        let names = case.hyper("adapters").and_then(Value::as_array).cloned().unwrap_or_default();
        let frozen = case.file("frozen_adapters.safetensors")?;
        let mut adapters = Vec::new();
        for name in names.iter().filter_map(Value::as_str) {
            let own = |key: &String| key.contains(&format!(".adapters.{name}."));
            let tensors = frozen.iter().filter(|(key, _)| own(key)).map(|(key, value)| (key.clone(), value.clone()));
            adapters.push(adapterhub::read(&bottleneck(case, name, &frozen), tensors.collect(), base)?);
        }
        let config: Map<String, Value> = Map::from_iter([("adapter_names".to_owned(), Value::Array(names))]);
        return Ok(Box::new(adapterhub::read_fusion(&config, initial, adapters, base)?));
    }
    match initial.keys().find_map(|key| key.split(".adapters.").nth(1)?.split('.').next().map(str::to_owned)) {
        Some(name) => Ok(Box::new(adapterhub::read(&bottleneck(case, &name, &initial), initial.clone(), base)?)),
        None => bail!("initial.safetensors has no tensor of a method that is known here"),
    }
}

/// The `adapters` library's configuration of a set whose tensors these are; Houlsby's reads the branch alone, Pfeiffer's also the residual.
fn bottleneck(case: &Case, name: &str, tensors: &BTreeMap<String, Tensor>) -> Map<String, Value> {
    let attention = tensors.keys().any(|key| key.contains("attention_adapters"));
    let config = json!({
        "mh_adapter": attention,
        "output_adapter": true,
        "original_ln_before": !attention,
        "non_linearity": case.hyper("non_linearity"),
        "reduction_factor": case.hyper("reduction_factor"),
    });
    Map::from_iter([("name".to_owned(), name.into()), ("config".to_owned(), config)])
}

/// A name as the case's files have it, with or without PEFT's prefix.
fn find<'a>(tensors: &'a BTreeMap<String, Tensor>, name: &str) -> Option<&'a Tensor> {
    tensors.get(name).or_else(|| tensors.get(&format!("base_model.model.{name}")))
}

fn set_initial(case: &Case, variables: &[(String, Var)]) -> Result<()> {
    let initial = case.file("initial.safetensors")?;
    for (name, variable) in variables {
        match find(&initial, name) {
            Some(tensor) => variable.set(tensor)?,
            None => bail!("initial.safetensors has no `{name}`"),
        }
    }
    if initial.len() != variables.len() {
        bail!("initial.safetensors has {} tensors; this method trains {}", initial.len(), variables.len());
    }
    Ok(())
}

/// Mean cross entropy of each position against the next label, over labels that are not −100.
pub(super) fn loss(case: &Case, trained: &Trained<'_>) -> Result<Tensor> {
    let logits = trained.model.forward(&case.ids()?, trained.doors)?;
    let (_, positions, _) = logits.dims3()?;
    let labels = case.tensor("labels")?.to_dtype(DType::I64)?.to_vec2::<i64>()?;
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for (row, labels) in labels.iter().enumerate() {
        // Virtual tokens stand before the real ones and have no label.
        let before = positions - labels.len();
        for (index, label) in labels.iter().enumerate().filter(|(_, label)| **label != -100) {
            if before + index > 0 {
                rows.push((row * positions + before + index - 1) as u32);
                targets.push(u32::try_from(*label).map_err(candle_core::Error::wrap)?);
            }
        }
    }
    let device = trained.model.device();
    let scored = logits.flatten(0, 1)?.index_select(&Tensor::new(rows, device)?, 0)?;
    candle_nn::loss::nll(&candle_nn::ops::log_softmax(&scored, D::Minus1)?, &Tensor::new(targets, device)?)
}

/// Trains as the case says and compares losses, and what it has of gradients and final tensors.
pub(super) fn trace(case: &Case, trained: &Trained<'_>) -> Result<Vec<Check>> {
    let Settings { hyper, clipping, steps } = Settings::of(case)?;
    let variables: Vec<Var> = trained.variables.iter().map(|(_, variable)| variable.clone()).collect();
    let optimizer = AdamW::new(Groups::from(variables), hyper)?;
    trace_with(case, trained, optimizer, clipping, steps)
}

/// GaLore on the whole model; the signs of its bases are those of the library's, where the case has them.
fn galore(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let number = |name: &str| match case.hyper(name).and_then(Value::as_f64) {
        Some(number) => Ok(number),
        None => bail!("case.json has no `{name}`"),
    };
    let beta = |index: usize| case.hyper("betas").and_then(|betas| betas.get(index)).and_then(Value::as_f64);
    let (Some(beta1), Some(beta2)) = (beta(0), beta(1)) else { bail!("case.json has no two betas") };
    if let Some(kind) = case.hyper("proj_type").and_then(Value::as_str).filter(|kind| *kind != "std") {
        bail!("case.json: proj_type \"{kind}\" is not supported");
    }
    if case.hyper("correct_bias").and_then(Value::as_bool) == Some(false) {
        bail!("case.json: GaLore without bias correction is not supported");
    }
    let hyper = Hyper {
        learning_rate: number("lr")?,
        betas: (beta1, beta2),
        eps: number("eps")?,
        weight_decay: number("weight_decay")?,
    };
    let projection = Projection {
        rank: number("rank")? as usize,
        every: number("update_proj_gap")? as usize,
        scale: number("scale")?,
    };
    let full = Full::new(base)?;
    let variables = full.variables().to_vec();
    let projected = |name: &str| name.contains("self_attn") || name.contains("mlp");
    let mut optimizer = GaLore::new(&variables, hyper, projection, projected);
    if case.has_file("bases.safetensors") {
        let bases = case.file("bases.safetensors")?;
        optimizer =
            optimizer.with_reference(Box::new(move |step, name| bases.get(&format!("step{step}/{name}")).cloned()));
    }
    let steps = case.tensor("loss")?.elem_count();
    trace_with(case, &Trained { model: full.model(), doors: &Shut, variables }, optimizer, None, steps)
}

/// Trains with this optimiser and compares.
fn trace_with(
    case: &Case,
    trained: &Trained<'_>,
    mut optimizer: impl Optimizer,
    clipping: Option<f64>,
    steps: usize,
) -> Result<Vec<Check>> {
    let variables: Vec<Var> = trained.variables.iter().map(|(_, variable)| variable.clone()).collect();
    let (mut losses, mut checks) = (Vec::new(), Vec::new());
    for step in 0..steps {
        let loss = loss(case, trained)?;
        losses.push(loss.to_scalar::<f32>()?);
        let mut grads = loss.backward()?;
        if step == 0 && case.has_file("grad_step1.safetensors") {
            let of =
                |variable: &Var| grads.get(variable.as_tensor()).cloned().map_or_else(|| variable.zeros_like(), Ok);
            checks.push(worst_of(case, "gradients of step 1", "grad_step1.safetensors", "grad_abs", trained, of)?);
        }
        if let Some(limit) = clipping {
            clip(&mut grads, &variables, limit)?;
        }
        optimizer.step(&grads)?;
    }
    let device = trained.model.device();
    checks.push(case.check("loss", &Tensor::new(losses, device)?, "loss_abs")?);
    checks.push(case.check("loss_after", &loss(case, trained)?.reshape(1)?, "loss_abs")?);
    if case.has_file("final.safetensors") {
        let of = |variable: &Var| Ok(variable.as_detached_tensor());
        checks.push(worst_of(case, "tensors at the end", "final.safetensors", "final_abs", trained, of)?);
    }
    Ok(checks)
}

/// The worst of the tensors in one of the case's files.
fn worst_of(
    case: &Case,
    what: &str,
    file: &str,
    tolerance: &str,
    trained: &Trained<'_>,
    ours: impl Fn(&Var) -> Result<Tensor>,
) -> Result<Check> {
    let expected = case.file(file)?;
    let (mut checks, mut found) = (Vec::new(), 0);
    for (name, variable) in &trained.variables {
        let Some(expected) = find(&expected, name) else { continue };
        found += 1;
        // A key's bias moves all scores alike; softmax ignores it, and its gradient is rounding.
        if !name.ends_with(".key.bias") {
            let what = format!("{what} ({name})");
            checks.push(check(what, &ours(variable)?, expected, case.tolerance(tolerance)?)?);
        }
    }
    match worst(checks) {
        Some(worst) if found == expected.len() => Ok(worst),
        _ => bail!("{file} has {} tensors, of which this method trains {found}", expected.len()),
    }
}

struct Settings {
    hyper: Hyper,
    clipping: Option<f64>,
    steps: usize,
}

impl Settings {
    fn of(case: &Case) -> Result<Self> {
        let Some(optimizer) = case.field("optimizer") else { bail!("case.json has no `optimizer`") };
        let text = |name: &str| optimizer.get(name).and_then(Value::as_str);
        let number = |name: &str| match optimizer.get(name).and_then(Value::as_f64) {
            Some(number) => Ok(number),
            None => bail!("case.json: the optimizer has no number `{name}`"),
        };
        let decay = number("weight_decay")?;
        match text("name") {
            Some("torch.optim.AdamW") => {}
            Some("torch.optim.Adam") if decay == 0.0 => {}
            other => bail!("case.json: the optimizer {other:?} is not supported"),
        }
        if let Some(schedule) = text("schedule").filter(|schedule| *schedule != "constant") {
            bail!("case.json: the schedule \"{schedule}\" is not supported");
        }
        let beta =
            |index: usize| match optimizer.get("betas").and_then(|betas| betas.get(index)).and_then(Value::as_f64) {
                Some(beta) => Ok(beta),
                None => bail!("case.json: the optimizer has no two betas"),
            };
        let hyper = Hyper {
            learning_rate: number("lr")?,
            betas: (beta(0)?, beta(1)?),
            eps: number("eps")?,
            weight_decay: decay,
        };
        let clipping = optimizer.get("gradient_clipping").and_then(Value::as_f64);
        // The expected losses say how many steps there are; a lying count cannot make this run forever.
        let steps = case.tensor("loss")?.elem_count();
        Ok(Self { hyper, clipping, steps })
    }
}
