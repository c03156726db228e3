//! `prefix`: what learned keys and values can do to attention, and what not.
//!
//! Prefix tuning (Li and Liang 2021, arXiv 2101.00190) prepends p learned keys and values in every layer. For one query the output
//! becomes `(1 − λ)·Attn(x) + λ·Attn(prefix)`, with λ the attention that falls on the prefix: a convex mixture (He et al. 2022,
//! arXiv 2110.04366, §3.1).

use ndarray::{Array1, Array2, Axis, concatenate};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::analysis::{
    arch::Architecture,
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "prefix",
    about: "attention with a prefix is a convex mixture; counts of prefix and prompt tuning",
    args: &[
        ArgSpec { name: "tokens", default: "20", help: "virtual positions, 1 to 512" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// Width of the toy head and number of real positions.
const SHAPE: (usize, usize) = (32, 64);

fn run(args: &Args) -> Result<Report, Error> {
    let tokens: usize = lab::number("prefix", args, "tokens", 20, 1..=512)?;
    let mut random = toy::random(lab::number("prefix", args, "seed", 0, 0..=1_000_000)?);
    let (width, length) = SHAPE;
    let query = toy::normal(width, &mut random);
    let mut draw = |rows| toy::gaussian(rows, width, 1.0, &mut random);
    let (keys, values, prefix_keys, prefix_values) = (draw(length), draw(length), draw(tokens), draw(tokens));
    let (mut off, mut points) = (0f64, Vec::new());
    for strength in [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let prefix = &prefix_keys * strength;
        let join = |a: &Array2<f32>, b: &Array2<f32>| {
            concatenate(Axis(0), &[a.view(), b.view()]).map_err(|error| Error::Other(error.to_string()))
        };
        let (all, weights) = attend(&query, &join(&prefix, &keys)?, &join(&prefix_values, &values)?);
        let share: f32 = weights.iter().take(tokens).sum();
        let (alone, _) = attend(&query, &keys, &values);
        let (bias, _) = attend(&query, &prefix, &prefix_values);
        let mixture = (1.0 - share) * &alone + share * &bias;
        off = off.max(f64::from((&all - &mixture).mapv(f32::abs).fold(0f32, |most, value| most.max(*value))));
        points.push((f64::from(strength), 100.0 * f64::from(share)));
    }
    let mut report = Report::new("prefix", format!("A prefix of {tokens} positions"));
    let mut rows = Vec::new();
    for name in ["llama-2-7b", "llama-2-13b", "llama-2-70b", "llama-3-8b"] {
        let model = Architecture::named(name).map_err(Error::Other)?;
        let p = tokens as u64;
        let count = |method| trainable(model, &method).map_err(Error::Other);
        let (prefix, prompt) = (count(Method::Prefix { tokens: p })?, count(Method::Prompt { tokens: p })?);
        report = report.number(format!("prefix {name}"), prefix as f64).number(format!("prompt {name}"), prompt as f64);
        rows.push(vec![name.into(), model.kv.into(), prefix.into(), prompt.into()]);
    }
    Ok(report
        .number("largest difference from the mixture", off)
        .line(format!("Attention with the prefix differs from (1 − λ)·attention + λ·prefix by at most {off:.1e}: rounding."))
        .line("So a prefix can only mix a bias into what attention says; it cannot change which real positions the query prefers among themselves.")
        .line("With grouped queries the prefix is cheap: the 70B needs fewer numbers than the 13B.")
        .table("Parameters stored", &["model", "d_kv", "prefix tuning", "prompt tuning"], rows)
        .figure(
            "Attention that falls on the prefix",
            ("size of the prefix keys", "λ, %"),
            (false, false),
            Chart::Lines(vec![Series { name: "λ".to_owned(), points }]),
        ))
}

/// One query's attention: its output and its weights.
fn attend(query: &Array1<f32>, keys: &Array2<f32>, values: &Array2<f32>) -> (Array1<f32>, Array1<f32>) {
    let scores = keys.dot(query) / (query.len() as f32).sqrt();
    let most = scores.fold(f32::NEG_INFINITY, |most, score| most.max(*score));
    let raw = scores.mapv(|score| (score - most).exp());
    let weights = &raw / raw.sum();
    (weights.dot(values), weights)
}
