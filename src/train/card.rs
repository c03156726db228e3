//! The model card that goes with what was trained: `README.md`, with what the Hugging Face hub reads at its top.

use std::{fmt::Write as _, path::Path};

use candle_core::Result;

use super::{Held, Job, Kind, Outcome, Trainee, job::Source, recipe::Size, tasks::Task};
use crate::model::write_whole;

/// What a card says besides the job.
pub struct Facts<'a> {
    /// What was trained.
    pub trainee: &'a Trainee,
    /// How it went.
    pub outcome: &'a Outcome,
    /// The command that did it.
    pub command: &'a str,
    /// Examples trained on and held out.
    pub examples: (usize, usize),
}

/// Writes the card to `dir`.
///
/// # Errors
/// The place cannot be written.
pub fn write(dir: &Path, job: &Job, facts: &Facts<'_>) -> Result<()> {
    write_whole(&dir.join("README.md"), text(job, facts).as_bytes())
}

fn text(job: &Job, facts: &Facts<'_>) -> String {
    let Facts { trainee, outcome, command, examples } = facts;
    let (recipe, settings) = (&job.recipe, &job.settings);
    let mut card = String::from("---\n");
    // Writing to a String cannot fail.
    if job.base.contains('/') && !Path::new(&job.base).exists() {
        let _ = writeln!(card, "base_model: {}", job.base);
    }
    let library = match (trainee.is_model(), recipe.method) {
        (true, _) => "transformers",
        // The hub still knows the `adapters` library by its old name (adapters 1.3.0, hub_mixin.py).
        (_, Kind::Houlsby | Kind::Pfeiffer | Kind::AdapterFusion) => "adapter-transformers",
        _ => "peft",
    };
    let _ = writeln!(card, "library_name: {library}\ntags:\n- {}\n- deltaw\n---\n", recipe.method);
    let _ = writeln!(card, "# {} on {}\n", recipe.method, job.base);
    let _ = writeln!(card, "Trained with deltaw {}. {}\n", env!("CARGO_PKG_VERSION"), kind(trainee));
    let size = match recipe.method.size() {
        Size::Rank => format!(", r = {}", recipe.rank),
        Size::Width => format!(", bottleneck {}", recipe.width),
        Size::Tokens => format!(", {} virtual tokens", recipe.tokens),
        Size::Fixed => String::new(),
    };
    let row = |card: &mut String, name: &str, value: String| {
        let _ = writeln!(card, "| {name} | {value} |");
    };
    card += "| | |\n|---|---|\n";
    row(&mut card, "base", format!("`{}`", job.base));
    row(&mut card, "method", format!("{} ({}){size}", recipe.method, recipe.method.about()));
    row(&mut card, "trained parameters", trainee.parameter_count().to_string());
    row(&mut card, "data", data(&job.source));
    row(&mut card, "examples", format!("{} trained on, {} held out", examples.0, examples.1));
    row(&mut card, "steps", format!("{} of {} examples", outcome.kept, batch(job)));
    row(
        &mut card,
        "learning rate",
        format!(
            "{} at its peak, {:?}, {} steps of warm-up",
            settings.learning_rate, settings.schedule, settings.warmup
        )
        .to_lowercase(),
    );
    row(&mut card, "seeds", format!("{} (data), {} (first values)", settings.seed, recipe.seed));
    if let (Some(before), Some(after)) = (outcome.before, outcome.after) {
        let both = |of: fn(&Held) -> f64, digits: usize| {
            format!("{:.digits$} before, {:.digits$} after", of(&before), of(&after))
        };
        row(&mut card, "held-out loss, nats a token", both(|held| held.loss, 4));
        row(&mut card, "held-out answers exactly right", both(|held| held.exact, 3));
    }
    let _ = writeln!(card, "\nMade by\n\n```\n{command}\n```\n\nEvery step is in `metrics.jsonl`.");
    card
}

fn kind(trainee: &Trainee) -> &'static str {
    match (trainee.is_model(), trainee.recipe().method) {
        (true, _) => "This is a whole model, not an adapter.",
        (_, Kind::Loftq) => "This adapter belongs to the quantised base in `base/`, not to the original weights.",
        (_, Kind::Qlora) => {
            "This adapter was trained on the base in four bits (NF4, double quantisation) and is best loaded on it so."
        }
        (_, Kind::AdapterFusion) => {
            "This fusion is in the format of the `adapters` library, with a copy of each adapter that it fuses."
        }
        (_, Kind::Houlsby | Kind::Pfeiffer) => "This adapter is in the format of the `adapters` library.",
        _ => "This adapter is in the format of Hugging Face PEFT.",
    }
}

fn batch(job: &Job) -> String {
    match job.settings.pack {
        Some(tokens) => format!("as many as fill {tokens} tokens, times {}", job.settings.accumulate),
        None => (job.settings.batch * job.settings.accumulate).to_string(),
    }
}

fn data(source: &Source) -> String {
    match source {
        Source::Task(name) => match Task::named(name) {
            Ok(task) => format!("task `{name}`: {} ({})", task.about, task.source),
            Err(_) => format!("task `{name}`"),
        },
        Source::Files { train, held_out } => {
            let name =
                |file: &Path| file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match held_out {
                Some(held) => format!("`{}`, held out `{}`", name(train), name(held)),
                None => format!("`{}`", name(train)),
            }
        }
    }
}
