//! Paged AdamW (Dettmers et al. 2023, arXiv 2305.14314, §3): the moments lie elsewhere, and pages of them come when they are needed.
//!
//! ```text
//! a page: both moments of up to 2^18 consecutive entries of one tensor (2 MiB)
//! resident: at most `budget` bytes of pages; a page that is not there is a fault; the least recently used one is written back first
//! ahead: while one page is computed with, the next begins to come, if both fit
//! ```
//!
//! For a GPU "elsewhere" is pinned host memory, and copies run beside the computation (bitsandbytes leaves both to NVIDIA's unified memory); on
//! the CPU it is a file, which the operating system may drop from memory. What moves when is the same on both. Values never change
//! by paging: the result is bit for bit that of [`super::AdamW`].

mod schedule;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var, backprop::GradStore, bail};

use schedule::{Move, Schedule};
#[cfg(feature = "cuda")]
pub(crate) use store::Copies;
#[cfg(not(feature = "cuda"))]
use store::Copies;
use store::{Place, Store, failed};

use super::{
    Groups, Hyper, Optimizer, State,
    adamw::{Moments, advance},
};

/// Entries of a page.
const PAGE: usize = 1 << 18;

/// What paging did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pages that were not resident when they were needed.
    pub faults: u64,
    /// Pages that were.
    pub hits: u64,
    /// Faults that had begun to come while the page before was computed with.
    pub ahead: u64,
    /// Bytes brought in.
    pub bytes_in: u64,
    /// Bytes written back.
    pub bytes_out: u64,
    /// The most bytes resident at once.
    pub peak: usize,
}

/// What a page is a piece of.
#[derive(Debug, Clone, Copy)]
struct Piece {
    variable: usize,
    start: usize,
    count: usize,
}

/// AdamW whose moments are paged.
#[derive(Debug)]
pub struct PagedAdamW {
    hyper: Hyper,
    variables: Vec<(Var, f64)>,
    pages: Vec<Piece>,
    schedule: Schedule,
    copies: Box<dyn Copies>,
    resident: BTreeMap<usize, Moments>,
    steps: i32,
}

impl PagedAdamW {
    /// A fresh optimiser that keeps at most `budget` bytes of moments resident, and at least one page; the rest in pinned host memory for
    /// variables on a GPU, in a temporary file for those on the CPU.
    ///
    /// # Errors
    /// There is no place for a temporary file, or the GPU gives no second stream.
    pub fn new(groups: &Groups, hyper: Hyper, budget: usize) -> Result<Self> {
        let copies: Box<dyn Copies> = match device(groups) {
            #[cfg(feature = "cuda")]
            Device::Cuda(gpu) => Box::new(crate::kernels::PinnedCopies::new(&gpu)?),
            device if device.is_cpu() => {
                Box::new(Store::new(Place::File(tempfile::tempfile().map_err(failed)?), &device))
            }
            _ => return Ok(Self::in_host_memory(groups, hyper, budget)),
        };
        Ok(Self::with_copies(groups, hyper, budget, copies))
    }

    /// The same with the rest in host memory that is copied at once, wherever the variables are.
    #[must_use]
    pub fn in_host_memory(groups: &Groups, hyper: Hyper, budget: usize) -> Self {
        let store = Store::new(Place::Host(BTreeMap::new()), &device(groups));
        Self::with_copies(groups, hyper, budget, Box::new(store))
    }

    fn with_copies(groups: &Groups, hyper: Hyper, budget: usize, copies: Box<dyn Copies>) -> Self {
        let variables: Vec<(Var, f64)> = groups.each().map(|(variable, factor)| (variable.clone(), factor)).collect();
        let mut pages = Vec::new();
        for (variable, (tensor, _)) in variables.iter().enumerate() {
            let count = tensor.elem_count();
            let piece = |start| Piece { variable, start, count: PAGE.min(count - start) };
            pages.extend((0..count).step_by(PAGE).map(piece));
        }
        let schedule = Schedule::new(pages.iter().map(|page| 8 * page.count), budget);
        Self { hyper, variables, pages, schedule, copies, resident: BTreeMap::new(), steps: 0 }
    }

    /// What paging did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.schedule.counters
    }

    /// Brings `page` here and sets `next` going.
    fn bring(&mut self, page: usize, next: Option<usize>) -> Result<()> {
        for step in self.schedule.need(page, next) {
            match step {
                Move::Leave(page) => match self.resident.remove(&page) {
                    Some(moments) => self.copies.leave(page, moments)?,
                    None => bail!("page {page} of the optimiser's state was lost when paging failed"),
                },
                Move::Come(page) => self.copies.come(page, self.pages[page].count)?,
                Move::Arrive(page) => {
                    self.resident.insert(page, self.copies.arrive(page)?);
                }
                Move::Zeros(page) => {
                    let Piece { variable, count, .. } = self.pages[page];
                    let like = &self.variables[variable].0;
                    let zeros = Tensor::zeros(count, like.dtype(), like.device())?;
                    self.resident.insert(page, Moments::zeros_like(&zeros)?);
                }
            }
        }
        Ok(())
    }

    /// The moments of a page that [`bring`](Self::bring) brought.
    fn moments(&mut self, page: usize) -> Result<&mut Moments> {
        match self.resident.get_mut(&page) {
            Some(moments) => Ok(moments),
            None => bail!("page {page} of the optimiser's state was lost when paging failed"),
        }
    }
}

/// Where the variables are.
fn device(groups: &Groups) -> Device {
    groups.each().next().map_or(Device::Cpu, |(variable, _)| variable.device().clone())
}

impl Optimizer for PagedAdamW {
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.steps += 1;
        let has_grad = |page: &usize| grads.get(self.variables[self.pages[*page].variable].0.as_tensor()).is_some();
        let order: Vec<usize> = (0..self.pages.len()).filter(has_grad).collect();
        for (place, page) in order.iter().copied().enumerate() {
            let Piece { variable, start, count } = self.pages[page];
            let (var, factor) = self.variables[variable].clone();
            let Some(grad) = grads.get(var.as_tensor()) else { continue };
            // After the last page comes the first of the next step, which has the forward and the backward pass to come in.
            let next = order.get(place + 1).or(order.first()).copied();
            self.bring(page, next)?;
            let p = var.as_detached_tensor().flatten_all()?.narrow(0, start, count)?;
            let g = grad.flatten_all()?.narrow(0, start, count)?;
            let (hyper, steps) = (self.hyper, self.steps);
            advance(&hyper, hyper.learning_rate * factor, steps, &p, &g, self.moments(page)?)?;
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.hyper.learning_rate = rate;
    }

    fn state_bytes(&self) -> usize {
        self.pages.iter().map(|page| 8 * page.count).sum()
    }

    fn state(&mut self) -> Result<State> {
        let mut state = State::after(self.steps)?;
        for page in 0..self.pages.len() {
            self.bring(page, Some(page + 1).filter(|next| *next < self.pages.len()))?;
            state.put_moments(page, self.moments(page)?)?;
        }
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps = state.steps()?;
        for page in 0..self.pages.len() {
            // The page itself is replaced; bringing it makes room.
            self.bring(page, None)?;
            let moments = self.moments(page)?;
            *moments = state.moments(page, &moments.first.clone())?;
        }
        Ok(())
    }
}
