//! The oddities of real model servers, by name. `[[quirk:NAME]]` in the prompt or in the
//! model's name turns one on; several may be on at once.

/// Writes the enum, its names and the way back from a name.
macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One oddity.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Quirk { $($(#[doc = $doc])+ $variant,)+ }

        impl Quirk {
            /// The quirk of that name.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        /// Every quirk: its name and what it does.
        pub const QUIRKS: &[(&str, &str)] = &[$(($name, concat!($($doc),+)),)+];
    };
}

quirks! {
    /// Later deltas of a call carry an empty id and a null name.
    EmptyIds = "q1-empty-id",
    /// Every call arrives whole, at index 0, told apart by its id only.
    IndexZero = "q2",
    /// Deltas of calls have no index at all.
    NoIndex = "q3-no-index",
    /// Only the first delta of a call has an index.
    MixedIndex = "q3-mixed",
    /// Calls in fragments that all claim index 0; only the first fragment has the id.
    CollidingIndex = "q3-colliding",
    /// Every fragment repeats the id and the name.
    RepeatedNames = "q4",
    /// Arguments are a JSON object and not a string.
    ObjectArguments = "q5",
    /// A call without arguments has the empty string for them.
    EmptyArguments = "q6-empty",
    /// A call without arguments has null for them.
    NullArguments = "q6-null",
    /// A call without arguments leaves them out.
    AbsentArguments = "q6-absent",
    /// A call comes whole in one delta.
    WholeCall = "q7-whole",
    /// In a stream the arguments are lost; a whole answer has them.
    LostArguments = "q7-lost",
    /// Calls end with the finish reason `stop`.
    FinishStop = "q8-stop",
    /// Calls end with a null finish reason.
    FinishNull = "q8-null",
    /// Calls end with an empty finish reason.
    FinishEmpty = "q8-empty",
    /// Calls end with the finish reason `end_turn`.
    FinishEndTurn = "q8-end-turn",
    /// Calls end with the finish reason `function_call`.
    FinishFunctionCall = "q8-function-call",
    /// The call leaks into the text in `tool_call` tags.
    LeakTagged = "q9-tagged",
    /// The call leaks into the text as function and parameter tags, without an opener.
    LeakFunction = "q9-function",
    /// The call leaks into the text as bare JSON.
    LeakBare = "q9-bare",
    /// A turn without text and calls, although tokens were spent.
    EmptyTurn = "q10",
    /// Arguments are cut off in the middle.
    ArgumentsCut = "q11-cut",
    /// Arguments are two objects in a row.
    ArgumentsSpliced = "q11-spliced",
    /// Arguments are followed by a control token.
    ArgumentsTrailer = "q11-trailer",
    /// Arguments are written with single quotes.
    ArgumentsQuotes = "q11-quotes",
    /// Arguments in the history that are not JSON are refused with 500.
    HistoryJson500 = "q12-500",
    /// Arguments in the history that are not JSON are refused with 400.
    HistoryJson400 = "q12-400",
    /// Null or absent content beside tool calls is refused.
    RefuseNullContent = "q13-null",
    /// Empty content beside tool calls is refused.
    RefuseEmptyContent = "q13-empty",
    /// Reasoning is in the field "reasoning".
    ReasoningField = "q14-reasoning",
    /// Reasoning is in the text, in think tags.
    ReasoningInline = "q14-inline",
    /// Reasoning is in the text, in mm:think tags.
    ReasoningMm = "q14-mm",
    /// Reasoning is in the text with only the closing tag.
    ReasoningCloseOnly = "q14-close",
    /// Reasoning must come back with the calls it led to.
    ReasoningRequired = "q15",
    /// Call ids in the history must be nine letters and digits.
    NineCharacterIds = "q16",
    /// Calls have no id.
    MissingIds = "q17-missing",
    /// All calls of all turns have the same id.
    DuplicateIds = "q17-duplicate",
    /// Usage so far stands in every chunk.
    UsageEverywhere = "q18-every",
    /// Usage is absent although it was asked for.
    UsageAbsent = "q18-absent",
    /// `stream_options` is refused.
    UsageRefused = "q18-refused",
    /// The stream breaks off with an error inside it.
    ErrorInStream = "q19-error",
    /// The stream ends without a finish reason and without the closing mark.
    EndWithoutMark = "q19-eof",
    /// The finish reason comes, the closing mark does not.
    NoDone = "q19-no-done",
    /// The last chunk is not JSON.
    LastChunkBroken = "q19-bad-json",
    /// A pattern with a backslash class in a tool's schema is refused with 400.
    RefusePattern = "q20-pattern",
    /// "$schema" in a tool's schema is answered with 502.
    RefuseSchemaKey = "q20-schema",
    /// "not" in a tool's schema is answered with 500.
    RefuseNot = "q20-not",
    /// "minItems" in a tool's schema is refused with 400.
    RefuseMinItems = "q20-min-items",
    /// Streamed text comes twice.
    DoubledText = "q21-doubled",
    /// Tool names come back with the prefix "functions.".
    PrefixedNames = "q22-prefix",
    /// Tool names come back in capitals.
    CapitalNames = "q22-case",
    /// Tool names come back with a namespace before two underscores.
    NamespacedNames = "q22-namespace",
    /// A system or developer message anywhere but first is refused.
    SystemFirst = "q24-first",
    /// Two user or two assistant messages in a row are refused.
    Alternation = "q24-alternate",
    /// The answer is cut off, with the finish reason `length`.
    LengthText = "q25",
    /// The arguments of a call are cut off, with the finish reason `length`.
    LengthCall = "q25-call",
    /// Files in messages are refused.
    FilesRefused = "q39",
}
