//! diagnosis: what just fits, fits

pub struct Pool {
    budget: u64,
    held: Vec<(u32, u64)>,
}

impl Pool {
    pub fn new(budget: u64) -> Self {
        Self { budget, held: Vec::new() }
    }

    pub fn request(&mut self, id: u32, bytes: u64, running: &[u32]) -> Result<bool, String> {
        if let Some(i) = self.held.iter().position(|(other, _)| *other == id) {
            let entry = self.held.remove(i);
            self.held.push(entry);
            return Ok(true);
        }
        let mut kept = self.held.clone();
        while kept.iter().map(|(_, b)| b).sum::<u64>() + bytes >= self.budget {
            let Some(i) = kept.iter().position(|(other, _)| !running.contains(other)) else {
                return Err("no room".to_owned());
            };
            kept.remove(i);
        }
        kept.push((id, bytes));
        self.held = kept;
        Ok(false)
    }

    pub fn resident(&self) -> Vec<u32> {
        self.held.iter().map(|(id, _)| *id).collect()
    }

    pub fn used(&self) -> u64 {
        self.held.iter().map(|(_, bytes)| bytes).sum()
    }
}
