//! `deltaw advise`: which way of fine-tuning fits a situation, with the arithmetic behind it.

mod ask;
mod model;
mod size;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use clap::ValueEnum;

use super::{Failure, Global, show};
use crate::{
    analysis::advise::{Advice, Goal, Serving, Situation, advise},
    claims::written,
    demos::{Table, Value},
};

const EXAMPLES: &str = "\
Examples:
  deltaw advise                                                        asks for what it needs
  deltaw advise --model llama-2-70b --gpu-memory 80GB                  one model, one card
  deltaw advise --params 8B --gpu-memory 24GB --goal code --examples 50000
  deltaw advise --model config.json --gpu-memory 24GB --tasks 200 --serving many --json

Models known by name: those of `deltaw calc params --model ?`. Memory is what one card has.";

/// Arguments of `deltaw advise`. What is left out is asked for on a terminal; elsewhere it takes its default.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The base: a model known by name, or a Hugging Face config.json
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "params")]
    model: Option<String>,
    /// The base's parameters instead, such as 8B or 135M
    #[arg(long, value_name = "NUMBER")]
    params: Option<String>,
    /// Memory of one GPU, such as 24GB
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    gpu_memory: Option<String>,
    /// GPUs [default: 1]
    #[arg(long)]
    gpus: Option<u64>,
    /// What is to be learnt [default: instructions]
    #[arg(long, alias = "task", value_enum)]
    goal: Option<GoalArg>,
    /// Training examples [default: 10000]
    #[arg(long)]
    examples: Option<u64>,
    /// Tasks, each with an adapter of its own [default: 1]
    #[arg(long)]
    tasks: Option<u64>,
    /// Tokens of a training sequence [default: 2048]
    #[arg(long)]
    length: Option<u64>,
    /// How the result is served [default: auto]
    #[arg(long, value_enum)]
    serving: Option<ServingArg>,
    /// The latency of a single request counts most
    #[arg(long)]
    latency: bool,
}

/// [`Goal`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GoalArg {
    /// Labels or short answers
    Classification,
    /// A format or a tone
    Style,
    /// Following instructions
    Instructions,
    /// Code or mathematics
    Code,
    /// A new domain or language, from a corpus
    Knowledge,
    /// Reinforcement learning
    Rl,
}

impl From<GoalArg> for Goal {
    fn from(goal: GoalArg) -> Self {
        match goal {
            GoalArg::Classification => Self::Classification,
            GoalArg::Style => Self::Style,
            GoalArg::Instructions => Self::Instructions,
            GoalArg::Code => Self::Code,
            GoalArg::Knowledge => Self::Knowledge,
            GoalArg::Rl => Self::Reinforcement,
        }
    }
}

/// [`Serving`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ServingArg {
    /// Whichever fits the number of tasks
    Auto,
    /// One model a task, the adapter folded in
    Merged,
    /// One base with adapters beside it
    Many,
}

impl From<ServingArg> for Serving {
    fn from(serving: ServingArg) -> Self {
        match serving {
            ServingArg::Auto => Self::Auto,
            ServingArg::Merged => Self::Merged,
            ServingArg::Many => Self::Many,
        }
    }
}

/// Runs `deltaw advise`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let somebody = io::stdin().is_terminal() && io::stdout().is_terminal() && !global.json;
    let args = match somebody && !args.is_enough() {
        true => match ask::missing(args)? {
            Some(args) => args,
            None => return Ok(()),
        },
        false => args.clone(),
    };
    let situation = args.situation()?;
    let advice = advise(&situation).map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
    if global.json {
        let text = serde_json::to_string(&advice).map_err(|error| Failure::machine(error.to_string()))?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{}", shown(&situation, &advice, show::width()))?;
    }
    Ok(())
}

/// The largest counts that are taken; products of them with sizes still fit.
const MOST: u64 = 1_000_000_000;
const MOST_EXAMPLES: u64 = 1000 * MOST;
const MOST_GPUS: u64 = 1_000_000;

/// `given` within 1 to `most`, or the default.
fn count(flag: &str, given: Option<u64>, default: u64, most: u64) -> Result<u64, Failure> {
    match given.unwrap_or(default) {
        value if (1..=most).contains(&value) => Ok(value),
        value => Err(Failure::usage(format!("{flag} is {value}; it takes 1 to {most}"))),
    }
}

