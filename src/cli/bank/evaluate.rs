//! `deltaw bank evaluate`: how far the grader agrees with labelled answers.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use serde_json::json;

use crate::{
    cli::{Failure, Global, embeddings::EmbeddingsArgs, grade::find, open_bank, verdict::clean},
    quiz::{
        bank::Bank,
        evaluate::{Evaluation, Figures, Labelled},
        grade::{Instance, Lexicon, grade, meaning::Encoder},
    },
};

/// Longest line that is read, in bytes.
const LINE_LIMIT: u64 = 1 << 20;

/// Arguments of `deltaw bank evaluate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of lines {"id": …, "answer": …, "label": 0|1|2, "kind": …}
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also list the answers that got another label
    #[arg(long)]
    disagreements: bool,
    /// Print Markdown, as in docs/grader.md
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    #[command(flatten)]
    embeddings: EmbeddingsArgs,
}

/// What came of one file.
struct Outcome {
    name: String,
    evaluation: Evaluation,
    /// Milliseconds an answer, sorted.
    times: Vec<f64>,
    /// Answers whose label differs, with the label they got.
    differing: Vec<(Labelled, u8)>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let encoder = args.embeddings.open()?;
    let mut out = io::stdout().lock();
    for file in &args.files {
        let outcome = evaluate(file, &bank, encoder.as_ref())?;
        if global.json {
            writeln!(out, "{}", as_json(&outcome, args.disagreements))?;
        } else if args.markdown {
            write!(out, "{}", as_markdown(&outcome))?;
        } else {
            write!(out, "{}", clean(&as_text(&outcome)))?;
        }
        if args.disagreements && !global.json {
            for (labelled, label) in &outcome.differing {
                let row =
                    format!("{} {} → {label} [{}] {}", labelled.id, labelled.label, labelled.kind, labelled.answer);
                writeln!(out, "{}", clean(&row.replace('\n', " ")))?;
            }
        }
    }
    Ok(())
}

fn evaluate(file: &Path, bank: &Bank, encoder: Option<&Arc<dyn Encoder>>) -> Result<Outcome, Failure> {
    let answers = read(file)?;
    // What is graded must not be known by heart: answers of the file that ship with their label are left out.
    let lexicon = Lexicon::new(bank).forgetting(answers.iter().map(|(_, labelled)| labelled.answer.clone()));
    let lexicon = match encoder {
        Some(encoder) => lexicon.encoding(Arc::clone(encoder)),
        None => lexicon,
    };
    let mut graded = Vec::new();
    let mut times = Vec::new();
    for (number, labelled) in answers {
        let question = find(bank, &labelled.id)
            .map_err(|error| Failure::usage(format!("{} line {number}: {error}", file.display())))?;
        let began = Instant::now();
        let verdict = grade(&Instance::draw(question, 0), &lexicon, &labelled.answer);
        times.push(1e3 * began.elapsed().as_secs_f64());
        graded.push((labelled, verdict.label.number()));
    }
    times.sort_by(f64::total_cmp);
    let evaluation = Evaluation::new(graded.iter().map(|(labelled, label)| (labelled, *label)));
    let differing = graded.into_iter().filter(|(labelled, label)| labelled.label != *label).collect();
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Outcome { name, evaluation, times, differing })
}

