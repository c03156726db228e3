//! `params`: trainable parameters of every method on a real architecture, and the live count on the loaded model.

use std::collections::BTreeMap;

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Table, Value, lab};
use crate::{
    analysis::{
        arch::Architecture,
        params::{Sizes, every, trainable},
    },
    model::{Decoder, Projection},
    peft::{
        Full, Method as _,
        lora::{Config, Lora},
    },
};

pub(super) const DEMO: Demo = Demo {
    name: "params",
    about: "trainable parameters by method on a real architecture, and counted on the loaded model",
    args: &[
        ArgSpec { name: "model", default: "llama-2-7b", help: "an architecture, such as llama-3-8b or gpt-3" },
        ArgSpec {
            name: "method",
            default: "all",
            help: "all, full, lora, lora-fa, dora, vera, tied-lora, ia3, houlsby, pfeiffer, fusion, prefix, prefix-mlp, prompt",
        },
        ArgSpec { name: "rank", default: "16", help: "rank, 1 to 65536" },
        ArgSpec { name: "targets", default: "q,v", help: "all-linear, or names such as q,k,v,o" },
        ArgSpec { name: "width", default: "64", help: "bottleneck of adapters, 1 to 65536" },
        ArgSpec { name: "tokens", default: "20", help: "virtual tokens of prefix and prompt tuning, 1 to 65536" },
    ],
    run,
};

fn run(args: &Args) -> Result<Report, Error> {
    let refuse = |message: String| Error::Argument { demo: "params", message };
    let word = |name: &str, default: &str| args.get(name).map_or(default, String::as_str).trim().to_lowercase();
    let rank = lab::number("params", args, "rank", 16, 1..=65_536)?;
    let bottleneck = lab::number("params", args, "width", 64, 1..=65_536)?;
    let tokens = lab::number("params", args, "tokens", 20, 1..=65_536)?;
    let model = Architecture::named(&word("model", "llama-2-7b")).map_err(refuse)?;
    let targets = word("targets", model.default_targets());
    let all = every(&Sizes { rank, targets, width: bottleneck, tokens });
    let chosen = word("method", "all");
    let rows: Vec<_> = all.iter().filter(|(name, ..)| chosen == "all" || *name == chosen).collect();
    if rows.is_empty() {
        return Err(refuse(format!("method is `{chosen}`; it takes {}", DEMO.args[1].help)));
    }
    let mut counts = Vec::new();
    for (_, title, method) in rows {
        counts.push((title.clone(), trainable(model, method).map_err(refuse)?));
    }
    let live = live(&lab::base()?, usize::try_from(rank).unwrap_or(usize::MAX).min(64))?;
    Ok(report(model, &counts, &live))
}

/// What the formula says and what is there, on the tiny base.
struct Live {
    what: String,
    formula: u64,
    counted: u64,
}

/// Builds adapters on the loaded model and counts the numbers in their tensors.
fn live(base: &Decoder, rank: usize) -> Result<Vec<Live>, Error> {
    let mut rows = Vec::new();
    let sum = |targets: &[Projection], cost: &dyn Fn(u64, u64) -> u64| -> Result<u64, Error> {
        let mut total = 0;
        for site in base.sites(targets) {
            if let Some(weight) = base.projection(site) {
                let (out, width) = weight.dims2()?;
                total += cost(out as u64, width as u64);
            }
        }
        Ok(total)
    };
    for (what, targets) in [("q,v", vec![Projection::Q, Projection::V]), ("all-linear", Projection::ALL.to_vec())] {
        let lora = Lora::new(base, Config { rank, targets: targets[..].into(), ..Config::default() })?;
        let counted = lora.variables().iter().map(|variable| variable.elem_count() as u64).sum();
        let formula = sum(&targets, &|out, width| rank as u64 * (out + width))?;
        rows.push(Live { what: format!("LoRA r={rank} on {what}"), formula, counted });
    }
    let full = Full::new(base)?;
    let counted = full.variables().iter().map(|(_, variable)| variable.elem_count() as u64).sum();
    let config = base.config();
    let (d, layers) = (config.hidden_size as u64, config.num_hidden_layers as u64);
    // Embeddings (tied or not), one norm before each sublayer, one at the end, and the matrices.
    let tables = if config.tie_word_embeddings { 1 } else { 2 };
    let formula = sum(&Projection::ALL, &|out, width| out * width)?
        + tables * config.vocab_size as u64 * d
        + (2 * layers + 1) * d;
    rows.push(Live { what: "everything".to_owned(), formula, counted });
    Ok(rows)
}

fn report(model: &Architecture, counts: &[(String, u64)], live: &[Live]) -> Report {
    let share = |count: u64| 100.0 * count as f64 / model.total as f64;
    let mut numbers = BTreeMap::from([("total".to_owned(), model.total as f64)]);
    for (title, count) in counts {
        numbers.insert(format!("trainable {title}"), *count as f64);
    }
    for row in live {
        numbers.insert(format!("live counted {}", row.what), row.counted as f64);
        numbers.insert(format!("live formula {}", row.what), row.formula as f64);
    }
    let agree = live.iter().all(|row| row.formula == row.counted);
    let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Report {
        demo: "params".to_owned(),
        title: format!("Trainable parameters on {}", model.name),
        text: vec![
            format!(
                "{} layers, width {}, key/value width {}, MLP width {}. LoRA costs r(d_out + d_in) per matrix.",
                model.layers, model.hidden, model.kv, model.ff
            ),
            match agree {
                true => "On the loaded tiny base the formulas and the tensors agree to the last number.".to_owned(),
                false => {
                    "On the loaded tiny base the formulas and the tensors DISAGREE: see the second table.".to_owned()
                }
            },
            "Few trainable parameters mean little optimiser state and small files. The activations stay as they are."
                .to_owned(),
        ],
        numbers,
        tables: vec![
            Table {
                title: format!("{} ({} parameters)", model.name, model.total),
                columns: columns(&["method", "trainable", "% of the model", "16-bit file, MB"]),
                rows: counts
                    .iter()
                    .map(|(title, count)| {
                        vec![title.clone().into(), (*count).into(), share(*count).into(), (*count as f64 * 2e-6).into()]
                    })
                    .collect(),
            },
            Table {
                title: "Counted on the loaded tiny base".to_owned(),
                columns: columns(&["what trains", "by the formula", "in the tensors", "agree"]),
                rows: live
                    .iter()
                    .map(|row| {
                        let same = if row.formula == row.counted { "yes" } else { "NO" };
                        vec![row.what.clone().into(), row.formula.into(), row.counted.into(), Value::from(same)]
                    })
                    .collect(),
            },
        ],
        figure: Some(Figure {
            title: "Trainable parameters".to_owned(),
            x: String::new(),
            y: "parameters".to_owned(),
            log_x: false,
            log_y: true,
            chart: Chart::Bars(counts.iter().map(|(title, count)| (title.clone(), *count as f64)).collect()),
        }),
    }
}
