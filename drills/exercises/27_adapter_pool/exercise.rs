//! A pool of adapters.

/// Adapters on the GPU, under a budget.
pub struct Pool {
    // Yours to fill.
}

impl Pool {
    /// An empty pool of `budget` bytes.
    pub fn new(budget: u64) -> Self {
        todo!()
    }

    /// Brings adapter `id` of `bytes` in. True if it was there. An error, and an untouched pool, if it does not fit beside `running`.
    pub fn request(&mut self, id: u32, bytes: u64, running: &[u32]) -> Result<bool, String> {
        todo!()
    }

    /// Ids that are there, requested longest ago first.
    pub fn resident(&self) -> Vec<u32> {
        todo!()
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        todo!()
    }
}
