//! Arguments of `deltaw train`, and the job they describe.

use std::path::PathBuf;

use clap::ValueEnum;

use super::super::Failure;
use crate::device::Precision;
use crate::train::{Job, Kind, Recipe, Settings, Shape, Task, job::Source, recipe::OptimizerKind};

const EXAMPLES: &str = "\
Data is one JSON object a line: {\"prompt\": …, \"completion\": …}, {\"messages\": [{\"role\": …, \"content\": …}, …]} or {\"text\": …}.
Completions and the assistant's turns are scored, and every token of a text.

Examples:
  deltaw train --task revup --out my-lora                       the tiny base learns something new, in seconds
  deltaw train --task polarity --method ia3 --out my-ia3        SmolLM2 learns which words are positive
  deltaw train --base smollm2 --data train.jsonl --eval held.jsonl --rank 16 --steps 300 --out my-lora
  deltaw train --task revup --method adapterfusion --fuse one --fuse two --out both   attention over two trained Pfeiffer adapters
  deltaw train --resume my-lora                                 go on after an interruption, to the same numbers
  deltaw train --list                                           the tasks and the methods
  deltaw train --task polarity --write-data data                the task's records as JSON lines";

/// Arguments of `deltaw train`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The base: `tiny`, `smollm2`, a model directory, a .gguf file, or an id on the Hugging Face hub; a task names its own
    #[arg(long, value_name = "SPEC")]
    base: Option<String>,
    /// A task that ships
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "eval"])]
    task: Option<String>,
    /// Examples to train on, as JSON lines
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Examples to judge by, as JSON lines
    #[arg(long, value_name = "FILE", requires = "data")]
    eval: Option<PathBuf>,
    /// Where adapter, card, metrics, loss curve and checkpoint go; new or empty
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Write into a directory that is not empty
    #[arg(long)]
    pub(super) force: bool,
    /// Go on with the run in this directory; everything else is as it was
    #[arg(long, value_name = "DIR", conflicts_with_all = ["base", "task", "data", "out", "list"])]
    pub(super) resume: Option<PathBuf>,
    /// List tasks and methods
    #[arg(long)]
    pub(super) list: bool,
    /// Write the task's records here instead of training
    #[arg(long, value_name = "DIR", requires = "task")]
    pub(super) write_data: Option<PathBuf>,
    /// Also draw the loss curve to this file, .svg or .png
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Never use the network to find a base
    #[arg(long)]
    pub(super) offline: bool,
    /// Longest example in tokens, if less than the base's context
    #[arg(long, value_name = "TOKENS")]
    max_tokens: Option<usize>,
    /// The type of the frozen base's matrices, f32 or bf16; what trains stays in f32
    #[arg(long, value_name = "TYPE", default_value_t)]
    dtype: Precision,
    /// Leave out longer examples instead of refusing the file
    #[arg(long)]
    skip_long: bool,
    #[command(flatten)]
    method: MethodArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// The method and its size.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Method")]
struct MethodArgs {
    /// The method; --list shows them
    #[arg(long, default_value = "lora")]
    method: Kind,
    /// r of the LoRA family, of VeRA and of GaLore [default: 8; 256 for VeRA, 32 for GaLore]
    #[arg(long)]
    rank: Option<usize>,
    /// α [default: the rank, which makes the scale 1]
    #[arg(long)]
    alpha: Option<f64>,
    /// Dropout on a LoRA's input
    #[arg(long, default_value_t = 0.0)]
    dropout: f64,
    /// Projections: all-linear, or names such as q,v
    #[arg(long, default_value = "all-linear")]
    targets: String,
    /// Width of bottlenecks and of the networks behind prefix-mlp and p-tuning
    #[arg(long, default_value_t = 16)]
    width: usize,
    /// Virtual tokens of prefixes and prompts
    #[arg(long, default_value_t = 16)]
    virtual_tokens: usize,
    /// How much faster B learns in LoRA+
    #[arg(long, default_value_t = 16.0)]
    ratio: f64,
    /// A trained Houlsby or Pfeiffer adapter that adapterfusion fuses; name two or more
    #[arg(long, value_name = "DIR")]
    fuse: Vec<PathBuf>,
    /// What updates the tensors
    #[arg(long, value_enum, default_value_t = OptimizerArg::Adamw)]
    optimizer: OptimizerArg,
}

/// [`OptimizerKind`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptimizerArg {
    Adamw,
    Paged,
    EightBit,
}

/// [`Shape`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShapeArg {
    Constant,
    Linear,
    Cosine,
}

