//! One adapter: logits, the merged model, the stored form of what an encoder makes.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var, bail};
use serde_json::Value;

use super::{Case, Check, check};
use crate::{
    model::{Decoder, Projection, Shut, load_dir},
    peft::{
        Method, PTuning, Prefix,
        dense::Dense,
        hub::{self, Adapter, adapterhub},
        merge, vera,
    },
};

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let ids = case.ids()?;
    if !case.has_file("adapter") {
        return Ok(vec![case.check("logits", &base.forward(&ids, &Shut)?, "logits_abs")?]);
    }
    let adapter = load(case, base)?;
    let mut checks = vec![case.check("logits", &base.forward(&ids, adapter.doors())?, "logits_abs")?];
    if case.has_file("raw.safetensors") {
        checks.extend(encoder(case, base, &ids)?);
    } else if let Some(count) = trainable(case) {
        let ours = Tensor::new(adapter.method().parameter_count() as f64, base.device())?;
        checks.push(check("trainable parameters", &ours, &Tensor::new(count, base.device())?, 0.0)?);
    }
    if case.has("merged_logits") {
        let merged = merge(base, adapter.mergeable().map_err(candle_core::Error::wrap)?)?.model;
        checks.push(case.check("merged_logits", &merged.forward(&ids, &Shut)?, "merged_logits_abs")?);
        for name in case.names().filter(|name| name.starts_with("merged_weight/")) {
            let path = name.trim_start_matches("merged_weight/");
            let site = base.sites(&Projection::ALL).into_iter().find(|site| site.to_string() == path);
            match site.and_then(|site| merged.projection(site)) {
                Some(weight) => checks.push(case.check(name, &weight.dense()?, "merged_weight_abs")?),
                None => bail!("io.safetensors names `{path}`, which is no projection of the base"),
            }
        }
    }
    if case.has_file("expected_projection.safetensors") {
        checks.extend(projection(case, &adapter)?);
    }
    Ok(checks)
}

/// Bases in four bits, read as bitsandbytes wrote them, alone and with one adapter.
pub(super) fn quantised(case: &Case) -> Result<Vec<Check>> {
    let (ids, mut checks) = (case.ids()?, Vec::new());
    for kind in ["nf4", "nf4_double"] {
        let base = load_dir(&case.path(&format!("base_{kind}")), case.device())?;
        let adapter = hub::load(&case.path("adapter"), &base)?;
        checks.push(case.check(&format!("{kind}/base_logits"), &base.forward(&ids, &Shut)?, "logits_abs")?);
        checks.push(case.check(&format!("{kind}/logits"), &base.forward(&ids, adapter.doors())?, "logits_abs")?);
    }
    Ok(checks)
}

fn trainable(case: &Case) -> Option<f64> {
    case.field("trainable_parameters")?.get("trainable").and_then(Value::as_f64)
}

/// The adapter of the case, in whichever library's layout.
pub(super) fn load(case: &Case, base: &Decoder) -> Result<Adapter> {
    if !case.has_file("fusion") {
        return hub::load(&case.path("adapter"), base);
    }
    let names = case.hyper("adapters").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let parts: Vec<_> =
        names.map(|name| adapterhub::load(&case.path("adapter").join(name), base)).collect::<Result<_>>()?;
    adapterhub::load_fusion(&case.path("fusion"), parts, base).map(Adapter::Fusion)
}

/// Raw trained tensors of a prompt's or prefix's network.
pub(super) fn from_raw(raw: &BTreeMap<String, Tensor>, base: &Decoder) -> Result<Box<dyn Encoder>> {
    let get = |name: &str| match raw.get(name) {
        Some(tensor) => Var::from_tensor(tensor),
        None => bail!("there is no tensor `{name}`"),
    };
    let dense = |path: &str| -> Result<Dense> {
        Ok(Dense { weight: get(&format!("{path}.weight"))?, bias: Some(get(&format!("{path}.bias"))?) })
    };
    let embedding = get("embedding.weight")?;
    if raw.contains_key("transform.0.weight") {
        let (first, second) = (dense("transform.0")?, dense("transform.2")?);
        return Ok(Box::new(Prefix::with_mlp(embedding, first, second, base.config())?));
    }
    let layers = [dense("mlp_head.0")?, dense("mlp_head.2")?, dense("mlp_head.4")?];
    Ok(Box::new(PTuning::from_parts(embedding, layers)?))
}

/// A method whose stored tensor a network makes.
pub(super) trait Encoder: Method {
    /// What is stored.
    fn product(&self) -> Result<Tensor>;
}

impl Encoder for Prefix {
    fn product(&self) -> Result<Tensor> {
        self.embeddings()
    }
}

impl Encoder for PTuning {
    fn product(&self) -> Result<Tensor> {
        self.embeddings()
    }
}

/// The network against the stored product.
fn encoder(case: &Case, base: &Decoder, ids: &Tensor) -> Result<Vec<Check>> {
    let method = from_raw(&case.file("raw.safetensors")?, base)?;
    let logits = base.forward(ids, method.as_ref())?;
    let tolerance = case.tolerance("logits_abs")?;
    let mut checks = vec![check("logits through the encoder", &logits, case.tensor("logits")?, tolerance)?];
    let stored = case.file(&format!("adapter/{}", hub::TENSORS))?;
    match stored.get("prompt_embeddings") {
        Some(stored) => checks.push(check("stored product", &method.product()?, stored, tolerance)?),
        None => bail!("the adapter has no `prompt_embeddings`"),
    }
    Ok(checks)
}

/// The shared VeRA pair that only its seed tells, to the last bits of f32.
fn projection(case: &Case, adapter: &Adapter) -> Result<Vec<Check>> {
    let Adapter::Vera(adapter) = adapter else { bail!("a projection is expected of an adapter that is no VeRA") };
    let (a, b) = adapter.pair();
    let (widest, tallest) = (a.dim(1)?, b.dim(0)?);
    let (a, b) = vera::projection(adapter.projection_seed(), a.dim(0)?, widest, tallest, a.device())?;
    let expected = case.file("expected_projection.safetensors")?;
    let one = |name: &str, ours: &Tensor| match expected.get(name) {
        Some(expected) => check(name, ours, expected, 1e-6),
        None => bail!("expected_projection.safetensors has no `{name}`"),
    };
    Ok(vec![one("vera_A", &a)?, one("vera_B", &b)?])
}
