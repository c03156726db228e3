//! The ledger's entries, as `assets/claims.yaml` holds them. Field by field this is the format; unknown fields are refused.

use std::{collections::BTreeSet, sync::OnceLock};

use serde::{Deserialize, Serialize};

use super::recorded::{self, Recorded};

/// The text of the ledger that is part of the program.
const TEXT: &str = include_str!("../../assets/claims.yaml");

/// The version of the format that this program reads.
const VERSION: u32 = 1;

/// The whole ledger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Version of this format; 1.
    pub version: u32,
    /// The entries, by section in the order of the curriculum.
    pub claims: Vec<Claim>,
}

/// One thing that is said, and what is true of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Stable id, such as `alpha-default`.
    pub id: String,
    /// The section of the curriculum, by the id that the question bank uses.
    pub section: String,
    /// The popular wording, paraphrased.
    pub said: String,
    /// Whether it is true.
    pub verdict: Verdict,
    /// What is true.
    pub correct: String,
    /// Where that is from.
    pub source: String,
    /// How the source was read.
    pub checked: BTreeSet<Checked>,
    /// The computation that shows it, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why nothing is computed, where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What the recorded run on SmolLM2 says of it.
    #[serde(default, skip_serializing)]
    pub recorded: Option<Recorded>,
}

/// Whether what is said is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It holds under a condition that is left out, or is loosely worded.
    Caveat,
    /// It is wrong.
    Wrong,
    /// Nothing that runs here can settle it: a rule of thumb, or a statement about practice.
    Untested,
}

impl Verdict {
    /// The verdict in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Caveat => "holds with a caveat",
            Self::Wrong => "wrong",
            Self::Untested => "not testable here",
        }
    }
}

/// How a source was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// In the paper's own text.
    Paper,
    /// In the library's source.
    Code,
    /// By running it.
    Run,
    /// By arithmetic.
    Derived,
    /// Second-hand: in a quotation of the source, not in the source.
    Second,
}

impl Checked {
    /// The tag in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Paper => "read in the paper",
            Self::Code => "read in the code",
            Self::Run => "executed",
            Self::Derived => "derived",
            Self::Second => "in part second-hand",
        }
    }
}

impl Claim {
    /// How its source was read, in words.
    #[must_use]
    pub fn checked_words(&self) -> String {
        match self.checked.iter().collect::<Vec<_>>()[..] {
            [Checked::Second] => "second-hand: a quotation of it was read".to_owned(),
            ref several => several.iter().map(|how| how.words()).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The ledger that is part of the program.
///
/// # Errors
/// Its text cannot be read; a test sees to it that it can.
pub fn ledger() -> Result<&'static Ledger, String> {
    static LEDGER: OnceLock<Result<Ledger, String>> = OnceLock::new();
    LEDGER.get_or_init(|| read(TEXT)).as_ref().map_err(Clone::clone)
}

/// Reads the text of a ledger.
///
/// # Errors
/// The first fault of the format, in words.
pub fn read(text: &str) -> Result<Ledger, String> {
    serde_yaml::from_str(text).map_err(|error| format!("assets/claims.yaml: {error}"))
}

/// The claim called `id`.
///
/// # Errors
/// There is none; the message names those that are spelt alike.
pub fn find(id: &str) -> Result<&'static Claim, String> {
    let claims = &ledger()?.claims;
    if let Some(claim) = claims.iter().find(|claim| claim.id == id) {
        return Ok(claim);
    }
    let mut near: Vec<_> =
        claims.iter().map(|claim| (strsim::jaro_winkler(&claim.id, id), claim.id.as_str())).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, id)| id).collect();
    let shown: String = id.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(format!("no claim is called `{shown}`; near it are {}; `deltaw claims` lists all", near.join(", ")))
}

