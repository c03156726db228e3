//! Beyond one machine: the same adapters and the same routing for an engine that spans many.
//!
//! What is written is a directory: the launch command, the adapters in the layout that the engine expects, and the routing as data for the
//! gateway that stands before it, since neither engine knows tenants.

use std::{fs, path::Path, str::FromStr};

use candle_core::{Device, Error, Result, bail};
use serde_json::{Value, json};

use super::{AdapterDir, Routing};
use crate::{
    model::{read_tensors_file, read_text, write_whole},
    peft::hub,
};

/// An engine that serves many LoRAs on many machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// vLLM.
    Vllm,
    /// LoRAX.
    Lorax,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "vllm" => Ok(Self::Vllm),
            "lorax" => Ok(Self::Lorax),
            _ => Err(format!("`{text}` is no engine to export for: there are vllm, lorax")),
        }
    }
}

/// What vLLM accepts as `--max-lora-rank`.
const VLLM_RANKS: [usize; 9] = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/// Writes what `target` needs to serve `adapters` on `base` into `out`; gives what cannot be served there, with the reason.
///
/// # Errors
/// The place cannot be written.
pub fn export(
    target: Target,
    base: &str,
    adapters: &AdapterDir,
    routing: Option<&Routing>,
    out: &Path,
) -> Result<Vec<(String, String)>> {
    let failed = |error: std::io::Error| Error::Msg(format!("{}: {error}", out.display()));
    let (mut served, mut left, mut largest) = (Vec::new(), Vec::new(), 1);
    for id in adapters.served() {
        let dir = adapters.path(&id)?;
        match rank_of(&dir) {
            Ok(rank) => {
                largest = largest.max(rank);
                let to = out.join("adapters").join(&id);
                fs::create_dir_all(&to).map_err(failed)?;
                for file in [hub::CONFIG, hub::TENSORS] {
                    fs::copy(dir.join(file), to.join(file)).map_err(failed)?;
                }
                served.push(id);
            }
            Err(error) => left.push((id, crate::model::one_line(&error))),
        }
    }
    if served.is_empty() {
        bail!("no adapter here can be served by that engine");
    }
    let script = match target {
        Target::Vllm => vllm(base, &served, largest)?,
        Target::Lorax => lorax(base),
    };
    write_whole(&out.join("launch.sh"), script.as_bytes())?;
    let text = serde_json::to_string_pretty(&gateway(target, &served, routing)).map_err(Error::wrap)?;
    write_whole(&out.join("routing.json"), text.as_bytes())?;
    Ok(left)
}

/// The largest rank of a LoRA; both engines serve LoRA and rsLoRA and nothing else of what lies here.
fn rank_of(dir: &Path) -> Result<usize> {
    let config: Value = serde_json::from_str(&read_text(&dir.join(hub::CONFIG))?).map_err(Error::wrap)?;
    if config["peft_type"] != "LORA" || config["use_dora"] == true {
        bail!("only LoRA and rsLoRA are served there");
    }
    let tensors = read_tensors_file(&dir.join(hub::TENSORS), &Device::Cpu)?;
    let ranks =
        tensors.iter().filter(|(name, _)| name.contains("lora_A")).map(|(_, a)| a.dims().first().copied().unwrap_or(0));
    match ranks.max() {
        Some(rank) => Ok(rank),
        None => bail!("it has no lora_A"),
    }
}

fn vllm(base: &str, served: &[String], rank: usize) -> Result<String> {
    let Some(allowed) = VLLM_RANKS.into_iter().find(|allowed| *allowed >= rank) else {
        bail!("rank {rank} is more than vLLM serves");
    };
    let modules: String =
        served.iter().map(|id| format!(" \\\n    {}", quoted(&format!("{id}=adapters/{id}")))).collect();
    Ok(format!(
        "#!/bin/sh\n# One replica; put a gateway that applies routing.json before as many as you need. More cards a replica: --tensor-parallel-size N.\n\
         cd \"$(dirname \"$0\")\"\nexec vllm serve {} \\\n  --enable-lora \\\n  --max-lora-rank {allowed} \\\n  --max-loras {} \\\n  \
         --max-cpu-loras {} \\\n  --lora-modules{modules}\n",
        quoted(base),
        served.len().min(16),
        served.len().max(16),
    ))
}

fn lorax(base: &str) -> String {
    format!(
        "#!/bin/sh\n# One replica. A request names its adapter by path: \"adapter_id\": \"/adapters/ID\", \"adapter_source\": \"local\".\n\
         # More cards a replica: --num-shard N.\n\
         cd \"$(dirname \"$0\")\"\nexec docker run --gpus all --shm-size 1g -p 8080:80 -v \"$PWD/adapters:/adapters:ro\" \\\n  \
         ghcr.io/predibase/lorax:main --model-id {}\n",
        quoted(base)
    )
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Tenants with patterns spelt out, and what the engine calls each adapter.
fn gateway(target: Target, served: &[String], routing: Option<&Routing>) -> Value {
    let name = |id: &str| match target {
        Target::Vllm => json!({"model": id}),
        Target::Lorax => json!({"adapter_id": format!("/adapters/{id}"), "adapter_source": "local"}),
    };
    let names: serde_json::Map<String, Value> = served.iter().map(|id| (id.clone(), name(id))).collect();
    let tenants: Vec<Value> = routing
        .iter()
        .flat_map(|routing| &routing.tenants)
        .map(|tenant| {
            let allowed: Vec<&String> = served.iter().filter(|id| tenant.may_use(id)).collect();
            json!({
                "name": tenant.name, "key_sha256": tenant.key_sha256, "adapters": allowed, "base": tenant.base,
                "default": tenant.default, "routes": tenant.routes,
            })
        })
        .collect();
    json!({"adapters": names, "tenants": tenants})
}
