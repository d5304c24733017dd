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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_summed_and_none_overflows() {
        let usage = |prompt, cached, completion, reasoning| Usage {
            prompt,
            cached,
            completion,
            reasoning,
        };
        let mut sum = usage(1, 2, 3, 4);
        sum += usage(10, 20, 30, 40);
        assert_eq!(sum, usage(11, 22, 33, 44));
        assert_eq!(sum.total(), 44);
        let most = usage(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        sum += most;
        assert_eq!(sum, most);
        assert_eq!(sum.total(), u64::MAX);
    }
}
