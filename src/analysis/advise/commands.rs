//! Where to start from: `deltaw train`, PEFT's configuration, vLLM's command line.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Choice, Situation, Start};
use crate::analysis::arch::Family;

/// From about here on a CPU is no place to train; `deltaw train` still shows the method.
const CPU_LIMIT: u64 = 1_500_000_000;

/// What to type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Commands {
    /// `deltaw train`, where the model is of a kind that it trains.
    pub train: Option<String>,
    /// What to know about that.
    pub train_note: Option<String>,
    /// PEFT's `adapter_config.json`, or the arguments of `LoraConfig`.
    pub peft_config: Option<Value>,
    /// How the base is loaded in Python.
    pub load: Option<String>,
    /// vLLM's command line.
    pub vllm: Option<String>,
}

pub(super) fn of(situation: &Situation, choice: Choice, start: &Start, many: bool) -> Commands {
    if choice == Choice::None {
        return Commands { train: None, train_note: None, peft_config: None, load: None, vllm: None };
    }
    let adapter = choice != Choice::Full;
    let (train, train_note) = train(situation, choice, start);
    Commands {
        train,
        train_note,
        peft_config: adapter.then(|| peft(situation, start)),
        load: Some(load(situation, choice)),
        vllm: Some(vllm(situation, choice, start, many)),
    }
}

fn train(situation: &Situation, choice: Choice, start: &Start) -> (Option<String>, Option<String>) {
    if situation.model.family != Family::Llama {
        return (None, Some("deltaw trains LLaMA-style models; for this one use PEFT.".to_owned()));
    }
    // The one model of the hub that `deltaw train` knows by a short name.
    let base =
        if situation.base == "HuggingFaceTB/SmolLM2-135M-Instruct" { "smollm2" } else { situation.base.as_str() };
    let mut line = format!("deltaw train --base {base} --data train.jsonl --eval held_out.jsonl");
    line += &match choice {
        Choice::Full => format!(" --method full --learning-rate {:e}", start.rate / 10.0),
        _ => format!(
            " --method {} --rank {} --alpha {} --targets all-linear --learning-rate {:e}",
            if choice == Choice::Qlora { "qlora" } else { "lora" },
            start.rank,
            start.alpha,
            start.rate
        ),
    };
    line += " --gradient-checkpointing --out my-adapter";
    let note = (situation.model.total > CPU_LIMIT)
        .then(|| "deltaw is made for the CPU and no run of it on a GPU is on record; for a model of this size take PEFT on the GPU.".to_owned());
    (Some(line), note)
}

fn peft(situation: &Situation, start: &Start) -> Value {
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": situation.base,
        "r": start.rank,
        "lora_alpha": start.alpha,
        "use_rslora": false,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": "all-linear",
    })
}

fn load(situation: &Situation, choice: Choice) -> String {
    let quantised = match choice {
        Choice::Qlora => {
            ", quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=\"nf4\", \
             bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16)"
        }
        _ => "",
    };
    format!("AutoModelForCausalLM.from_pretrained(\"{}\", dtype=torch.bfloat16{quantised})", situation.base)
}

/// Adapters that one batch may hold, at most.
const SIDE_BY_SIDE: u64 = 32;

fn vllm(situation: &Situation, choice: Choice, start: &Start, many: bool) -> String {
    if !many {
        return "vllm serve my-merged-model --dtype bfloat16".to_owned();
    }
    let (tasks, at_once) = (situation.tasks, situation.tasks.min(SIDE_BY_SIDE));
    // An adapter that was trained over four bits is served over the same.
    // vLLM's documentation, "BitsAndBytes": in-flight quantisation; its example "LoRA with quantization inference" puts adapters on top.
    let quantised = if choice == Choice::Qlora { " --quantization bitsandbytes" } else { "" };
    let mut line = format!(
        "vllm serve {} --dtype bfloat16{quantised} --enable-lora --max-lora-rank {} --max-loras {at_once}",
        situation.base, start.rank
    );
    if tasks > at_once {
        line += &format!(" --max-cpu-loras {tasks}");
    }
    let second = if tasks > 1 { " task-2=adapters/task-2" } else { "" };
    line + " --lora-modules task-1=adapters/task-1" + second
}
