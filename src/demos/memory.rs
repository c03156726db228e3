//! `memory`: where the bytes of training go, regime by regime.

use std::collections::BTreeMap;

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Table, lab};
use crate::analysis::{
    arch::Architecture,
    memory::{Regime, of},
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "memory",
    about: "bytes of weights, gradients and optimiser state by training regime",
    args: &[
        ArgSpec { name: "model", default: "llama-2-7b", help: "an architecture, such as llama-2-70b" },
        ArgSpec { name: "rank", default: "16", help: "rank of the adapter on all linear layers, 1 to 4096" },
        ArgSpec {
            name: "tokens",
            default: "4096",
            help: "tokens in a batch, for the activations' estimate, 1 to 10000000",
        },
    ],
    run,
};

fn run(args: &Args) -> Result<Report, Error> {
    let refuse = |message: String| Error::Argument { demo: "memory", message };
    let name = args.get("model").map_or("llama-2-7b", String::as_str);
    let model = Architecture::named(name).map_err(refuse)?;
    let rank = lab::number("memory", args, "rank", 16, 1..=4096)?;
    let tokens = lab::number("memory", args, "tokens", 4096, 1..=10_000_000)?;
    let adapter = trainable(model, &Method::Lora { rank, targets: "all-linear".to_owned() }).map_err(refuse)?;
    let giga = |bytes: f64| bytes / 1e9;
    let rows: Vec<_> = Regime::ALL.into_iter().map(|regime| (regime, of(regime, model, adapter))).collect();
    // With full checkpointing a layer keeps its 16-bit input per token; logits are kept in 32 bits.
    let checkpoints = giga((model.layers * tokens * model.hidden * 2) as f64);
    let logits = giga((tokens * model.vocab * 4) as f64);

    let mut numbers = BTreeMap::from([
        ("adapter_parameters".to_owned(), adapter as f64),
        ("checkpointed_inputs_gb".to_owned(), checkpoints),
        ("logits_gb".to_owned(), logits),
    ]);
    for (regime, bytes) in &rows {
        numbers.insert(format!("{} gb", regime.name()), giga(bytes.total()));
    }
    let cards = |bytes: f64| (bytes / 80e9).ceil();
    Ok(Report {
        demo: "memory".to_owned(),
        title: format!("Memory of training {} ({:.1} billion parameters)", model.name, model.total as f64 / 1e9),
        text: vec![
            format!("Adapter: LoRA r = {rank} on all linear layers, {adapter} parameters."),
            format!(
                "Besides, in every regime alike: with {tokens} tokens in flight, checkpointed layer inputs take {checkpoints:.2} GB \
                 and fp32 logits {logits:.2} GB, and one layer's working set. PEFT changes none of this."
            ),
            "\"Three to four times the weights\" is no law: the factor depends on what precision the states are kept in.".to_owned(),
        ],
        numbers,
        tables: vec![Table {
            title: "Gigabytes (10⁹ bytes), activations not counted".to_owned(),
            columns: ["regime", "weights", "gradients", "optimiser", "total", "80 GB cards"].map(str::to_owned).to_vec(),
            rows: rows
                .iter()
                .map(|(regime, bytes)| {
                    vec![
                        regime.name().into(),
                        giga(bytes.weights).into(),
                        giga(bytes.gradients).into(),
                        giga(bytes.optimiser).into(),
                        giga(bytes.total()).into(),
                        (cards(bytes.total()) as u64).into(),
                    ]
                })
                .collect(),
        }],
        figure: Some(Figure {
            title: format!("States of training {}", model.name),
            x: String::new(),
            y: "GB".to_owned(),
            log_x: false,
            log_y: false,
            chart: Chart::Bars(rows.iter().map(|(regime, bytes)| (regime.name().to_owned(), giga(bytes.total()))).collect()),
        }),
    })
}
