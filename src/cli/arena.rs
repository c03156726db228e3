//! `deltaw arena`: all methods on one base and task at an equal budget.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Failure, Global,
    train::{THREADS, command},
};
use crate::{
    arena::{self, Budget, Contest, Event, Meter, Results},
    device::Precision,
    model::{Base, Options, one_line, write_whole},
    plot,
    train::{Job, Kind, Recipe, Settings, Task, job::Source},
};

const EXAMPLES: &str = "\
Each method is swept over learning rates of its own before its seeds are run. The report, all numbers and the figures go into --out.

Examples:
  deltaw arena --out docs/arena/tiny                                  every method on the tiny base's new skill
  deltaw arena --budget parameters --out docs/arena/tiny_parameters   at equal numbers of trained parameters
  deltaw arena --task polarity --methods lora,ia3,prefix --steps 40 --seeds 2 --out arena
  deltaw arena --methods lora,full --seeds 1 --rates 1 --json         the numbers alone, no sweep";

/// [`Budget`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BudgetArg {
    Steps,
    Parameters,
}

/// A base with fewer parameters is small: threads would wait for one another in its products.
const SMALL: usize = 10_000_000;

/// Arguments of `deltaw arena`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The base [default: the task's]
    #[arg(long, value_name = "SPEC")]
    base: Option<String>,
    /// The task
    #[arg(long, default_value = "revup")]
    task: String,
    /// Methods with commas, or `all`
    #[arg(long, default_value = "all")]
    methods: String,
    /// What is equal besides the steps
    #[arg(long, value_enum, default_value_t = BudgetArg::Steps)]
    budget: BudgetArg,
    /// Trained parameters with --budget parameters [default: those of LoRA with r = 1 on all projections]
    #[arg(long, value_name = "COUNT")]
    parameters: Option<usize>,
    /// Updates of each run
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// Examples a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Seeds at the best learning rate
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Learning rates of a sweep; it goes on by itself at an edge
    #[arg(long, default_value_t = 3)]
    rates: usize,
    /// Factor between neighbouring rates
    #[arg(long, default_value_t = 4.0)]
    factor: f64,
    /// Examples kept out of training to choose the rate by
    #[arg(long, default_value_t = 100)]
    validation: usize,
    /// Methods side by side, each on one thread; 0 for one at a time on all threads [default: the number of cores on a small base, else 0]
    #[arg(long, value_name = "COUNT")]
    parallel: Option<usize>,
    /// How often each method's steps are timed, in turn with the others' [default: 3 on a small base, else 1]
    #[arg(long)]
    rounds: Option<usize>,
    /// Directory for report, numbers and figures
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Never use the network to find a base
    #[arg(long)]
    offline: bool,
}

/// Runs `deltaw arena`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global, meter: Meter) -> Result<(), Failure> {
    if args.out.is_none() && !global.json {
        return Err(Failure::usage("name the directory for the report: --out DIR (or print the numbers with --json)"));
    }
    let unusable = |error: candle_core::Error| Failure::usage(one_line(&error));
    let task = Task::named(&args.task).map_err(Failure::usage)?;
    let spec = args.base.clone().unwrap_or_else(|| task.base.to_owned());
    let options = Options { offline: args.offline, progress: true, ..Options::default() };
    let device = global.compute_here()?;
    let open = || Base::open(&spec, &options, &device);
    let base = open().map_err(unusable)?;
    let contest = contest(args, &spec, &base)?;
    let data = job(&contest).read(&base).map_err(unusable)?.data;
    drop(base);
    if contest.parallel.is_some() && !one_thread() {
        return again();
    }
    let progress = Progress::new(&contest);
    let results = arena::contest(&contest, &data, &open, Some(meter), &mut |event| {
        progress.show(event);
        Ok(())
    })
    .map_err(|error| Failure::machine(one_line(&error)))?;
    progress.bar.finish_and_clear();
    if let Some(dir) = &args.out {
        write(dir, &results).map_err(|error| Failure::machine(error.to_string()))?;
    }
    let mut out = io::stdout().lock();
    if global.json {
        let text = serde_json::to_string(&results).map_err(|error| Failure::machine(error.to_string()))?;
        writeln!(out, "{text}")?;
    } else if let Some(dir) = &args.out {
        writeln!(out, "{:.0} s; the report is {}", results.seconds, dir.join("README.md").display())?;
    }
    Ok(())
}

