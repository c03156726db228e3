//! Unified pages (S-LoRA: Sheng et al. 2023, arXiv 2311.03285, §5): one pool of equal pages holds both the factors of adapters and the
//! keys and values of running sequences, so that neither needs room set aside for its own worst case and nothing fragments.
//!
//! A page is owned by whoever took it and goes back to the pool when its owner is dropped.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of a number.
const NUMBER: usize = size_of::<f32>();

/// A bounded number of pages of equal length.
#[derive(Debug, Clone)]
pub struct PagePool {
    shared: Arc<Mutex<Shared>>,
    length: usize,
    pages: usize,
}

#[derive(Debug)]
struct Shared {
    /// Pages that were given back, ready for the next owner.
    free: Vec<Box<[f32]>>,
    /// Pages in somebody's hands.
    taken: usize,
    /// The most that were ever taken at once.
    peak: usize,
}

/// One page: a run of numbers.
#[derive(Debug)]
pub struct Page {
    numbers: Box<[f32]>,
    pool: Arc<Mutex<Shared>>,
}

/// A claim on some of the pool's budget without pages: for what lies outside it, such as merged weights.
#[derive(Debug)]
pub struct Claim {
    pages: usize,
    pool: Arc<Mutex<Shared>>,
}

impl PagePool {
    /// A pool of at most `bytes`, in pages of `length` numbers.
    #[must_use]
    pub fn new(bytes: usize, length: usize) -> Self {
        let length = length.max(1);
        let shared = Shared { free: Vec::new(), taken: 0, peak: 0 };
        Self { shared: Arc::new(Mutex::new(shared)), length, pages: bytes / (length * NUMBER) }
    }

    /// Numbers in a page.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_bytes(&self) -> usize {
        self.length * NUMBER
    }

    /// Pages there are, taken or not.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Pages that can be taken now.
    #[must_use]
    pub fn available(&self) -> usize {
        self.pages - lock(&self.shared).taken
    }

    /// The most pages that were ever taken at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        lock(&self.shared).peak
    }

    /// Takes `count` pages, all or none. What they hold is undefined.
    #[must_use]
    pub fn take(&self, count: usize) -> Option<Vec<Page>> {
        let mut shared = self.book(count)?;
        let fresh = || vec![0.0; self.length].into_boxed_slice();
        let page = |numbers| Page { numbers, pool: Arc::clone(&self.shared) };
        Some((0..count).map(|_| page(shared.free.pop().unwrap_or_else(fresh))).collect())
    }

    /// Claims the budget of `bytes` that lie elsewhere.
    #[must_use]
    pub fn claim(&self, bytes: usize) -> Option<Claim> {
        let pages = bytes.div_ceil(self.page_bytes());
        let mut shared = self.book(pages)?;
        // The claimed bytes are elsewhere: as many free pages give their memory back.
        let kept = shared.free.len().saturating_sub(pages);
        shared.free.truncate(kept);
        Some(Claim { pages, pool: Arc::clone(&self.shared) })
    }

    fn book(&self, count: usize) -> Option<MutexGuard<'_, Shared>> {
        let mut shared = lock(&self.shared);
        if count > self.pages - shared.taken {
            return None;
        }
        shared.taken += count;
        shared.peak = shared.peak.max(shared.taken);
        Some(shared)
    }
}

/// A panic elsewhere leaves counts and free pages as they should be: every change is one statement.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deref for Page {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

impl DerefMut for Page {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let mut shared = lock(&self.pool);
        shared.free.push(std::mem::take(&mut self.numbers));
        shared.taken -= 1;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.pool).taken -= self.pages;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pages_are_bounded_and_come_back() {
        let pool = PagePool::new(4 * 8 * NUMBER + 5, 8);
        assert_eq!((pool.pages(), pool.available()), (4, 4));
        let three = pool.take(3).unwrap();
        assert!(pool.take(2).is_none());
        assert_eq!(pool.available(), 1);
        let claim = pool.claim(1).unwrap();
        assert!(pool.take(1).is_none() && pool.claim(1).is_none());
        drop(three);
        drop(claim);
        assert_eq!((pool.available(), pool.peak()), (4, 4));
        assert_eq!(pool.take(4).unwrap().len(), 4);
    }
}
