//! What must hold of anything that clients send; the fuzzer's targets, and tests.

use std::fmt::Debug;

use bytes::BytesMut;
use response_domain::spec::{Draft, OnMaxDepth, ResponseSpec, SpecLimits, ToolFailure};

use crate::HostedTools;
use crate::dialect::native::Native;
use crate::dialect::openai::{Flavour, OpenAi};
use crate::dialect::{Conversations, Deliveries, Dialect, Endpoints, Items, Responses, Tokens};
use crate::extract;
use crate::problem::Problem;

#[cfg(test)]
#[path = "../../../xtask/fuzz/src/seeds.rs"]
mod seeds;

/// The deepest body that the face reads.
const DEPTH: usize = 120;
/// The longest refusal: as many faults as are told, each with a field and a piece of the request.
const LONGEST_REFUSAL: usize = 16_384;

/// What a client sends on a WebSocket: messages that are the same however they are cut, or a breach.
pub fn websocket(bytes: &[u8]) {
    crate::websocket::hold_messages(bytes);
}

/// A body of the house's own API: it is read, the same however it is laid out, or refused in words that
/// name what is wrong and are not long.
pub fn native(bytes: &[u8]) {
    let readers: [Reader<Native>; 6] = [
        |dialect, body| Ok(accept(dialect, dialect.parse(body)?)),
        |dialect, body| Ok(shown(&dialect.endpoint(body)?)),
        |dialect, body| Ok(shown(&dialect.endpoint_change(body)?)),
        |dialect, body| Ok(shown(&dialect.rotation(body)?)),
        |dialect, body| Ok(shown(&dialect.trial(body)?)),
        |dialect, body| Ok(shown(&dialect.redelivery(body)?)),
    ];
    hold(Native, &readers, bytes);
}

/// The same for a body of OpenAI's API.
pub fn openai(bytes: &[u8]) {
    let readers: [Reader<OpenAi>; 10] = [
        |dialect, body| Ok(accept(dialect, dialect.parse(body)?)),
        |dialect, body| Ok(accept(dialect, dialect.count(body)?)),
        |dialect, body| Ok(accept(dialect, dialect.compaction(body)?)),
        |dialect, body| Ok(shown(&dialect.conversation(body)?)),
        |dialect, body| Ok(shown(&dialect.description(body)?)),
        |dialect, body| Ok(shown(&dialect.items(body)?)),
        |dialect, body| Ok(shown(&dialect.endpoint(body)?)),
        |dialect, body| Ok(shown(&dialect.endpoint_change(body)?)),
        |dialect, body| Ok(shown(&dialect.rotation(body)?)),
        |dialect, body| Ok(shown(&dialect.trial(body)?)),
    ];
    for hosted in [HostedTools::Ignore, HostedTools::Refuse] {
        let dialect = OpenAi {
            flavour: Flavour::OpenAi,
            hosted,
        };
        hold(dialect, &readers, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let dialect = OpenAi {
            flavour: Flavour::OpenResponses,
            hosted: HostedTools::Ignore,
        };
        if let Some(id) = dialect.item_id(text.trim()) {
            assert_eq!(dialect.item_id(&id.to_string()), Some(id));
        }
    }
}

/// Reads a body, and says what was read.
type Reader<D> = fn(D, &str) -> Result<String, Problem>;

fn hold<D: Dialect>(dialect: D, readers: &[Reader<D>], bytes: &[u8]) {
    let body = match extract::json(bytes, DEPTH) {
        Ok(body) => body,
        Err(problem) => return refused(dialect, problem, bytes),
    };
    let laid_out = laid_out(body);
    for reader in readers {
        match (reader(dialect, body), reader(dialect, &laid_out)) {
            (Ok(read), Ok(again)) => {
                assert!(read.len() <= 32 * body.len() + 65_536, "{}", read.len());
                assert_eq!(without_blanks(&read), without_blanks(&again));
            }
            (Err(problem), Err(again)) => {
                assert_eq!(problem.code, again.code);
                assert_eq!(problem.field, again.field);
                refused(dialect, problem, bytes);
            }
            (read, again) => unreachable!("{read:?} but laid out otherwise {again:?}"),
        }
    }
}

/// A draft, and whether the domain takes it.
fn accept<D: Dialect>(dialect: D, draft: Draft) -> String {
    let limits = SpecLimits {
        tools: 128,
        items: 1_000,
        metadata_bytes: 16_384,
        max_rounds: 15,
        on_max_depth: OnMaxDepth::Answer,
        tool_failure: ToolFailure::Report,
    };
    let read = shown(&draft);
    if let Err(faults) = ResponseSpec::check(draft, &limits) {
        refused(dialect, faults.into(), &[]);
    }
    read
}

/// A refusal is the caller's fault, has words, is not long, and is JSON in the dialect.
fn refused<D: Dialect>(dialect: D, problem: Problem, bytes: &[u8]) {
    let problem = dialect.reword(problem, None);
    assert!(problem.status.is_client_error(), "{problem:?}");
    assert!(!problem.message.is_empty(), "{problem:?}");
    assert!(problem.cause.is_none(), "{problem:?}");
    let mut out = BytesMut::new();
    dialect.refuse(&problem, "req", &mut out);
    assert!(
        out.len() <= LONGEST_REFUSAL,
        "{} bytes for {}",
        out.len(),
        bytes.len()
    );
    let told: serde_json::Value = serde_json::from_slice(&out).unwrap_or_default();
    let message = told
        .pointer("/error/message")
        .and_then(serde_json::Value::as_str);
    assert_eq!(message, Some(&*problem.message));
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '\n')).collect()
}

/// The same JSON with a blank behind every sign. What is no JSON stays none.
fn laid_out(body: &str) -> String {
    let mut out = String::with_capacity(2 * body.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in body.chars() {
        out.push(c);
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' | ']' | '}' | ',' | ':' if !in_string => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::seeds::check;

    #[test]
    fn any_body_of_the_native_api_is_read_or_refused() {
        check("native", 1_000, super::native);
    }

    #[test]
    fn any_body_of_openais_api_is_read_or_refused() {
        check("openai", 1_000, super::openai);
    }
    #[test]
    fn any_bytes_on_a_websocket_are_messages_or_a_breach() {
        check("websocket", 1_000, super::websocket);
    }
}
