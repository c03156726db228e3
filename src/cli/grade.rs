//! `deltaw grade`: judge answers without the REPL.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::json;
use strsim::damerau_levenshtein;

use super::{Failure, Global, embeddings::EmbeddingsArgs, judge, open_bank};
use crate::quiz::{
    bank::{Bank, Question},
    grade::{Instance, Lexicon, grade},
    judge::Judge,
    verdict::PointVerdict,
};

/// Longest line of a batch file, in bytes.
const LINE_LIMIT: u64 = 4 << 20;

const EXAMPLES: &str = "\
Examples:
  deltaw grade --id g07 --answer 'So that BA is zero and training starts at the base model'
  deltaw grade --id g07 --answer - < answer.txt
  deltaw grade --batch answers.jsonl > verdicts.jsonl
  deltaw grade --id g07 --answer 'B = 0' --judge http://localhost:8080 --judge-model smollm2";

/// Arguments of `deltaw grade`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Question to grade against
    #[arg(long, value_name = "ID", required_unless_present = "batch", requires = "answer")]
    id: Option<String>,
    /// The answer, or `-` for standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    answer: Option<String>,
    /// Seed that drew a numeric question's parameters
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File of lines {"id": …, "answer": …}, or `-`; prints one JSON verdict a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "answer"])]
    batch: Option<PathBuf>,
    /// With --batch: grade as if no answer of FILE were known, for calibration
    #[arg(long, requires = "batch")]
    unseen: bool,
    #[command(flatten)]
    embeddings: EmbeddingsArgs,
    #[command(flatten)]
    judge: judge::JudgeArgs,
}

/// A line of a batch. Other fields are ignored, so that a labelled file can be graded as it is.
#[derive(Deserialize)]
struct Line {
    id: String,
    answer: String,
    #[serde(default)]
    seed: u64,
}

/// Runs `deltaw grade`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let mut lexicon = args.embeddings.lexicon(&bank)?;
    let mut judge = args.judge.open(global)?;
    if let Some(file) = &args.batch {
        if args.unseen && file.as_os_str() != "-" {
            let mut answers = Vec::new();
            lines(file, |_, line| {
                answers.push(line.answer);
                Ok(())
            })?;
            lexicon = lexicon.forgetting(answers);
        }
        return batch(file, &bank, &lexicon, judge.as_mut());
    }
    let (Some(id), Some(answer)) = (args.id, args.answer) else {
        return Err(Failure::usage("give --id ID and --answer TEXT, or --batch FILE"));
    };
    let answer = if answer == "-" { read_input()? } else { answer };
    let question = find(&bank, &id)?;
    let instance = Instance::draw(question, args.seed);
    let verdict = grade(&instance, &lexicon, &answer);
    let judgement = judge.as_mut().map(|judge| judge::consult(judge, &instance, &verdict, &answer));
    let mut out = io::stdout().lock();
    if global.json {
        let mut object = serde_json::to_value(&verdict).map_err(|error| Failure::machine(error.to_string()))?;
        object["id"] = json!(id);
        if let Some(judgement) = &judgement {
            object["judge"] = json!(judgement);
        }
        writeln!(out, "{object}")?;
    } else {
        write!(out, "{}", super::verdict::show(&instance, &verdict, super::verdict::Detail::Full))?;
        match &judgement {
            Some(Some(judgement)) => write!(out, "\n{}", judge::show(judgement))?,
            Some(None) => writeln!(out, "\nThe judge was not asked: it judges free text.")?,
            None => {}
        }
    }
    Ok(())
}

fn read_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LINE_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The question called `id`.
///
/// # Errors
/// There is none: the message names the nearest ids.
pub fn find<'a>(bank: &'a Bank, id: &str) -> Result<&'a Question, Failure> {
    bank.questions.iter().find(|question| question.id == id).ok_or_else(|| {
        let shown: String = id.chars().filter(|c| !c.is_control()).take(40).collect();
        let mut near: Vec<_> =
            bank.questions.iter().map(|question| (damerau_levenshtein(&question.id, &shown), &question.id)).collect();
        near.sort();
        let near: Vec<_> = near.into_iter().take(3).map(|(_, id)| id.as_str()).collect();
        Failure::usage(format!(
            "no question is called `{shown}`; near it: {}; `deltaw bank list` lists all",
            near.join(", ")
        ))
    })
}

/// Calls `each` with every line of a batch and its number.
fn lines(file: &Path, mut each: impl FnMut(usize, Line) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut input: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        Box::new(BufReader::new(opened))
    };
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
        let line: Line = serde_json::from_slice(&bytes)
            .map_err(|error| bad(format!("{error}; each line is {{\"id\": …, \"answer\": …}}")))?;
        each(number, line)?;
    }
    Ok(())
}

fn batch(file: &Path, bank: &Bank, lexicon: &Lexicon, mut judge: Option<&mut Judge>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    lines(file, |number, line| {
        let question = find(bank, &line.id)
            .map_err(|error| Failure::usage(format!("{} line {number}: {error}", file.display())))?;
        let instance = Instance::draw(question, line.seed);
        let verdict = grade(&instance, lexicon, &line.answer);
        let ids = |points: &[PointVerdict]| points.iter().map(|p| p.id.clone()).collect::<Vec<_>>();
        let wrong: Vec<_> = verdict.misconceptions.iter().map(|caught| caught.id.clone()).collect();
        let trace = verdict.trace.as_ref();
        let expected = trace.and_then(|trace| trace.expected);
        let features = trace.filter(|_| expected.is_some()).map(|trace| trace.features.list());
        let mut row = json!({
            "id": line.id, "label": verdict.label, "score": verdict.score, "hit": ids(&verdict.hit), "missed": ids(&verdict.missed),
            "misconceptions": wrong, "notes": verdict.notes, "features": features, "expected": expected,
        });
        if let Some(judge) = judge.as_deref_mut() {
            row["judge"] = json!(judge::consult(judge, &instance, &verdict, &line.answer));
        }
        writeln!(out, "{row}")?;
        Ok(())
    })
}
