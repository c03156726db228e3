//! `cargo xtask peft-roundtrip`: adapters written here give the same logits in PEFT and in `adapters`, and the reverse.
//!
//! Makes Python environments with the libraries under `target/` (two, because they want different versions of transformers), writes adapters
//! of every method on several random bases, lets the libraries load them and write their own, and holds theirs against the comparison of
//! `deltaw parity`. Four-bit models written here are loaded by transformers through bitsandbytes.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use candle_core::{DType, Device, Tensor};
use deltaw::{
    model::{Config, Decoder, Doors, Projection, Shut, save_dir, write_tensors},
    parity,
    peft::{
        Dora, Fusion, Ia3, Lora, Method, PTuning, Pattern, Prefix, Prompt, Targets, Vera,
        bottleneck::{self, Activation, Adapters},
        houlsby,
        hub::{self, PeftFormat, adapterhub},
        lora, olora, pfeiffer, pissa, vera,
    },
    train::fresh,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::python;

/// Largest difference of logits over their magnitude.
const TOLERANCE: f64 = 3e-5;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Python that has PEFT already, instead of an environment made here
    #[arg(long)]
    peft_python: Option<PathBuf>,
    /// A Python that has the `adapters` library already, instead of an environment made here
    #[arg(long)]
    adapters_python: Option<PathBuf>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) fn run(args: &Args) -> Outcome<()> {
    let given = |given: &Option<PathBuf>, name: &str| match given {
        Some(python) => Ok(python.clone()),
        None => python::of(name),
    };
    let (peft, adapters) = (given(&args.peft_python, "peft")?, given(&args.adapters_python, "adapters")?);
    let root = PathBuf::from("target/peft-roundtrip");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    for (name, config) in bases() {
        write_ours(&root.join("ours").join(name), config)?;
    }
    write_quantised(&root.join("quantised"))?;
    call(Command::new(peft).arg("xtask/peft/roundtrip.py").arg(&root))?;
    call(Command::new(adapters).arg("xtask/peft/bottlenecks.py").arg(&root))?;
    let mut failed = 0;
    let mut results: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(root.join("ours.json"))?)?;
    results.extend(serde_json::from_slice::<Vec<serde_json::Value>>(&fs::read(root.join("bottlenecks.json"))?)?);
    println!("written here, read there: largest difference of logits over their magnitude, tolerance {TOLERANCE:e}");
    for result in &results {
        let relative = result["relative"].as_f64().unwrap_or(f64::NAN);
        let passes = relative <= TOLERANCE;
        failed += usize::from(!passes);
        let mark = if passes { "ok  " } else { "FAIL" };
        println!("{mark} {:<10} {:<22} {relative:.1e}", text(&result["base"]), text(&result["case"]));
    }
    println!("written there, read here: the comparison closest to its tolerance");
    for (name, _) in bases() {
        let dir = root.join("theirs").join(name);
        let base = parity::base(&dir, &Device::Cpu)?;
        for case in parity::cases(&dir)? {
            let report = parity::run(&dir, &case, &base);
            failed += usize::from(!report.passes());
            println!("{} {name:<10} {case:<22} {}", if report.passes() { "ok  " } else { "FAIL" }, worst(&report));
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} cases differ").into()),
    }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn worst(report: &parity::Report) -> String {
    match &report.outcome {
        parity::Outcome::Compared(checks) => {
            let share = |check: &parity::Check| check.absolute / check.tolerance;
            match checks.iter().max_by(|a, b| share(a).total_cmp(&share(b))) {
                Some(check) => format!("abs {:.1e}, tolerance {:.1e}, {}", check.absolute, check.tolerance, check.what),
                None => "nothing was compared".to_owned(),
            }
        }
        parity::Outcome::Broken(why) => why.clone(),
    }
}

fn call(command: &mut Command) -> Outcome<()> {
    match command.status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?}: {status}").into()),
    }
}

