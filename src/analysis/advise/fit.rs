//! What fits: states by regime, activations with checkpoints, against the memory there is.

use serde::Serialize;

use super::{Choice, Goal, Item, Situation, Start};
use crate::analysis::memory::{Regime, activations, of as bytes_of};

/// The share of a card that is planned with: the rest is the driver's context, workspaces and fragments. An assumption.
pub(super) const USABLE: f64 = 0.9;

/// Regimes that are considered, from the most memory to the least.
const REGIMES: [Regime; 5] = [Regime::Mixed, Regime::Bf16Moments32, Regime::Adam8Bit, Regime::Lora, Regime::Qlora];

/// One way of training, against the hardware.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// The regime.
    pub regime: &'static str,
    /// Weights, gradients and optimiser state, GB.
    pub states: f64,
    /// What one card needs with its share of the states and its own activations, GB.
    pub card: f64,
    /// Whether that is there.
    pub fits: bool,
    /// Cards of this size that would do, if any number does.
    pub cards: Option<u64>,
    #[serde(skip)]
    pub(super) kind: Regime,
}

/// Bytes of one sequence's activations, with a checkpoint at every layer.
fn kept(situation: &Situation) -> f64 {
    activations(&situation.model, situation.length).checkpointed
}

/// Every regime with an adapter of so many parameters.
pub(super) fn all(situation: &Situation, adapter: u64) -> Vec<Fit> {
    let room = USABLE * situation.memory - kept(situation);
    REGIMES
        .into_iter()
        .map(|kind| {
            let states = bytes_of(kind, &situation.model, adapter).total();
            let card = states / situation.gpus as f64 + kept(situation);
            Fit {
                regime: kind.name(),
                states: states / 1e9,
                card: card / 1e9,
                fits: card <= USABLE * situation.memory,
                cards: (room > 0.0).then(|| (states / room).ceil().max(1.0) as u64),
                kind,
            }
        })
        .collect()
}

/// Whether `kind` trains every weight.
fn is_full(kind: Regime) -> bool {
    !matches!(kind, Regime::Lora | Regime::Qlora)
}

/// The first choice that fits.
pub(super) fn choose(situation: &Situation, fits: &[Fit]) -> Choice {
    let there = |wanted: Regime| fits.iter().any(|fit| fit.kind == wanted && fit.fits);
    let full = fits.iter().any(|fit| is_full(fit.kind) && fit.fits);
    if situation.goal == Goal::Knowledge && full && situation.tasks == 1 {
        Choice::Full
    } else if there(Regime::Lora) {
        Choice::Lora
    } else if there(Regime::Qlora) {
        Choice::Qlora
    } else {
        Choice::None
    }
}

/// Why that one.
pub(super) fn because(situation: &Situation, choice: Choice, fits: &[Fit]) -> Vec<String> {
    let find = |wanted: Regime| fits.iter().find(|fit| fit.kind == wanted);
    let need = |wanted: Regime| find(wanted).map_or(f64::NAN, |fit| fit.card);
    let there = USABLE * situation.memory / 1e9;
    let mut lines = Vec::new();
    match choice {
        Choice::Full => {
            let fit = fits.iter().find(|fit| is_full(fit.kind) && fit.fits);
            lines.push(format!(
                "There is much to learn, and it fits: {}, {:.1} GB of {there:.1} on a card. LoRA fell behind in continued pretraining at \
                 every rank that was tried (claim lora-matches-if-rank-enough).",
                fit.map_or("", |fit| fit.regime),
                fit.map_or(f64::NAN, |fit| fit.card),
            ));
            lines.push(
                "It forgets more than LoRA (claim lora-forgets-less): keep an evaluation of what the base could do."
                    .to_owned(),
            );
        }
        Choice::Lora => {
            lines.push(format!("The base fits in 16 bits: {:.1} GB of {there:.1} on a card. Four bits would only make each step slower.", need(Regime::Lora)));
        }
        Choice::Qlora => {
            lines.push(format!(
                "In 16 bits the base needs {:.1} GB of {there:.1} on a card; in NF4 it takes {:.1} (claims qlora-headline, qlora-35gb).",
                need(Regime::Lora),
                need(Regime::Qlora)
            ));
        }
        Choice::None => {
            let cards = find(Regime::Qlora).and_then(|fit| fit.cards);
            lines.push(format!("Even QLoRA needs {:.1} GB of {there:.1} on a card.", need(Regime::Qlora)));
            lines.push(match cards {
                Some(cards) => format!("{cards} such cards would hold it, sharded."),
                None => "The activations alone are more than a card holds: shorten the sequence.".to_owned(),
            });
        }
    }
    if matches!(choice, Choice::Lora | Choice::Qlora) {
        lines.push(
            "All linear layers: better than q and v at equal parameters (claims where-to-apply, more-matrices-better)."
                .to_owned(),
        );
        lines.push(
            "The rank is a start, not a law: what counts is whether the adapter holds what the data has to say. Sweep rank and learning \
             rate (claims rank-tiers, alpha-r-independent)."
                .to_owned(),
        );
    }
    if situation.goal == Goal::Knowledge && matches!(choice, Choice::Lora | Choice::Qlora) {
        let why =
            if situation.tasks > 1 { "With several tasks over one base" } else { "Full fine-tuning does not fit, so" };
        lines.push(format!("{why} LoRA is what there is; for a corpus like this expect a gap to full fine-tuning (claim continued-pretraining)."));
    }
    if situation.examples < 1000 && situation.goal != Goal::Reinforcement && choice != Choice::None {
        lines.push(format!(
            "{} examples are few: hold some out, stop early, and compare with prompting the base.",
            situation.examples
        ));
    }
    lines
}

/// What the memory is made of.
pub(super) fn arithmetic(situation: &Situation, start: &Start) -> Vec<Item> {
    let item = |what: String, value, unit| Item { what, value, unit };
    let model = &situation.model;
    let giga = |bytes: f64| bytes / 1e9;
    vec![
        item(format!("{}, parameters", model.name), model.total as f64, "parameters"),
        item(format!("LoRA at r = {} on all linear layers", start.rank), start.adapter as f64, "parameters"),
        item("that is, of the model".to_owned(), 100.0 * start.adapter as f64 / model.total as f64, "%"),
        item(
            "the adapter's gradients, moments and weights, 12 bytes each".to_owned(),
            giga(12.0 * start.adapter as f64),
            "GB",
        ),
        item(
            format!("activations of {} tokens, checkpointed, with logits in 32 bits", situation.length),
            giga(kept(situation)),
            "GB",
        ),
        item(
            "memory that is planned with, all cards (90 %)".to_owned(),
            giga(USABLE * situation.memory * situation.gpus as f64),
            "GB",
        ),
    ]
}
