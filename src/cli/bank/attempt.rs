//! `deltaw bank try`: type answers to one question and see how each is judged, stage by stage.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
};

use serde_json::json;

use crate::{
    cli::{
        Failure, Global,
        embeddings::EmbeddingsArgs,
        grade::find,
        open_bank,
        verdict::{Detail, clean, show},
    },
    quiz::grade::{Instance, Lexicon, Trace, grade},
};

/// Longest answer that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// Arguments of `deltaw bank try`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the question
    id: String,
    /// Answers; without any, one a line from standard input
    answers: Vec<String>,
    #[command(flatten)]
    embeddings: EmbeddingsArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let lexicon = args.embeddings.lexicon(&bank)?;
    let question = find(&bank, &args.id)?;
    let instance = Instance::draw(question, 0);
    let judge = |answer: &str| report(&instance, &lexicon, answer, global.json);
    if !args.answers.is_empty() {
        return args.answers.iter().try_for_each(|answer| judge(answer));
    }
    let input = io::stdin();
    if input.is_terminal() {
        writeln!(io::stderr(), "{}\nType an answer a line; Ctrl-D ends.", clean(&instance.text()))?;
    }
    for line in input.lock().lines() {
        let line = line.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
        if line.len() > LIMIT {
            return Err(Failure::usage(format!("an answer is longer than {LIMIT} bytes")));
        }
        if !line.trim().is_empty() {
            judge(&line)?;
        }
    }
    Ok(())
}

fn report(instance: &Instance<'_>, lexicon: &Lexicon, answer: &str, json: bool) -> Result<(), Failure> {
    let verdict = grade(instance, lexicon, answer);
    let mut out = io::stdout().lock();
    if json {
        let mut object = serde_json::to_value(&verdict).map_err(|error| Failure::machine(error.to_string()))?;
        object["id"] = json!(instance.question.id);
        object["answer"] = json!(answer);
        object["trace"] = json!(verdict.trace);
        writeln!(out, "{object}")?;
        return Ok(());
    }
    let traced = verdict.trace.as_ref().map(as_text).unwrap_or_default();
    writeln!(out, "> {}\n{}{}", clean(answer), show(instance, &verdict, Detail::Brief), clean(&traced))?;
    Ok(())
}

fn as_text(trace: &Trace) -> String {
    let mut text = format!("  read as: {}\n", trace.tokens.join(" "));
    for alike in &trace.alike {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  «{}»\n    is most like {} «{}» ({:.2})",
            alike.said, alike.target, alike.wording, alike.likeness
        );
    }
    if let Some(expected) = trace.expected {
        let f = &trace.features;
        let _ = writeln!(
            text,
            "  expected label {expected:.2}: patterns {:.0}; likeness to required points {:.2} at least, {:.2} on average; to decisive \
             wrong beliefs {:.2}, to near misses {:.2}, to other topics {:.2}",
            f.label, f.weakest, f.mean, f.decisive, f.near_miss, f.off_topic
        );
        let m = &f.meaning;
        let _ = writeln!(
            text,
            "  in meaning: to required points {:.2} at least, {:.2} on average; to decisive wrong beliefs {:.2}; known answers like it were \
             graded {:.2} by words, {:.2} by meaning",
            m.weakest, m.mean, m.decisive, f.answers.label, m.answers.label
        );
    }
    text
}
