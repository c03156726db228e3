//! Paged AdamW (Dettmers et al. 2023, arXiv 2305.14314, §3): the moments lie elsewhere, and pages of them come when they are needed.
//!
//! ```text
//! a page: both moments of up to 2^18 consecutive entries of one tensor (2 MiB)
//! resident: at most `budget` bytes of pages; a page that is not there is a fault; the least recently used one is written back first
//! ```
//!
//! For a GPU "elsewhere" is host memory (NVIDIA's unified memory in bitsandbytes); on the CPU it is a file, which the operating system may drop
//! from memory. Values never change by paging: the result is bit for bit that of [`super::AdamW`].

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use candle_core::{Error, Result, Tensor, Var, backprop::GradStore};

use super::{
    Groups, Hyper, Optimizer, State,
    adamw::{Moments, update},
};
use crate::device::{down, up};

/// Entries of a page.
const PAGE: usize = 1 << 18;

/// What paging did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pages that were not resident when they were needed.
    pub faults: u64,
    /// Pages that were.
    pub hits: u64,
    /// Bytes brought in.
    pub bytes_in: u64,
    /// Bytes written back.
    pub bytes_out: u64,
    /// The most bytes resident at once.
    pub peak: usize,
}

/// Where a page belongs.
#[derive(Debug, Clone, Copy)]
struct Place {
    variable: usize,
    start: usize,
    count: usize,
    /// Position in the file, in bytes.
    offset: u64,
}

impl Place {
    fn bytes(self) -> usize {
        8 * self.count
    }
}

/// Where pages lie that are not resident.
#[derive(Debug)]
enum Store {
    File(File),
    Host(BTreeMap<u64, Vec<u8>>),
}

impl Store {
    fn write(&mut self, offset: u64, bytes: Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(&bytes)),
            Self::Host(pages) => {
                pages.insert(offset, bytes);
                Ok(())
            }
        }
    }

    fn read(&mut self, offset: u64, count: usize) -> std::io::Result<Vec<u8>> {
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; count];
                file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map(|()| bytes)
            }
            Self::Host(pages) => pages.remove(&offset).ok_or_else(|| std::io::ErrorKind::NotFound.into()),
        }
    }
}

/// AdamW whose moments are paged.
#[derive(Debug)]
pub struct PagedAdamW {
    hyper: Hyper,
    variables: Vec<(Var, f64)>,
    places: Vec<Place>,
    /// Resident pages with the time of their last use.
    resident: BTreeMap<usize, (u64, Moments)>,
    /// Which pages were ever written back; the others are still zeros.
    stored: Vec<bool>,
    store: Store,
    budget: usize,
    clock: u64,
    steps: i32,
    counters: Counters,
}

impl PagedAdamW {
    /// A fresh optimiser that keeps at most `budget` bytes of moments resident, and at least one page; the rest in host memory for variables
    /// on a GPU, in a temporary file for those on the CPU.
    ///
    /// # Errors
    /// There is no place for a temporary file.
    pub fn new(groups: &Groups, hyper: Hyper, budget: usize) -> Result<Self> {
        if groups.each().any(|(variable, _)| !variable.device().is_cpu()) {
            return Ok(Self::in_host_memory(groups, hyper, budget));
        }
        Ok(Self::with_store(groups, hyper, budget, Store::File(tempfile::tempfile().map_err(failed)?)))
    }

    /// The same with the rest in host memory, wherever the variables are.
    #[must_use]
    pub fn in_host_memory(groups: &Groups, hyper: Hyper, budget: usize) -> Self {
        Self::with_store(groups, hyper, budget, Store::Host(BTreeMap::new()))
    }

    fn with_store(groups: &Groups, hyper: Hyper, budget: usize, store: Store) -> Self {
        let variables: Vec<(Var, f64)> = groups.each().map(|(variable, factor)| (variable.clone(), factor)).collect();
        let (mut places, mut offset) = (Vec::new(), 0);
        for (index, (variable, _)) in variables.iter().enumerate() {
            for start in (0..variable.elem_count()).step_by(PAGE) {
                let count = PAGE.min(variable.elem_count() - start);
                places.push(Place { variable: index, start, count, offset });
                offset += 8 * count as u64;
            }
        }
        Self {
            hyper,
            variables,
            stored: vec![false; places.len()],
            places,
            resident: BTreeMap::new(),
            store,
            budget,
            clock: 0,
            steps: 0,
            counters: Counters::default(),
        }
    }

