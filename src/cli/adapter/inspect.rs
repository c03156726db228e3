//! `deltaw adapter inspect` and `diff`.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use candle_core::Device;
use serde_json::{Value, json};

use super::{super::show, Failure, Global, unusable};
use crate::{
    analysis::{adapter, spectrum::energy_at},
    cli::verdict::clean,
    demos::{Chart, Figure, Series, Table, Value as Cell},
    model::{one_line, read_tensors_file, read_text},
    peft::hub::{self, adapterhub, load_modules},
    plot,
};

/// What the `adapters` library's bottlenecks are called here.
const ADAPTERHUB: &str = "bottleneck adapters";

/// What its fusions are called.
const FUSION: &str = "AdapterFusion";

/// Arguments of `deltaw adapter inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The adapter
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Write the spectra as a figure, .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Arguments of `deltaw adapter diff`.
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// One adapter
    #[arg(value_name = "FIRST")]
    first: PathBuf,
    /// The other
    #[arg(value_name = "SECOND")]
    second: PathBuf,
}

/// A module's path without what all modules of a LLaMA-style model share.
fn short(path: &str) -> String {
    path.strip_prefix("model.layers.").unwrap_or(path).to_owned()
}

fn peft_type(dir: &Path) -> Result<String, Failure> {
    if adapterhub::is_fusion(dir) {
        return Ok(FUSION.to_owned());
    }
    let file = dir.join(hub::CONFIG);
    let config: Value = serde_json::from_str(&read_text(&file).map_err(unusable)?)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    match config.get("peft_type").and_then(Value::as_str) {
        Some(kind) => Ok(kind.to_owned()),
        None if config.get("config").is_some() => Ok(ADAPTERHUB.to_owned()),
        None => Err(Failure::usage(format!("{}: there is no `peft_type`; this is no PEFT adapter", file.display()))),
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    if let Some(file) = &args.plot {
        plot::check_name(file).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let kind = peft_type(&args.dir)?;
    if kind != "LORA" {
        if args.plot.is_some() {
            return Err(Failure::usage(format!("--plot shows spectra of factors; a {kind} adapter has none")));
        }
        return tensors(&args.dir, &kind, global.json);
    }
    let adapter = load_modules(&args.dir).map_err(unusable)?;
    let modules = adapter::modules(&adapter).map_err(|error| Failure::machine(one_line(&error)))?;
    let method = if adapter.magnitudes.is_empty() { "LoRA" } else { "DoRA" };
    let suggested = modules.iter().map(|module| module.rank_for_99).max().unwrap_or(0);
    let parameters = adapter.parameter_count();
    let mut out = io::stdout().lock();
    if global.json {
        let report = json!({
            "method": method, "base": adapter.base_name, "parameters": parameters, "suggested_rank": suggested, "modules": modules,
        });
        writeln!(out, "{report}")?;
    } else {
        let columns =
            ["layer and module", "r", "scale", "‖ΔW‖", "σ₁", "effective rank", "kept at r/2", "rank for 99 %"];
        let rows = modules.iter().map(|module| {
            vec![
                Cell::Text(short(&module.module)),
                Cell::Count(module.rank as u64),
                Cell::Real(module.scale),
                Cell::Real(module.norm),
                Cell::Real(module.singular_values.first().copied().unwrap_or_default()),
                Cell::Real(module.effective_rank),
                Cell::Real(energy_at(&module.singular_values, module.rank.div_ceil(2))),
                Cell::Count(module.rank_for_99 as u64),
            ]
        });
        let table = table(&columns, rows.collect());
        writeln!(
            out,
            "{method} for `{}`: {} modules, {} parameters ({} in fp32)",
            clean(&adapter.base_name),
            modules.len(),
            show::value(&Cell::Count(parameters as u64)),
            size(4.0 * parameters as f64),
        )?;
        writeln!(out, "{}", clean(&show::grid(&table, show::width()).to_string()))?;
        writeln!(
            out,
            "Rank {suggested} keeps 99 % of every update's energy (‖ΔW‖²): deltaw adapter rerank DIR --rank {suggested}"
        )?;
    }
    if let Some(file) = &args.plot {
        plot::write(&figure(&modules), file).map_err(|error| Failure::machine(error.to_string()))?;
        if !global.json {
            writeln!(out, "Figure: {}", file.display())?;
        }
    }
    Ok(())
}

/// Bytes with a unit.
fn size(bytes: f64) -> String {
    if bytes < 1e6 { format!("{:.1} kB", bytes / 1e3) } else { format!("{:.1} MB", bytes / 1e6) }
}

fn table(columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { title: String::new(), columns: columns.iter().map(|&column| column.to_owned()).collect(), rows }
}

/// Spectra of the eight largest updates: more lines cannot be told apart.
fn figure(modules: &[adapter::Module]) -> Figure {
    let mut largest: Vec<&adapter::Module> = modules.iter().collect();
    largest.sort_by(|a, b| b.norm.total_cmp(&a.norm));
    let line = |module: &&adapter::Module| {
        let first = module.singular_values.first().copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
        let shown = module.singular_values.iter().map(|value| (value / first).max(1e-6));
        Series { name: module.module.clone(), points: (1..).map(f64::from).zip(shown).collect() }
    };
    Figure {
        title: "Singular values of ΔW, over the largest".to_owned(),
        x: "index".to_owned(),
        y: "σ / σ₁".to_owned(),
        log_x: false,
        log_y: true,
        chart: Chart::Lines(largest.iter().take(8).map(line).collect()),
    }
}

/// An adapter without factors: its tensors.
fn tensors(dir: &Path, kind: &str, json: bool) -> Result<(), Failure> {
    let (file, fused) = match kind {
        ADAPTERHUB => (adapterhub::TENSORS, Vec::new()),
        FUSION => (adapterhub::FUSION_TENSORS, adapterhub::fused_names(dir).map_err(unusable)?),
        _ => (hub::TENSORS, Vec::new()),
    };
    let tensors = read_tensors_file(&dir.join(file), &Device::Cpu).map_err(unusable)?;
    let failed = |error: candle_core::Error| Failure::machine(one_line(&error));
    let (mut rows, mut parameters) = (Vec::new(), 0);
    for (name, tensor) in &tensors {
        let norm = tensor.sqr().and_then(|square| square.sum_all()?.to_scalar::<f32>()).map_err(failed)?.sqrt();
        rows.push((name, tensor.dims(), f64::from(norm)));
        // VeRA's shared pair is stored but not trained.
        parameters += if name.ends_with("vera_A") || name.ends_with("vera_B") { 0 } else { tensor.elem_count() };
    }
    let mut out = io::stdout().lock();
    if json {
        let list: Vec<Value> =
            rows.iter().map(|(name, shape, norm)| json!({"name": name, "shape": shape, "norm": norm})).collect();
        writeln!(out, "{}", json!({"method": kind, "parameters": parameters, "fuses": fused, "tensors": list}))?;
        return Ok(());
    }
    writeln!(out, "{}: {} trained parameters", clean(kind), show::value(&Cell::Count(parameters as u64)))?;
    if !fused.is_empty() {
        let names = clean(&fused.join(", "));
        writeln!(out, "It fuses {names}: each can be inspected in the directory of its name in {}.", dir.display())?;
    }
    let cells = rows.into_iter().map(|(name, shape, norm)| {
        let short = name.trim_start_matches("base_model.model.").to_owned();
        vec![Cell::Text(short), Cell::Text(format!("{shape:?}")), Cell::Real(norm)]
    });
    let table = table(&["tensor", "shape", "norm"], cells.collect());
    writeln!(out, "{}", clean(&show::grid(&table, show::width()).to_string()))?;
    Ok(())
}

pub(super) fn diff(args: &DiffArgs, global: &Global) -> Result<(), Failure> {
    let load = |dir: &Path| load_modules(dir).map_err(unusable);
    let (first, second) = (load(&args.first)?, load(&args.second)?);
    let differences = adapter::difference(&first, &second).map_err(unusable)?;
    let mut out = io::stdout().lock();
    if global.json {
        for difference in &differences {
            let text = serde_json::to_string(difference).map_err(|error| Failure::machine(error.to_string()))?;
            writeln!(out, "{text}")?;
        }
        return Ok(());
    }
    if !first.magnitudes.is_empty() || !second.magnitudes.is_empty() {
        writeln!(out, "Of a DoRA the update of the direction is compared, not the magnitudes.")?;
    }
    let rows = differences.iter().map(|d| {
        let cosine = d.cosine.map_or(Cell::Text("-".to_owned()), Cell::Real);
        vec![Cell::Text(short(&d.module)), Cell::Real(d.first), Cell::Real(d.second), Cell::Real(d.distance), cosine]
    });
    let table = table(&["layer and module", "‖ΔW₁‖", "‖ΔW₂‖", "‖ΔW₂ − ΔW₁‖", "cosine"], rows.collect());
    writeln!(out, "{}", clean(&show::grid(&table, show::width()).to_string()))?;
    Ok(())
}
