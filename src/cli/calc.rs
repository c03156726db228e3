//! `deltaw calc`: trainable parameters and training memory, without any weights.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, Global, show, verdict::clean};
use crate::{
    analysis::{
        arch::Architecture,
        memory::{Regime, activations, of},
        params::{Method, SAME_TENSORS, Sizes, every, trainable},
    },
    demos::{Table, Value as Cell},
    model::{one_line, read_text},
};

const EXAMPLES: &str = "\
Examples:
  deltaw calc params --model llama-3-8b --rank 16           every method on a known model
  deltaw calc params --config config.json --targets all-linear --json
  deltaw calc memory --model llama-2-70b --batch 4 --length 2048";

/// Arguments of `deltaw calc`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Trainable parameters of every method
    Params(ParamsArgs),
    /// Bytes of weights, gradients, optimiser and activations, by regime
    Memory(MemoryArgs),
}

#[derive(Debug, clap::Args)]
struct Model {
    /// A model known by name; `deltaw calc params --model ?` lists them
    #[arg(long, default_value = "llama-2-7b", conflicts_with = "config")]
    model: String,
    /// A Hugging Face config.json of LLaMA's kind (llama, mistral, qwen2) or GPT-2's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Model {
    fn architecture(&self) -> Result<Architecture, Failure> {
        match &self.config {
            Some(file) => from_file(file),
            None => Architecture::named(&self.model).cloned().map_err(Failure::usage),
        }
    }
}

pub(super) fn from_file(file: &Path) -> Result<Architecture, Failure> {
    let text = read_text(file).map_err(|error| Failure::usage(one_line(&error)))?;
    let failed = |error: String| Failure::usage(format!("{}: {error}", file.display()));
    let config: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let name = config.get("_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty());
    Architecture::from_config(name.unwrap_or("the configuration"), &config).map_err(failed)
}

#[derive(Debug, clap::Args)]
struct ParamsArgs {
    #[command(flatten)]
    model: Model,
    /// Only this method, such as lora, rslora, dora, vera, ia3, houlsby, prefix, p-tuning
    #[arg(long)]
    method: Option<String>,
    /// Rank of the LoRA family
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    rank: u64,
    /// Adapted matrices: all-linear, or names such as q,v; the model's default without it
    #[arg(long)]
    targets: Option<String>,
    /// Bottleneck of adapters, width of the prefix's MLP
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    width: u64,
    /// Virtual tokens of prefix and prompt tuning
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    tokens: u64,
}

#[derive(Debug, clap::Args)]
struct MemoryArgs {
    #[command(flatten)]
    model: Model,
    /// Rank of the LoRA in the LoRA and QLoRA regimes
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    rank: u64,
    /// Its targets
    #[arg(long, default_value = "all-linear")]
    targets: String,
    /// Sequences in a batch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: u64,
    /// Tokens in a sequence
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    length: u64,
}

/// Runs `deltaw calc`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Action::Params(args) => params(args, global.json),
        Action::Memory(args) => memory(args, global.json),
    }
}

fn table(columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { title: String::new(), columns: columns.iter().map(|&column| column.to_owned()).collect(), rows }
}

fn params(args: &ParamsArgs, json: bool) -> Result<(), Failure> {
    let model = args.model.architecture()?;
    let targets = args.targets.clone().unwrap_or_else(|| model.default_targets().to_owned());
    let sizes = Sizes { rank: args.rank, targets, width: args.width, tokens: args.tokens };
    let mut methods = every(&sizes);
    // Where the targets are all-linear anyway, LoRA is in the list twice.
    methods.dedup_by(|a, b| a.1 == b.1);
    if let Some(wanted) = &args.method {
        let same = SAME_TENSORS.iter().find(|(name, _)| name == wanted).map_or(wanted.as_str(), |(_, other)| other);
        methods.retain(|(name, ..)| *name == same);
        if methods.is_empty() {
            let mut names: Vec<&str> = every(&sizes).iter().map(|(name, ..)| *name).collect();
            names.dedup();
            names.extend(SAME_TENSORS.iter().map(|(name, _)| *name));
            return Err(Failure::usage(format!("there is no method `{wanted}` here; there are {}", names.join(", "))));
        }
    }
    let (mut rows, mut out) = (Vec::new(), io::stdout().lock());
    for (name, title, method) in methods {
        let count = trainable(&model, &method).map_err(Failure::usage)?;
        let percent = 100.0 * count as f64 / model.total as f64;
        if json {
            let row =
                json!({"model": model.name, "method": name, "title": title, "trainable": count, "percent": percent});
            writeln!(out, "{row}")?;
        }
        rows.push(vec![title.into(), Cell::Count(count), Cell::Real(percent), Cell::Real(2e-6 * count as f64)]);
    }
    if !json {
        writeln!(out, "{}: {} parameters", clean(&model.name), show::value(&Cell::Count(model.total)))?;
        let table = table(&["method", "trainable", "% of the model", "16-bit file, MB"], rows);
        writeln!(out, "{}", show::grid(&table, show::width()))?;
        let same = "rsLoRA, LoRA+, PiSSA, OLoRA, LoftQ and QLoRA train LoRA's tensors; GaLore trains everything.";
        writeln!(out, "{}", show::wrap(same, show::width()))?;
    }
    Ok(())
}

fn memory(args: &MemoryArgs, json: bool) -> Result<(), Failure> {
    let model = args.model.architecture()?;
    let lora = Method::Lora { rank: args.rank, targets: args.targets.clone() };
    let adapter = trainable(&model, &lora).map_err(Failure::usage)?;
    let kept = activations(&model, args.batch * args.length);
    let (mut rows, mut out) = (Vec::new(), io::stdout().lock());
    for regime in Regime::ALL {
        let bytes = of(regime, &model, adapter);
        if json {
            let row = json!({
                "model": model.name, "regime": regime.name(), "weights": bytes.weights, "gradients": bytes.gradients,
                "optimiser": bytes.optimiser, "activations": kept.all, "activations_checkpointed": kept.checkpointed,
                "total": bytes.total() + kept.all, "total_checkpointed": bytes.total() + kept.checkpointed,
            });
            writeln!(out, "{row}")?;
        }
        let giga = |bytes: f64| Cell::Real(bytes / 1e9);
        rows.push(vec![
            regime.name().into(),
            giga(bytes.weights),
            giga(bytes.gradients),
            giga(bytes.optimiser),
            giga(bytes.total() + kept.all),
            giga(bytes.total() + kept.checkpointed),
        ]);
    }
    if !json {
        writeln!(
            out,
            "{}: {} parameters; LoRA r = {} on {}: {}. Gigabytes (10⁹ bytes).",
            clean(&model.name),
            show::value(&Cell::Count(model.total)),
            args.rank,
            clean(&args.targets),
            show::value(&Cell::Count(adapter)),
        )?;
        let columns = ["regime", "weights", "gradients", "optimiser", "with activations", "checkpointed"];
        writeln!(out, "{}", show::grid(&table(&columns, rows), show::width()))?;
        let text = format!(
            "Activations of {} × {} tokens: {:.2} GB, or {:.2} GB with a checkpoint at every layer; an estimate in 16 bits with fp32 logits, \
             the same for every regime. PEFT does not shrink them.",
            args.batch,
            args.length,
            kept.all / 1e9,
            kept.checkpointed / 1e9,
        );
        writeln!(out, "{}", show::wrap(&text, show::width()))?;
    }
    Ok(())
}
