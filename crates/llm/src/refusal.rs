//! A status that is not 200, and what it means: the turn is tried again as it is, asked for in another
//! form, or lost. Only the status and well-known words of the body decide; the body itself goes to the
//! log.

use std::time::Duration;

use response_domain::ports::llm::{LlmError, LlmErrorKind};
use response_egress::StatusCode;

use crate::concession::{Concession, Concessions};
use crate::error::{self, Trouble};

mod words;

pub(crate) use words::speaks_of_context;
use words::{NO_SUCH_MODEL, NO_SUCH_PATH, SPENT, says_any};

/// Why there is no answer, by what can be done about it.
#[derive(Debug)]
pub(crate) enum Setback {
    /// It may pass; the server may have said when.
    Passing(LlmError, Option<Duration>),
    /// The server would take the request in another form.
    Form(Concession, LlmError),
    /// It stays so.
    Lasting(LlmError),
}

/// What a server answered instead of 200.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of its body.
    pub(crate) body: &'a str,
    pub(crate) is_html: bool,
}

impl Refusal<'_> {
    /// What it means for a request that can still make the concessions that are `possible`.
    pub(crate) fn judge(&self, possible: Concessions) -> Setback {
        let said = self.body.to_ascii_lowercase();
        let may_be_form = !matches!(self.status.as_u16(), 401..=404 | 429) && !self.is_html;
        if may_be_form && let Some(form) = words::form(&said, possible) {
            return Setback::Form(form, self.error(self.kind(&said)));
        }
        let kind = self.kind(&said);
        let error = self.error(kind);
        match kind {
            LlmErrorKind::RateLimited { .. } if !says_any(&said, SPENT) => {
                Setback::Passing(error, self.retry_after)
            }
            LlmErrorKind::Unavailable if !matches!(self.status.as_u16(), 501 | 505) => {
                Setback::Passing(error, self.retry_after)
            }
            _ => Setback::Lasting(error),
        }
    }

    fn kind(&self, said: &str) -> LlmErrorKind {
        match self.status.as_u16() {
            429 => LlmErrorKind::RateLimited {
                retry_after: self.retry_after,
            },
            401 | 403 => LlmErrorKind::Unauthorized,
            404 if self.is_html || says_any(said, NO_SUCH_PATH) => LlmErrorKind::Refused,
            404 => LlmErrorKind::ModelNotFound,
            // 500 too: some servers count only when they are at it.
            code if (400..=500).contains(&code) && speaks_of_context(said) => {
                LlmErrorKind::ContextLength
            }
            400..=499 if says_any(said, NO_SUCH_MODEL) => LlmErrorKind::ModelNotFound,
            408 | 425 | 500.. => LlmErrorKind::Unavailable,
            _ => LlmErrorKind::Refused,
        }
    }

    fn error(&self, kind: LlmErrorKind) -> LlmError {
        let status = self.status.as_u16();
        let message = match kind {
            LlmErrorKind::RateLimited { .. } => {
                "the model server allows no more requests for now".to_owned()
            }
            LlmErrorKind::Unauthorized => "the model server refused the credential".to_owned(),
            LlmErrorKind::ModelNotFound => "the model server knows no such model".to_owned(),
            LlmErrorKind::ContextLength => CONTEXT_LENGTH.to_owned(),
            LlmErrorKind::Unavailable => {
                format!("the model server failed with status {status}")
            }
            _ => format!("the model server refused the request with status {status}"),
        };
        let excerpt = error::excerpt(self.body);
        error::caused(kind, message, Trouble::Status { status, excerpt })
    }
}

pub(crate) const CONTEXT_LENGTH: &str =
    "what has to be sent does not fit into the context of the model";

#[cfg(test)]
mod tests {
    use super::*;
    use LlmErrorKind as Kind;

    fn every_concession() -> Concessions {
        let all = Concession::ALL.iter();
        all.fold(Concessions::NONE, |all, one| all.with(*one))
    }

