//! `deltaw claims`: the ledger, and the computations that show its entries.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, Global, show};
use crate::{
    claims::{self, Bench, Claim, Entry, Evidence, Finding, Ledger, Outcome, Summary, live, recorded, written},
    demos::Error,
    model::{one_line, write_whole},
    quiz::bank,
};

const EXAMPLES: &str = "\
Examples:
  deltaw claims                          list the claims with their verdicts
  deltaw claims alpha-default            one claim, its source, and its evidence, computed now
  deltaw claims --section qlora          all of one section
  deltaw claims --all --out claims.md    compute everything and write the report
  deltaw claims --check                  check the ledger itself";

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Arguments of `deltaw claims`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The claim; without it they are listed
    #[arg(conflicts_with_all = ["all", "section", "check"])]
    id: Option<String>,
    /// Compute every claim
    #[arg(long, conflicts_with_all = ["section", "check"])]
    all: bool,
    /// Compute the claims of one section, such as lora
    #[arg(long, value_name = "SECTION", conflicts_with = "check")]
    section: Option<String>,
    /// Check the ledger: ids, sources, computations
    #[arg(long)]
    check: bool,
    /// Write the report to this Markdown file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "section", "id"], requires = "all")]
    out: Option<PathBuf>,
}

/// Runs `deltaw claims`.
///
/// # Errors
/// See [`Failure`]; faults of the ledger end with exit code 1.
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    if args.check {
        return check(global.json);
    }
    global.compute_here()?;
    if let Some(id) = &args.id {
        return one(claims::find(id).map_err(Failure::usage)?, global.json);
    }
    let ledger = claims::ledger().map_err(Failure::machine)?;
    match &args.section {
        Some(section) => {
            let chosen: Vec<&Claim> = ledger.claims.iter().filter(|claim| claim.section == *section).collect();
            if chosen.is_empty() {
                return Err(Failure::usage(unknown_section(ledger, section)));
            }
            compute(&chosen, None, global.json)
        }
        None if args.all => compute(&ledger.claims.iter().collect::<Vec<_>>(), args.out.as_deref(), global.json),
        None => list(ledger, global.json),
    }
}

fn unknown_section(ledger: &Ledger, section: &str) -> String {
    let mut known: Vec<&str> = ledger.claims.iter().map(|claim| claim.section.as_str()).collect();
    known.dedup();
    format!("no section is called `{}`; there are {}", super::verdict::clean(section), known.join(", "))
}

fn check(json: bool) -> Result<(), Failure> {
    let (faults, mut out) = (claims::check().map_err(Failure::machine)?, io::stdout().lock());
    let ledger = claims::ledger().map_err(Failure::machine)?;
    let live = ledger.claims.iter().filter(|claim| claim.run.is_some()).count();
    if json {
        writeln!(out, "{}", json!({"claims": ledger.claims.len(), "live": live, "faults": faults}))?;
    } else if faults.is_empty() {
        writeln!(out, "The ledger is clean: {} claims, {live} with a computation.", ledger.claims.len())?;
    } else {
        for fault in &faults {
            writeln!(out, "{fault}")?;
        }
    }
    match faults.len() {
        0 => Ok(()),
        count => Err(Failure::Finding(format!("the ledger has {count} faults"))),
    }
}

fn list(ledger: &Ledger, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut section = "";
    for claim in &ledger.claims {
        if json {
            writeln!(out, "{}", line(claim)?)?;
            continue;
        }
        if claim.section != section {
            section = &claim.section;
            writeln!(out, "{section}")?;
        }
        let mark = if claim.run.is_some() { "*" } else { " " };
        writeln!(out, "  {mark} {:<37} {:<20} {}", claim.id, claim.verdict.words(), short(&claim.said))?;
    }
    if !json {
        writeln!(out, "\n* computes its evidence: deltaw claims ID")?;
    }
    Ok(())
}

fn short(said: &str) -> String {
    const WIDTH: usize = 70;
    match said.char_indices().nth(WIDTH) {
        None => said.to_owned(),
        Some((end, _)) => format!("{}…", &said[..end]),
    }
}

fn line(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::machine(error.to_string()))
}

fn failed(error: &Error) -> Failure {
    Failure::machine(error.to_string())
}

/// Runs a claim's computation, if it has one.
fn evidence(claim: &Claim, bench: &Bench) -> Result<Option<Evidence>, Failure> {
    claim.run.as_ref().map(|name| live::run(name, bench)).transpose().map_err(|error| failed(&error))
}

fn one(claim: &'static Claim, json: bool) -> Result<(), Failure> {
    let spinner = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    spinner.set_message(format!("computing {}", claim.id));
    spinner.enable_steady_tick(TICK);
    let found = Bench::new().map_err(|error| failed(&error)).and_then(|bench| evidence(claim, &bench));
    spinner.finish_and_clear();
    let (entry, mut out) = (Entry::new(claim, found?), io::stdout().lock());
    match json {
        true => writeln!(out, "{}", line(&entry)?)?,
        false => write!(out, "{}", shown(&entry, show::width()))?,
    }
    Ok(())
}

