//! Three ways to serve an adapter, behind one forward pass.
//!
//! | way | what stands on the device | who shares a forward pass |
//! |---|---|---|
//! | batched | a LoRA's factors in pages | rows of all LoRAs and of the base |
//! | merged | a copy of the adapted weights per adapter | rows of one adapter |
//! | swap | the adapter as it was read | rows of one adapter |
//!
//! Only LoRA and rsLoRA have factors that a batch can mix. DoRA, VeRA, (IA)³, prompts, prefixes and bottlenecks are served in a pass of their
//! own, merged where the method merges and that way is chosen.

use std::{str::FromStr, sync::Arc};

use candle_core::{Result, Tensor};

use super::{
    Batch, Packed,
    page::{Claim, PagePool},
};
use crate::{
    model::{Decoder, Doors, KeyValues, Shut, Span},
    peft::{Method as _, hub::Adapter, merge},
};

/// Bytes of a number.
const NUMBER: usize = size_of::<f32>();

/// How adapters are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// One pass for rows of different adapters.
    #[default]
    Batched,
    /// A dense model per adapter.
    Merged,
    /// One adapter at a time in the doors, loaded when a request first needs it.
    Swap,
}

impl FromStr for Way {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "batched" => Ok(Self::Batched),
            "merged" => Ok(Self::Merged),
            "swap" => Ok(Self::Swap),
            _ => Err(format!("`{text}` is no way to serve: there are batched, merged, swap")),
        }
    }
}

/// An adapter on its device.
#[derive(Debug)]
pub enum Loaded {
    /// Factors in pages: its rows join the mixed batch.
    Packed(Arc<Packed>),
    /// A model of its own.
    Merged {
        /// The base with the adapter in its weights.
        model: Box<Decoder>,
        /// The budget of the weights that are its own.
        claim: Claim,
    },
    /// In the doors, in a pass of its own.
    Alone {
        /// The adapter.
        adapter: Arc<Adapter>,
        /// Its budget.
        claim: Claim,
    },
}

impl Loaded {
    /// Pages of the device's budget that `adapter` takes.
    ///
    /// # Errors
    /// A row of its factors is longer than a page.
    pub fn pages_for(adapter: &Adapter, base: &Decoder, way: Way, pages: &PagePool) -> Result<usize> {
        let bytes = match (way, adapter) {
            (Way::Batched, Adapter::Lora(lora)) => return Packed::pages_of(lora, pages),
            (Way::Merged, _) if adapter.mergeable().is_ok() => merged_bytes(adapter, base)?,
            _ => adapter.method().parameter_count() * NUMBER,
        };
        Ok(bytes.div_ceil(pages.page_bytes()))
    }

    /// Brings `adapter` to the device; none when `pages` has no room.
    ///
    /// # Errors
    /// The adapter does not fit the base or cannot be merged.
    pub fn new(adapter: &Arc<Adapter>, base: &Decoder, way: Way, pages: &PagePool) -> Result<Option<Self>> {
        match (way, adapter.as_ref(), adapter.mergeable()) {
            (Way::Batched, Adapter::Lora(lora), _) => Ok(Packed::new(lora, pages)?.map(Self::Packed)),
            (Way::Merged, _, Ok(method)) => {
                let Some(claim) = pages.claim(merged_bytes(adapter, base)?) else { return Ok(None) };
                Ok(Some(Self::Merged { model: Box::new(merge(base, method)?.model), claim }))
            }
            _ => {
                let bytes = adapter.method().parameter_count() * NUMBER;
                let alone = |claim| Self::Alone { adapter: Arc::clone(adapter), claim };
                Ok(pages.claim(bytes).map(alone))
            }
        }
    }
}

impl Loaded {
    /// Positions that it takes in a sequence's cache besides the tokens.
    #[must_use]
    pub fn virtual_positions(&self) -> usize {
        match self {
            Self::Alone { adapter, .. } => match adapter.as_ref() {
                Adapter::Prompt(prompt) => prompt.variables().iter().map(|prompt| prompt.dims()[0]).sum(),
                other => other.doors().cached_positions(),
            },
            _ => 0,
        }
    }
}

/// Bytes of the weights that a merge replaces.
fn merged_bytes(adapter: &Adapter, base: &Decoder) -> Result<usize> {
    let names = adapter.method().named_variables();
    let mut bytes = 0;
    for site in base.sites(&crate::model::Projection::ALL) {
        let path = format!("{site}.");
        if names.iter().any(|(name, _)| name.starts_with(&path))
            && let Some(weight) = base.projection(site)
        {
            bytes += weight.count() * NUMBER;
        }
    }
    Ok(bytes)
}

/// The next tokens of one sequence, and whose they are.
pub struct Row<'a> {
    /// None for the base itself.
    pub adapter: Option<Arc<Loaded>>,
    /// Ids; at least one.
    pub ids: &'a [u32],
    /// What came before.
    pub cache: &'a mut dyn KeyValues,
}

/// Logits after the last token of each row: one pass for everything that can share it, one for each adapter that cannot.
/// A pass that fails fails its own rows only.
pub fn forward(base: &Decoder, rows: Vec<Row<'_>>) -> Vec<Result<Vec<f32>>> {
    let mut results: Vec<Option<Result<Vec<f32>>>> = rows.iter().map(|_| None).collect();
    let mut waiting: Vec<(usize, Row<'_>)> = rows.into_iter().enumerate().collect();
    while let Some((_, first)) = waiting.first() {
        let lead = first.adapter.clone();
        let (pass, rest) = waiting.into_iter().partition(|(_, row)| share(lead.as_ref(), row.adapter.as_ref()));
        waiting = rest;
        let (places, rows): (Vec<usize>, Vec<Row<'_>>) = Vec::into_iter(pass).unzip();
        let logits = one_pass(base, lead.as_deref(), rows).and_then(|logits| logits.to_vec2::<f32>());
        match logits {
            Ok(logits) => places.into_iter().zip(logits).for_each(|(place, row)| results[place] = Some(Ok(row))),
            Err(error) => {
                let message = crate::model::one_line(&error);
                places
                    .into_iter()
                    .for_each(|place| results[place] = Some(Err(candle_core::Error::Msg(message.clone()))));
            }
        }
    }
    results.into_iter().flatten().collect()
}

/// Whether two rows can stand in one pass.
fn share(a: Option<&Arc<Loaded>>, b: Option<&Arc<Loaded>>) -> bool {
    let mixes = |adapter: Option<&Arc<Loaded>>| adapter.is_none_or(|adapter| matches!(**adapter, Loaded::Packed(_)));
    match (a, b) {
        _ if mixes(a) && mixes(b) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

fn one_pass(base: &Decoder, lead: Option<&Loaded>, rows: Vec<Row<'_>>) -> Result<Tensor> {
    let packed = |row: &Row<'_>| match row.adapter.as_deref() {
        Some(Loaded::Packed(packed)) => (row.ids.len(), Some(Arc::clone(packed))),
        _ => (row.ids.len(), None),
    };
    let batch = Batch::new(rows.iter().map(packed));
    let (model, doors): (&Decoder, &dyn Doors) = match lead {
        Some(Loaded::Merged { model, .. }) => (model, &Shut),
        Some(Loaded::Alone { adapter, .. }) => (base, adapter.doors()),
        _ => (base, &batch),
    };
    let mut spans: Vec<Span<'_>> = rows.into_iter().map(|row| Span { ids: row.ids, cache: row.cache }).collect();
    model.extend(&mut spans, doors)
}
