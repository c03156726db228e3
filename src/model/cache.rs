//! Keys and values of a sequence, kept so that a new token attends to earlier ones without computing them again.

use candle_core::{Result, Tensor};

use super::Config;

/// What a sequence remembers. [`KvCache`] is the plain form; a serving engine brings its own.
pub trait KeyValues {
    /// Positions held, virtual ones of the doors included. It grows when the last layer has been appended.
    fn len(&self) -> usize;

    /// Whether the sequence has not begun.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the `keys` and `values` of new positions in `layer`, each (kv_heads, new, head_dim), and gives those of all positions,
    /// (kv_heads, len + new, head_dim). Layers come in order; after an error, the same positions may come again.
    ///
    /// # Errors
    /// There is no room.
    fn append(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)>;
}

/// The next tokens of one sequence.
pub struct Span<'a> {
    /// Their ids; at least one.
    pub ids: &'a [u32],
    /// What came before.
    pub cache: &'a mut dyn KeyValues,
}

/// Room for this many positions at first; it doubles when full.
const ROOM: usize = 64;

/// Keys and values of one sequence, contiguous in memory.
#[derive(Debug, Clone)]
pub struct KvCache {
    /// Keys and values of each layer, (kv_heads, room, head_dim).
    layers: Vec<Option<[Tensor; 2]>>,
    len: usize,
    /// Positions that there is room for; without it room grows.
    room: Option<usize>,
}

impl KvCache {
    /// An empty cache for a model of these sizes.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { layers: vec![None; config.num_hidden_layers], len: 0, room: None }
    }

    /// The same with memory for `positions` from the first of them on, and for no more.
    #[must_use]
    pub fn with_room(config: &Config, positions: usize) -> Self {
        Self { room: Some(positions), ..Self::new(config) }
    }
}

impl KeyValues for KvCache {
    fn len(&self) -> usize {
        self.len
    }

    fn append(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let last = layer + 1 == self.layers.len();
        let Some(slot) = self.layers.get_mut(layer) else {
            candle_core::bail!("the cache has {} layers, not {}", self.layers.len(), layer + 1)
        };
        let end = self.len + keys.dim(1)?;
        if let Some(room) = self.room.filter(|room| *room < end) {
            candle_core::bail!("the cache has room for {room} positions")
        }
        let room = self.room.unwrap_or((2 * end).max(ROOM));
        let [held_keys, held_values] = match slot.take() {
            Some(held) if held[0].dim(1)? >= end => held,
            held => {
                let [old_keys, old_values] = held.map_or([None, None], |[keys, values]| [Some(keys), Some(values)]);
                [roomier(old_keys, self.len, room, keys)?, roomier(old_values, self.len, room, values)?]
            }
        };
        held_keys.slice_set(&keys.contiguous()?, 1, self.len)?;
        held_values.slice_set(&values.contiguous()?, 1, self.len)?;
        let all = (held_keys.narrow(1, 0, end)?, held_values.narrow(1, 0, end)?);
        *slot = Some([held_keys, held_values]);
        if last {
            self.len = end;
        }
        Ok(all)
    }
}

/// A buffer with room for `room` positions that begins with the `len` positions of `old`.
fn roomier(old: Option<Tensor>, len: usize, room: usize, like: &Tensor) -> Result<Tensor> {
    let (heads, _, width) = like.dims3()?;
    let buffer = Tensor::zeros((heads, room, width), like.dtype(), like.device())?;
    if let Some(old) = old.filter(|_| len > 0) {
        buffer.slice_set(&old.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
    }
    Ok(buffer)
}