/// An entry in the terminal; every line ends in a newline.
fn shown(entry: &Entry, width: u16) -> String {
    let claim = &entry.claim;
    let mut text = format!("{} · {}\n\n", claim.id, claim.section);
    let mut paragraph = |words: &str| {
        text.push_str(&show::wrap(words, width));
        text.push('\n');
    };
    paragraph(&format!("Said: {}", claim.said));
    paragraph(&format!("Verdict: {}", claim.verdict.words()));
    paragraph(&format!("True: {}", claim.correct));
    paragraph(&format!("Source ({}): {}", claim.checked_words(), claim.source));
    paragraph("");
    match &entry.evidence {
        Some(evidence) => {
            paragraph(&format!("Computed now: {}", evidence.about));
            show_evidence(&mut text, evidence, width);
            verbatim(&mut text, &format!("\nThe computation {}.", evidence.outcome().words()));
        }
        None => paragraph(&format!("Nothing is computed: {}", claim.why_not.as_deref().unwrap_or_default())),
    }
    if let Some(evidence) = &entry.recorded {
        verbatim(&mut text, &show::wrap(&format!("\nRecorded: {}", evidence.about), width));
        show_evidence(&mut text, evidence, width);
        verbatim(
            &mut text,
            &format!("\nThe record {}. It was made by\n  {}", evidence.outcome().words(), recorded::COMMAND),
        );
    }
    text
}

/// Numbers and criteria.
fn show_evidence(text: &mut String, evidence: &Evidence, width: u16) {
    let widest = evidence.numbers.iter().map(|number| number.name.chars().count()).max().unwrap_or(0).min(64);
    for number in &evidence.numbers {
        let timed = if number.timed { "  (measured time: differs from run to run)" } else { "" };
        verbatim(text, &format!("  {:<widest$}  {}{timed}", number.name, written(number.value)));
    }
    text.push('\n');
    for criterion in &evidence.criteria {
        let mark = match criterion.finding {
            Finding::Met => "+",
            Finding::Failed => "-",
            Finding::Unclear => "?",
        };
        verbatim(text, &show::wrap(&format!("  {mark} {}", criterion.text), width));
    }
}

/// Adds a line as it is.
fn verbatim(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn compute(chosen: &[&Claim], out_file: Option<&Path>, json: bool) -> Result<(), Failure> {
    // Better said now than after minutes of computing.
    if let Some(place) =
        out_file.and_then(|file| file.parent()).filter(|place| !place.as_os_str().is_empty() && !place.is_dir())
    {
        return Err(Failure::usage(format!("--out: there is no directory {}; make it first", place.display())));
    }
    let started = Instant::now();
    let bar = match io::stderr().is_terminal() {
        true => ProgressBar::new(chosen.len() as u64),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg}") {
        bar.set_style(style);
    }
    let bench = Bench::new().map_err(|error| failed(&error))?;
    let (mut entries, mut out) = (Vec::new(), io::stdout());
    for claim in chosen {
        bar.set_message(claim.id.clone());
        let entry = Entry::new(claim, evidence(claim, &bench)?);
        let row = match json {
            true => line(&entry)?,
            false => {
                let outcome = entry.outcome.map_or("nothing to compute", Outcome::words);
                format!("{:<37} {:<20} {outcome}", claim.id, claim.verdict.words())
            }
        };
        bar.suspend(|| writeln!(out, "{row}"))?;
        entries.push(entry);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let totals = claims::summary(&entries);
    if json {
        writeln!(out, "{}", json!({"summary": totals, "seconds": seconds}))?;
    } else {
        let Summary { claims, live, agree, contradict, inconclusive, recorded } = totals;
        writeln!(
            out,
            "\n{claims} claims, {live} with a computation: {agree} agree with the verdict, {contradict} contradict it, {inconclusive} settle \
             nothing. {recorded} quote a recorded run on SmolLM2. {seconds:.0} seconds."
        )?;
    }
    if let Some(file) = out_file {
        write_report(&entries, file)?;
    }
    Ok(())
}

fn write_report(entries: &[Entry], file: &Path) -> Result<(), Failure> {
    let bank = bank::builtin().map_err(|error| Failure::machine(error.to_string()))?;
    let title = |id: &str| {
        bank.sections.iter().find(|section| section.id == id).map_or_else(|| id.to_owned(), |s| s.title.clone())
    };
    let text = claims::markdown(entries, title);
    write_whole(file, text.as_bytes()).map_err(|error| Failure::machine(one_line(&error)))
}