/// The labelled answers of `file`, each with the number of its line.
fn read(file: &Path) -> Result<Vec<(usize, Labelled)>, Failure> {
    let opened = File::open(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let mut input = BufReader::new(opened);
    let mut answers = Vec::new();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if input.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let bad = |message: String| Failure::usage(format!("{} line {number}: {message}", file.display()));
        if bytes.len() as u64 == LINE_LIMIT {
            return Err(bad(format!("longer than {LINE_LIMIT} bytes")));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let labelled: Labelled = serde_json::from_slice(&bytes)
            .map_err(|error| bad(format!("{error}; each line is {{\"id\": …, \"answer\": …, \"label\": 0|1|2}}")))?;
        if labelled.label > 2 {
            return Err(bad(format!("label {} is not 0, 1 or 2", labelled.label)));
        }
        answers.push((number, labelled));
    }
    match answers.is_empty() {
        true => Err(Failure::usage(format!("{}: no labelled answer in it", file.display()))),
        false => Ok(answers),
    }
}

fn median(times: &[f64]) -> f64 {
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn slowest(times: &[f64]) -> f64 {
    times.last().copied().unwrap_or_default()
}

fn as_json(outcome: &Outcome, disagreements: bool) -> serde_json::Value {
    let mut object = json!({
        "file": outcome.name, "all": outcome.evaluation.all, "kinds": outcome.evaluation.kinds,
        "median_ms": median(&outcome.times), "slowest_ms": slowest(&outcome.times),
    });
    if disagreements {
        object["disagreements"] = outcome
            .differing
            .iter()
            .map(|(labelled, label)| {
                json!({"id": labelled.id, "answer": labelled.answer, "label": labelled.label, "graded": label, "kind": labelled.kind})
            })
            .collect();
    }
    object
}

fn as_text(outcome: &Outcome) -> String {
    let all = &outcome.evaluation.all;
    let mut lines = vec![
        format!("{}: {} answers", outcome.name, all.answers),
        format!("  same label                 {:>6.1} %", 100.0 * all.accuracy),
        format!("  quadratic weighted kappa   {:>6.3}", all.kappa),
        format!("  false accepts (0 → 2)      {:>6.1} %", 100.0 * all.false_accepts),
        format!("  false rejects (2 → 0)      {:>6.1} %", 100.0 * all.false_rejects),
        format!("  right, not graded 2        {:>6.1} %", 100.0 * all.withheld),
        format!(
            "  time an answer             {:>6.2} ms median, {:.2} ms slowest",
            median(&outcome.times),
            slowest(&outcome.times)
        ),
        "  given \\ graded      0     1     2".to_owned(),
    ];
    for (given, row) in all.confusion.0.iter().enumerate() {
        lines.push(format!("  {given:<14} {:>6}{:>6}{:>6}", row[0], row[1], row[2]));
    }
    lines.push(format!("  {:<24}{:>8}{:>8}{:>8}{:>8}", "kind", "answers", "same", "0 → 2", "2 → 0"));
    for (kind, figures) in &outcome.evaluation.kinds {
        let kind: String = if kind.is_empty() { "(none)".to_owned() } else { kind.chars().take(24).collect() };
        let [accepted, rejected] = counts(figures);
        lines.push(format!(
            "  {kind:<24}{:>8}{:>6.0} %{accepted:>8}{rejected:>8}",
            figures.answers,
            100.0 * figures.accuracy
        ));
    }
    lines.join("\n") + "\n"
}

fn counts(figures: &Figures) -> [usize; 2] {
    [figures.confusion.0[0][2], figures.confusion.0[2][0]]
}

fn as_markdown(outcome: &Outcome) -> String {
    let all = &outcome.evaluation.all;
    let mut text = format!(
        "### {}\n\n| answers | same label | kappa | false accepts | false rejects | right, not graded 2 |\n|---|---|---|---|---|---|\n\
         | {} | {:.1} % | {:.3} | {:.1} % | {:.1} % | {:.1} % |\n\n| given \\ graded | 0 | 1 | 2 |\n|---|---|---|---|\n",
        outcome.name,
        all.answers,
        100.0 * all.accuracy,
        all.kappa,
        100.0 * all.false_accepts,
        100.0 * all.false_rejects,
        100.0 * all.withheld
    );
    for (given, row) in all.confusion.0.iter().enumerate() {
        text += &format!("| {given} | {} | {} | {} |\n", row[0], row[1], row[2]);
    }
    text += "\n| kind | answers | same label | 0 → 2 | 2 → 0 |\n|---|---|---|---|---|\n";
    for (kind, figures) in &outcome.evaluation.kinds {
        let [accepted, rejected] = counts(figures);
        let kind = if kind.is_empty() { "(none)" } else { kind };
        text += &format!(
            "| {kind} | {} | {:.0} % | {accepted} | {rejected} |\n",
            figures.answers,
            100.0 * figures.accuracy
        );
    }
    text + "\n"
}
