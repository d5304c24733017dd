//! The limits of a run, judged in this one place: rounds, calls, repairs, and how much of a tool's
//! answer a model gets to read.

use std::sync::Arc;

use crate::spec::{OnMaxDepth, ToolFailure};
use crate::tool::Verdict;

/// The limits one run keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The most rounds of tool calls.
    pub rounds: u16,
    /// The most calls in one round; further ones are refused, and the model is told.
    pub calls_per_round: usize,
    /// The most calls in all.
    pub calls: usize,
    /// How often the same fault may come in a row before the run ends.
    pub repairs: u8,
    /// What the limit of rounds does.
    pub on_max_depth: OnMaxDepth,
    /// What a tool that cannot answer does.
    pub tool_failure: ToolFailure,
    /// How much of the model's context one tool answer may fill, in percent.
    pub result_share: u8,
}

/// The same fault, time after time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Streak {
    last: Option<(FaultSign, Arc<str>)>,
    count: u8,
}

/// What makes two faults the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FaultSign {
    /// The model said nothing.
    EmptyTurn,
    /// A call came back with this verdict and text.
    Complaint(Verdict, Arc<str>),
}

impl Streak {
    /// Counts a fault of `tool`; true when it has come `repairs` times in a row.
    pub(super) fn fault(&mut self, sign: FaultSign, tool: &Arc<str>, repairs: u8) -> bool {
        let same = self
            .last
            .as_ref()
            .is_some_and(|(last, of)| *last == sign && of == tool);
        self.count = if same {
            self.count.saturating_add(1)
        } else {
            1
        };
        self.last = Some((sign, Arc::clone(tool)));
        self.count >= repairs.max(1)
    }

    /// Something went well.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// Roughly how many bytes of text a token stands for.
const BYTES_PER_TOKEN: usize = 4;
/// A tool answer is never cut below this many bytes.
const LEAST_RESULT_BYTES: usize = 2_000;

impl Rules {
    /// The bytes of one tool answer that a model with this context gets to read.
    pub(super) fn result_bytes(&self, context_tokens: u32) -> usize {
        let context = usize::try_from(context_tokens)
            .unwrap_or(usize::MAX)
            .saturating_mul(BYTES_PER_TOKEN);
        (context / 100)
            .saturating_mul(usize::from(self.result_share))
            .max(LEAST_RESULT_BYTES)
    }
}

/// `text`, or as much of it as fits `most` bytes with a notice that tells what is missing.
pub(super) fn cut(text: &Arc<str>, most: usize) -> Arc<str> {
    if text.len() <= most {
        return Arc::clone(text);
    }
    let end = text.floor_char_boundary(most);
    let kept = text.get(..end).unwrap_or_default();
    format!(
        "{kept}\n\n[Cut here: the tool answered {} bytes, of which the first {end} are shown.]",
        text.len()
    )
    .into()
}

/// A count as the 32 bits that ids carry; counts that large do not occur.
pub(super) fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streak_is_the_same_fault_in_a_row() {
        let (search, clock) = (Arc::from("search"), Arc::from("clock"));
        let complaint = |text: &str| FaultSign::Complaint(Verdict::BadArguments, Arc::from(text));
        let mut streak = Streak::default();
        assert!(!streak.fault(complaint("a"), &search, 3));
        assert!(!streak.fault(complaint("a"), &search, 3));
        assert!(
            !streak.fault(complaint("a"), &clock, 3),
            "another tool begins again"
        );
        assert!(!streak.fault(complaint("a"), &clock, 3));
        streak.end();
        assert!(
            !streak.fault(complaint("a"), &clock, 3),
            "a success begins again"
        );
        assert!(!streak.fault(complaint("a"), &clock, 3));
        assert!(streak.fault(complaint("a"), &clock, 3));
    }

    #[test]
    fn a_long_answer_is_cut_at_a_character_and_says_so() {
        let text: Arc<str> = "ü".repeat(2_000).into();
        let short = cut(&text, 2_001);
        assert!(short.starts_with(&"ü".repeat(1_000)));
        assert!(short.ends_with(
            "[Cut here: the tool answered 4000 bytes, of which the first 2000 are shown.]"
        ));
        assert_eq!(cut(&text, 4_000), text);
    }
}
