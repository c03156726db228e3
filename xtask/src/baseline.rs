//! `cargo xtask bench-check`: whether a hot path has become dearer than the committed baseline says, as a multiple of a reference kernel.
//!
//! The kernel gains more from wide vectors than some paths do, so there is a baseline for each kind of processor.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde_json::Value;

use crate::cargo::cargo;

const BASELINE: &str = "benches/baseline.json";

/// Where criterion leaves what it found.
const FOUND: &str = "target/criterion";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the baseline instead of comparing with it
    #[arg(long)]
    write: bool,
    /// How many times the baseline a path may take
    #[arg(long, default_value_t = 1.5)]
    allow: f64,
    /// Paths whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if Path::new(FOUND).exists() {
        fs::remove_dir_all(FOUND)?;
    }
    let mut bench = cargo();
    bench.args(["bench", "--bench", "hot_paths", "--", "--noplot", &args.only]);
    // One thread: how well two share the work depends on the neighbours.
    bench.env("RAYON_NUM_THREADS", "1").env("CANDLE_NUM_THREADS", "1");
    if !bench.status()?.success() {
        return Err("the benchmark failed; its own words are above".into());
    }
    let found = found()?;
    let mut baselines: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(&fs::read_to_string(BASELINE)?)?;
    let processor = processor();
    if args.write {
        println!("{BASELINE}, {processor}: {} paths", found.len());
        baselines.insert(processor, found);
        fs::write(BASELINE, serde_json::to_string_pretty(&baselines)? + "\n")?;
        return Ok(());
    }
    let Some(baseline) = baselines.get(&processor) else {
        return Err(format!("{BASELINE} has nothing for {processor}; --write measures it").into());
    };
    println!("{processor}\n");
    println!("| path | baseline | now | now / baseline |\n|---|---|---|---|");
    let mut dearer = Vec::new();
    for (path, now) in &found {
        let Some(then) = baseline.get(path) else {
            println!("| {path} | none | {now:.2} | |");
            dearer.push(format!("{path} is not in the baseline (--write)"));
            continue;
        };
        println!("| {path} | {then:.2} | {now:.2} | {:.2} |", now / then);
        if now / then > args.allow {
            dearer.push(format!("{path} takes {:.2} times its baseline", now / then));
        }
    }
    if args.only.is_empty() {
        let gone = baseline.keys().filter(|path| !found.contains_key(*path));
        dearer.extend(gone.map(|path| format!("{path} is in the baseline and was not measured")));
    }
    if dearer.is_empty() { Ok(()) } else { Err(dearer.join("; ").into()) }
}

/// Architecture and, where it varies, whether the widest vectors are there.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    return format!("x86_64 {} AVX-512", if is_x86_feature_detected!("avx512f") { "with" } else { "without" });
    #[cfg(not(target_arch = "x86_64"))]
    std::env::consts::ARCH.to_owned()
}

/// The medians that criterion found, by group and name.
fn found() -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for group in fs::read_dir(FOUND)? {
        for path in fs::read_dir(group?.path())? {
            let path = path?.path();
            let Ok(text) = fs::read_to_string(path.join("new/estimates.json")) else { continue };
            let estimates: Value = serde_json::from_str(&text)?;
            let median =
                estimates["median"]["point_estimate"].as_f64().ok_or("criterion's estimates have no median")?;
            let names: Vec<_> = path.iter().rev().take(2).map(|name| name.to_string_lossy().into_owned()).collect();
            found.insert(format!("{}/{}", names[1], names[0]), (median * 1e4).round() / 1e4);
        }
    }
    Ok(found)
}
