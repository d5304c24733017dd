//! Why a model stopped, in the words that servers use for it.

use response_domain::response::Finish;

/// What a reason means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Known(Finish),
    /// The server failed.
    Fault,
    Unknown,
}

impl Reason {
    pub(super) fn of(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "completed" => {
                Self::Known(Finish::Stop)
            }
            "tool_calls" | "tool_call" | "function_call" | "tool_use" => {
                Self::Known(Finish::ToolCalls)
            }
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => {
                Self::Known(Finish::Length)
            }
            "content_filter" | "safety" | "sensitive" | "recitation" | "blocklist"
            | "prohibited_content" | "refusal" => Self::Known(Finish::ContentFilter),
            "error" | "network_error" | "abort" | "failed" | "insufficient_system_resource" => {
                Self::Fault
            }
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_known_in_any_case() {
        for (text, reason) in [
            ("stop", Reason::Known(Finish::Stop)),
            ("STOP", Reason::Known(Finish::Stop)),
            ("tool_calls", Reason::Known(Finish::ToolCalls)),
            ("max_tokens", Reason::Known(Finish::Length)),
            ("SAFETY", Reason::Known(Finish::ContentFilter)),
            ("abort", Reason::Fault),
            ("vibes", Reason::Unknown),
        ] {
            assert_eq!(Reason::of(text), reason, "{text}");
        }
        for finish in Finish::ALL {
            assert_eq!(Reason::of(finish.as_str()), Reason::Known(*finish));
        }
    }
}
