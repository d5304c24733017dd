//! Token counts, and their sum over the turns of a run.

use std::ops::AddAssign;

/// Tokens that a model counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens it read.
    pub prompt: u64,
    /// Of these, tokens it had cached.
    pub cached: u64,
    /// Tokens it wrote, reasoning included.
    pub completion: u64,
    /// Of these, tokens it spent on reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Read and written together.
    pub fn total(&self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.cached = self.cached.saturating_add(other.cached);
        self.completion = self.completion.saturating_add(other.completion);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}
