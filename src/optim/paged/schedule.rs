//! Which page comes and goes when: the policy alone, without bytes, the same for every kind of store.
//!
//! ```text
//! need(page, next):
//!   page   is here (a hit), or is on its way, or must come now (faults)
//!   next   begins to come while `page` is computed with, if both fit into the budget
//!   room   the page used longest ago leaves first, never the one in use
//! ```

use super::Counters;

/// One thing to do, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Begin to copy a page out; its place is free for others.
    Leave(usize),
    /// Begin to copy a page in.
    Come(usize),
    /// Wait until a page that comes is there.
    Arrive(usize),
    /// A page that was never used begins as zeros.
    Zeros(usize),
}

/// Where a page is; with the time of its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nowhere,
    Away,
    Coming(u64),
    Here(u64),
}

/// The state of all pages.
#[derive(Debug)]
pub(super) struct Schedule {
    pages: Vec<(usize, At)>,
    budget: usize,
    clock: u64,
    pub(super) counters: Counters,
}

impl Schedule {
    /// Pages of these bytes, none of them used yet.
    pub(super) fn new(bytes: impl IntoIterator<Item = usize>, budget: usize) -> Self {
        let pages = bytes.into_iter().map(|bytes| (bytes, At::Nowhere)).collect();
        Self { pages, budget, clock: 0, counters: Counters::default() }
    }

    /// What brings `page` here and, if it is known which page will be needed after it, sets that one going.
    pub(super) fn need(&mut self, page: usize, next: Option<usize>) -> Vec<Move> {
        let mut moves = Vec::new();
        self.clock += 1;
        let (bytes, at) = self.pages[page];
        match at {
            At::Here(_) => self.counters.hits += 1,
            _ => self.counters.faults += 1,
        }
        match at {
            At::Here(_) => {}
            At::Coming(_) => {
                self.counters.ahead += 1;
                moves.push(Move::Arrive(page));
            }
            At::Away => {
                self.make_room(bytes, page, &mut moves);
                self.come(page, &mut moves);
                moves.push(Move::Arrive(page));
            }
            At::Nowhere => {
                self.make_room(bytes, page, &mut moves);
                moves.push(Move::Zeros(page));
            }
        }
        self.pages[page].1 = At::Here(self.clock);
        if let Some(next) = next.filter(|next| self.pages[*next].1 == At::Away)
            && bytes + self.pages[next].0 <= self.budget
        {
            self.make_room(self.pages[next].0, page, &mut moves);
            self.come(next, &mut moves);
        }
        self.counters.peak = self.counters.peak.max(self.resident());
        moves
    }

    fn come(&mut self, page: usize, moves: &mut Vec<Move>) {
        self.counters.bytes_in += self.pages[page].0 as u64;
        self.pages[page].1 = At::Coming(self.clock);
        moves.push(Move::Come(page));
    }

    /// Sends pages away until `needed` bytes fit, but not `used`.
    fn make_room(&mut self, needed: usize, used: usize, moves: &mut Vec<Move>) {
        while self.resident() + needed > self.budget {
            let others = self.pages.iter().enumerate().filter(|(page, _)| *page != used);
            let oldest = others.filter_map(|(page, (_, at))| match at {
                At::Here(time) | At::Coming(time) => Some((*time, page)),
                At::Nowhere | At::Away => None,
            });
            let Some((_, page)) = oldest.min() else { break };
            // It was expected and not needed.
            if matches!(self.pages[page].1, At::Coming(_)) {
                moves.push(Move::Arrive(page));
            }
            self.counters.bytes_out += self.pages[page].0 as u64;
            self.pages[page].1 = At::Away;
            moves.push(Move::Leave(page));
        }
    }

    /// Bytes of the pages that are here or on their way.
    fn resident(&self) -> usize {
        let here = |at: &At| matches!(at, At::Here(_) | At::Coming(_));
        self.pages.iter().filter(|(_, at)| here(at)).map(|(bytes, _)| bytes).sum()
    }
}
