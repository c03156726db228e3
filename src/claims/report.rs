//! The ledger with its evidence as a document.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Claim, Evidence, Finding, Outcome, Verdict, recorded, written};

/// A claim, with what was computed for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The claim.
    #[serde(flatten)]
    pub claim: Claim,
    /// What was computed, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What the recorded run says, where the claim quotes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Evidence>,
}

impl Entry {
    /// A claim with its evidence.
    #[must_use]
    pub fn new(claim: &Claim, evidence: Option<Evidence>) -> Self {
        let outcome = evidence.as_ref().map(Evidence::outcome);
        // A test sees to it that every quotation is understood.
        let recorded = claim.recorded.as_ref().and_then(|recorded| recorded::evidence(recorded).ok());
        Self { claim: claim.clone(), evidence, outcome, recorded }
    }
}

/// How many of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Entries.
    pub claims: usize,
    /// With a computation.
    pub live: usize,
    /// Whose computation agrees with the verdict.
    pub agree: usize,
    /// Whose computation contradicts it.
    pub contradict: usize,
    /// Whose computation settles nothing.
    pub inconclusive: usize,
    /// That quote the recorded run.
    pub recorded: usize,
}

/// Counts `entries`.
#[must_use]
pub fn summary(entries: &[Entry]) -> Summary {
    let with = |wanted| entries.iter().filter(|entry| entry.outcome == Some(wanted)).count();
    Summary {
        claims: entries.len(),
        live: entries.iter().filter(|entry| entry.evidence.is_some()).count(),
        agree: with(Outcome::Agrees),
        contradict: with(Outcome::Contradicts),
        inconclusive: with(Outcome::Inconclusive),
        recorded: entries.iter().filter(|entry| entry.recorded.is_some()).count(),
    }
}

/// The document that `deltaw claims --all --out FILE` writes. Measured times are left out, so that it stays the same from run to run.
#[must_use]
pub fn markdown(entries: &[Entry], title_of: impl Fn(&str) -> String) -> String {
    let Summary { claims, live, agree, contradict, inconclusive, recorded } = summary(entries);
    // Writing to a String cannot fail.
    let mut text =
        String::from("# The claims ledger\n\nWritten by `deltaw claims --all --out docs/claims.md`. Do not edit.\n\n");
    let _ = writeln!(
        text,
        "{claims} claims, {live} with a computation. Here {agree} computations agree with the ledger's verdict, {contradict} contradict it and \
         {inconclusive} settle nothing.\nThe outcome follows from criteria that stand in the code beside the numbers. The experiments are small: a model of a \
         million parameters, a few dozen steps.\nWhere one contradicts a published result, that is what this machine says, and no more.\n\n\
         {recorded} claims also quote a recorded run on SmolLM2-135M-Instruct: [all methods on one task](arena/smollm2/README.md), 12 steps and two seeds, made by\n\n\
         ```\n{}\n```\n\nWhat is expected of it was written with the record at hand. A difference that is smaller than the seeds' own is called noise there.\n",
        recorded::COMMAND
    );
    let odd: Vec<_> =
        entries.iter().filter(|entry| entry.outcome.is_some_and(|outcome| outcome != Outcome::Agrees)).collect();
    for entry in &odd {
        let outcome = entry.outcome.map_or("", Outcome::words);
        let _ = writeln!(text, "- [{0}](#{0}): the computation {outcome}", entry.claim.id);
    }
    let mut section = "";
    for entry in entries {
        if entry.claim.section != section {
            section = &entry.claim.section;
            let _ = write!(text, "\n## {}\n", title_of(section));
        }
        write_entry(&mut text, entry);
    }
    text
}

fn write_entry(text: &mut String, entry: &Entry) {
    let claim = &entry.claim;
    let _ = write!(
        text,
        "\n### {}\n\n> {}\n\n**{}.** {}\n\nSource ({}): {}.\n",
        claim.id,
        claim.said,
        sentence(claim.verdict),
        claim.correct,
        claim.checked_words(),
        claim.source.trim_end_matches('.')
    );
    match &entry.evidence {
        Some(evidence) => {
            let _ = write!(text, "\nComputed: {}.\n\n", evidence.about.trim_end_matches('.'));
            write_evidence(text, evidence);
            let _ = writeln!(text, "\nThe computation {}.", evidence.outcome().words());
        }
        None => {
            let _ = writeln!(text, "\nNothing is computed: {}", claim.why_not.as_deref().unwrap_or_default());
        }
    }
    if let Some(evidence) = &entry.recorded {
        let _ = write!(text, "\nRecorded: {}.\n\n", evidence.about);
        write_evidence(text, evidence);
        let _ = writeln!(text, "\nThe record {}.", evidence.outcome().words());
    }
}

fn write_evidence(text: &mut String, evidence: &Evidence) {
    if evidence.numbers.iter().any(|number| !number.timed) {
        text.push_str("| | |\n|---|---:|\n");
    }
    for number in evidence.numbers.iter().filter(|number| !number.timed) {
        let _ = writeln!(text, "| {} | {} |", number.name.replace('|', "\\|"), written(number.value));
    }
    if evidence.numbers.iter().any(|number| number.timed) {
        text.push_str("\nTimes differ from run to run and are left out here.\n");
    }
    text.push('\n');
    for criterion in &evidence.criteria {
        let _ = writeln!(text, "- {}: {}", criterion.text, found(criterion.finding));
    }
}

fn sentence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "Holds",
        Verdict::Caveat => "Holds with a caveat",
        Verdict::Wrong => "Wrong",
        Verdict::Untested => "Not testable here",
    }
}

/// A finding in a word.
fn found(finding: Finding) -> &'static str {
    match finding {
        Finding::Met => "yes",
        Finding::Failed => "**no**",
        Finding::Unclear => "within the noise",
    }
}