/// Everything wrong with a ledger whose computations may be `computations`.
#[must_use]
pub fn faults(ledger: &Ledger, computations: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    if ledger.version != VERSION {
        faults.push(format!("version {}: this program reads version {VERSION}", ledger.version));
    }
    let (mut ids, mut used) = (BTreeSet::new(), BTreeSet::new());
    for claim in &ledger.claims {
        let mut fault = |message: String| faults.push(format!("{}: {message}", claim.id));
        if !ids.insert(&claim.id) {
            fault("another claim has this id".to_owned());
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if claim.id.is_empty() || !claim.id.chars().all(plain) {
            fault("an id is made of small letters, digits and hyphens".to_owned());
        }
        for (field, text) in
            [("section", &claim.section), ("said", &claim.said), ("correct", &claim.correct), ("source", &claim.source)]
        {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                fault(format!("`{field}` must be one line of text"));
            }
        }
        if claim.checked.is_empty() {
            fault("`checked` must say how the source was read".to_owned());
        }
        match (&claim.run, &claim.why_not) {
            (Some(name), None) if computations.contains(&name.as_str()) => {
                used.insert(name.as_str());
            }
            (Some(name), None) => fault(format!("no computation is called `{name}`")),
            (None, Some(why)) if !why.trim().is_empty() => {}
            _ => fault("it needs either `run` or a reason in `why_not`".to_owned()),
        }
        match claim.recorded.as_ref().map(recorded::evidence) {
            Some(Ok(evidence)) if evidence.numbers.is_empty() || evidence.criteria.is_empty() => {
                fault("`recorded` needs numbers that it quotes and something that it expects of them".to_owned());
            }
            Some(Err(error)) => fault(error),
            _ => {}
        }
    }
    let idle = computations.iter().filter(|name| !used.contains(*name));
    faults.extend(idle.map(|name| format!("the computation `{name}` belongs to no claim")));
    faults
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ONE: &str =
        "{id: a, section: lora, said: s, verdict: wrong, correct: c, source: x, checked: [paper], run: a}";

    fn of(claims: &str) -> Vec<String> {
        faults(&read(&format!("version: 1\nclaims: [{claims}]")).unwrap(), &["a"])
    }

    #[test]
    fn each_fault_is_found() {
        assert!(of(ONE).is_empty());
        assert!(of(&format!("{ONE}, {ONE}"))[0].contains("another claim"));
        assert!(of(&ONE.replace("run: a", "run: b"))[0].contains("no computation"));
        assert!(of(&ONE.replace(", run: a", ""))[0].contains("either"));
        assert!(of(&ONE.replace("source: x", "source: ''"))[0].contains("source"));
        assert!(of(&ONE.replace("[paper]", "[]"))[0].contains("checked"));
        assert!(of(&ONE.replace("id: a", "id: A b"))[0].contains("small letters"));
        assert!(of("")[0].contains("belongs to no claim"));
        let recorded = |quote: &str, that: &str| {
            of(&ONE.replace(
                "run: a",
                &format!("run: a, recorded: {{quotes: [{quote}], expect: [{{text: t, that: {that}}}]}}"),
            ))
        };
        assert!(recorded("lora.exact", "lora.exact > 1").is_empty());
        assert!(recorded("", "lora.exact > 1")[0].contains("quotes"));
        assert!(recorded("lora.exat", "lora.exact > 1")[0].contains("no number `lora.exat`"));
        assert!(read("version: 1\nclaims: [{id: a}]").is_err());
        assert!(read(&format!("version: 1\nclaims: [{}]", ONE.replace("said", "sayd"))).is_err());
        assert!(read(&format!("version: 1\nclaims: [{}]", ONE.replace("wrong", "perhaps"))).is_err());
    }

    #[test]
    fn a_misspelt_id_is_answered_with_its_neighbours() {
        assert!(find("alpha-defualt").unwrap_err().contains("alpha-default"));
        assert_eq!(find("ratio-125x").unwrap().verdict, Verdict::Wrong);
    }
}