fn contest(args: &Args, spec: &str, base: &Base) -> Result<Contest, Failure> {
    let methods = match args.methods.trim() {
        "all" => Ok(Kind::ALL.to_vec()),
        names => names.split(',').map(str::parse).collect::<Result<Vec<Kind>, String>>().map_err(Failure::usage),
    };
    if !(args.factor > 1.0 && args.factor <= 100.0) {
        return Err(Failure::usage(format!("--factor {}: write a number above 1 and up to 100", args.factor)));
    }
    let small = base.model.parameter_count() < SMALL;
    let smallest = Recipe { rank: 1, ..Recipe::new(Kind::Lora) };
    let default = crate::train::Trainee::new(base.model.clone(), smallest).map(|trainee| trainee.parameter_count());
    Ok(Contest {
        base: spec.to_owned(),
        task: args.task.clone(),
        methods: methods?,
        budget: match args.budget {
            BudgetArg::Steps => Budget::Steps,
            BudgetArg::Parameters => Budget::Parameters,
        },
        parameters: match args.parameters {
            Some(count) => count,
            None => default.map_err(|error| Failure::machine(one_line(&error)))?,
        },
        seeds: args.seeds,
        rates: args.rates,
        factor: args.factor,
        validation: args.validation,
        parallel: args
            .parallel
            .map_or(if small { Some(cores()) } else { None }, |count| Some(count).filter(|count| *count > 0)),
        rounds: args.rounds.unwrap_or(if small { 3 } else { 1 }),
        settings: Settings { steps: args.steps, batch: args.batch, warmup: args.steps / 10, ..Settings::default() },
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The task's data as a training run reads it.
fn job(contest: &Contest) -> Job {
    Job {
        base: contest.base.clone(),
        precision: Precision::F32,
        source: Source::Task(contest.task.clone()),
        max_tokens: None,
        skip_long: false,
        recipe: Recipe::new(Kind::Lora),
        settings: contest.settings.clone(),
        fingerprint: String::new(),
        fused: String::new(),
    }
}

/// Whether candle computes on one thread.
fn one_thread() -> bool {
    THREADS.iter().all(|name| std::env::var(name).is_ok_and(|value| value == "1"))
}

/// Runs this very command with one thread to a product: candle reads its number of threads from the environment only, and its threads wait
/// for one another by spinning, which on a small base takes three quarters of the time.
fn again() -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::machine(error.to_string()))?;
    let mut command = std::process::Command::new(program);
    command.args(std::env::args_os().skip(1)).envs(THREADS.map(|name| (name, "1")));
    let status = command.status().map_err(|error| Failure::machine(error.to_string()))?;
    match status.code() {
        Some(0) => Ok(()),
        // It has said why.
        code => std::process::exit(code.unwrap_or(1)),
    }
}

/// What is shown while it runs.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Every method is run once and measured in some rounds.
    fn new(contest: &Contest) -> Self {
        let all = contest.methods.len() * (1 + contest.rounds);
        let bar = if io::stderr().is_terminal() { ProgressBar::new(all as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} left {eta} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    fn show(&self, event: Event) {
        match event {
            Event::Begins(kind) => self.bar.set_message(kind.name()),
            Event::Trial(kind, rate, seed, loss) => {
                let loss = loss.map_or("diverged".to_owned(), |loss| format!("loss {loss:.3}"));
                self.bar.set_message(format!("{kind} at {rate:.1e}, seed {seed}: {loss}"));
            }
            Event::Done(kind) => {
                self.bar.inc(1);
                self.bar.set_message(format!("{kind} done"));
            }
            Event::Measured(kind) => {
                self.bar.inc(1);
                self.bar.set_message(format!("{kind}: steps measured"));
            }
        }
    }
}

/// Report, numbers and figures.
fn write(dir: &Path, results: &Results) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let threads = cores();
    let machine = format!("{threads} cores ({})", std::env::consts::ARCH);
    write_whole(&dir.join("README.md"), arena::markdown(results, &command(), &machine).as_bytes())?;
    write_whole(&dir.join("results.json"), (serde_json::to_string(results)? + "\n").as_bytes())?;
    for (name, figure) in arena::figures(results) {
        plot::write(&figure, &dir.join(name))?;
    }
    Ok(())
}
