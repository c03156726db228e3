//! `--judge`: a model's second opinion beside the local verdict.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::value_parser;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Global, drill::data_dir, verdict::clean};
use crate::quiz::{
    grade::Instance,
    judge::{Address, Cache, Finding, Judge, Judgement, Key, Kind, Patience},
    verdict::Verdict,
};

/// Longest name of a model, in bytes.
const LONGEST_NAME: usize = 200;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Options of `--judge`.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Second opinion (never required)")]
pub struct JudgeArgs {
    /// Send free-text answers to this OpenAI-compatible endpoint too, and show where it differs;
    /// the key comes from DELTAW_JUDGE_KEY, for OpenAI also from OPENAI_API_KEY
    #[arg(long, value_name = "URL", requires = "judge_model")]
    judge: Option<String>,
    /// The model to ask there
    #[arg(long, value_name = "NAME", requires = "judge")]
    judge_model: Option<String>,
    /// Time for all its judgements on one answer, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u64).range(1..=3600))]
    judge_seconds: u64,
}

impl JudgeArgs {
    /// The judge that was asked for, if one was.
    ///
    /// # Errors
    /// The address, the model's name or the key cannot be used. Whether anything answers there shows later.
    pub fn open(&self, global: &Global) -> Result<Option<Judge>, Failure> {
        let (Some(url), Some(model)) = (&self.judge, &self.judge_model) else { return Ok(None) };
        let model = model.trim();
        if model.is_empty() || model.len() > LONGEST_NAME || model.contains(char::is_control) {
            return Err(Failure::usage(format!("--judge-model takes a name of 1 to {LONGEST_NAME} bytes")));
        }
        let address = Address::parse(url).map_err(Failure::usage)?;
        let (own, openai) = (env::var("DELTAW_JUDGE_KEY").ok(), env::var("OPENAI_API_KEY").ok());
        let key = Key::choose(&address, own.as_deref(), openai.as_deref()).map_err(Failure::usage)?;
        if let Some(warning) = key.as_ref().and_then(|key| key.warning(&address)) {
            anstream::eprintln!("deltaw: {warning}");
        }
        let cache = match Cache::open(&data_dir(global)?) {
            Ok(cache) => Some(cache),
            Err(error) => {
                anstream::eprintln!("deltaw: {error}");
                None
            }
        };
        Ok(Some(Judge::new(address, key, model, Patience::of(Duration::from_secs(self.judge_seconds)), cache)))
    }
}

/// Asks the judge, with a spinner where somebody watches; none where the question or the answer is nothing for it.
pub fn consult(judge: &mut Judge, instance: &Instance<'_>, verdict: &Verdict, answer: &str) -> Option<Judgement> {
    let spinner = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} asking the judge: {pos} of {len}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    let judgement = judge.examine(instance, verdict, answer, &mut |done, of| {
        spinner.set_length(of as u64);
        spinner.set_position(done as u64);
    });
    spinner.finish_and_clear();
    judgement
}

/// Renders `judgement`; every line ends in a newline.
#[must_use]
pub fn show(judgement: &Judgement) -> String {
    let (judged, differing) = (judgement.judged(), judgement.disagreements().count());
    let mut text = format!("Judge {} at {}: ", judgement.model, judgement.endpoint);
    // Writing to a String cannot fail.
    let _ = match judged {
        0 => writeln!(text, "no judgement"),
        _ => writeln!(text, "agrees with the grader on {} of {judged}{}", judged - differing, kept(judgement.kept)),
    };
    for finding in judgement.disagreements() {
        let _ = writeln!(text, "  ≠ {}", difference(finding));
    }
    for finding in &judgement.findings {
        if let Some(reason) = &finding.discarded {
            let _ = writeln!(text, "  discarded: {} ({reason})", finding.id);
        }
    }
    if judgement.cut {
        let _ = writeln!(text, "  It was sent only the beginning of this long answer.");
    }
    if let Some(fault) = &judgement.fault {
        let open = judgement.of - judgement.findings.len();
        let _ = writeln!(text, "  The judge {fault}; {open} of {} not judged.", judgement.of);
    }
    let stands = differing > 0 || judgement.fault.is_some();
    clean(&if stands { text + "  The grader's verdict stands.\n" } else { text })
}

fn kept(number: usize) -> String {
    if number == 0 { String::new() } else { format!(" ({number} kept from an earlier time)") }
}

fn difference(finding: &Finding) -> String {
    let text = match finding.kind {
        Kind::Misconception => format!("{} (a wrong belief)", finding.text),
        Kind::Point | Kind::Control => finding.text.clone(),
    };
    match finding.local {
        true => format!("{text}: the grader finds it, the judge does not"),
        false => format!("{text}: the judge finds it in «{}», the grader does not", finding.quote),
    }
}
