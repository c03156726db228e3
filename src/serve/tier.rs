//! One tier of the adapter pool: what is there, how large it is, when it was last used.

use std::{collections::HashMap, sync::Arc};

/// Adapters by id. Whoever holds one pins it: only what nobody holds is put out.
#[derive(Debug)]
pub(super) struct Tier<T> {
    entries: HashMap<String, Entry<T>>,
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    /// Bytes, or pages.
    size: usize,
    used: u64,
}

impl<T> Default for Tier<T> {
    fn default() -> Self {
        Self { entries: HashMap::new(), clock: 0 }
    }
}

impl<T> Tier<T> {
    /// The entry of `id`, which counts as a use.
    pub(super) fn get(&mut self, id: &str) -> Option<Arc<T>> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.value))
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.entries.contains_key(id)
    }

    pub(super) fn put(&mut self, id: String, value: Arc<T>, size: usize) {
        self.clock += 1;
        self.entries.insert(id, Entry { value, size, used: self.clock });
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Puts out the least recently used entry that nobody holds; whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        let unpinned = self.entries.iter().filter(|(_, entry)| Arc::strong_count(&entry.value) == 1);
        let oldest = unpinned.min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.entries.remove(&id).is_some())
    }

    pub(super) fn size(&self) -> usize {
        self.entries.values().map(|entry| entry.size).sum()
    }

    /// The size of what nobody holds.
    pub(super) fn unpinned(&self) -> usize {
        let unpinned = self.entries.values().filter(|entry| Arc::strong_count(&entry.value) == 1);
        unpinned.map(|entry| entry.size).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_the_pinned_never() {
        let mut tier = Tier::default();
        for (id, size) in [("a", 1), ("b", 2), ("c", 4)] {
            tier.put(id.to_owned(), Arc::new(id), size);
        }
        let pinned = tier.get("b").unwrap();
        tier.get("a").unwrap();
        assert!(tier.evict());
        assert!(!tier.holds("c") && tier.size() == 3 && tier.unpinned() == 1);
        assert!(tier.evict());
        assert!(!tier.holds("a"));
        assert!(!tier.evict());
        drop(pinned);
        assert!(tier.evict() && tier.len() == 0);
    }
}