/// Shapes that differ in what readers get wrong: tied embeddings, heads of another width than hidden / heads, grouped keys and values.
fn bases() -> [(&'static str, Config); 3] {
    let plain = Config {
        hidden_size: 32,
        intermediate_size: 44,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        head_dim: None,
        vocab_size: 60,
        max_position_embeddings: None,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    };
    let tied = Config { tie_word_embeddings: true, num_key_value_heads: 2, rope_theta: 500_000.0, ..plain.clone() };
    let wide = Config {
        head_dim: Some(12),
        num_key_value_heads: 1,
        num_hidden_layers: 3,
        rms_norm_eps: 1e-6,
        ..plain.clone()
    };
    [("plain", plain), ("tied", tied), ("wide", wide)]
}

/// A base and adapters of every method on it, each with the logits they give here.
fn write_ours(dir: &Path, config: Config) -> Outcome<()> {
    // Ten times a fresh model's weights: logits of order one, in which a fault shows.
    let small = fresh(&config, 1, &Device::Cpu)?;
    let scaled = small.tensors().into_iter().map(|(name, tensor)| {
        let factor = if name.contains("norm") { 1.0 } else { 10.0 };
        Ok((name, (tensor * factor)?))
    });
    let base = Decoder::new(config, &scaled.collect::<candle_core::Result<BTreeMap<_, _>>>()?)?;
    save_dir(&base, &dir.join("base"))?;
    for (name, adapter) in adapters(&base)? {
        disturb(adapter.as_ref())?;
        write(&dir.join(name), adapter.as_ref(), &base)?;
    }
    for (name, start) in
        [("pissa_converted", pissa::start(&base, &plain())?), ("olora_converted", olora::start(&base, &plain())?)]
    {
        disturb(&start.adapter)?;
        write(&dir.join(name), &start.convert()?, &base)?;
    }
    write_bottlenecks(dir, &base)
}

/// A LoRA of rank 3 on every projection.
fn plain() -> lora::Config {
    lora::Config { rank: 3, alpha: 5.0, targets: Targets::AllLinear, ..lora::Config::default() }
}

/// A method with a file format.
trait Saved: Method + PeftFormat {}

impl<T: Method + PeftFormat> Saved for T {}

fn adapters(base: &Decoder) -> Outcome<Vec<(&'static str, Box<dyn Saved>)>> {
    let plain = plain();
    let pattern = |entries: &[(&str, f64)]| {
        Pattern::new(&entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect::<Vec<_>>())
    };
    let patterned = lora::Config {
        rank_pattern: pattern(&[("down_proj", 6.0), (r"layers\.1\..*", 2.0)])?,
        alpha_pattern: pattern(&[("v_proj", 9.0)])?,
        ..plain.clone()
    };
    let two = lora::Config { targets: [Projection::Q, Projection::V].into(), ..plain.clone() };
    let some = lora::Config { targets: Targets::pattern(r".*layers\.1\.self_attn\.[ko]_proj")?, ..plain.clone() };
    let ia3 = Ia3::new(base, &[Projection::K, Projection::V, Projection::Down].into(), &[Projection::Down].into())?;
    let vera =
        vera::Config { rank: 8, targets: [Projection::Q, Projection::Down].into(), projection_seed: 5, d_initial: 0.1 };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Ok(vec![
        ("lora", Box::new(Lora::new(base, two)?)),
        ("lora_some_layers", Box::new(Lora::new(base, some)?)),
        ("lora_patterns", Box::new(Lora::new(base, patterned)?)),
        ("lora_bias", Box::new(Lora::new(base, lora::Config { bias: true, ..plain.clone() })?)),
        ("rslora", Box::new(Lora::new(base, lora::Config { rank_stabilised: true, ..plain.clone() })?)),
        ("dora", Box::new(Dora::new(base, plain)?)),
        ("vera", Box::new(Vera::new(base, vera)?)),
        ("ia3", Box::new(ia3)),
        ("prefix", Box::new(Prefix::random(4, base.config(), &mut rng, base.device())?)),
        ("prompt", Box::new(Prompt::from_vocabulary(4, base, &mut rng)?)),
        ("p_tuning", Box::new(PTuning::new(4, 6, base, &mut rng)?)),
    ])
}

/// Moves every trained tensor, so that nothing is at its special start.
fn disturb(method: &dyn Method) -> candle_core::Result<()> {
    for variable in method.variables() {
        variable.set(&(variable.as_tensor() + variable.randn_like(0.0, 0.1)?)?)?;
    }
    Ok(())
}

fn write(dir: &Path, adapter: &dyn Saved, base: &Decoder) -> Outcome<()> {
    hub::save(dir, adapter, base, "../base")?;
    write_logits(dir, adapter, base)
}

/// Bottleneck adapters and a fusion.
fn write_bottlenecks(dir: &Path, base: &Decoder) -> Outcome<()> {
    let config = |activation, seed| bottleneck::Config { width: 8, activation, seed, ..bottleneck::Config::default() };
    let named = |name, seed| Adapters::new(base, name, pfeiffer::PLACEMENT, &config(Activation::Relu, seed));
    for (name, adapter) in [
        ("houlsby", houlsby::new(base, &config(Activation::Gelu, 1))?),
        ("pfeiffer", pfeiffer::new(base, &config(Activation::Swish, 2))?),
    ] {
        disturb(&adapter)?;
        adapterhub::save(&dir.join(name), &adapter, base, "base")?;
        write_logits(&dir.join(name), &adapter, base)?;
    }
    let parts = vec![named("left", 3)?, named("right", 4)?];
    parts.iter().try_for_each(|part| disturb(part))?;
    let fusion = Fusion::new(base, parts, 5)?;
    disturb(&fusion)?;
    adapterhub::save_fusion(&dir.join("fusion"), &fusion, base, "base")?;
    write_logits(&dir.join("fusion"), &fusion, base)
}

/// A base in four bits, with and without double quantisation, as bitsandbytes stores it. Its width is a multiple of the block: with others
/// bitsandbytes' AVX-512 kernel takes wrong scales.
fn write_quantised(dir: &Path) -> Outcome<()> {
    let [(_, plain), ..] = bases();
    let config = Config { hidden_size: 64, intermediate_size: 128, ..plain };
    let base = fresh(&config, 2, &Device::Cpu)?;
    for (name, double) in [("nf4", false), ("nf4_double", true)] {
        let model = base.quantised(double)?;
        save_dir(&model, &dir.join(name))?;
        write_logits(&dir.join(name), &Shut, &model)?;
    }
    Ok(())
}

/// What the adapter gives here.
fn write_logits(dir: &Path, adapter: &dyn Doors, base: &Decoder) -> Outcome<()> {
    let vocabulary = base.config().vocab_size as f32;
    let ids = Tensor::rand(0f32, vocabulary, (2, 7), base.device())?.to_dtype(DType::U32)?;
    let logits = base.forward(&ids, adapter)?.contiguous()?;
    let io = BTreeMap::from([("input_ids".to_owned(), ids.to_dtype(DType::I64)?), ("logits".to_owned(), logits)]);
    Ok(write_tensors(&dir.join("io.safetensors"), io)?)
}