/// Steps, batches, rates.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
struct RunArgs {
    /// Updates
    #[arg(long, default_value_t = 200)]
    steps: usize,
    /// Examples side by side
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Batches whose gradients make one update
    #[arg(long, default_value_t = 1)]
    accumulate: usize,
    /// Pack examples into rows of at most this many tokens; attention stays within each example
    #[arg(long, value_name = "TOKENS", conflicts_with = "batch")]
    pack: Option<usize>,
    /// Peak learning rate [default: the method's usual one, see --list]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// How the rate falls after the warm-up
    #[arg(long, value_enum, default_value_t = ShapeArg::Cosine)]
    schedule: ShapeArg,
    /// Steps over which the rate rises [default: a tenth of the steps]
    #[arg(long)]
    warmup: Option<usize>,
    /// AdamW's decoupled weight decay
    #[arg(long, default_value_t = 0.0)]
    weight_decay: f64,
    /// Longest gradient; 0 for no clipping
    #[arg(long, default_value_t = 1.0)]
    clip: f64,
    /// Recompute activations in the backward pass: less memory, about a third more time
    #[arg(long)]
    gradient_checkpointing: bool,
    /// Steps between evaluations of the held-out examples [default: a fifth of the steps]
    #[arg(long, value_name = "STEPS")]
    eval_every: Option<usize>,
    /// Stop after this many evaluations without a lower held-out loss, and keep the best
    #[arg(long, value_name = "EVALUATIONS")]
    patience: Option<usize>,
    /// Steps between checkpoints; 0 for none
    #[arg(long, value_name = "STEPS", default_value_t = 50)]
    save_every: usize,
    /// Seed of first values, dropout and the order of examples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Args {
    /// The task that is named.
    pub(super) fn task(&self) -> Result<Option<Task>, Failure> {
        self.task.as_deref().map(Task::named).transpose().map_err(Failure::usage)
    }

    /// What is to be done.
    pub(super) fn job(&self) -> Result<Job, Failure> {
        let task = self.task()?;
        let source = match (&task, &self.data) {
            (Some(task), _) => Source::Task(task.name.to_owned()),
            (None, Some(train)) => Source::Files { train: train.clone(), held_out: self.eval.clone() },
            (None, None) => {
                return Err(Failure::usage(
                    "nothing to learn: name --data FILE or --task NAME (--list shows the tasks)",
                ));
            }
        };
        let base = match (&self.base, task) {
            (Some(base), _) => base.clone(),
            (None, Some(task)) => task.base.to_owned(),
            (None, None) => {
                return Err(Failure::usage("name a base: --base smollm2, --base tiny, or a model directory"));
            }
        };
        Ok(Job {
            base,
            precision: self.dtype,
            source,
            max_tokens: self.max_tokens,
            skip_long: self.skip_long,
            recipe: self.method.recipe(self.run.seed),
            settings: self.run.settings(self.method.method),
            fingerprint: String::new(),
            fused: String::new(),
        })
    }
}

impl MethodArgs {
    fn recipe(&self, seed: u64) -> Recipe {
        let usual = Recipe::new(self.method);
        Recipe {
            rank: self.rank.unwrap_or(usual.rank),
            alpha: self.alpha,
            dropout: self.dropout,
            targets: self.targets.clone(),
            width: self.width,
            tokens: self.virtual_tokens,
            ratio: self.ratio,
            fuse: self.fuse.clone(),
            optimizer: match self.optimizer {
                OptimizerArg::Adamw => OptimizerKind::Adamw,
                OptimizerArg::Paged => OptimizerKind::Paged,
                OptimizerArg::EightBit => OptimizerKind::EightBit,
            },
            seed,
            ..usual
        }
    }
}

impl RunArgs {
    fn settings(&self, method: Kind) -> Settings {
        Settings {
            steps: self.steps,
            batch: self.batch,
            accumulate: self.accumulate,
            pack: self.pack,
            learning_rate: self.learning_rate.unwrap_or(method.learning_rate()),
            schedule: match self.schedule {
                ShapeArg::Constant => Shape::Constant,
                ShapeArg::Linear => Shape::Linear,
                ShapeArg::Cosine => Shape::Cosine,
            },
            warmup: self.warmup.unwrap_or(self.steps / 10),
            weight_decay: self.weight_decay,
            clip: (self.clip != 0.0).then_some(self.clip),
            recompute: self.gradient_checkpointing,
            evaluate_every: self.eval_every.unwrap_or((self.steps / 5).max(1)),
            patience: self.patience,
            save_every: self.save_every,
            seed: self.seed,
        }
    }
}
