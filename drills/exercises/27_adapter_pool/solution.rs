//! A pool of adapters.
//!
//! After Sheng et al. 2023 (S-LoRA, arXiv 2311.03285) §4–5. `deltaw::serve` has one beneath its server.

/// Adapters on the GPU, under a budget.
pub struct Pool {
    budget: u64,
    /// Id and bytes, requested longest ago first.
    held: Vec<(u32, u64)>,
}

impl Pool {
    /// An empty pool of `budget` bytes.
    pub fn new(budget: u64) -> Self {
        Self { budget, held: Vec::new() }
    }

    /// Brings adapter `id` of `bytes` in. True if it was there. An error, and an untouched pool, if it does not fit beside `running`.
    pub fn request(&mut self, id: u32, bytes: u64, running: &[u32]) -> Result<bool, String> {
        if let Some(place) = self.held.iter().position(|(other, _)| *other == id) {
            // It moves to the end: now it is the youngest.
            let entry = self.held.remove(place);
            self.held.push(entry);
            return Ok(true);
        }
        // First the plan, then the deed: a request that fails must not have thrown anything out.
        let mut used = self.used();
        let mut leaving = Vec::new();
        for (other, size) in &self.held {
            if used + bytes <= self.budget {
                break;
            }
            if !running.contains(other) {
                used -= size;
                leaving.push(*other);
            }
        }
        if used + bytes > self.budget {
            return Err(format!(
                "adapter {id} needs {bytes} bytes; {} are free beside the running ones",
                self.budget - used
            ));
        }
        self.held.retain(|(other, _)| !leaving.contains(other));
        self.held.push((id, bytes));
        Ok(false)
    }

    /// Ids that are there, requested longest ago first.
    pub fn resident(&self) -> Vec<u32> {
        self.held.iter().map(|(id, _)| *id).collect()
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.held.iter().map(|(_, bytes)| bytes).sum()
    }
}