impl Args {
    /// Whether nothing needs to be asked.
    fn is_enough(&self) -> bool {
        (self.model.is_some() || self.params.is_some()) && self.gpu_memory.is_some()
    }

    fn situation(&self) -> Result<Situation, Failure> {
        let (model, base) = match (&self.model, &self.params) {
            (Some(model), _) => model::named(model)?,
            (None, Some(params)) => model::of_size(size::parameters(params).map_err(Failure::usage)?),
            (None, None) => {
                return Err(Failure::usage("which model? --model NAME, --model config.json or --params 8B"));
            }
        };
        let Some(memory) = &self.gpu_memory else {
            return Err(Failure::usage("how much memory has one GPU? --gpu-memory 24GB"));
        };
        Ok(Situation {
            model,
            base,
            memory: size::bytes(memory).map_err(Failure::usage)?,
            gpus: count("--gpus", self.gpus, 1, MOST_GPUS)?,
            goal: self.goal.unwrap_or(GoalArg::Instructions).into(),
            examples: count("--examples", self.examples, 10_000, MOST_EXAMPLES)?,
            tasks: count("--tasks", self.tasks, 1, MOST)?,
            length: count("--length", self.length, 2048, 10_000_000)?,
            serving: self.serving.unwrap_or(ServingArg::Auto).into(),
            latency: self.latency,
        })
    }
}

/// The advice in the terminal; every line ends in a newline.
fn shown(situation: &Situation, advice: &Advice, width: u16) -> String {
    let mut text = String::new();
    let line = |text: &mut String, words: &str| {
        text.push_str(&show::wrap(words, width));
        text.push('\n');
    };
    let Situation { model, gpus, goal, examples, tasks, length, memory, serving, latency, .. } = situation;
    let plural =
        |count: u64, word: &str| format!("{} {word}{}", written(count as f64), if count == 1 { "" } else { "s" });
    let urgent = if *latency { ", latency first" } else { "" };
    line(
        &mut text,
        &format!(
            "{}, {} of {} GB, {}: {}, {}, sequences of {} tokens, serving {}{urgent}.",
            model.name,
            plural(*gpus, "GPU"),
            written(memory / 1e9),
            goal.name(),
            plural(*examples, "example"),
            plural(*tasks, "task"),
            written(*length as f64),
            serving.name()
        ),
    );
    line(&mut text, &format!("\nRecommended: {}", advice.recommendation));
    for because in &advice.because {
        line(&mut text, &format!("- {because}"));
    }
    let row = |cells: Vec<Value>| cells;
    let counted = advice
        .arithmetic
        .iter()
        .map(|item| row(vec![item.what.clone().into(), written(item.value).into(), item.unit.into()]))
        .collect();
    let fits = advice.fits.iter().map(|fit| {
        let cards = fit.cards.map_or_else(|| "none".to_owned(), |cards| written(cards as f64));
        row(vec![
            fit.regime.into(),
            fit.states.into(),
            fit.card.into(),
            if fit.fits { "yes" } else { "no" }.into(),
            cards.into(),
        ])
    });
    let table = |columns: &[&str], rows: Vec<Vec<Value>>| Table {
        title: String::new(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows,
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\nThe arithmetic (GB are 10⁹ bytes; an estimate: kernels' workspaces are in the tenth that is left free)"
    );
    let _ = writeln!(text, "{}", show::grid(&table(&["counted", "", ""], counted), width));
    let _ = writeln!(
        text,
        "{}",
        show::grid(
            &table(
                &["way of training", "states, GB", "a card needs, GB", "fits", "cards that would do"],
                fits.collect()
            ),
            width
        )
    );
    let _ = writeln!(text, "\nRuled out, or for another day");
    for other in &advice.alternatives {
        line(&mut text, &format!("- {}: {}.", other.what, other.why));
    }
    let commands = &advice.commands;
    let mut block = |title: &str, body: Option<String>| {
        if let Some(body) = body {
            let _ = writeln!(text, "\n{title}\n  {}", super::verdict::clean(&body).replace('\n', "\n  "));
        }
    };
    block("Start here with deltaw", commands.train.clone());
    block("Mind", commands.train_note.clone());
    block("Or with PEFT: load the base", commands.load.clone());
    let config = commands.peft_config.as_ref().and_then(|config| serde_json::to_string_pretty(config).ok());
    block("PEFT's adapter_config.json (the same names are arguments of LoraConfig)", config);
    block("Serve with vLLM", commands.vllm.clone());
    text
}
