//! A token sequence and which of its tokens are scored.

/// A training example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Whether the model is to learn to write this token. The first token cannot be scored: nothing comes before it.
    pub scored: Vec<bool>,
}

impl Example {
    /// A prompt that is only read, and an answer that is scored.
    #[must_use]
    pub fn answer(prompt: Vec<u32>, answer: Vec<u32>) -> Self {
        let mut example = Self { ids: Vec::new(), scored: Vec::new() };
        example.push(&prompt, false);
        example.push(&answer, true);
        example
    }

    /// Appends tokens.
    pub fn push(&mut self, ids: &[u32], scored: bool) {
        self.scored.extend((self.ids.len()..self.ids.len() + ids.len()).map(|index| scored && index > 0));
        self.ids.extend(ids);
    }

    /// Removes what stands behind the last scored token: nothing learns from it.
    pub fn trim(&mut self) {
        let end = self.scored.iter().rposition(|scored| *scored).map_or(0, |last| last + 1);
        self.ids.truncate(end);
        self.scored.truncate(end);
    }

    /// Tokens that the model reads: all but the last, which predicts nothing that is scored.
    #[must_use]
    pub fn read(&self) -> usize {
        self.ids.len().saturating_sub(1)
    }

    /// Number of scored tokens.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scored.iter().filter(|scored| **scored).count()
    }

    /// Appends, for an example that begins at position `start` of the flattened batch, the rows that predict scored tokens, and those tokens.
    pub(super) fn score(&self, start: usize, rows: &mut Vec<u32>, targets: &mut Vec<u32>) {
        for (index, id) in self.ids.iter().enumerate().filter(|(index, _)| self.scored[*index]) {
            rows.push((start + index - 1) as u32);
            targets.push(*id);
        }
    }
}
