//! One forward pass over rows with different LoRAs, and some with none.

use std::{collections::BTreeMap, sync::Arc};

use candle_core::{Result, bail};
use serde_json::Value;

use super::{Case, Check};
use crate::{
    model::Decoder,
    peft::hub::{self, Adapter},
    serve::{Batch, Packed, page::PagePool},
};

/// How PEFT names rows without an adapter.
const BARE: &str = "__base__";

/// Room for the adapters of a case.
const BYTES: usize = 64 << 20;

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let ids = case.ids()?;
    let (rows, tokens) = ids.dims2()?;
    let pool = PagePool::new(BYTES, base.config().hidden_size.max(base.config().intermediate_size));
    let mut adapters = BTreeMap::new();
    for (name, _) in case.field("adapters").and_then(Value::as_object).into_iter().flatten() {
        let Adapter::Lora(lora) = hub::load(&case.path("adapter").join(name), base)? else {
            bail!("adapter/{name} is no LoRA; only LoRAs stand in a mixed batch")
        };
        let Some(packed) = Packed::new(&lora, &pool)? else { bail!("adapter/{name} takes more than {BYTES} bytes") };
        adapters.insert(name.as_str(), packed);
    }
    let names = case.field("adapter_names").and_then(Value::as_array).into_iter().flatten();
    let of_row = |name: &Value| match name.as_str() {
        Some(BARE) => Ok((tokens, None)),
        Some(name) if adapters.contains_key(name) => Ok((tokens, adapters.get(name).map(Arc::clone))),
        _ => bail!("adapter_names holds {name}, which is not in `adapters`"),
    };
    let batch = names.map(of_row).collect::<Result<Vec<_>>>()?;
    if batch.len() != rows {
        bail!("adapter_names has {} entries for {rows} rows", batch.len());
    }
    Ok(vec![case.check("logits", &base.forward(&ids, &Batch::new(batch))?, "logits_abs")?])
}
