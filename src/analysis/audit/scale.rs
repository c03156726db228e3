//! The scale: what the configuration says, and what a merged model shows.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};
use serde_json::{Map, Value};

use super::{Finding, Pair, Severity};
use crate::peft::Pattern;

/// What the configuration states about ranks and scales.
pub(super) struct Stated {
    rank: Option<f64>,
    alpha: f64,
    ranks: Pattern,
    alphas: Pattern,
    stabilised: bool,
    dora: bool,
    /// Whether weights are stored (in, out).
    pub(super) transposed: bool,
}

impl Stated {
    pub(super) fn of(config: &Map<String, Value>) -> Self {
        let number = |name: &str| config.get(name).and_then(Value::as_f64);
        let flag = |name: &str| config.get(name).and_then(Value::as_bool).unwrap_or(false);
        let pattern = |name: &str| {
            let entries = config.get(name).and_then(Value::as_object).into_iter().flatten();
            let entries: Vec<_> = entries.filter_map(|(key, value)| Some((key.clone(), value.as_f64()?))).collect();
            Pattern::new(&entries).unwrap_or_default()
        };
        Self {
            rank: number("r"),
            alpha: number("lora_alpha").unwrap_or(8.0),
            ranks: pattern("rank_pattern"),
            alphas: pattern("alpha_pattern"),
            stabilised: flag("use_rslora"),
            dora: flag("use_dora"),
            transposed: flag("fan_in_fan_out"),
        }
    }

    pub(super) fn rank(&self, path: &str) -> Option<f64> {
        self.ranks.get(path).or(self.rank)
    }

    fn alpha(&self, path: &str) -> f64 {
        self.alphas.get(path).unwrap_or(self.alpha)
    }
}

/// The scale that the configuration states.
pub(super) fn stated(config: &Map<String, Value>) -> Vec<Finding> {
    let stated = Stated::of(config);
    let Some(rank) = stated.rank.filter(|rank| *rank > 0.0) else {
        return vec![Finding::new(Severity::Error, "the configuration has no rank r", "no scale follows from it.")];
    };
    let (scale, rule) = match stated.stabilised {
        true => (stated.alpha / rank.sqrt(), "α/√r (rsLoRA)"),
        false => (stated.alpha / rank, "α/r"),
    };
    let what = format!("scale {} = {rule} with α = {}, r = {rank}", short(scale), stated.alpha);
    let usual = (1.0 / 16.0..=8.0).contains(&scale) || stated.stabilised;
    let meaning = match usual {
        true => "PEFT's default is α = r = 8, so 1; 2 and 0.25 are in published recipes",
        false => "far from published recipes (0.25 to 2): was α meant to be divided by r, or divided already?",
    };
    vec![Finding::new(if usual { Severity::Note } else { Severity::Warning }, what, meaning)]
}

/// What scale a merge used: `s = ⟨W' − W, BA⟩ / ‖BA‖²` module by module, recognised among the usual mistakes.
pub(super) fn measured(
    pairs: &BTreeMap<String, Pair<'_>>,
    config: &Map<String, Value>,
    base: &BTreeMap<String, Tensor>,
    merged: &BTreeMap<String, Tensor>,
) -> Result<Vec<Finding>> {
    let stated = Stated::of(config);
    if stated.dora {
        let meaning = "a DoRA's merge rescales whole rows; compare logits with `deltaw adapter merge` instead";
        return Ok(vec![Finding::new(Severity::Note, "the scale of a DoRA is not measured", meaning)]);
    }
    let mut recognised: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
    let (mut strange, mut missing) = (Vec::new(), 0);
    for (path, pair) in pairs {
        let key = format!("{path}.weight");
        let (Some(before), Some(after)) = (base.get(&key), merged.get(&key)) else {
            missing += 1;
            continue;
        };
        let (Some(rank), Some((scale, unexplained))) =
            (stated.rank(path), measure(pair, before, after, stated.transposed)?)
        else {
            continue;
        };
        if unexplained > 0.1 {
            strange.push(path.clone());
        } else {
            recognised.entry(name(scale, stated.alpha(path), rank, &stated)).or_default().push((path.clone(), scale));
        }
    }
    let mut findings = Vec::new();
    for (name, modules) in recognised {
        let (path, scale) = &modules[0];
        let what = format!("{} modules were merged with {name}: measured {} at `{path}`", modules.len(), short(*scale));
        findings.push(match name.starts_with("the stated scale") {
            true => Finding::new(Severity::Note, what, "the merge is what the configuration says"),
            false => Finding::new(Severity::Error, what, meaning(&name)),
        });
    }
    if !strange.is_empty() {
        let what = format!("{} modules whose change is no multiple of BA, such as `{}`", strange.len(), strange[0]);
        let meaning = "the merged model was made from another adapter or base, was trained on, or was rounded more coarsely than the update is large.";
        findings.push(Finding::new(Severity::Error, what, meaning));
    }
    if missing > 0 {
        let what = format!("{missing} modules are not in both models under their names");
        findings.push(Finding::new(Severity::Warning, what, "their scale could not be measured"));
    }
    Ok(findings)
}

/// What a wrong scale means.
fn meaning(name: &str) -> &'static str {
    match name {
        BARE => "the commonest published LoRA bug: the update is r times what was trained. Merge again.",
        NOT_THERE => "the merged model is the base: the adapter was never merged into it.",
        _ => "the merged model is not what was trained: the update has another size. Merge again.",
    }
}

/// α without /r.
const BARE: &str = "α without /r";

/// No change at all.
const NOT_THERE: &str = "nothing: the update is not in it";

/// A change smaller than this share of BA is rounding.
const NOTHING: f64 = 1e-4;

/// The scale, and the share of the change that it does not explain; none where shapes do not fit or nothing can be measured.
fn measure(pair: &Pair<'_>, before: &Tensor, after: &Tensor, transposed: bool) -> Result<Option<(f64, f64)>> {
    let Ok(product) = pair.b.matmul(pair.a) else { return Ok(None) };
    let product = if transposed { product.t()?.contiguous()? } else { product };
    if before.dims() != after.dims() || before.dims() != product.dims() {
        return Ok(None);
    }
    let change = (after - before)?;
    let inner =
        |x: &Tensor, y: &Tensor| Ok::<_, candle_core::Error>(f64::from((x * y)?.sum_all()?.to_scalar::<f32>()?));
    let (size, total) = (inner(&product, &product)?, inner(&change, &change)?);
    if size == 0.0 {
        return Ok(None);
    }
    if total < NOTHING * NOTHING * size {
        return Ok(Some((0.0, 0.0)));
    }
    let scale = inner(&change, &product)? / size;
    let rest = (&change - (&product * scale)?)?;
    Ok(Some((scale, (inner(&rest, &rest)? / total).sqrt())))
}

/// What a measured scale is called.
fn name(scale: f64, alpha: f64, rank: f64, stated: &Stated) -> String {
    let near = |value: f64| (scale - value).abs() <= 0.02 * value.abs().max(1e-6);
    let rules = [("α/r", alpha / rank), ("α/√r", alpha / rank.sqrt()), (BARE, alpha), ("no scale at all (1)", 1.0)];
    let own = if stated.stabilised { rules[1] } else { rules[0] };
    if near(own.1) {
        return format!("the stated scale {}", own.0);
    }
    let other = rules.iter().find(|(_, value)| near(*value)).map(|(name, _)| (*name).to_owned());
    match other {
        Some(name) => name,
        None if scale.abs() < NOTHING => NOT_THERE.to_owned(),
        None => "an unknown scale".to_owned(),
    }
}

/// Four significant digits without trailing zeros.
pub(super) fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
