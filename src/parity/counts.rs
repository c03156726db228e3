//! Trainable parameters of real architectures.

use candle_core::{Error, Result, bail};
use serde_json::Value;

use super::{Case, Check};
use crate::{
    analysis::{
        arch::Architecture,
        params::{Method, trainable},
    },
    model::read_text,
};

pub(super) fn compare(case: &Case) -> Result<Vec<Check>> {
    let text = read_text(&case.path("param_counts.json"))?;
    let data: Value = serde_json::from_str(&text).map_err(Error::wrap)?;
    let rows = data.get("rows").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut worst = 0f64;
    for row in &rows {
        let (ours, expected) = row_counts(&data, row).map_err(|error| Error::Msg(format!("{row}: {error}")))?;
        worst = worst.max((ours - expected).abs());
    }
    Ok(vec![Check { what: format!("{} counts", rows.len()), absolute: worst, relative: worst, tolerance: 0.0 }])
}

/// Our count and the expected one.
fn row_counts(data: &Value, row: &Value) -> Result<(f64, f64)> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| match row.get(name).and_then(Value::as_u64) {
        Some(number) => Ok(number),
        None => bail!("there is no `{name}`"),
    };
    let targets = || text("target_modules").to_owned();
    let model = match Architecture::named(text("model")) {
        Ok(model) => model.clone(),
        Err(_) => {
            let config = data.get("models").and_then(|models| models.get(text("model"))).and_then(|m| m.get("config"));
            Architecture::from_config(text("model"), config.unwrap_or(&Value::Null)).map_err(Error::Msg)?
        }
    };
    let method = match text("method") {
        "lora" => Method::Lora { rank: number("r")?, targets: targets() },
        "dora" => Method::Dora { rank: number("r")?, targets: targets() },
        "vera" => Method::Vera { rank: number("r")?, targets: targets() },
        "ia3" => Method::Ia3 { targets: Some(targets()) },
        "prefix" => Method::Prefix { tokens: number("num_virtual_tokens")? },
        "prefix+mlp" => {
            Method::PrefixMlp { tokens: number("num_virtual_tokens")?, width: number("encoder_hidden_size")? }
        }
        "prompt" => Method::Prompt { tokens: number("num_virtual_tokens")? },
        "p-tuning" => Method::PTuning { tokens: number("num_virtual_tokens")?, width: number("encoder_hidden_size")? },
        other => bail!("the method `{other}` is not counted here"),
    };
    let ours = trainable(&model, &method).map_err(Error::Msg)?;
    Ok((ours as f64, number("trainable")? as f64))
}