    /// What paging did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a page out of the resident ones, or from elsewhere.
    fn fetch(&mut self, page: usize, like: &Tensor) -> Result<Moments> {
        if let Some((_, moments)) = self.resident.remove(&page) {
            self.counters.hits += 1;
            return Ok(moments);
        }
        self.counters.faults += 1;
        let place = self.places[page];
        self.make_room(place.bytes())?;
        if !self.stored[page] {
            return Moments::zeros_like(like);
        }
        let bytes = self.store.read(place.offset, place.bytes()).map_err(failed)?;
        self.counters.bytes_in += bytes.len() as u64;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        Ok(Moments { first: decode(first, like)?, second: decode(second, like)? })
    }

    /// Makes a page resident, as the one used last.
    fn keep(&mut self, page: usize, moments: Moments) {
        self.clock += 1;
        self.resident.insert(page, (self.clock, moments));
        self.counters.peak = self.counters.peak.max(self.resident_bytes());
    }

    /// Zeros as many as a page has entries.
    fn zeros(&self, page: usize) -> Result<Tensor> {
        let place = self.places[page];
        let (variable, _) = &self.variables[place.variable];
        Tensor::zeros(place.count, variable.dtype(), variable.device())
    }

    /// Writes back the least recently used pages until `needed` bytes fit into the budget.
    fn make_room(&mut self, needed: usize) -> Result<()> {
        while self.resident_bytes() + needed > self.budget {
            let oldest = self.resident.iter().min_by_key(|(_, (used, _))| *used).map(|(page, _)| *page);
            let Some((page, (_, moments))) = oldest.and_then(|page| self.resident.remove_entry(&page)) else { break };
            let mut bytes = Vec::with_capacity(self.places[page].bytes());
            for moment in [&moments.first, &moments.second] {
                down::<f32>(moment)?.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            }
            self.counters.bytes_out += bytes.len() as u64;
            self.store.write(self.places[page].offset, bytes).map_err(failed)?;
            self.stored[page] = true;
        }
        Ok(())
    }

    fn resident_bytes(&self) -> usize {
        self.resident.keys().map(|page| self.places[*page].bytes()).sum()
    }
}

impl Optimizer for PagedAdamW {
    fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.steps += 1;
        let mut page = 0;
        while page < self.places.len() {
            let variable = self.places[page].variable;
            let last = (page..self.places.len()).take_while(|next| self.places[*next].variable == variable).last();
            let after = last.map_or(page, |last| last) + 1;
            let (var, factor) = self.variables[variable].clone();
            if let Some(grad) = grads.get(var.as_tensor()) {
                let (p, g) = (var.as_detached_tensor().flatten_all()?, grad.flatten_all()?);
                let mut pieces = Vec::with_capacity(after - page);
                for page in page..after {
                    let Place { start, count, .. } = self.places[page];
                    let (p, g) = (p.narrow(0, start, count)?, g.narrow(0, start, count)?);
                    let mut moments = self.fetch(page, &p)?;
                    let rate = self.hyper.learning_rate * factor;
                    pieces.push(update(&self.hyper, rate, self.steps, &p, &g, &mut moments)?);
                    self.keep(page, moments);
                }
                var.set(&Tensor::cat(&pieces, 0)?.reshape(var.shape())?)?;
            }
            page = after;
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.hyper.learning_rate = rate;
    }

    fn state_bytes(&self) -> usize {
        self.places.iter().map(|place| place.bytes()).sum()
    }

    fn state(&mut self) -> Result<State> {
        let mut state = State::after(self.steps)?;
        for page in 0..self.places.len() {
            let like = self.zeros(page)?;
            let moments = self.fetch(page, &like)?;
            state.put_moments(page, &moments);
            self.keep(page, moments);
        }
        Ok(state)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.steps = state.steps()?;
        for page in 0..self.places.len() {
            let like = self.zeros(page)?;
            // The page itself is replaced; fetching makes room for it.
            self.fetch(page, &like)?;
            self.keep(page, state.moments(page, &like)?);
        }
        Ok(())
    }
}

fn decode(bytes: &[u8], like: &Tensor) -> Result<Tensor> {
    let values = bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    up(values.collect::<Vec<_>>(), like.shape(), like.device())
}

fn failed(error: std::io::Error) -> Error {
    Error::Msg(format!("paging the optimiser's state: {error}"))
}
