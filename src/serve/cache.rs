//! Paged keys and values (vLLM: Kwon et al. 2023, arXiv 2309.06180): a sequence's positions lie in pages that need not be neighbours.
//!
//! A page holds `BLOCK` positions of one layer, keys first, each head's positions together: (2, kv_heads, BLOCK, head_dim). All pages that a
//! sequence may need are taken when it is admitted, so that a running sequence never stops for lack of room.
//! Keys and values computed under one adapter are wrong under another, so no two sequences share a page.
//!
//! The pool's pages lie in host memory. A sequence whose model is on a GPU has its positions there, in one piece, and claims as many pages: so
//! the budget is one, and no key or value ever crosses.

use candle_core::{Device, Result, Tensor, bail};

use super::page::{Claim, Page, PagePool};
use crate::{
    device,
    model::{Config, KeyValues, KvCache},
};

/// Positions in a page.
const BLOCK: usize = 16;

/// Keys and values of one sequence.
#[derive(Debug)]
pub enum PagedCache {
    /// In pages.
    Host(HostPages),
    /// In the memory of the model's device, with the claim of as many pages.
    OnDevice(KvCache, Claim),
}

/// Pages of each layer.
#[derive(Debug)]
pub struct HostPages {
    layers: Vec<Vec<Page>>,
    len: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl PagedCache {
    /// Numbers in a page that holds a block of positions of one layer, and any row of an adapter's factors.
    #[must_use]
    pub fn page_length(config: &Config) -> usize {
        let block = 2 * BLOCK * config.num_key_value_heads * config.head_dim();
        let query = config.num_attention_heads * config.head_dim();
        block.max(config.hidden_size).max(config.intermediate_size).max(query)
    }

    /// Pages for `positions` of a sequence.
    #[must_use]
    pub fn pages_for(config: &Config, positions: usize) -> usize {
        config.num_hidden_layers * positions.div_ceil(BLOCK)
    }

    /// An empty cache with room for `positions` of a model on `device`; none when the pool has too few pages.
    #[must_use]
    pub fn new(config: &Config, positions: usize, pool: &PagePool, device: &Device) -> Option<Self> {
        let count = Self::pages_for(config, positions);
        if !device.is_cpu() {
            let claim = pool.claim(count * pool.page_bytes())?;
            return Some(Self::OnDevice(KvCache::with_room(config, positions), claim));
        }
        let mut pages = pool.take(count)?.into_iter();
        let layers =
            (0..config.num_hidden_layers).map(|_| pages.by_ref().take(positions.div_ceil(BLOCK)).collect()).collect();
        let (kv_heads, head_dim) = (config.num_key_value_heads, config.head_dim());
        Some(Self::Host(HostPages { layers, len: 0, kv_heads, head_dim }))
    }
}

impl KeyValues for PagedCache {
    fn len(&self) -> usize {
        match self {
            Self::Host(pages) => pages.len(),
            Self::OnDevice(cache, _) => cache.len(),
        }
    }

    fn append(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        match self {
            Self::Host(pages) => pages.append(layer, keys, values),
            Self::OnDevice(cache, _) => cache.append(layer, keys, values),
        }
    }
}

impl HostPages {
    /// Where the numbers of a head begin in a page; `half` is 0 for keys, 1 for values.
    fn start(&self, half: usize, head: usize) -> usize {
        (half * self.kv_heads + head) * BLOCK * self.head_dim
    }

    /// Writes new positions of one half, (kv_heads, new, head_dim).
    fn write(&mut self, layer: usize, half: usize, numbers: &Tensor) -> Result<()> {
        let (heads, new, width) = numbers.dims3()?;
        if (heads, width) != (self.kv_heads, self.head_dim) {
            bail!("the cache is for {} heads of {}; {heads} of {width} came", self.kv_heads, self.head_dim);
        }
        let numbers = device::down::<f32>(numbers)?;
        for (row, numbers) in numbers.chunks_exact(width).enumerate() {
            let (head, position) = (row / new, self.len + row % new);
            let start = self.start(half, head) + position % BLOCK * width;
            let Some(page) = self.layers[layer].get_mut(position / BLOCK) else {
                bail!("the cache has room for {} positions", self.layers[layer].len() * BLOCK)
            };
            page[start..][..width].copy_from_slice(numbers);
        }
        Ok(())
    }

    /// The first `len` positions of one half, (kv_heads, len, head_dim).
    fn read(&self, layer: usize, half: usize, len: usize, device: &Device) -> Result<Tensor> {
        let width = self.head_dim;
        let mut numbers = Vec::with_capacity(self.kv_heads * len * width);
        for head in 0..self.kv_heads {
            let start = self.start(half, head);
            for (block, page) in (0..len).step_by(BLOCK).zip(&self.layers[layer]) {
                numbers.extend_from_slice(&page[start..][..BLOCK.min(len - block) * width]);
            }
        }
        device::up(numbers, (self.kv_heads, len, width), device)
    }
}

impl KeyValues for HostPages {
    fn len(&self) -> usize {
        self.len
    }

    fn append(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        if layer >= self.layers.len() {
            bail!("the cache has {} layers, not {}", self.layers.len(), layer + 1);
        }
        self.write(layer, 0, keys)?;
        self.write(layer, 1, values)?;
        let end = self.len + keys.dim(1)?;
        let device = keys.device();
        let all = (self.read(layer, 0, end, device)?, self.read(layer, 1, end, device)?);
        if layer + 1 == self.layers.len() {
            self.len = end;
        }
        Ok(all)
    }
}
