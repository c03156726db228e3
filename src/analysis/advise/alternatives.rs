//! What was not chosen, and why.

use serde::Serialize;

use super::{Choice, Fit, Goal, Situation};
use crate::analysis::memory::Regime;

/// A way that was ruled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// The way.
    pub what: &'static str,
    /// Why not, or when.
    pub why: String,
}

pub(super) fn of(situation: &Situation, choice: Choice, fits: &[Fit]) -> Vec<Alternative> {
    let find = |wanted: Regime| fits.iter().find(|fit| fit.kind == wanted);
    let needs = |wanted: Regime| {
        find(wanted).map_or_else(String::new, |fit| match (fit.fits, fit.cards) {
            (true, _) => format!("it would fit ({:.1} GB a card)", fit.card),
            (false, Some(cards)) => format!("it needs {:.1} GB a card; {cards} such cards would hold it", fit.card),
            (false, None) => format!("it needs {:.1} GB a card; no number of such cards holds it", fit.card),
        })
    };
    let mut list = Vec::new();
    let mut add = |what, why: String| list.push(Alternative { what, why });
    if choice != Choice::Full {
        let why = match situation.goal {
            Goal::Knowledge if situation.tasks == 1 => needs(Regime::Mixed),
            _ => format!(
                "{}; for this goal there is no fixed gap to LoRA (claim full-ft-one-to-two-points), every task costs a whole checkpoint",
                needs(Regime::Mixed)
            ),
        };
        add("full fine-tuning", why);
    }
    match choice {
        Choice::Lora => add("QLoRA", format!("{}; each step dequantises every weight twice", needs(Regime::Qlora))),
        Choice::Qlora => add("LoRA over 16 bits", needs(Regime::Lora)),
        Choice::Full => add(
            "LoRA",
            format!("{}; try it at r = 256 first if several tasks will follow: it forgets less", needs(Regime::Lora)),
        ),
        Choice::None => {}
    }
    add(
        "DoRA",
        "unmerged it costs far more than LoRA, and much of its gain goes once LoRA's rate is tuned (claims dora-cost, dora-low-rank-gain)"
            .to_owned(),
    );
    add(
        "GaLore",
        match situation.goal {
            Goal::Knowledge => "worth trying when full fine-tuning nearly fits: all weights train, the state is small; no 4-bit base (claim galore-same-memory)".to_owned(),
            _ => "it trains all weights and leaves a full checkpoint, no adapter (claim galore-is-a-lora-variant)".to_owned(),
        },
    );
    add(
        "(IA)³, prompt tuning",
        "they shrink the file, not the training memory: weights and activations stay (claim prompt-or-ia3-for-memory)"
            .to_owned(),
    );
    add(
        "bottleneck adapters",
        "they cannot be merged and cost latency at small batches (claims adapter-not-mergeable, adapter-latency)"
            .to_owned(),
    );
    list
}
