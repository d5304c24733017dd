//! What is put right in an answer, and how it is told.

use std::sync::Arc;

use response_domain::ports::llm::Delta;
use response_domain::response::Note;

macro_rules! corrections {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Something that a server did otherwise than the format says, and what was made of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Correction { $($(#[$doc])* $name),* }

        impl Correction {
            /// Every correction there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code of its note.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }
        }
    };
}

corrections! {
    /// The request was changed because the server had refused the usual one.
    RequestAdapted = "request_adapted",
    /// It was asked for a whole answer, because its streams lose arguments.
    StreamAvoided = "stream_avoided",
    /// Asked for a stream, it answered whole.
    NotStreamed = "not_streamed",
    /// Asked for a whole answer, it streamed.
    NotWhole = "not_whole",
    /// A new call came under the index of an earlier one.
    CallIndexReused = "call_index_reused",
    /// A call came without an index.
    CallIndexMissing = "call_index_missing",
    /// A piece of a call came under an index that is not the call's.
    CallIndexWrong = "call_index_wrong",
    /// Two calls came under one id.
    CallIdReused = "call_id_reused",
    /// A call came without a name.
    CallNameMissing = "call_name_missing",
    /// Marks of the model's own format were cut off a name.
    CallNameRepaired = "call_name_repaired",
    /// Arguments came as an object and not as text.
    ArgumentsNotText = "arguments_not_text",
    /// A call came without arguments; they are `{}` now.
    ArgumentsEmpty = "arguments_empty",
    /// Arguments were unpacked, or what stood behind them was cut off.
    ArgumentsRepaired = "arguments_repaired",
    /// A call was written into the text; it is a call now.
    CallInText = "call_in_text",
    /// The text repeated the calls; it is left out.
    CallRepeatedInText = "call_repeated_in_text",
    /// All of the text came twice; it is told once.
    TextRepeated = "text_repeated",
    /// Reasoning was written into the text between marks; it is reasoning now.
    ReasoningInText = "reasoning_in_text",
    /// A mark closed reasoning that no mark had opened.
    ReasoningUnopened = "reasoning_unopened",
    /// The reason to stop did not agree with the calls.
    FinishReasonCorrected = "finish_reason_corrected",
    /// The reason to stop is none that is known; taken for a normal end.
    FinishReasonUnknown = "finish_reason_unknown",
    /// No reason to stop was given, though the answer ended properly.
    FinishReasonAbsent = "finish_reason_absent",
    /// The answer was cut because the context is full, not because of the limit that was asked for.
    LengthByContext = "length_by_context",
    /// Something unreadable came after the end of the answer; it is left out.
    UnreadableAfterEnd = "unreadable_after_end",
}

/// Tells each correction once a turn, to the trace of the run and to the log.
#[derive(Debug, Default)]
pub(crate) struct Corrections {
    told: Vec<Correction>,
}

impl Corrections {
    /// What follows goes to `deltas`.
    pub(crate) fn out<'a>(&'a mut self, deltas: &'a mut Vec<Delta>) -> Out<'a> {
        Out {
            deltas,
            corrections: self,
        }
    }
}

/// Where deltas go, and the corrections among them.
#[derive(Debug)]
pub(crate) struct Out<'a> {
    deltas: &'a mut Vec<Delta>,
    corrections: &'a mut Corrections,
}

impl Out<'_> {
    pub(crate) fn push(&mut self, delta: Delta) {
        self.deltas.push(delta);
    }

    pub(crate) fn correct(&mut self, correction: Correction) {
        self.correct_with(correction, None);
    }

    pub(crate) fn correct_with(&mut self, correction: Correction, detail: Option<Arc<str>>) {
        let told = &mut self.corrections.told;
        if told.contains(&correction) {
            return;
        }
        told.push(correction);
        let code = correction.as_str();
        tracing::info!(code, detail = detail.as_deref(), "llm.corrected");
        self.deltas.push(Delta::Note(Note {
            code: Arc::from(code),
            detail,
        }));
    }
}
