//! diagnosis: that the running batch uses

pub struct Pool {
    budget: u64,
    held: Vec<(u32, u64)>,
}

impl Pool {
    pub fn new(budget: u64) -> Self {
        Self { budget, held: Vec::new() }
    }

    pub fn request(&mut self, id: u32, bytes: u64, _running: &[u32]) -> Result<bool, String> {
        if let Some(i) = self.held.iter().position(|(other, _)| *other == id) {
            let entry = self.held.remove(i);
            self.held.push(entry);
            return Ok(true);
        }
        if bytes > self.budget {
            return Err("too large".to_owned());
        }
        while self.used() + bytes > self.budget {
            self.held.remove(0);
        }
        self.held.push((id, bytes));
        Ok(false)
    }

    pub fn resident(&self) -> Vec<u32> {
        self.held.iter().map(|(id, _)| *id).collect()
    }

    pub fn used(&self) -> u64 {
        self.held.iter().map(|(_, bytes)| bytes).sum()
    }
}
