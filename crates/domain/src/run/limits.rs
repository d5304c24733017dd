//! The limits of a run, and how much of a tool's answer a model gets to read.

use std::sync::Arc;

use crate::spec::{OnMaxDepth, ToolFailure};

/// The limits one run keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The most rounds of tool calls.
    pub rounds: u16,
    /// The most calls in one round; further ones are refused, and the model is told.
    pub calls_per_round: usize,
    /// The most calls in all.
    pub calls: usize,
    /// How many turns in a row the same fault may come before the run ends.
    pub repairs: u8,
    /// What the limit of rounds does.
    pub on_max_depth: OnMaxDepth,
    /// What a tool that cannot answer does.
    pub tool_failure: ToolFailure,
    /// How much of the model's context one tool answer may fill, in percent.
    pub result_share: u8,
}

/// Roughly how many bytes of text a token stands for.
const BYTES_PER_TOKEN: usize = 4;
/// A tool answer is never cut below this many bytes.
const LEAST_RESULT_BYTES: usize = 2_000;
/// How much of the model's context the answers of one round may fill together, in percent: nothing
/// can be trimmed from the last round.
const ROUND_SHARE: usize = 50;

impl Rules {
    /// The bytes of one tool answer among `answers` of its round that a model with this context gets
    /// to read.
    pub(super) fn result_bytes(&self, context_tokens: u32, answers: usize) -> usize {
        let percent = usize::try_from(context_tokens)
            .unwrap_or(usize::MAX)
            .saturating_mul(BYTES_PER_TOKEN)
            / 100;
        let alone = percent.saturating_mul(usize::from(self.result_share));
        let together = percent.saturating_mul(ROUND_SHARE) / answers.max(1);
        alone.min(together).max(LEAST_RESULT_BYTES)
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
    fn a_long_answer_is_cut_at_a_character_and_says_so() {
        let text: Arc<str> = "ü".repeat(2_000).into();
        let short = cut(&text, 2_001);
        assert!(short.starts_with(&"ü".repeat(1_000)));
        assert!(short.ends_with(
            "[Cut here: the tool answered 4000 bytes, of which the first 2000 are shown.]"
        ));
        assert_eq!(cut(&text, 4_000), text);
    }

    #[test]
    fn an_answer_gets_its_share_of_the_context_and_a_round_gets_half() {
        let rules = Rules {
            rounds: 8,
            calls_per_round: 8,
            calls: 64,
            repairs: 3,
            on_max_depth: OnMaxDepth::Fail,
            tool_failure: ToolFailure::Fail,
            result_share: 20,
        };
        let cases = [
            // (context in tokens, answers, bytes of each)
            (100_000, 1, 80_000),
            (100_000, 2, 80_000),
            (100_000, 3, 66_666),
            (100_000, 8, 25_000),
            (1_000, 1, 2_000),
            (1_000, 1_000, 2_000),
            (0, 0, 2_000),
        ];
        for (context, answers, bytes) in cases {
            assert_eq!(
                rules.result_bytes(context, answers),
                bytes,
                "{context} tokens, {answers} answers"
            );
        }
        assert!(rules.result_bytes(u32::MAX, 1) > 1 << 30);
    }
}
