//! `cargo xtask peft-trained DIR`: an adapter that `deltaw train` wrote gives the same logits in Hugging Face PEFT.
//!
//! Writes token ids and the logits that deltaw computes with the adapter; `xtask/peft/trained.py` lets transformers and PEFT load the same base
//! and the adapter's directory, and compares.

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
};

use candle_core::{DType, Device, Tensor};
use deltaw::{
    model::{Base, Options, smollm2_file, write_tensors},
    peft::hub,
    train::{Example, Task, data},
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory that `deltaw train` wrote
    dir: PathBuf,
    /// The base it was trained on
    #[arg(long, default_value = "smollm2")]
    base: String,
    /// Task whose first held-out records are compared
    #[arg(long, default_value = "polarity")]
    task: String,
    /// A Python with torch, transformers, peft and gguf
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

/// Records that are compared.
const RECORDS: usize = 8;

/// Largest difference of logits over their magnitude.
const TOLERANCE: f64 = 1e-4;

pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let options = Options { offline: true, ..Options::default() };
    let base = Base::open(&args.base, &options, &Device::Cpu)?;
    let adapter = hub::load(&args.dir, &base.model)?;
    let mut cases = BTreeMap::new();
    for (index, record) in Task::named(&args.task)?.held_out().iter().take(RECORDS).enumerate() {
        let Example { ids, .. } = data::encode(record, &base)?;
        let count = ids.len();
        let ids = Tensor::from_vec(ids, (1, count), &Device::Cpu)?;
        let logits = base.model.forward(&ids, adapter.doors())?;
        let logits = logits.narrow(1, logits.dim(1)? - count, count)?.contiguous()?;
        cases.insert(format!("{index}.ids"), ids.to_dtype(DType::I64)?);
        cases.insert(format!("{index}.logits"), logits);
        cases.insert(format!("{index}.base"), base.model.forward(&ids, &deltaw::model::Shut)?);
    }
    let io = PathBuf::from("target/peft-trained.safetensors");
    write_tensors(&io, cases)?;
    let mut command = Command::new(&args.python);
    command.arg("xtask/peft/trained.py").arg(place(&args.base)?).arg(&args.dir).arg(&io).arg(TOLERANCE.to_string());
    match command.status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?}: {status}").into()),
    }
}

/// Where the base lies as files.
fn place(base: &str) -> Result<PathBuf, Box<dyn Error>> {
    match base {
        "tiny" => Ok(PathBuf::from("assets/tiny")),
        "smollm2" => Ok(smollm2_file()?.ok_or("SmolLM2 is not on this machine")?),
        _ => Ok(Path::new(base).to_owned()),
    }
}