    fn judge(status: u16, body: &str, possible: Concessions) -> Setback {
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body,
            is_html: body.starts_with("<html"),
        };
        refusal.judge(possible)
    }

    const LIMITED: Kind = Kind::RateLimited { retry_after: None };

    const PASSING: &[(u16, &str, Kind)] = &[
        (429, "slow down", LIMITED),
        (408, "", Kind::Unavailable),
        (500, "boom", Kind::Unavailable),
        (
            503,
            "<html>grammar of the gateway</html>",
            Kind::Unavailable,
        ),
        (529, "overloaded", Kind::Unavailable),
    ];

    const LASTING: &[(u16, &str, Kind)] = &[
        (429, r#"{"code":"insufficient_quota"}"#, LIMITED),
        (401, "", Kind::Unauthorized),
        (403, "<html>no</html>", Kind::Unauthorized),
        (404, "", Kind::ModelNotFound),
        (404, "The model `x` does not exist", Kind::ModelNotFound),
        (404, "404 page not found", Kind::Refused),
        (404, "<html>nothing here</html>", Kind::Refused),
        (404, r#"{"detail":"Not Found"}"#, Kind::Refused),
        (400, "maximum context length is 4096", Kind::ContextLength),
        (
            400,
            "exceeds the available context size",
            Kind::ContextLength,
        ),
        (413, "prompt is too long: 9 > 8", Kind::ContextLength),
        (422, "Input length 9000 exceeds", Kind::ContextLength),
        (500, "exceeds the context window", Kind::ContextLength),
        (400, "Invalid model name passed in", Kind::ModelNotFound),
        (400, "temperature is wrong", Kind::Refused),
        (402, "pay", Kind::Refused),
        (409, "", Kind::Refused),
        (301, "moved", Kind::Refused),
        (501, "", Kind::Unavailable),
    ];

    #[test]
    fn a_status_means_what_can_be_done_about_it() {
        for &(status, body, kind) in PASSING {
            let setback = judge(status, body, every_concession());
            let Setback::Passing(error, None) = setback else {
                panic!("{status} {body}: {setback:?}");
            };
            assert_eq!(error.kind, kind, "{status} {body}");
        }
        for &(status, body, kind) in LASTING {
            let setback = judge(status, body, every_concession());
            let Setback::Lasting(error) = setback else {
                panic!("{status} {body}: {setback:?}");
            };
            assert_eq!(error.kind, kind, "{status} {body}");
        }
    }

    const ASKING: &[(u16, &str, Concession)] = &[
        (
            400,
            "Unrecognized argument: stream_options",
            Concession::NoStreamOptions,
        ),
        (
            400,
            "Use 'max_completion_tokens' instead.",
            Concession::MaxCompletionTokens,
        ),
        (
            400,
            "The `reasoning_content` must be passed back",
            Concession::EveryReasoning,
        ),
        (
            400,
            "Missing `reasoning_content` field",
            Concession::EveryReasoning,
        ),
        (
            422,
            "reasoning_content: Extra inputs are not permitted",
            Concession::NoReasoning,
        ),
        (
            500,
            "System message must be at the beginning.",
            Concession::StrictTurns,
        ),
        (
            400,
            "Conversation roles must alternate",
            Concession::StrictTurns,
        ),
        (400, "System role not supported", Concession::NoSystemRole),
        (
            400,
            "text content blocks must be non-empty",
            Concession::NoEmptyContent,
        ),
        (
            400,
            "Empty content is not allowed",
            Concession::NoEmptyContent,
        ),
        (400, "failed to parse grammar", Concession::PlainSchemas),
        (500, "unknown escape at \\d", Concession::PlainSchemas),
        (
            400,
            "Unrecognized schema: {\"not\":{}}",
            Concession::PlainSchemas,
        ),
    ];

    #[test]
    fn a_refusal_that_asks_for_another_form_gets_it_where_that_is_possible() {
        for &(status, body, expected) in ASKING {
            let setback = judge(status, body, every_concession());
            let Setback::Form(form, _) = setback else {
                panic!("{body}: {setback:?}");
            };
            assert_eq!(form, expected, "{body}");
            let setback = judge(status, body, Concessions::NONE);
            assert!(!matches!(setback, Setback::Form(..)), "{body}");
        }
    }

    #[test]
    fn what_the_server_said_is_in_the_cause_and_not_in_the_message() {
        let setback = judge(400, "no \u{7}secret\nwords", Concessions::NONE);
        let Setback::Lasting(error) = setback else {
            panic!("{setback:?}");
        };
        assert!(!error.message.contains("secret"));
        let cause = error.source.unwrap().to_string();
        assert_eq!(cause, "status 400: no  secret words");
    }
}
