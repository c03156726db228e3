//! A LoRA as the kernels read it: rows of A and columns of B, packed into pages; on a GPU in one piece of its memory, by the same budget.

use std::{collections::BTreeMap, sync::Arc};

use candle_core::Result;

use super::{
    kernels::LowRank,
    page::{Page, PagePool},
};
use crate::{device::down, model::Site, peft::Lora};

/// A LoRA or rsLoRA on its device, ready for a mixed batch.
#[derive(Debug)]
pub struct Packed {
    held: Held,
    sites: BTreeMap<Site, Places>,
}

/// Where the numbers are.
#[derive(Debug)]
enum Held {
    /// In pages of the pool.
    Pages(Vec<Page>),
    /// On a GPU; as many pages are claimed.
    #[cfg(feature = "cuda")]
    OnGpu { factors: crate::kernels::Factors, _claim: super::page::Claim, pages: usize },
}

/// Where the rows of one projection's factors lie.
#[derive(Debug)]
struct Places {
    a: Vec<Place>,
    b: Vec<Place>,
    bias: Option<Place>,
    scale: f32,
}

/// A row: its page, where it starts, how long it is.
#[derive(Debug, Clone, Copy)]
struct Place {
    page: usize,
    start: usize,
    length: usize,
}

/// Rows in the order in which they fill pages; a row never crosses from one page to the next.
#[derive(Debug)]
struct Layout {
    length: usize,
    page: usize,
    start: usize,
}

impl Layout {
    fn place(&mut self, length: usize) -> Result<Place> {
        if length > self.length {
            candle_core::bail!("a row of {length} numbers does not fit into a page of {}", self.length);
        }
        if self.start + length > self.length {
            (self.page, self.start) = (self.page + 1, 0);
        }
        let place = Place { page: self.page, start: self.start, length };
        self.start += length;
        Ok(place)
    }
}

impl Packed {
    /// Pages that `lora` needs in `pool`.
    ///
    /// # Errors
    /// A row is longer than a page.
    pub fn pages_of(lora: &Lora, pool: &PagePool) -> Result<usize> {
        Ok(plan(lora, pool.length())?.1)
    }

    /// Packs `lora` into pages of `pool`; none when it has too few.
    ///
    /// # Errors
    /// A row is longer than a page, or a factor cannot be read.
    pub fn new(lora: &Lora, pool: &PagePool) -> Result<Option<Arc<Self>>> {
        let (sites, count) = plan(lora, pool.length())?;
        #[cfg(feature = "cuda")]
        if let Some(candle_core::Device::Cuda(gpu)) = lora.factors().values().next().map(|factors| factors.a.device()) {
            let Some(claim) = pool.claim(count * pool.page_bytes()) else { return Ok(None) };
            let factors = crate::kernels::Factors::new(super::resident::Resident::new(lora)?, gpu)?;
            return Ok(Some(Arc::new(Self { held: Held::OnGpu { factors, _claim: claim, pages: count }, sites })));
        }
        let Some(mut pages) = pool.take(count) else { return Ok(None) };
        for (site, places) in &sites {
            let Some(factors) = lora.factors().get(site) else { continue };
            let a = down::<f32>(factors.a.as_tensor())?;
            let b = down::<f32>(&factors.b.as_tensor().t()?)?;
            let bias = factors.bias.iter().map(|bias| down::<f32>(bias.as_tensor())).collect::<Result<Vec<_>>>()?;
            for (numbers, places) in [(a, &places.a[..]), (b, &places.b[..]), (bias.concat(), places.bias.as_slice())] {
                for (place, row) in places.iter().zip(numbers.chunks(places.first().map_or(1, |place| place.length))) {
                    pages[place.page][place.start..][..place.length].copy_from_slice(row);
                }
            }
        }
        Ok(Some(Arc::new(Self { held: Held::Pages(pages), sites })))
    }

    /// Pages it takes.
    #[must_use]
    pub fn pages(&self) -> usize {
        match &self.held {
            Held::Pages(pages) => pages.len(),
            #[cfg(feature = "cuda")]
            Held::OnGpu { pages, .. } => *pages,
        }
    }

    /// Whether `site` is adapted.
    #[must_use]
    pub fn adapts(&self, site: Site) -> bool {
        self.sites.contains_key(&site)
    }

    /// The factors at `site`, if it is adapted and in pages.
    #[must_use]
    pub fn at(&self, site: Site) -> Option<LowRank<'_>> {
        #[cfg_attr(not(feature = "cuda"), expect(irrefutable_let_patterns))]
        let Held::Pages(pages) = &self.held else { return None };
        let places = self.sites.get(&site)?;
        let row = |place: &Place| &pages[place.page][place.start..][..place.length];
        Some(LowRank {
            a: places.a.iter().map(row).collect(),
            b: places.b.iter().map(row).collect(),
            bias: places.bias.as_ref().map(row),
            scale: places.scale,
        })
    }
}

#[cfg(feature = "cuda")]
impl Packed {
    /// The factors on the GPU, if that is where they are.
    pub(super) fn on_gpu(&self) -> Option<&crate::kernels::Factors> {
        match &self.held {
            Held::Pages(_) => None,
            Held::OnGpu { factors, .. } => Some(factors),
        }
    }
}

/// Where everything goes, and how many pages that takes.
fn plan(lora: &Lora, length: usize) -> Result<(BTreeMap<Site, Places>, usize)> {
    let mut layout = Layout { length, page: 0, start: 0 };
    let mut sites = BTreeMap::new();
    for (site, factors) in lora.factors() {
        let ((rank, width), out) = (factors.a.dims2()?, factors.b.dim(0)?);
        let mut rows = |length: usize| (0..rank).map(|_| layout.place(length)).collect::<Result<Vec<_>>>();
        let (a, b) = (rows(width)?, rows(out)?);
        let bias = factors.bias.as_ref().map(|_| layout.place(out)).transpose()?;
        sites.insert(*site, Places { a, b, bias, scale: factors.scale() as f32 });
    }
    Ok((sites, layout.page + 1))
}
