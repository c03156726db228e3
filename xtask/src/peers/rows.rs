//! What is compared with what.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use super::Outcome;

/// Where the other Rust crates are built to.
const RUST_PEERS: &str = "target/rust-peers/release/rust-peers";

/// A comparison.
pub(super) struct Row {
    /// What is done.
    pub(super) name: &'static str,
    /// Whose other side it is.
    pub(super) peer: &'static str,
    /// Benchmark of ours and script of theirs: `step` or `ops`.
    kind: &'static str,
    /// Arguments for both.
    arguments: &'static str,
    /// Further arguments for theirs.
    library: &'static str,
    /// The other side is a Rust crate, in `benches/peers/rust`.
    rust: bool,
    /// Each round is a process of its own, from its start to the end of its work.
    pub(super) from_start: bool,
    /// What the reader should know about the ratio.
    pub(super) remark: &'static str,
}

/// What one side came to.
pub(super) struct Side {
    /// Seconds on the clock and of all threads, of each round.
    pub(super) times: Vec<[f64; 2]>,
    /// Megabytes resident after loading, and at most.
    pub(super) memory: [u64; 2],
}

impl Row {
    pub(super) fn needs_adapters(&self) -> bool {
        self.peer == "adapters"
    }

    pub(super) fn needs_python(&self) -> bool {
        !self.rust
    }

    /// Our process.
    pub(super) fn ours(&self, programs: &BTreeMap<String, PathBuf>) -> Outcome<Command> {
        let program = programs.get(self.kind).ok_or_else(|| format!("cargo built no benchmark `{}`", self.kind))?;
        let mut command = Command::new(program);
        command.args(self.arguments.split(' '));
        Ok(command)
    }

    /// Their process.
    pub(super) fn theirs(&self, python: &Path) -> Command {
        let mut command = Command::new(if self.rust { Path::new(RUST_PEERS) } else { python });
        if !self.rust {
            command.arg(format!("benches/peers/{}.py", self.kind));
        }
        command.args(self.arguments.split(' '));
        if !self.library.is_empty() {
            command.arg(self.library);
        }
        command.env("HF_HUB_OFFLINE", "1").env("TOKENIZERS_PARALLELISM", "false");
        command
    }
}

fn step(name: &'static str, peer: &'static str, arguments: &'static str) -> Row {
    Row { name, peer, kind: "step", arguments, library: "", rust: false, from_start: false, remark: "" }
}

fn operation(name: &'static str, peer: &'static str, arguments: &'static str) -> Row {
    Row { name, peer, kind: "ops", arguments, library: peer, rust: false, from_start: false, remark: "" }
}

fn rust(name: &'static str, peer: &'static str, arguments: &'static str) -> Row {
    Row { rust: true, ..operation(name, peer, arguments) }
}

/// Every row of the table.
pub(super) fn all() -> Vec<Row> {
    vec![
        step("LoRA step, 4 × 64", "PEFT", "smollm2 lora 4 64"),
        step("LoRA step, 1 × 512", "PEFT", "smollm2 lora 1 512"),
        step("QLoRA step, 4 × 64", "PEFT, bitsandbytes", "smollm2 qlora 4 64"),
        step("QLoRA step, 1 × 512", "PEFT, bitsandbytes", "smollm2 qlora 1 512"),
        step("DoRA step, 4 × 64", "PEFT", "smollm2 dora 4 64"),
        step("DoRA step, 1 × 512", "PEFT", "smollm2 dora 1 512"),
        step("VeRA step, 4 × 64", "PEFT", "smollm2 vera 4 64"),
        step("VeRA step, 1 × 512", "PEFT", "smollm2 vera 1 512"),
        Row {
            remark: "bases of the 210 gradients fall into the warm-up round on both sides",
            ..step("GaLore step, 4 × 64", "galore-torch", "smollm2 galore 4 64")
        },
        step("full fine-tuning step, 4 × 64", "torch", "smollm2 full 4 64"),
        step("full fine-tuning step, 1 × 512", "torch", "smollm2 full 1 512"),
        step("Pfeiffer adapters step, 4 × 64", "adapters", "smollm2 pfeiffer 4 64"),
        operation("NF4 quantise 4096²", "bitsandbytes", "quantise"),
        operation("NF4 dequantise 4096²", "bitsandbytes", "dequantise"),
        rust("NF4 quantise 4096²", "qlora-rs", "quantise"),
        rust("NF4 dequantise 4096²", "qlora-rs", "dequantise"),
        rust("LoRA layer 1536², 256 tokens, both passes", "peft-rs", "layer"),
        rust("QLoRA layer 1536², 256 tokens, both passes", "qlora-rs", "four-bit-layer"),
        operation("merge LoRA into SmolLM2", "PEFT", "merge"),
        operation("mixed batch, q and v, 1 token", "PEFT", "mixed qv 1"),
        operation("mixed batch, q and v, 16 tokens", "PEFT", "mixed qv 16"),
        operation("mixed batch, all linear, 1 token", "PEFT", "mixed all 1"),
        operation("mixed batch, all linear, 16 tokens", "PEFT", "mixed all 16"),
        Row {
            remark: "57 tokens read, 32 written, f32",
            ..operation("generation, with a cache", "transformers", "generate")
        },
        operation("SVD 1536 × 576", "numpy", "svd"),
        operation("SVD 1536 × 576", "scipy", "svd"),
        operation("SVD 1536 × 576", "torch", "svd"),
        operation("singular values 1536 × 576", "numpy", "values"),
        operation("singular values 1536 × 576", "scipy", "values"),
        operation("singular values 1536 × 576", "torch", "values"),
        operation("top 8 of 1536 × 576", "torch", "top"),
        Row { remark: "scipy's is an exact one (Lanczos)", ..operation("top 8 of 1536 × 576", "scipy", "top") },
        Row {
            from_start: true,
            remark: "from starting the process to the end of the first step, two layers",
            ..step("start to first LoRA step", "PEFT", "two-layers lora 1 16")
        },
    ]
}
